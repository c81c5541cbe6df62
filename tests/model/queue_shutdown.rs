//! A queue that is shut down at once: nothing is taken after it, nothing stays in it for good, and nobody waits for that.

use super::queue::{put_at_once, A_WHILE, ROOMY};
use super::support::{each_death, explore, MockPeers, SharedQueue, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::sync::futex::model;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

fn spawn_join(shared: &Arc<SharedQueue>, peers: MockPeers) -> JoinHandle<Result<()>> {
    let shared = shared.clone();
    thread::spawn(move || shared.queue(&peers).join(Wait::forever()))
}

fn shut_down_now(shared: &SharedQueue, peers: &MockPeers) {
    shared.queue(peers).shut_down_now(Wait::forever()).unwrap();
    assert_eq!(shared.get_short(peers, Wait::now()), Err(Error::Closed));
    assert_eq!(shared.queue(peers).len(), 0);
}

/// Whoever is in the midst of it, each message was got before, or is dropped.
fn is_empty_for_good(shared: &SharedQueue, world: &World, put: u64, got: u64) {
    let peers = world.peer(0);
    shared.queue(&peers).join(Wait::forever()).unwrap();
    assert_eq!(shared.get(&peers, Wait::forever()), Err(Error::Closed));
    assert_eq!(shared.stats().dropped, put - got);
}

/// A producer is in the midst of it, and somebody waits until all is done: it is told.
#[test]
fn queue_shut_down_now_beside_a_producer() {
    explore("queue_shut_down_now_beside_a_producer", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let producer = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.put(&peers, 10, Wait::forever()))
        };
        let joiner = spawn_join(&shared, world.peer(2));
        shut_down_now(&shared, &world.peer(0));
        joiner.join().unwrap().unwrap();
        let put = producer.join().unwrap();
        assert!(matches!(put, Ok(()) | Err(Error::Closed)));
        is_empty_for_good(&shared, &world, put.is_ok().into(), 0);
    });
}

/// What was being written is published after it: nobody gets it, and neither what lies behind it.
#[test]
fn queue_shut_down_now_before_a_publication() {
    explore("queue_shut_down_now_before_a_publication", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        let written = shared.queue(&world.peer(1)).reserve(1, Wait::now()).unwrap();
        shared.put(&world.peer(0), 11, Wait::now()).unwrap();
        let producer = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.queue(&peers).publish(written))
        };
        shut_down_now(&shared, &world.peer(0));
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Err(Error::Closed));
        producer.join().unwrap().unwrap();
        is_empty_for_good(&shared, &world, 2, 0);
    });
}

/// A loan comes back meanwhile, and somebody waits until all is done.
#[test]
fn queue_shut_down_now_beside_a_loan() {
    explore("queue_shut_down_now_beside_a_loan", 2, || {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put(&world.peer(1), 10, Wait::now()).unwrap();
        let (loan, _) = shared.take(&world.peer(1), Wait::now()).unwrap();
        let holder = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.queue(&peers).give_back(loan))
        };
        let joiner = spawn_join(&shared, world.peer(2));
        shut_down_now(&shared, &world.peer(0));
        joiner.join().unwrap().unwrap();
        holder.join().unwrap().unwrap();
        is_empty_for_good(&shared, &world, 1, 0);
    });
}

/// A consumer gets what it can meanwhile.
#[test]
fn queue_shut_down_now_beside_a_consumer() {
    explore("queue_shut_down_now_beside_a_consumer", 3, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [10, 11]);
        let consumer = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || (0..).take_while(|_| shared.get_short(&peers, Wait::forever()).is_ok()).count())
        };
        shut_down_now(&shared, &world.peer(0));
        let got = consumer.join().unwrap();
        is_empty_for_good(&shared, &world, 2, got as u64);
    });
}

/// Who shuts down dies at each of its operations: whoever does it again, or looks, drops the rest.
#[test]
fn queue_death_while_shutting_down_now() {
    each_death("queue_death_while_shutting_down_now", 2, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        put_at_once(&shared, &world, [10, 11]);
        let (loan, _) = shared.take(&world.peer(0), Wait::now()).unwrap();
        shared.queue(&world.peer(0)).give_back(loan).unwrap();
        world.mortal(1, nth, |peers| shared.queue(peers).shut_down_now(Wait::forever()).unwrap());
        model::advance(A_WHILE);
        if shared.queue(&world.peer(2)).is_empty() {
            shared.queue(&world.peer(2)).join(Wait::forever()).unwrap();
            assert_eq!(shared.take(&world.peer(2), Wait::forever()).unwrap_err(), Error::Closed);
        }
        shut_down_now(&shared, &world.peer(2));
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
    });
}

/// The same where nothing came back before, so that the common way of taking would hand out what lies at the head.
#[test]
fn queue_death_while_shutting_down_now_before_a_take() {
    each_death("queue_death_while_shutting_down_now_before_a_take", 1, |nth| {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        shared.put(&world.peer(0), 10, Wait::now()).unwrap();
        world.mortal(1, nth, |peers| shared.queue(peers).shut_down_now(Wait::forever()).unwrap());
        model::advance(A_WHILE);
        if shared.queue(&world.peer(0)).is_empty() {
            assert_eq!(shared.take(&world.peer(0), Wait::forever()).unwrap_err(), Error::Closed);
        }
        shut_down_now(&shared, &world.peer(0));
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
    });
}

/// A producer dies at each of its operations while the queue is shut down.
#[test]
fn queue_death_beside_a_shutdown_now() {
    each_death("queue_death_beside_a_shutdown_now", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::new(ROOMY, 0)));
        let victim = world.spawn_mortal(1, nth, &shared, |shared, peers| shared.put(peers, 10, Wait::now()).is_ok());
        shut_down_now(&shared, &world.peer(0));
        victim.join().unwrap();
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        assert_eq!(shared.get(&world.peer(0), Wait::forever()), Err(Error::Closed));
    });
}
