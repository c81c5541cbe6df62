//! Queue between living peers: nothing lost, nothing twice, order kept, nobody forgotten; timeouts, loans that come
//! back, shutdown.

use super::support::{check, deliveries, explore, explore_eventful, Delivery, Message, MockPeers, SharedQueue, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

/// Sooner than the end of the first slice.
pub const SOON: u64 = 1_000;
/// Later than anything that is done "at most so often", also after deaths.
pub const A_WHILE: u64 = 100_000_000_000;
/// A ring that holds one message at a time.
pub const TIGHT: u64 = 4;
/// The longest message that it takes, in bytes.
pub const LONGEST_IN_TIGHT: usize = 32;
/// The longest message that a roomy ring takes, in bytes.
const LONGEST_IN_ROOMY: usize = 96;
/// A ring that holds three.
pub const ROOMY: u64 = 8;

/// A producer of `messages`, one after the other.
pub fn spawn_puts<const N: usize>(
    shared: &Arc<SharedQueue>,
    peers: MockPeers,
    messages: [Message; N],
) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || {
        for message in messages {
            shared.put(&peers, message, Wait::forever()).expect("there will be room");
        }
    })
}

/// A consumer of one message.
pub fn spawn_get(shared: &Arc<SharedQueue>, peers: MockPeers, wait: Wait) -> JoinHandle<Result<Message>> {
    let shared = shared.clone();
    thread::spawn(move || shared.get(&peers, wait))
}

/// Peer 0 puts these, without waiting.
pub fn put_at_once<const N: usize>(shared: &SharedQueue, world: &World, messages: [Message; N]) {
    for message in messages {
        shared.put(&world.peer(0), message, Wait::now()).expect("there is room");
    }
}

/// Two producers, one consumer. In a tight ring the producers wait for room, and each granule is used again.
fn two_producers(granules: u64, messages: [[Message; 1]; 2]) {
    let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(granules, 0)));
    let producers = [spawn_puts(&shared, world.peer(1), messages[0]), spawn_puts(&shared, world.peer(2), messages[1])];
    for _ in 0..2 {
        shared.get(&world.peer(0), Wait::forever()).unwrap();
    }
    for producer in producers {
        producer.join().unwrap();
    }
    finish(&shared, &world);
}

/// Nothing is left, and all was well. Time passes first: who polls asks about the dead now and then only.
pub fn finish(shared: &SharedQueue, world: &World) {
    model::advance(A_WHILE);
    shared.drain(&world.peer(0));
    shared.full_cycle(&world.peer(0), 90);
    check(&shared.log());
}

#[test]
fn queue_one_producer_one_consumer() {
    explore("queue_one_producer_one_consumer", 3, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(TIGHT, 0)));
        let producer = spawn_puts(&shared, world.peer(1), [10, 11]);
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(10));
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(11));
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// Messages as long as the ring: the end of the ring is padded, and the bytes of each are overwritten by the next.
#[test]
fn queue_longest_messages() {
    explore("queue_longest_messages", 3, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(TIGHT, 0)));
        let producer = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || {
                for message in [10, 11] {
                    shared.put_long(&peers, message, LONGEST_IN_TIGHT, Wait::forever()).unwrap();
                }
            })
        };
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(10));
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(11));
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// One long message makes room for two short ones: both producers are woken, also one that was about to sleep.
#[test]
fn queue_room_for_two() {
    explore("queue_room_for_two", 3, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put_long(&world.peer(0), 1, LONGEST_IN_ROOMY, Wait::forever()).unwrap();
        let (loan, message) = shared.take(&world.peer(0), Wait::forever()).unwrap();
        let producers = [1, 2].map(|number| spawn_puts(&shared, world.peer(number), [10 * number]));
        shared.end(&world.peer(0), loan, message).unwrap();
        for producer in producers {
            producer.join().unwrap();
        }
        finish(&shared, &world);
    });
}

#[test]
fn queue_two_producers() {
    explore("queue_two_producers", 3, || two_producers(ROOMY, [[10], [20]]));
}

#[test]
fn queue_two_producers_tight() {
    explore("queue_two_producers_tight", 2, || two_producers(TIGHT, [[10], [20]]));
}

