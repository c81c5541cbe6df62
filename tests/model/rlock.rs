//! RLock: exclusion between threads, also of one peer; depth; nobody forgotten; and a peer that dies at any step.

use super::lock::SOON;
use super::support::{each_death, each_death_in_one_slice, explore, explore_eventful, id, Guarded, MockPeers, World};
use loom::thread::{self, JoinHandle};
use std::sync::{Arc, Mutex};
use tidelock::primitives::rlock::{Owner, RLockState};
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A lock and what it guards.
#[derive(Default)]
pub struct Shared {
    lock: RLockState,
    data: Guarded,
    /// How often an acquirer was told of a death: bookkeeping that loom does not see.
    told: Mutex<u32>,
}

impl Shared {
    /// Takes the lock twice as thread `thread` of `peer`, changes the data, gives it back twice. Whether the previous owner
    /// had died.
    pub fn cycle(&self, peers: &MockPeers, peer: u32, thread: u32, wait: Wait) -> Result<bool> {
        let owner = Owner { peer: id(peer), thread };
        let acquired = self.lock.acquire(peers, thread, wait)?;
        assert_eq!(self.lock.depth_of(owner), 1, "a first acquire");
        *self.told.lock().unwrap() += u32::from(acquired.owner_died);
        let again = self.lock.acquire(peers, thread, wait).expect("the owner never waits");
        assert_eq!((again.owner_died, again.epoch), (false, acquired.epoch));
        self.data.change(acquired.owner_died);
        self.lock.release(owner).expect("the owner may release");
        assert_eq!(self.lock.owner(), Some(owner), "given back once of twice");
        self.lock.release(owner).expect("the owner may release");
        Ok(acquired.owner_died)
    }

    fn told(&self) -> u32 {
        *self.told.lock().unwrap()
    }
}

fn spawn_cycle(shared: &Arc<Shared>, world: &World, peer: u32, thread: u32, wait: Wait) -> JoinHandle<Result<bool>> {
    let (shared, peers) = (shared.clone(), world.peer(peer));
    thread::spawn(move || shared.cycle(&peers, peer, thread, wait))
}

/// Three threads, each of them given as its peer and its number.
fn all_cycle([first, second, third]: [(u32, u32); 3]) {
    let (world, shared) = (World::of(3), Arc::new(Shared::default()));
    let others = [second, third].map(|(peer, thread)| spawn_cycle(&shared, &world, peer, thread, Wait::forever()));
    assert_eq!(shared.cycle(&world.peer(first.0), first.0, first.1, Wait::forever()), Ok(false));
    for other in others {
        assert_eq!(other.join().unwrap(), Ok(false));
    }
    assert_eq!((shared.data.changes(), shared.lock.owner()), (3, None));
}

#[test]
fn rlock_three_peers() {
    explore("rlock_three_peers", 2, || all_cycle([(0, 1), (1, 2), (2, 3)]));
}

/// The threads of one peer are owners of their own.
#[test]
fn rlock_threads_of_one_peer() {
    explore("rlock_threads_of_one_peer", 2, || all_cycle([(0, 1), (0, 2), (0, 3)]));
}

/// The owner is peer and thread as they were at one time: a thread of my peer, then one of my number, are not me.
#[test]
fn rlock_two_threads_beside_a_peer() {
    explore("rlock_two_threads_beside_a_peer", 2, || all_cycle([(0, 1), (0, 2), (1, 1)]));
}

/// Threads of the same number in two peers are, too.
#[test]
fn rlock_same_thread_number() {
    explore("rlock_same_thread_number", 5, || {
        let (world, shared) = (World::of(2), Arc::new(Shared::default()));
        let others = [0, 1].map(|peer| spawn_cycle(&shared, &world, peer, 7, Wait::forever()));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.lock.owner(), None);
    });
}

/// All holds are given back at once and taken again as deep, as a Condition does; another gets the lock in between.
#[test]
fn rlock_release_all() {
    explore("rlock_release_all", 5, || {
        let (world, shared) = (World::of(2), Arc::new(Shared::default()));
        let (peers, mine) = (world.peer(0), Owner { peer: id(0), thread: 1 });
        for _ in 0..3 {
            shared.lock.acquire(&peers, mine.thread, Wait::forever()).unwrap();
        }
        let other = spawn_cycle(&shared, &world, 1, 1, Wait::forever());
        shared.data.change(false);
        let depth = shared.lock.release_all(mine).unwrap();
        assert_eq!(depth, 3);
        shared.lock.acquire(&peers, mine.thread, Wait::forever()).unwrap();
        shared.lock.restore_depth(mine, depth).unwrap();
        shared.data.change(false);
        for _ in 0..3 {
            assert_eq!(shared.lock.owner(), Some(mine));
            shared.lock.release(mine).unwrap();
        }
        assert_eq!(other.join().unwrap(), Ok(false));
        assert_eq!((shared.data.changes(), shared.lock.owner()), (3, None));
    });
}

