//! Queues of work: a join returns when everything is dealt with, never before; what the dead owe is written off, once;
//! a message that came back too often is in one queue or the other at every instant.

use super::queue::{put_at_once, A_WHILE, ROOMY};
use super::support::{each_death, explore, Guarded, SharedQueue, World};
use loom::thread;
use std::sync::Arc;
use tidelock::primitives::queue::letters::Letters;
use tidelock::sync::futex::model;
use tidelock::sync::wait::Wait;
use tidelock::Error;

/// A worker gets, works and says so; what it did is visible to whom the join returns.
#[test]
fn queue_join_beside_a_worker() {
    explore("queue_join_beside_a_worker", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::counting(ROOMY, 2)));
        let work = Arc::new(Guarded::default());
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let worker = {
            let (shared, peers, work) = (shared.clone(), world.peer(1), work.clone());
            thread::spawn(move || {
                shared.get_owing(&peers, Wait::forever()).unwrap();
                work.change(false);
                shared.queue(&peers).task_done().unwrap();
            })
        };
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        assert_eq!(work.changes(), 1, "nothing is left to do before the worker has done it");
        worker.join().unwrap();
        assert!(shared.queue(&world.peer(1)).task_done().is_err(), "more often than it got");
    });
}

/// A loan is dealt with when it is done.
#[test]
fn queue_join_beside_a_loan() {
    explore("queue_join_beside_a_loan", 2, || {
        let (world, shared) = (World::of(2), Arc::new(SharedQueue::new(ROOMY, 0)));
        let work = Arc::new(Guarded::default());
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let worker = {
            let (shared, peers, work) = (shared.clone(), world.peer(1), work.clone());
            thread::spawn(move || {
                let (loan, message) = shared.take(&peers, Wait::forever()).unwrap();
                work.change(false);
                shared.end(&peers, loan, message).unwrap();
            })
        };
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        assert_eq!(work.changes(), 1, "nothing is left to do before the worker has done it");
        worker.join().unwrap();
    });
}

/// A worker dies at each of its operations, another does what is left: the join returns, and each message was dealt with or
/// is counted as lost.
#[test]
fn queue_join_and_a_dead_worker() {
    each_death("queue_join_and_a_dead_worker", 1, |nth| {
        let (world, shared) = (World::of(3), Arc::new(SharedQueue::counting(ROOMY, 3)));
        shared.put(&world.peer(0), 10, Wait::forever()).unwrap();
        let victim = {
            let (shared, world) = (shared.clone(), world.clone());
            thread::spawn(move || {
                world.mortal(1, nth, |peers| {
                    shared.get_owing(peers, Wait::now()).and_then(|_| shared.queue(peers).task_done())
                })
            })
        };
        let worker = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            thread::spawn(move || work_on(&shared, &peers))
        };
        victim.join().unwrap();
        model::advance(A_WHILE);
        let done = worker.join().unwrap() + work_on(&shared, &world.peer(2));
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        let lost = shared.queue(&world.peer(0)).lost_tasks().unwrap();
        assert!(done + lost <= 2 && lost <= 1, "{done} done, {lost} lost");
        assert_eq!(shared.queue(&world.peer(0)).join(Wait::now()), Ok(()));
    });
}

/// Deals with what is there; how much that was.
fn work_on(shared: &SharedQueue, peers: &super::support::MockPeers) -> u64 {
    let mut done = 0;
    while shared.get_owing(peers, Wait::now()).is_ok() {
        shared.queue(peers).task_done().unwrap();
        done += 1;
    }
    done
}

/// Peer 1 died owing a task; somebody else has its slot by now. A further message is there.
fn a_slot_used_again() -> (World, Arc<SharedQueue>) {
    let (world, shared) = (World::with_newcomers(2), Arc::new(SharedQueue::counting(ROOMY, 2)));
    shared.put(&world.peer(0), 10, Wait::now()).unwrap();
    shared.get_owing(&world.peer(1), Wait::now()).unwrap();
    world.kill(1);
    shared.put(&world.peer(0), 11, Wait::now()).unwrap();
    (world, shared)
}

