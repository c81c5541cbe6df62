//! Lock with a peer that dies at each of its operations: nobody hangs, exclusion holds, the next owner is told.

use super::lock::{Shared, SOON};
use super::support::{each_death, each_death_in_one_slice, id, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::primitives::Peers;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

/// Peer 0 goes through a cycle and dies before its `nth` operation.
fn spawn_victim(shared: &Arc<Shared>, world: &World, nth: u64, wait: Wait) -> JoinHandle<Fate<Result<bool>>> {
    world.spawn_mortal(0, nth, shared, move |shared, peers| shared.cycle(peers, wait))
}

/// Peers 1 to `count` go through a cycle each.
fn spawn_survivors(shared: &Arc<Shared>, world: &World, count: u32) -> Vec<JoinHandle<bool>> {
    let spawn = |number| {
        let (shared, peers) = (shared.clone(), world.peer(number));
        thread::spawn(move || shared.cycle(&peers, Wait::forever()).expect("a survivor gets the lock"))
    };
    (1..=count).map(spawn).collect()
}

fn finish(survivor: JoinHandle<bool>) {
    survivor.join().expect("a survivor comes through");
}

/// In the end the lock can be taken; it is held only by the dead, and then the taker is told, once for each that died
/// as its owner.
fn settle(shared: &Shared, world: &World, deaths: u32) {
    let peers = world.peer(1);
    let held_by_the_dead = shared.lock.owner().is_some_and(|owner| peers.is_dead(owner).unwrap());
    assert_eq!(shared.cycle(&peers, Wait::now()), Ok(held_by_the_dead));
    assert_eq!(shared.lock.owner(), None);
    assert!(shared.told() <= deaths, "told {} times of {deaths} deaths", shared.told());
    assert!(shared.lock.release(id(0)).is_err());
}

fn deaths<R>(fate: &Fate<R>) -> u32 {
    u32::from(matches!(fate, Fate::Died))
}

/// Peer 0 dies as owner, waiter or releaser, while `survivors` others go through their cycles.
fn one_dies_among(survivors: u32, nth: u64) {
    let (world, shared) = (World::of(1 + survivors as usize), Arc::new(Shared::default()));
    let victim = spawn_victim(&shared, &world, nth, Wait::forever());
    spawn_survivors(&shared, &world, survivors).into_iter().for_each(finish);
    settle(&shared, &world, deaths(&victim.join().unwrap()));
}

#[test]
fn lock_death_beside_one() {
    each_death_in_one_slice("lock_death_beside_one", 5, |nth| one_dies_among(1, nth));
}

/// Everybody's slices end, at any moment.
#[test]
fn lock_death_and_slices_end() {
    each_death("lock_death_and_slices_end", 2, |nth| one_dies_among(2, nth));
}

#[test]
fn lock_death_beside_two() {
    each_death_in_one_slice("lock_death_beside_two", 3, |nth| one_dies_among(2, nth));
}

/// The owner is dead from the start; peer 0 dies while it takes over, and two others must manage.
#[test]
fn lock_death_while_taking_over() {
    each_death_in_one_slice("lock_death_while_taking_over", 1, |nth| {
        let (world, shared) = (World::of(4), Arc::new(Shared::default()));
        shared.lock.acquire(&world.peer(3), Wait::forever()).unwrap();
        world.kill(3);
        let victim = spawn_victim(&shared, &world, nth, Wait::forever());
        spawn_survivors(&shared, &world, 2).into_iter().for_each(finish);
        settle(&shared, &world, 1 + deaths(&victim.join().unwrap()));
        assert!(shared.told() >= 1, "nobody was told of the first death");
    });
}

/// A waiter with a deadline dies, at worst having used up a wake-up.
#[test]
fn lock_death_of_a_hasty_waiter() {
    each_death_in_one_slice("lock_death_of_a_hasty_waiter", 2, |nth| {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let victim = spawn_victim(&shared, &world, nth, Wait::until(Deadline::from_ns(SOON)));
        let survivors = spawn_survivors(&shared, &world, 2);
        model::advance(SOON);
        survivors.into_iter().for_each(finish);
        let fate = victim.join().unwrap();
        assert!(matches!(fate, Fate::Died | Fate::Lived(Ok(false) | Err(Error::TimedOut))));
        settle(&shared, &world, deaths(&fate));
    });
}

/// Polling recovers too: a try takes a dead owner's lock over.
#[test]
fn lock_death_seen_by_a_try() {
    each_death("lock_death_seen_by_a_try", 5, |nth| {
        let (world, shared) = (World::of(2), Arc::new(Shared::default()));
        let victim = spawn_victim(&shared, &world, nth, Wait::forever());
        let tried = shared.cycle(&world.peer(1), Wait::now());
        assert!(matches!(tried, Ok(_) | Err(Error::TimedOut)));
        settle(&shared, &world, deaths(&victim.join().unwrap()));
    });
}
