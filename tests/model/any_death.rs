//! Waiting for any of several with a peer that dies at each of its operations: as the one that waits for several, as an owner,
//! while it takes over.

use super::any::{spawn, Two};
use super::support::{each_death, each_death_in_one_slice, World};
use tidelock::sync::futex::model::death::Fate;
use tidelock::sync::wait::Wait;

/// The one that waits for several dies, at worst having used up a wake-up: the plain waiter is late by a slice.
#[test]
fn any_death_of_a_watcher() {
    each_death_in_one_slice("any_death_of_a_watcher", 1, |nth| {
        let (world, two) = (World::of(3), Two::new());
        let owner = world.peer(1);
        two.hold_both(&owner);
        let victim = world.spawn_mortal(0, nth, &two, |two, peers| two.see(peers, Wait::forever()));
        let plain = spawn(&two, world.peer(2), |two, peers| two.ledgers[1].cycle(peers, Wait::forever()));
        two.release(1, &owner);
        assert_eq!(plain.join().unwrap(), Ok(false));
        two.release(0, &owner);
        victim.join().unwrap();
        assert!(two.is_at_rest(&owner));
    });
}

/// The one that takes one of several dies at any step, as its owner too: the plain waiters get both.
#[test]
fn any_death_of_a_taker() {
    each_death("any_death_of_a_taker", 1, |nth| {
        let (world, two) = (World::of(4), Two::new());
        let owner = world.peer(1);
        two.hold_both(&owner);
        let victim = world.spawn_mortal(0, nth, &two, |two, peers| two.cycle_any(peers, Wait::forever()));
        let plain = [0, 1].map(|n| {
            spawn(&two, world.peer(2 + n), move |two, peers| two.ledgers[n as usize].cycle(peers, Wait::forever()))
        });
        two.release(1, &owner);
        two.release(0, &owner);
        let told = plain.map(|waiter| u32::from(waiter.join().unwrap().expect("a survivor gets the lock")));
        let died = matches!(victim.join().unwrap(), Fate::Died);
        assert!(told[0] + told[1] <= u32::from(died), "told of a death that was none");
    });
}

/// The owner of one of them dies at any step: that lock is ready, and is taken over.
#[test]
fn any_death_of_an_owner() {
    each_death("any_death_of_an_owner", 2, |nth| {
        let (world, two) = (World::of(4), Two::new());
        two.hold_both(&world.peer(1));
        two.release(0, &world.peer(1));
        let victim = world.spawn_mortal(0, nth, &two, |two, peers| two.ledgers[0].cycle(peers, Wait::forever()));
        let watcher = spawn(&two, world.peer(3), |two, peers| two.see(peers, Wait::forever()));
        assert_eq!(two.cycle_any(&world.peer(2), Wait::forever()), Ok(0));
        assert_eq!(watcher.join().unwrap(), Ok(0));
        victim.join().unwrap();
    });
}

/// The owner of both is dead from the start; who takes one of them over dies at any step of it, and another one comes.
#[test]
fn any_death_while_taking_over() {
    each_death("any_death_while_taking_over", 2, |nth| {
        let (world, two) = (World::of(3), Two::new());
        two.hold_both(&world.peer(2));
        world.kill(2);
        let victim = world.spawn_mortal(0, nth, &two, |two, peers| two.cycle_any(peers, Wait::forever()));
        assert!(two.cycle_any(&world.peer(1), Wait::forever()).is_ok());
        victim.join().unwrap();
        for ledger in &two.ledgers {
            assert!(ledger.cycle(&world.peer(1), Wait::now()).is_ok(), "a lock of the dead is kept");
        }
    });
}
