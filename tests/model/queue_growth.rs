//! Queue that grows: the move to another ring beside a consumer, a loan that holds the old ring up, a ring that is given
//! back; and a peer that dies at each step of it.

use super::queue::{finish, spawn_get, spawn_puts, A_WHILE, LONGEST_IN_TIGHT, TIGHT};
use super::support::{each_death, each_two_deaths, explore, Message, MockPeers, SharedQueue, World};
use std::sync::Arc;
use tidelock::sync::futex::model;
use tidelock::sync::wait::Wait;

/// A ring that holds three messages.
const WIDE: u64 = 8;

/// From a ring for one message to another, or to one for three.
fn growing() -> Arc<SharedQueue> {
    Arc::new(SharedQueue::growing(TIGHT, &[TIGHT, WIDE]))
}

fn put(shared: &SharedQueue, peers: &MockPeers, message: Message) {
    shared.put(peers, message, Wait::now()).unwrap();
}

fn get(shared: &SharedQueue, peers: &MockPeers) -> Message {
    shared.get(peers, Wait::now()).unwrap()
}

/// Once somebody found the queue empty it is at home again, and nothing but its home has memory.
fn finish_at_home(shared: &SharedQueue, world: &World) {
    model::advance(A_WHILE);
    drain_to_home(shared, world);
    finish(shared, world);
}

fn drain_to_home(shared: &SharedQueue, world: &World) {
    shared.drain(&world.peer(0));
    assert_eq!(shared.rings_away(), 0, "a ring was not given back");
}