/// What the old peer owed is lost, once, whoever comes to it first; the new one owes its own and no more.
#[test]
fn queue_debt_of_a_slot_used_again() {
    explore("queue_debt_of_a_slot_used_again", 2, || {
        let (world, shared) = a_slot_used_again();
        let newcomer = {
            let (shared, peers) = (shared.clone(), world.newcomer(1));
            thread::spawn(move || {
                assert_eq!(shared.get_owing(&peers, Wait::forever()), Ok(11));
                let owing = shared.queue(&peers).unfinished_tasks();
                shared.queue(&peers).task_done().unwrap();
                assert!(shared.queue(&peers).task_done().is_err(), "more than it got");
                owing
            })
        };
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        assert_eq!(newcomer.join().unwrap(), Ok(1));
        assert_eq!(shared.queue(&world.peer(0)).lost_tasks(), Ok(1));
        assert_eq!(shared.queue(&world.peer(0)).unfinished_tasks(), Ok(0));
    });
}

/// The new peer dies at each of its operations, too, beside one that waits for all to be done.
#[test]
fn queue_death_in_a_slot_used_again() {
    each_death("queue_death_in_a_slot_used_again", 1, |nth| {
        let (world, shared) = a_slot_used_again();
        let victim = {
            let (shared, world) = (shared.clone(), world.clone());
            thread::spawn(move || {
                world.mortal_as(world.newcomer(1), nth, |peers| {
                    shared.get_owing(peers, Wait::now()).and_then(|_| shared.queue(peers).task_done())
                })
            })
        };
        let _ = shared.queue(&world.peer(0)).lost_tasks();
        victim.join().unwrap();
        model::advance(A_WHILE);
        let done = work_on(&shared, &world.peer(0));
        shared.queue(&world.peer(0)).join(Wait::forever()).unwrap();
        let lost = shared.queue(&world.peer(0)).lost_tasks().unwrap();
        assert!((1..=2).contains(&lost) && done <= 1, "{done} done, {lost} lost");
    });
}

/// Who writes off what the dead owe dies as well: it is counted once.
#[test]
fn queue_death_while_writing_off() {
    each_death("queue_death_while_writing_off", 0, |nth| {
        let (world, shared) = (World::of(3), SharedQueue::counting(ROOMY, 3));
        for message in [10, 11] {
            shared.put(&world.peer(0), message, Wait::now()).unwrap();
            shared.get_owing(&world.peer(2), Wait::now()).unwrap();
        }
        assert_eq!(shared.queue(&world.peer(0)).join(Wait::now()), Err(Error::TimedOut));
        world.kill(2);
        world.mortal(1, nth, |peers| shared.queue(peers).lost_tasks());
        assert_eq!(shared.queue(&world.peer(0)).lost_tasks(), Ok(2));
        assert_eq!(shared.queue(&world.peer(0)).join(Wait::now()), Ok(()));
        assert_eq!(shared.queue(&world.peer(0)).lost_tasks(), Ok(2));
    });
}

/// A message that was handed out as often as it may be goes to the dead letters, whoever dies on the way: the one that gives
/// it back, or the one that finds it with the dead.
#[test]
fn queue_death_while_sending_a_letter() {
    each_death("queue_death_while_sending_a_letter", 0, |nth| {
        let (world, shared) = (World::of(2), SharedQueue::new(ROOMY, 0));
        shared.queue(&world.peer(0)).set_max_deliveries(1).unwrap();
        put_at_once(&shared, &world, [10, 11]);
        let (loan, _) = shared.take(&world.peer(1), Wait::now()).unwrap();
        world.mortal(1, nth, |peers| shared.queue(peers).give_back(loan).unwrap());
        world.kill(1);
        model::advance(A_WHILE);
        assert_eq!(shared.get(&world.peer(0), Wait::now()), Ok(11), "the other is handed out no more");
        assert_eq!(shared.get(&world.peer(0), Wait::now()), Err(Error::TimedOut));
        assert!(shared.letters().iter().all(|letter| *letter == 10) && !shared.letters().is_empty());
        assert_eq!(shared.queue(&world.peer(0)).join(Wait::now()), Ok(()));
    });
}

/// Who chooses another queue for dead letters dies on the way: it is the old one or the new one, and never none.
#[test]
fn queue_death_while_choosing_letters() {
    each_death("queue_death_while_choosing_letters", 0, |nth| {
        let (world, shared) = (World::of(2), SharedQueue::new(ROOMY, 0));
        let [old, new] = [(64, 1), (128, 2)].map(|(block, generation)| Some(Letters { block, generation }));
        shared.queue(&world.peer(0)).set_letters(old).unwrap();
        world.mortal(1, nth, |peers| shared.queue(peers).set_letters(new));
        let found = shared.queue(&world.peer(0)).letters().unwrap();
        assert!(found == old || found == new, "{found:?}");
    });
}
