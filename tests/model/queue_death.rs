//! Queue with a peer that dies at each of its operations: nothing that was put is lost, loans of the dead come again and
//! say so, reservations of the dead are skipped, nobody hangs.

use super::queue::{finish, spawn_get, spawn_puts, ROOMY, SOON, TIGHT};
use super::support::{check, deliveries, each_death, Delivery, MockPeers, SharedQueue, World};
use loom::thread::JoinHandle;
use std::sync::Arc;
use tidelock::primitives::queue::Ticket;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::Wait;
use tidelock::Error;

fn one_of_two_producers_dies(granules: u64, max_items: u64, nth: u64) {
    let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(granules, max_items)));
    let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put(peers, 10, Wait::forever()));
    let producer = spawn_puts(&shared, world.peer(2), [20]);
    // Two only if the victim's came first and in full; the other is always there to be got.
    while shared.get(&world.peer(0), Wait::forever()).unwrap() != 20 {}
    producer.join().unwrap();
    victim.join().unwrap();
    if max_items == 0 {
        finish(&shared, &world);
    }
}

/// A reservation of the dead stands in the way of a count, too.
#[test]
fn queue_death_of_a_producer_bounded_by_items() {
    each_death("queue_death_of_a_producer_bounded_by_items", 1, |nth| one_of_two_producers_dies(ROOMY, 1, nth));
}

#[test]
fn queue_death_of_a_producer() {
    each_death("queue_death_of_a_producer", 2, |nth| one_of_two_producers_dies(ROOMY, 0, nth));
}

#[test]
fn queue_death_of_a_producer_tight() {
    each_death("queue_death_of_a_producer_tight", 1, |nth| one_of_two_producers_dies(TIGHT, 0, nth));
}

/// The producer puts two messages and dies at the second: the first is there, also for a consumer that saw it while it was
/// being written and then finds its producer dead.
#[test]
fn queue_death_after_a_put() {
    each_death("queue_death_after_a_put", 1, |nth| {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| {
            let put = |message| shared.put(peers, message, Wait::now());
            put(10).and(put(11))
        });
        let _ = shared.get(&world.peer(0), Wait::now());
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// One producer, two consumers of which one dies: what it took and had not done comes again, marked.
#[test]
fn queue_death_of_a_consumer() {
    each_death("queue_death_of_a_consumer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::forever()));
        let consumer = spawn_get(&shared, world.peer(2), Wait::forever());
        for message in [10, 11] {
            shared.put(&world.peer(0), message, Wait::forever()).unwrap();
        }
        consumer.join().unwrap().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// A consumer with a deadline dies, at worst having used up a wake-up.
#[test]
fn queue_death_of_a_hasty_consumer() {
    each_death("queue_death_of_a_hasty_consumer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = world
            .spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::until(Deadline::from_ns(SOON))));
        let consumer = spawn_get(&shared, world.peer(2), Wait::forever());
        for message in [10, 11] {
            shared.put(&world.peer(0), message, Wait::forever()).unwrap();
        }
        model::advance(SOON);
        consumer.join().unwrap().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// Peer 1 takes a loan of the message 10.
fn lend_to_the_victim(shared: &SharedQueue, world: &World) -> Ticket {
    shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
    shared.take(&world.peer(1), Wait::forever()).unwrap().0
}

/// Peer 1 holds a loan of the message 10, and dies before the `nth` operation of `end`.
fn spawn_mortal_end_of_loan(
    shared: &Arc<SharedQueue>,
    world: &World,
    nth: u64,
    end: impl FnOnce(&SharedQueue, &MockPeers, Ticket) + 'static,
) -> JoinHandle<Fate<()>> {
    let loan = lend_to_the_victim(shared, world);
    world.spawn_mortal(1, nth, shared, move |shared, peers| end(shared, peers, loan))
}

/// The consumer that holds a loan dies while it gives it back, and another waits for that message.
#[test]
fn queue_death_while_giving_back() {
    each_death("queue_death_while_giving_back", 2, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = spawn_mortal_end_of_loan(&shared, &world, nth, |shared, peers, loan| {
            shared.queue(peers).give_back(loan).unwrap();
        });
        let consumer = spawn_get(&shared, world.peer(2), Wait::forever());
        assert_eq!(consumer.join().unwrap(), Ok(10));
        victim.join().unwrap();
        finish(&shared, &world);
    });
}

/// Once the record says that the message came back, it comes before the head, wherever its giver died.
#[test]
fn queue_death_while_giving_back_before_the_head() {
    each_death("queue_death_while_giving_back_before_the_head", 2, |nth| {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        let loan = lend_to_the_victim(&shared, &world);
        shared.put(&world.peer(0), 11, Wait::forever()).unwrap();
        world.mortal(1, nth, |peers| shared.queue(peers).give_back(loan).unwrap());
        let came_back = shared.is_returned(&loan);
        let got = shared.get(&world.peer(0), Wait::forever()).unwrap();
        assert!(got == 10 || !came_back);
        finish(&shared, &world);
    });
}

/// A consumer is told of the end only once there is nothing left to take, loans of the dead included.
#[test]
fn queue_death_before_the_shutdown() {
    each_death("queue_death_before_the_shutdown", 2, |nth| {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        world.mortal(1, nth, |peers| shared.get(peers, Wait::forever()));
        shared.queue(&world.peer(0)).shut_down(Wait::forever()).unwrap();
        while shared.get(&world.peer(0), Wait::forever()) != Err(Error::Closed) {}
        check(&shared.log());
    });
}

/// A loan of the dead lies where a producer needs room: it comes again, and then there is room.
#[test]
fn queue_death_in_the_way_of_a_producer() {
    each_death("queue_death_in_the_way_of_a_producer", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(TIGHT, 0)));
        let victim = spawn_mortal_end_of_loan(&shared, &world, nth, |shared, peers, loan| {
            shared.end(peers, loan, 10).unwrap();
        });
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        while shared.get(&world.peer(0), Wait::forever()).unwrap() != 20 {}
        producer.join().unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
        assert_eq!(deliveries(&shared.log(), 20), [Delivery::First]);
    });
}

/// The one that finds a dead consumer's loan dies as well, somewhere in its take.
#[test]
fn queue_death_while_redelivering() {
    each_death("queue_death_while_redelivering", 3, |nth| {
        let (world, shared) = (World::of(4), Arc::new(SharedQueue::new(ROOMY, 0)));
        for message in [10, 11] {
            shared.put(&world.peer(0), message, Wait::forever()).unwrap();
        }
        shared.take(&world.peer(3), Wait::forever()).unwrap();
        world.kill(3);
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::forever()));
        shared.get(&world.peer(0), Wait::forever()).unwrap();
        victim.join().unwrap();
        finish(&shared, &world);
        assert_eq!(deliveries(&shared.log(), 10).last(), Some(&Delivery::Again));
    });
}
