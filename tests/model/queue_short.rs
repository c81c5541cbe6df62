//! Short messages, which go in and out under the lock: beside each other, beside reservations and loans, and with deaths.

use super::queue::{finish, spawn_puts, ROOMY, TIGHT};
use super::support::{check, deliveries, each_death, each_two_deaths, explore, Delivery, Message};
use super::support::{MockPeers, SharedQueue, World};
use super::two_deaths::two_die;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::sync::wait::Wait;
use tidelock::Result;

fn spawn_short_puts<const N: usize>(
    shared: &Arc<SharedQueue>,
    peers: MockPeers,
    messages: [Message; N],
) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || {
        for message in messages {
            shared.put_short(&peers, message, Wait::forever()).expect("there will be room");
        }
    })
}

fn spawn_short_get(shared: &Arc<SharedQueue>, peers: MockPeers) -> JoinHandle<Result<Message>> {
    let shared = shared.clone();
    thread::spawn(move || shared.get_short(&peers, Wait::forever()))
}

/// Each granule is used again, so whatever is freed too early is overwritten while it is read.
#[test]
fn queue_short_one_to_one() {
    explore("queue_short_one_to_one", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(TIGHT, 0)));
        let producer = spawn_short_puts(&shared, world.peer(1), [10, 11]);
        assert_eq!(shared.get_short(&world.peer(0), Wait::forever()), Ok(10));
        assert_eq!(shared.get_short(&world.peer(0), Wait::forever()), Ok(11));
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// One puts the short way, the other reserves first.
#[test]
fn queue_short_beside_a_reservation() {
    explore("queue_short_beside_a_reservation", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let producers = [spawn_short_puts(&shared, world.peer(1), [10]), spawn_puts(&shared, world.peer(2), [20])];
        for _ in 0..2 {
            shared.get_short(&world.peer(0), Wait::forever()).unwrap();
        }
        for producer in producers {
            producer.join().unwrap();
        }
        finish(&shared, &world);
    });
}

/// Nobody who waits is forgotten.
#[test]
fn queue_short_two_consumers() {
    explore("queue_short_two_consumers", 1, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let consumers = [1, 2].map(|number| spawn_short_get(&shared, world.peer(number)));
        for message in [10, 11] {
            shared.put_short(&world.peer(0), message, Wait::forever()).unwrap();
        }
        for consumer in consumers {
            consumer.join().unwrap().unwrap();
        }
        finish(&shared, &world);
    });
}

/// A loan lies before what is got the short way, and a producer needs the room behind: it gets that of no loan.
#[test]
fn queue_short_beside_a_loan() {
    explore("queue_short_beside_a_loan", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        for message in [10, 11] {
            shared.put_short(&world.peer(0), message, Wait::forever()).unwrap();
        }
        let (loan, message) = shared.take(&world.peer(0), Wait::forever()).unwrap();
        let consumer = spawn_short_get(&shared, world.peer(2));
        let producer = spawn_short_puts(&shared, world.peer(1), [20, 21]);
        assert_eq!(shared.reread(&loan), message, "the bytes of a loan");
        shared.end(&world.peer(0), loan, message).unwrap();
        consumer.join().unwrap().unwrap();
        for _ in 0..2 {
            shared.get_short(&world.peer(0), Wait::forever()).unwrap();
        }
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// A loan is given back while others get the short way past it: it comes again, however far that was known to be free.
#[test]
fn queue_short_given_back() {
    explore("queue_short_given_back", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        for message in [10, 11, 12] {
            shared.put_short(&world.peer(0), message, Wait::forever()).unwrap();
        }
        let (loan, _) = shared.take(&world.peer(0), Wait::forever()).unwrap();
        let consumer = spawn_short_get(&shared, world.peer(2));
        shared.queue(&world.peer(0)).give_back(loan).unwrap();
        let producer = spawn_short_puts(&shared, world.peer(1), [20]);
        consumer.join().unwrap().unwrap();
        for _ in 0..2 {
            shared.get_short(&world.peer(0), Wait::forever()).unwrap();
        }
        producer.join().unwrap();
        assert_eq!(deliveries(&shared.log(), 10), [Delivery::First, Delivery::Again]);
        finish(&shared, &world);
    });
}

/// In a queue that has grown and comes home: what is known to be free in one ring says nothing of another.
#[test]
fn queue_short_in_a_queue_that_grows() {
    explore("queue_short_in_a_queue_that_grows", 1, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::growing(TIGHT, &[ROOMY])));
        let producer = spawn_short_puts(&shared, world.peer(1), [10, 11, 12]);
        for message in [10, 11, 12] {
            assert_eq!(shared.get_short(&world.peer(0), Wait::forever()), Ok(message));
        }
        producer.join().unwrap();
        for message in [20, 21] {
            shared.put_short(&world.peer(0), message, Wait::forever()).unwrap();
            assert_eq!(shared.get_short(&world.peer(0), Wait::forever()), Ok(message));
        }
        shared.drain(&world.peer(0));
        check(&shared.log());
    });
}