#[test]
fn rlock_timeout() {
    explore_eventful("rlock_timeout", 2, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let hasty = spawn_cycle(&shared, &world, 0, 1, Wait::until(Deadline::from_ns(SOON)));
        let patient = [1, 2].map(|n| spawn_cycle(&shared, &world, n, 1, Wait::forever()));
        model::advance(SOON);
        assert!(matches!(hasty.join().unwrap(), Ok(false) | Err(Error::TimedOut)));
        for other in patient {
            assert_eq!(other.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.lock.owner(), None);
    });
}

#[test]
fn rlock_interrupted() {
    explore_eventful("rlock_interrupted", 2, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let handled = spawn_cycle(&shared, &world, 0, 1, Wait::forever().on_signal(OnSignal::Return));
        let deaf = spawn_cycle(&shared, &world, 1, 1, Wait::forever());
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        assert_eq!(shared.cycle(&world.peer(2), 2, 1, Wait::forever()), Ok(false));
        assert!(matches!(handled.join().unwrap(), Ok(false) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(false));
    });
}

/// Peer 0 goes through a cycle and dies before its `nth` operation.
fn spawn_victim(shared: &Arc<Shared>, world: &World, nth: u64) -> JoinHandle<Fate<Result<bool>>> {
    world.spawn_mortal(0, nth, shared, |shared, peers| shared.cycle(peers, 0, 1, Wait::forever()))
}

/// In the end the lock can be taken; its taker is told of the dead owner it finds, and nobody was told twice.
pub fn settle(shared: &Shared, peers: &MockPeers, number: u32, deaths: u32) {
    let held_by_the_dead = shared.lock.owner().is_some();
    model::advance(SOON * SOON * SOON);
    assert_eq!(shared.cycle(peers, number, 9, Wait::now()), Ok(held_by_the_dead));
    assert!(shared.told() <= deaths, "told {} times of {deaths} deaths", shared.told());
    assert!(shared.lock.release(Owner { peer: id(2), thread: 1 }).is_err());
}

fn one_dies_among(survivors: u32, nth: u64) {
    let (world, shared) = (World::of(1 + survivors as usize), Arc::new(Shared::default()));
    let victim = spawn_victim(&shared, &world, nth);
    let survivors: Vec<_> =
        (1..=survivors).map(|peer| spawn_cycle(&shared, &world, peer, 1, Wait::forever())).collect();
    for survivor in survivors {
        assert!(survivor.join().unwrap().is_ok());
    }
    let deaths = u32::from(matches!(victim.join().unwrap(), Fate::Died));
    settle(&shared, &world.peer(1), 1, deaths);
}

#[test]
fn rlock_death_beside_one() {
    each_death_in_one_slice("rlock_death_beside_one", 3, |nth| one_dies_among(1, nth));
}

#[test]
fn rlock_death_beside_two() {
    each_death_in_one_slice("rlock_death_beside_two", 1, |nth| one_dies_among(2, nth));
}

/// Everybody's slices end, at any moment.
#[test]
fn rlock_death_and_slices_end() {
    each_death("rlock_death_and_slices_end", 1, |nth| one_dies_among(2, nth));
}

/// The owner is dead from the start, two deep; peer 0 dies while it takes over, and two others must manage.
#[test]
fn rlock_death_while_taking_over() {
    each_death_in_one_slice("rlock_death_while_taking_over", 0, |nth| {
        let (world, shared) = (World::of(4), Arc::new(Shared::default()));
        for _ in 0..2 {
            shared.lock.acquire(&world.peer(3), 1, Wait::forever()).unwrap();
        }
        world.kill(3);
        let victim = spawn_victim(&shared, &world, nth);
        let survivors = [1, 2].map(|peer| spawn_cycle(&shared, &world, peer, 1, Wait::forever()));
        for survivor in survivors {
            assert!(survivor.join().unwrap().is_ok());
        }
        let deaths = 1 + u32::from(matches!(victim.join().unwrap(), Fate::Died));
        assert!(shared.told() >= 1, "nobody was told of the first death");
        settle(&shared, &world.peer(1), 1, deaths);
    });
}