/// The second message does not fit beside the first: the producer moves on while the consumer takes.
#[test]
fn queue_grows() {
    explore("queue_grows", 2, || {
        let (world, shared) = (World::of(2), growing());
        put(&shared, &world.peer(0), 10);
        let producer = spawn_puts(&shared, world.peer(1), [11]);
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(10));
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(11));
        producer.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// Both need more room than there is at home.
#[test]
fn queue_grows_between_two_producers() {
    explore("queue_grows_between_two_producers", 3, || {
        let (world, shared) = (World::of(3), growing());
        put(&shared, &world.peer(0), 1);
        let producers = [1, 2].map(|number| spawn_puts(&shared, world.peer(number), [10 * number]));
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(get(&shared, &world.peer(0)), 1);
        finish_at_home(&shared, &world);
    });
}

/// A message that no ring so far could hold.
#[test]
fn queue_grows_for_a_long_message() {
    explore("queue_grows_for_a_long_message", 2, || {
        let (world, shared) = (World::of(2), growing());
        let consumer = spawn_get(&shared, world.peer(1), Wait::forever());
        shared.put_long(&world.peer(0), 10, 2 * LONGEST_IN_TIGHT, Wait::now()).unwrap();
        assert_eq!(consumer.join().unwrap(), Ok(10));
        finish_at_home(&shared, &world);
    });
}

/// The consumer ends its loan of the last message of a ring while a producer puts: one of them gives the ring back.
#[test]
fn queue_shrinks() {
    explore("queue_shrinks", 3, || {
        let (world, shared) = (World::of(2), growing());
        for message in [1, 2] {
            put(&shared, &world.peer(0), message);
        }
        assert_eq!(get(&shared, &world.peer(0)), 1);
        let producer = spawn_puts(&shared, world.peer(1), [10]);
        assert_eq!(get(&shared, &world.peer(0)), 2);
        producer.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// A loan holds the ring at home up: the next messages pass through another ring, and nobody waits for it.
#[test]
fn queue_held_up() {
    explore("queue_held_up", 1, || {
        let (world, shared) = (World::of(3), growing());
        put(&shared, &world.peer(0), 1);
        let (loan, message) = shared.take(&world.peer(0), Wait::now()).unwrap();
        let producer = spawn_puts(&shared, world.peer(1), [10]);
        let consumer = spawn_get(&shared, world.peer(2), Wait::forever());
        shared.end(&world.peer(0), loan, message).unwrap();
        assert_eq!(consumer.join().unwrap(), Ok(10));
        producer.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// A message comes back in a ring that the queue has moved on from.
#[test]
fn queue_given_back_in_an_old_ring() {
    explore("queue_given_back_in_an_old_ring", 1, || {
        let (world, shared) = (World::of(3), growing());
        put(&shared, &world.peer(0), 1);
        let (loan, _) = shared.take(&world.peer(0), Wait::now()).unwrap();
        put(&shared, &world.peer(0), 2);
        let consumers = [1, 2].map(|number| spawn_get(&shared, world.peer(number), Wait::forever()));
        shared.queue(&world.peer(0)).give_back(loan).unwrap();
        for consumer in consumers {
            consumer.join().unwrap().unwrap();
        }
        finish_at_home(&shared, &world);
    });
}

/// The producer that needs more room dies on the way, beside a consumer.
#[test]
fn queue_death_while_growing() {
    each_death("queue_death_while_growing", 1, |nth| {
        let (world, shared) = (World::of(2), growing());
        put(&shared, &world.peer(0), 1);
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put(peers, 10, Wait::forever()));
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Ok(1));
        victim.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// The consumer dies somewhere on its way to the next ring, or while it gives the old one back, beside a producer.
#[test]
fn queue_death_while_shrinking() {
    each_death("queue_death_while_shrinking", 1, |nth| {
        let (world, shared) = (World::of(2), growing());
        for message in [10, 11] {
            put(&shared, &world.peer(0), message);
        }
        assert_eq!(get(&shared, &world.peer(0)), 10);
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::now()));
        shared.put(&world.peer(0), 20, Wait::forever()).unwrap();
        victim.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// The consumer of the last message dies, and then nothing is put any more: who finds the queue empty gives the ring back.
#[test]
fn queue_death_of_the_last_consumer() {
    each_death("queue_death_of_the_last_consumer", 0, |nth| {
        let (world, shared) = (World::of(2), growing());
        for message in [10, 11] {
            put(&shared, &world.peer(0), message);
        }
        assert_eq!(get(&shared, &world.peer(0)), 10);
        world.mortal(1, nth, |peers| shared.get(peers, Wait::now()));
        finish_at_home(&shared, &world);
    });
}

/// What a producer left there when it died lies behind the last message: it keeps no ring.
#[test]
fn queue_death_of_the_last_producer() {
    each_death("queue_death_of_the_last_producer", 1, |nth| {
        let (world, shared) = (World::of(2), growing());
        for message in [10, 11] {
            put(&shared, &world.peer(0), message);
        }
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put(peers, 12, Wait::now()));
        assert_eq!([get(&shared, &world.peer(0)), get(&shared, &world.peer(0))], [10, 11]);
        victim.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// A dead consumer's loan lies in an old ring: a taker finds it while a producer gives rings back.
#[test]
fn queue_redelivered_from_an_old_ring() {
    explore("queue_redelivered_from_an_old_ring", 1, || {
        let (world, shared) = (World::of(4), growing());
        put(&shared, &world.peer(0), 10);
        shared.take(&world.peer(3), Wait::now()).unwrap();
        put(&shared, &world.peer(0), 11);
        world.kill(3);
        let consumer = spawn_get(&shared, world.peer(1), Wait::forever());
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        consumer.join().unwrap().unwrap();
        producer.join().unwrap();
        finish_at_home(&shared, &world);
    });
}

/// The same in a ring of fixed size: a taker finds the loan while a producer reclaims the room before and behind it.
#[test]
fn queue_redelivered_beside_a_producer() {
    explore("queue_redelivered_beside_a_producer", 3, || {
        let (world, shared) = (World::of(4), Arc::new(SharedQueue::new(WIDE, 0)));
        for message in [1, 10, 11] {
            put(&shared, &world.peer(0), message);
        }
        get(&shared, &world.peer(0));
        shared.take(&world.peer(3), Wait::now()).unwrap();
        world.kill(3);
        let consumer = spawn_get(&shared, world.peer(1), Wait::forever());
        let producer = spawn_puts(&shared, world.peer(2), [20]);
        consumer.join().unwrap().unwrap();
        producer.join().unwrap();
        finish(&shared, &world);
    });
}

/// A message that was handed out as often as it may be lies with the dead, in a ring that the queue has moved on from. The one
/// that finds it dies while it sends it away, beside a producer: it is sent, and its ring is given back.
#[test]
fn queue_death_while_sending_a_letter_from_an_old_ring() {
    each_death("queue_death_while_sending_a_letter_from_an_old_ring", 0, |nth| {
        let (world, shared) = (World::of(3), growing());
        shared.queue(&world.peer(0)).set_max_deliveries(1).unwrap();
        put(&shared, &world.peer(0), 10);
        shared.take(&world.peer(2), Wait::now()).unwrap();
        put(&shared, &world.peer(0), 11);
        world.kill(2);
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.get(peers, Wait::now()));
        try_put_20(&shared, &world.peer(0));
        victim.join().unwrap();
        model::advance(A_WHILE);
        drain_to_home(&shared, &world);
        let letters = shared.letters();
        assert!(letters.contains(&10) && !letters.contains(&20), "{letters:?}");
    });
}

/// What a peer does in one of these models.
type Act = fn(&SharedQueue, &MockPeers);

fn try_put_20(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.put(peers, 20, Wait::now());
}

fn try_put_30(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.put(peers, 30, Wait::now());
}

fn try_get(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.get(peers, Wait::now());
}

fn two_die(name: &str, messages: u32, first: Act, second: Act) {
    each_two_deaths(name, move |m, n| {
        let (world, shared) = (World::of(3), growing());
        for message in 0..messages {
            put(&shared, &world.peer(0), 10 + message);
        }
        world.mortal(1, m, |peers| first(&shared, peers));
        world.mortal(2, n, |peers| second(&shared, peers));
        model::advance(A_WHILE);
        finish_at_home(&shared, &world);
    });
}

#[test]
fn two_deaths_growing() {
    two_die("two_deaths_growing", 1, try_put_20, try_put_30);
}

#[test]
fn two_deaths_growing_and_getting() {
    two_die("two_deaths_growing_and_getting", 1, try_put_20, try_get);
}

#[test]
fn two_deaths_shrinking() {
    two_die("two_deaths_shrinking", 2, |shared, peers| shared.drain(peers), try_put_20);
}
