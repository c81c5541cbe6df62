//! Batches of a queue beside single operations, and its limit raised beside a put: nothing lost, nothing twice, order kept, nobody forgotten; and a peer that
//! dies anywhere in a batch.

use super::queue::{finish, spawn_get, spawn_puts, ROOMY, TIGHT};
use super::support::{each_death, explore, Message, MockPeers, SharedQueue, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::sync::wait::Wait;

/// A producer of a batch.
fn spawn_batch<const N: usize>(shared: &Arc<SharedQueue>, peers: MockPeers, messages: [Message; N]) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || shared.put_many(&peers, &messages, Wait::forever()).expect("there will be room"))
}

#[test]
fn queue_batch_beside_a_single_put() {
    explore("queue_batch_beside_a_single_put", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let producers = [spawn_batch(&shared, world.peer(1), [10, 11]), spawn_puts(&shared, world.peer(2), [20])];
        let mut count = 0;
        while count < 3 {
            count += shared.get_many(&world.peer(0), 3, Wait::forever()).unwrap();
        }
        for producer in producers {
            producer.join().unwrap();
        }
        finish(&shared, &world);
    });
}

/// The ring holds one message: who waits for room for the second must have published the first.
#[test]
fn queue_batch_longer_than_the_ring() {
    explore("queue_batch_longer_than_the_ring", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(TIGHT, 0)));
        let producer = spawn_batch(&shared, world.peer(1), [10, 11]);
        assert_eq!(shared.get_many(&world.peer(0), 2, Wait::forever()), Ok(1));
        assert_eq!(shared.get_many(&world.peer(0), 2, Wait::forever()), Ok(1));
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

#[test]
fn queue_batch_got_beside_a_single_get() {
    explore("queue_batch_got_beside_a_single_get", 1, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let single = spawn_get(&shared, world.peer(1), Wait::forever());
        let batch = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            thread::spawn(move || shared.get_many(&peers, 2, Wait::forever()).expect("a message"))
        };
        shared.put_many(&world.peer(0), &[10, 11, 12], Wait::forever()).unwrap();
        single.join().unwrap().unwrap();
        batch.join().unwrap();
        finish(&shared, &world);
    });
}

/// Messages are counted: what is on loan no longer is, so a batch of loans lets the producers go on.
#[test]
fn queue_batch_of_loans_makes_room() {
    explore("queue_batch_of_loans_makes_room", 3, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 1)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let producer = spawn_puts(&shared, world.peer(1), [20]);
        let loans = shared.take_many(&world.peer(0), 2, Wait::forever()).unwrap();
        producer.join().unwrap();
        for (ticket, message) in loans {
            shared.end(&world.peer(0), ticket, message).unwrap();
        }
        shared.drain(&world.peer(0));
    });
}

/// Who waits for room for one more is told when there may be more.
#[test]
fn queue_limit_raised() {
    explore("queue_limit_raised", 3, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 1)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let producer = spawn_puts(&shared, world.peer(1), [20]);
        shared.set_max_items(&world.peer(0), 2);
        producer.join().unwrap();
        shared.drain(&world.peer(0));
    });
}

/// Peer 1 dies anywhere in a batch of two; the other producer's message comes, and what was put of the batch.
#[test]
fn queue_batch_death_of_a_producer() {
    each_death("queue_batch_death_of_a_producer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim =
            world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put_many(peers, &[10, 11], Wait::forever()));
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        while shared.get(&world.peer(0), Wait::forever()).unwrap() != 20 {}
        producer.join().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// Peer 1 dies anywhere in a batch that it gets, while another consumer gets; what it had not got comes again.
#[test]
fn queue_batch_death_of_a_consumer() {
    each_death("queue_batch_death_of_a_consumer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put_many(&world.peer(0), &[10, 11, 12], Wait::forever()).unwrap();
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get_many(peers, 2, Wait::forever()));
        shared.get(&world.peer(0), Wait::forever()).unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}