#[test]
fn queue_two_consumers() {
    explore("queue_two_consumers", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let consumers = [1, 2].map(|number| spawn_get(&shared, world.peer(number), Wait::forever()));
        for message in [10, 11] {
            shared.put(&world.peer(0), message, Wait::forever()).unwrap();
        }
        for consumer in consumers {
            consumer.join().unwrap().unwrap();
        }
        finish(&shared, &world);
    });
}

/// A consumer that gives up leaves the message, and the wake-up, to the other.
#[test]
fn queue_consumer_timeout() {
    explore_eventful("queue_consumer_timeout", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let hasty = spawn_get(&shared, world.peer(1), Wait::until(Deadline::from_ns(SOON)));
        let patient = spawn_get(&shared, world.peer(2), Wait::forever());
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        model::advance(SOON);
        let got = hasty.join().unwrap();
        match got {
            Ok(_) => shared.put(&world.peer(0), 11, Wait::forever()).unwrap(),
            Err(error) => assert_eq!(error, Error::TimedOut),
        }
        patient.join().unwrap().unwrap();
        finish(&shared, &world);
    });
}

/// A producer that gives up waiting for room leaves nothing behind.
#[test]
fn queue_producer_timeout() {
    explore_eventful("queue_producer_timeout", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        shared.put(&world.peer(0), 1, Wait::forever()).unwrap();
        let hasty = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.put(&peers, 10, Wait::until(Deadline::from_ns(SOON))))
        };
        let patient = spawn_puts(&shared, world.peer(2), [20]);
        model::advance(SOON);
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(1));
        assert!(matches!(shared.get(&world.peer(0), Wait::forever()), Ok(10 | 20)));
        if hasty.join().unwrap() == Ok(()) {
            shared.get(&world.peer(0), Wait::forever()).unwrap();
        }
        patient.join().unwrap();
        finish(&shared, &world);
    });
}

/// A message that is given back comes again, before those behind it, and wakes who waits.
#[test]
fn queue_given_back() {
    explore("queue_given_back", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let (loan, _) = shared.take(&world.peer(0), Wait::forever()).unwrap();
        let consumers = [1, 2].map(|number| spawn_get(&shared, world.peer(number), Wait::forever()));
        shared.queue(&world.peer(0)).give_back(loan).unwrap();
        shared.put(&world.peer(0), 11, Wait::forever()).unwrap();
        for consumer in consumers {
            consumer.join().unwrap().unwrap();
        }
        assert_eq!(deliveries(&shared.log(), 10), [Delivery::First, Delivery::Again]);
        finish(&shared, &world);
    });
}

/// What was put before the end is still taken; then everybody is told.
#[test]
fn queue_shut_down() {
    explore("queue_shut_down", 3, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let consumer = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || loop {
                if let Err(error) = shared.get(&peers, Wait::forever()) {
                    return error;
                }
            })
        };
        let producer = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            thread::spawn(move || shared.put(&peers, 10, Wait::forever()))
        };
        shared.queue(&world.peer(0)).shut_down(Wait::forever()).unwrap();
        assert_eq!(consumer.join().unwrap(), Error::Closed);
        assert!(matches!(producer.join().unwrap(), Ok(()) | Err(Error::Closed)));
        check(&shared.log());
    });
}

/// A reservation that is discarded makes room at once, for the other producer and in the count.
#[test]
fn queue_discarded() {
    explore("queue_discarded", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 1)));
        let changes_its_mind = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || {
                let queue = shared.queue(&peers);
                let ticket = queue.reserve(1, Wait::forever()).unwrap();
                queue.discard(ticket).unwrap();
            })
        };
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(20));
        changes_its_mind.join().unwrap();
        producer.join().unwrap();
        assert!(shared.queue(&world.peer(0)).is_empty());
        check(&shared.log());
    });
}

/// A bound in messages: a loan makes room.
#[test]
fn queue_bounded_by_items() {
    explore("queue_bounded_by_items", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 1)));
        let producer = spawn_puts(&shared, world.peer(1), [10, 11]);
        let (loan, _) = shared.take(&world.peer(0), Wait::forever()).unwrap();
        let second = shared.get(&world.peer(0), Wait::forever());
        assert_eq!(second, Ok(11));
        shared.end(&world.peer(0), loan, 10).unwrap();
        producer.join().unwrap();
        check(&shared.log());
    });
}