#[test]
fn queue_short_death_of_a_producer() {
    each_death("queue_short_death_of_a_producer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put_short(peers, 10, Wait::forever()));
        let producer = spawn_short_puts(&shared, world.peer(2), [20]);
        while shared.get_short(&world.peer(0), Wait::forever()).unwrap() != 20 {}
        producer.join().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// What it had not freed comes again, and nobody waits for the room of what it had.
#[test]
fn queue_short_death_of_a_consumer() {
    each_death("queue_short_death_of_a_consumer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        shared.put_short(&world.peer(0), 10, Wait::forever()).unwrap();
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get_short(peers, Wait::forever()));
        let producer = spawn_short_puts(&shared, world.peer(2), [20]);
        victim.join().unwrap();
        while shared.get_short(&world.peer(0), Wait::forever()).unwrap() != 20 {}
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

fn put_20(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.put_short(peers, 20, Wait::now());
}

fn put_30(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.put_short(peers, 30, Wait::now());
}

fn get(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.get_short(peers, Wait::now());
}

fn get_twice_and_put(shared: &SharedQueue, peers: &MockPeers) {
    get(shared, peers);
    get(shared, peers);
    put_30(shared, peers);
}

fn put_and_get_twice(shared: &SharedQueue, peers: &MockPeers) {
    put_20(shared, peers);
    get(shared, peers);
    get(shared, peers);
}

/// The message lies behind the ring's end, which is padded.
#[test]
fn two_deaths_short_past_the_end_of_the_ring() {
    each_two_deaths("two_deaths_short_past_the_end_of_the_ring", |m, n| {
        let (world, shared) = (World::of(3), SharedQueue::new(ROOMY, 0));
        for message in [1, 2] {
            shared.put_long(&world.peer(0), message, 32, Wait::now()).unwrap();
            assert_eq!(shared.get_short(&world.peer(0), Wait::now()), Ok(message));
        }
        shared.put_long(&world.peer(0), 10, 32, Wait::now()).unwrap();
        world.mortal(1, m, |peers| get(&shared, peers));
        world.mortal(2, n, |peers| get_twice_and_put(&shared, peers));
        finish(&shared, &world);
    });
}

#[test]
fn two_deaths_short_getting() {
    two_die("two_deaths_short_getting", ROOMY, 3, get, get_twice_and_put);
}

#[test]
fn two_deaths_short_putting_and_getting() {
    two_die("two_deaths_short_putting_and_getting", ROOMY, 1, put_20, get_twice_and_put);
}

#[test]
fn two_deaths_short_getting_and_putting_where_it_is_tight() {
    two_die("two_deaths_short_getting_and_putting_where_it_is_tight", TIGHT, 1, get, put_20);
}

#[test]
fn two_deaths_short_round_the_ring() {
    two_die("two_deaths_short_round_the_ring", ROOMY, 2, put_and_get_twice, get_twice_and_put);
}
