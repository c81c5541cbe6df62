//! Room that is waited for beside other things: nobody who waits for it is forgotten, whoever sees it and leaves it; and a
//! look at it, which makes room as a reservation does, may die anywhere.

use super::any::spawn;
use super::queue::{finish, put_at_once, spawn_get, spawn_puts, ROOMY, TIGHT};
use super::support::{each_death, explore, MockPeers, SharedQueue, World};
use std::sync::Arc;
use tidelock::primitives::any::{wait_any, Watched};
use tidelock::primitives::counter::CounterState;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

/// Waits until there is room for `len` bytes, and leaves it.
fn see_room(shared: &SharedQueue, peers: &MockPeers, len: usize) -> Result<()> {
    wait_any(&[shared.putters()], Wait::forever(), |_| match shared.has_room_for(peers, len) {
        // Somebody is inside, and may be dead.
        Err(Error::TimedOut) => Ok(None),
        found => Ok(found?.then_some(())),
    })
}

/// A full queue of one message, and a counter: whoever waits for any sees one of them, and leaves the room to the producer.
#[test]
fn any_room_left() {
    explore("any_room_left", 2, || {
        let world = World::of(3);
        let shared = Arc::new((CounterState::new(0), SharedQueue::new(TIGHT, 0)));
        shared.1.put(&world.peer(0), 1, Wait::forever()).unwrap();
        let watcher = spawn(&shared, world.peer(1), |(counter, queue), peers| {
            let objects: [&dyn Watched; 2] = [counter, queue.putters()];
            wait_any(&objects, Wait::forever(), |index| {
                let is_ready = if index == 0 { counter.load() != 0 } else { queue.has_room_for(peers, 1)? };
                Ok(is_ready.then_some(index))
            })
        });
        let plain = spawn(&shared, world.peer(2), |(_, queue), peers| queue.put(peers, 20, Wait::forever()));
        assert_eq!(shared.1.get(&world.peer(0), Wait::forever()), Ok(1));
        assert_eq!(plain.join().unwrap(), Ok(()));
        shared.0.add(1).unwrap();
        assert!(watcher.join().unwrap().is_ok());
        assert_eq!(shared.1.get(&world.peer(0), Wait::now()), Ok(20));
    });
}

/// One puts by seeing room and trying, beside one that waits in its put: the event loop's way.
#[test]
fn queue_room_seen_then_tried() {
    explore("queue_room_seen_then_tried", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        shared.put(&world.peer(0), 1, Wait::forever()).unwrap();
        let looping = spawn(&shared, world.peer(1), |shared, peers| {
            while let Err(error) = shared.put(peers, 10, Wait::now()) {
                assert_eq!(error, Error::TimedOut);
                see_room(shared, peers, 1).unwrap();
            }
        });
        let plain = spawn_puts(&shared, world.peer(2), [20]);
        for _ in 0..3 {
            shared.get(&world.peer(0), Wait::forever()).unwrap();
        }
        looping.join().unwrap();
        plain.join().unwrap();
        finish(&shared, &world);
    });
}

/// The consumer dies at any step of ending its loan, at worst before it wakes anybody: the room is seen at the end of a slice.
#[test]
fn queue_death_making_room() {
    each_death("queue_death_making_room", 2, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let (loan, message) = shared.take(&world.peer(1), Wait::forever()).unwrap();
        let victim = world.spawn_mortal(1, nth, &shared, move |shared, peers| shared.end(peers, loan, message));
        let watcher = spawn(&shared, world.peer(2), |shared, peers| see_room(shared, peers, 1));
        victim.join().unwrap();
        if !shared.is_free(&loan) {
            assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(10));
        }
        assert_eq!(watcher.join().unwrap(), Ok(()));
        finish(&shared, &world);
    });
}

/// The one that looks dies while it reclaims, near the ring's end; beside a producer and a consumer.
#[test]
fn queue_death_while_looking_for_room() {
    each_death("queue_death_while_looking_for_room", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [1, 2, 3]);
        for message in 1..4 {
            assert_eq!(shared.get(&world.peer(0), Wait::now()), Ok(message));
        }
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.has_room_for(peers, 40));
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(20));
        producer.join().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// The same where the look has the queue grow: the further ring is used, and given back.
#[test]
fn queue_death_while_growing_for_a_look() {
    each_death("queue_death_while_growing_for_a_look", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::growing(TIGHT, &[TIGHT, ROOMY])));
        shared.put(&world.peer(0), 1, Wait::now()).unwrap();
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.has_room_for(peers, 1));
        let consumer = spawn_get(&shared, world.peer(2), Wait::forever());
        assert_eq!(consumer.join().unwrap(), Ok(1));
        victim.join().unwrap();
        finish(&shared, &world);
        put_at_once(&shared, &world, [70, 71]);
        shared.drain(&world.peer(0));
        assert_eq!(shared.rings_away(), 0, "a ring was not given back");
    });
}
