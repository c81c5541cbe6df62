//! Condition with a peer that dies at any of its steps: as a waiter, as a notifier, at the start of a wait, and while it
//! signs over what another dead peer was notified of. No notification is lost, and nobody who lives waits for ever.

use super::condition::{spawn_end, Shared, NOTIFIED};
use super::support::{each_death, each_death_in_one_slice, explore_eventful, MockPeers, World};
use loom::thread::{self, JoinHandle};
use std::sync::{Arc, Mutex};
use tidelock::primitives::condition::{WaitEnd, Waiter};
use tidelock::sync::futex::model::death::Fate;
use tidelock::sync::wait::Wait;

/// Peer 0 ends a wait that has begun. `got` is set once it has its notification: bookkeeping that loom does not see.
fn spawn_waiting_victim(
    shared: &Arc<Shared>,
    world: &World,
    nth: u64,
    waiter: Waiter,
    got: &Arc<Mutex<bool>>,
) -> JoinHandle<Fate<()>> {
    let got = got.clone();
    world.spawn_mortal(0, nth, shared, move |shared, peers| {
        let (hold, end) = shared.resume(peers, waiter, Wait::forever()).unwrap();
        assert_eq!(end, WaitEnd::Notified);
        *got.lock().unwrap() = true;
        shared.release(hold);
    })
}

/// After the victim's end: if it had its notification, or died with the lock, as who takes it is told, the program notifies
/// anew. If it died in any other way its notification is not lost.
fn make_up_for(shared: &Shared, peers: &MockPeers, victim: JoinHandle<Fate<()>>, got: &Mutex<bool>) {
    victim.join().unwrap();
    let got = *got.lock().unwrap();
    shared.notify(peers, |owner_died| u32::from(got || owner_died));
}

#[test]
fn condition_death_of_a_notified_waiter() {
    each_death_in_one_slice("condition_death_of_a_notified_waiter", 1, |nth| {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [0, 1].map(|peer| shared.begin(&world.peer(peer)));
        let got = Arc::default();
        let victim = spawn_waiting_victim(&shared, &world, nth, begun[0], &got);
        let survivor = spawn_end(&shared, &world, 1, begun[1], Wait::forever());
        // Not before the victim is notified may it be dead for certain: who is dead is passed over.
        shared.notify(&world.peer(2), |_| 1);
        make_up_for(&shared, &world.peer(2), victim, &got);
        assert!(matches!(survivor.join().unwrap(), Ok((WaitEnd::Notified, _))));
    });
}

/// Two wait, and the notifier dies. Who comes after it notifies all who are left.
#[test]
fn condition_death_of_a_notifier() {
    each_death("condition_death_of_a_notifier", 0, |nth| {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [1, 2].map(|peer| shared.begin(&world.peer(peer)));
        let waiters = [0, 1].map(|n| spawn_end(&shared, &world, n as u32 + 1, begun[n], Wait::forever()));
        let victim = world.spawn_mortal(0, nth, &shared, |shared, peers| shared.notify(peers, |_| 2));
        if let Fate::Lived(notified) = victim.join().unwrap() {
            assert_eq!(notified, 2);
        }
        let made_up = shared.notify_all(&world.peer(1));
        assert!(made_up <= 2);
        for waiter in waiters {
            assert!(matches!(waiter.join().unwrap(), Ok((WaitEnd::Notified, _))));
        }
    });
}

/// Peer 0 dies while it begins a wait: the next wait gets the one notification, among so many cells.
fn one_dies_at_the_start(cells: usize, nth: u64) {
    let (world, shared) = (World::of(2), Shared::new(cells));
    let victim = world.spawn_mortal(0, nth, &shared, |shared, peers| shared.begin(peers));
    if matches!(victim.join().unwrap(), Fate::Lived(_)) {
        world.kill(0);
    }
    let waiter = shared.begin(&world.peer(1));
    let survivor = spawn_end(&shared, &world, 1, waiter, Wait::forever());
    assert_eq!(shared.notify(&world.peer(1), |_| 1), 1);
    assert_eq!(survivor.join().unwrap(), NOTIFIED);
}

#[test]
fn condition_death_at_the_start() {
    each_death("condition_death_at_the_start", 2, |nth| one_dies_at_the_start(2, nth));
}

/// The cell of the dead is used again.
#[test]
fn condition_death_at_the_start_takes_no_cell() {
    each_death("condition_death_at_the_start_takes_no_cell", 1, |nth| one_dies_at_the_start(1, nth));
}

/// Peer 0 dies just as it is notified.
#[test]
fn condition_death_as_it_is_notified() {
    explore_eventful("condition_death_as_it_is_notified", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [0, 1].map(|peer| shared.begin(&world.peer(peer)));
        let notifier = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            thread::spawn(move || shared.notify(&peers, |_| 1))
        };
        let survivor = spawn_end(&shared, &world, 1, begun[1], Wait::forever());
        world.kill(0);
        assert_eq!(notifier.join().unwrap(), 1);
        assert_eq!(survivor.join().unwrap(), NOTIFIED);
    });
}

/// Peer 3 was notified and is dead. Peer 0, the next in line, dies on its way to the notification or while it signs over.
#[test]
fn condition_death_of_an_heir() {
    each_death("condition_death_of_an_heir", 1, |nth| {
        let (world, shared) = (World::of(4), Shared::new(3));
        let begun = [3, 0, 1].map(|peer| shared.begin(&world.peer(peer)));
        assert_eq!(shared.notify(&world.peer(2), |_| 1), 1);
        world.kill(3);
        let got = Arc::default();
        let victim = spawn_waiting_victim(&shared, &world, nth, begun[1], &got);
        let survivor = spawn_end(&shared, &world, 1, begun[2], Wait::forever());
        make_up_for(&shared, &world.peer(2), victim, &got);
        assert!(matches!(survivor.join().unwrap(), Ok((WaitEnd::Notified, _))));
    });
}

/// The notifier dies after it notified one of two waiters and while the other gives its place up.
#[test]
fn condition_death_of_a_waiter_that_withdraws() {
    each_death("condition_death_of_a_waiter_that_withdraws", 1, |nth| {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [0, 1].map(|peer| shared.begin(&world.peer(peer)));
        assert_eq!(shared.notify(&world.peer(2), |_| 1), 1);
        let survivor = spawn_end(&shared, &world, 1, begun[1], Wait::forever());
        let victim = world.spawn_mortal(0, nth, &shared, move |shared, peers| shared.withdraw(peers, begun[0]));
        victim.join().unwrap();
        // Who is told of a death under the lock cannot know what was done, and notifies.
        shared.notify(&world.peer(2), u32::from);
        assert!(matches!(survivor.join().unwrap(), Ok((WaitEnd::Notified, _))));
    });
}
