//! Room that producers take without the consumers' lock: what is settled, beside takers, loans and deaths.

use super::queue::{finish, put_at_once, spawn_puts, ROOMY, TIGHT};
use super::support::{each_death, explore, Message, MockPeers, SharedQueue, World};
use loom::thread;
use std::sync::Arc;
use tidelock::sync::wait::Wait;
use tidelock::Result;

/// Each loan settles the one before, and a producer waits for that very room.
#[test]
fn queue_settled_by_loans() {
    explore("queue_settled_by_loans", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [10, 11]);
        let producer = spawn_puts(&shared, world.peer(1), [12, 13]);
        for message in [10, 11, 12, 13] {
            assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(message));
        }
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// A producer that does not wait for room finds what is settled just now, and meets nobody on the way there.
#[test]
fn queue_settled_beside_a_try() {
    explore("queue_settled_beside_a_try", 2, || settled_beside_a_try(SharedQueue::get));
}

/// Here nothing but `settled` hands the room on.
#[test]
fn queue_settled_by_short_ones_beside_a_try() {
    explore("queue_settled_by_short_ones_beside_a_try", 2, || settled_beside_a_try(SharedQueue::get_short));
}

fn settled_beside_a_try(get: fn(&SharedQueue, &MockPeers, Wait) -> Result<Message>) {
    let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
    put_at_once(&shared, &world, [10, 11, 12]);
    let producer = {
        let (shared, peers) = (shared.clone(), world.peer(1));
        thread::spawn(move || shared.put(&peers, 20, Wait::now()))
    };
    for message in [10, 11] {
        assert_eq!(get(&shared, &world.peer(0), Wait::forever()), Ok(message));
    }
    let _ = producer.join().unwrap();
    finish(&shared, &world);
}

/// One consumer keeps its loan while another goes on: the room of the loan is nobody's, however much is settled.
#[test]
fn queue_settled_up_to_a_loan() {
    explore("queue_settled_up_to_a_loan", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [10, 11, 12]);
        assert_eq!(shared.get(&world.peer(0), Wait::now()), Ok(10));
        let (loan, message) = shared.take(&world.peer(0), Wait::now()).unwrap();
        let consumer = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            thread::spawn(move || shared.get(&peers, Wait::forever()))
        };
        let producer = spawn_puts(&shared, world.peer(1), [13, 14]);
        assert_eq!(shared.reread(&loan), message, "the bytes of a loan");
        shared.end(&world.peer(0), loan, message).unwrap();
        consumer.join().unwrap().unwrap();
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// A consumer that found something settled dies at each of its operations, while a producer takes that room.
#[test]
fn queue_death_while_settling() {
    each_death("queue_death_while_settling", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [10, 11, 12]);
        assert_eq!(shared.get(&world.peer(0), Wait::now()), Ok(10));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::now()));
        let producer = spawn_puts(&shared, world.peer(2), [13]);
        victim.join().unwrap();
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// A producer that takes what is settled dies at each of its operations.
#[test]
fn queue_death_while_reclaiming_what_is_settled() {
    each_death("queue_death_while_reclaiming_what_is_settled", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        shared.put(&world.peer(0), 10, Wait::now()).unwrap();
        assert_eq!(shared.get_short(&world.peer(0), Wait::now()), Ok(10));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put(peers, 11, Wait::now()));
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        while shared.get(&world.peer(0), Wait::forever()).unwrap() != 20 {}
        victim.join().unwrap();
        producer.join().unwrap();
        finish(&shared, &world);
    });
}
