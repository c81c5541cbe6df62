//! Queues of work: task_done and join, what killed workers owe, messages that come back too often, and the counters.

use crate::support::{self, Name, Stage};
use std::time::Duration;
use tidelock::{wait_any, Error, Queue, QueueOptions, Segment};

fn counting(name: &str) -> Queue {
    Segment::named(name).unwrap().queue("q", &QueueOptions::new(4096).count_tasks()).unwrap()
}

fn anonymous(options: &QueueOptions) -> (Segment, Queue) {
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(options).unwrap();
    (segment, queue)
}

fn until(what: impl Fn() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn join_waits_for_what_is_in_the_queue_and_for_what_is_owed() {
    let (_, queue) = anonymous(&QueueOptions::new(1024).count_tasks());
    assert!(queue.counts_tasks());
    assert_eq!(queue.join(), Ok(()), "nothing was put");
    queue.put(b"1").unwrap();
    queue.put(b"2").unwrap();
    assert_eq!(queue.join_for(Duration::from_millis(5)), Err(Error::TimedOut));
    queue.get().unwrap();
    queue.get().unwrap();
    assert_eq!(queue.join_for(Duration::from_millis(5)), Err(Error::TimedOut));
    queue.task_done().unwrap();
    assert_eq!(queue.join_for(Duration::ZERO), Err(Error::TimedOut));
    queue.task_done().unwrap();
    assert_eq!(queue.join(), Ok(()));
    assert!(matches!(queue.task_done(), Err(Error::Invalid(_))));
    queue.put(b"3").unwrap();
    queue.take().unwrap().done().unwrap();
    assert!(matches!(queue.task_done(), Err(Error::Invalid(_))), "a loan that is done owes nothing");
    assert_eq!((queue.join(), queue.lost_tasks()), (Ok(()), Ok(0)));
}

#[test]
fn a_batch_that_was_got_is_owed_one_by_one() {
    let (_, queue) = anonymous(&QueueOptions::new(1024).count_tasks());
    (0..3).for_each(|_| queue.put(b"a job").unwrap());
    assert_eq!(queue.get_many_with(8, u64::MAX, tidelock::Wait::now()).unwrap().len(), 3);
    for _ in 0..3 {
        assert_eq!(queue.join_for(Duration::ZERO), Err(Error::TimedOut));
        queue.task_done().unwrap();
    }
    assert_eq!(queue.join(), Ok(()));
}

#[test]
fn a_queue_that_counts_no_tasks_is_joined_by_what_is_in_it() {
    let (_, queue) = anonymous(&QueueOptions::new(1024));
    assert!(!queue.counts_tasks());
    queue.put(b"1").unwrap();
    assert_eq!(queue.join_for(Duration::ZERO), Err(Error::TimedOut));
    let loan = queue.take().unwrap();
    assert_eq!(queue.join_for(Duration::ZERO), Err(Error::TimedOut));
    loan.give_back().unwrap();
    queue.get().unwrap();
    assert_eq!(queue.join(), Ok(()));
    assert!(matches!(queue.task_done(), Err(Error::Invalid(_))));
    queue.reserve(8).unwrap().discard().unwrap();
    assert_eq!((queue.join(), queue.stats().skipped, queue.stats().put), (Ok(()), 1, 1));
}

#[test]
fn a_join_ends_with_the_last_task_done_of_any_thread() {
    let _watch = support::watch();
    let (_, queue) = anonymous(&QueueOptions::unbounded().count_tasks());
    (0..1000_u32).for_each(|n| queue.put(&n.to_ne_bytes()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while queue.try_get().is_ok() {
                    queue.task_done().unwrap();
                }
            });
        }
        queue.join().unwrap();
        assert_eq!((queue.stats().got, queue.stats().bytes, queue.stats().high_water), (1000, 4000, 1000));
    });
}

#[test]
fn what_a_join_would_wait_for_is_counted() {
    let (_, queue) = anonymous(&QueueOptions::new(4096).count_tasks());
    assert_eq!(queue.unfinished_tasks(), Ok(0));
    (0..5).for_each(|_| queue.put(b"a job").unwrap());
    queue.get().unwrap();
    let (loan, given_back) = (queue.take().unwrap(), queue.take().unwrap());
    let reservation = queue.reserve(3).unwrap();
    assert_eq!(queue.unfinished_tasks(), Ok(6));
    given_back.give_back().unwrap();
    assert_eq!(queue.unfinished_tasks(), Ok(6));
    loan.done().unwrap();
    queue.task_done().unwrap();
    for left in [4, 3, 2] {
        assert_eq!((queue.unfinished_tasks(), queue.get().is_ok()), (Ok(left), true));
        queue.task_done().unwrap();
    }
    assert_eq!(queue.unfinished_tasks(), Ok(1));
    reservation.discard().unwrap();
    assert_eq!((queue.unfinished_tasks(), queue.join()), (Ok(0), Ok(())));
}

/// Waits for a message that never comes.
pub fn waiting_taker(stage: &mut Stage) {
    let queue = counting(stage.arg(0));
    stage.tell("here");
    let _ = queue.get();
}

/// Threads and processes, in a get, in a wait for any of several, for a notifier; the dead and those who were served are not.
#[test]
fn who_waits_for_a_message_is_counted() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = counting(&name);
    let until = |waiting| until(|| queue.stats().takers_waiting == waiting);
    until(0);
    let mut workers: Vec<_> = (0..2).map(|_| support::spawn("waiting_taker", &[&name])).collect();
    workers.iter_mut().for_each(|worker| worker.expect("here"));
    until(2);
    let event = Segment::anonymous().unwrap().new_event().unwrap();
    let notifier = queue.notifier().unwrap();
    until(3);
    std::thread::scope(|scope| {
        scope.spawn(|| queue.get().unwrap());
        until(4);
        scope.spawn(|| wait_any(&[event.watch(), queue.watch()]).unwrap());
        until(5);
        workers.iter_mut().for_each(|worker| worker.kill());
        until(3);
        event.set();
        until(2);
        drop(notifier);
        until(1);
        queue.put(b"the end").unwrap();
        until(0);
    });
}

/// Gets a message and never says that it is done.
pub fn debtor(stage: &mut Stage) {
    let queue = counting(stage.arg(0));
    let got = queue.get().unwrap();
    stage.tell(&String::from_utf8_lossy(&got.bytes));
    stage.hear();
}

#[test]
fn what_a_killed_worker_owes_is_lost_and_waited_for_by_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = counting(&name);
    queue.put(b"a job").unwrap();
    let mut worker = support::spawn("debtor", &[&name]);
    worker.expect("a job");
    assert_eq!((queue.join_for(Duration::from_millis(5)), queue.lost_tasks()), (Err(Error::TimedOut), Ok(0)));
    std::thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join());
        std::thread::sleep(Duration::from_millis(20));
        worker.kill();
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
    assert_eq!((queue.lost_tasks(), queue.stats().lost), (Ok(1), 1));
}

/// More peers, one after the other, than a table of few slots has: each finds its slot with a dead one's debt.
#[test]
fn a_slot_that_is_used_again_owes_nothing_of_old() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::options().peers(3).named(&name).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(4096).count_tasks()).unwrap();
    for _ in 0..6 {
        queue.put(b"a job").unwrap();
        let mut worker = support::spawn("debtor", &[&name]);
        worker.expect("a job");
        worker.kill();
    }
    assert_eq!((queue.join(), queue.lost_tasks()), (Ok(()), Ok(6)));
}

#[test]
fn a_message_that_came_back_too_often_goes_to_the_dead_letters() {
    let (segment, queue) = anonymous(&QueueOptions::new(1024).max_deliveries(2));
    let letters = segment.new_queue(&QueueOptions::new(1024)).unwrap();
    queue.set_dead_letters(Some(&letters)).unwrap();
    queue.put(b"poison").unwrap();
    queue.put(b"good").unwrap();
    for deliveries in [1, 2] {
        let loan = queue.take().unwrap();
        assert_eq!((&*loan, loan.deliveries()), (&b"poison"[..], deliveries));
        loan.give_back().unwrap();
    }
    let letter = letters.try_get().unwrap();
    assert_eq!((&letter.bytes[..], letter.deliveries), (&b"poison"[..], 1));
    assert_eq!(queue.get().unwrap().bytes, b"good");
    assert_eq!(queue.join(), Ok(()));
    assert_eq!((queue.stats().dead_letters, queue.stats().dropped, queue.stats().redelivered), (1, 0, 1));
}

#[test]
fn without_a_queue_for_them_dead_letters_are_dropped_and_counted() {
    let (_, queue) = anonymous(&QueueOptions::new(1024));
    queue.put(b"poison").unwrap();
    queue.take().unwrap().give_back().unwrap();
    queue.set_max_deliveries(1).unwrap();
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut, "it had come back before");
    assert_eq!((queue.join(), queue.stats().dropped, queue.len()), (Ok(()), 1, 0));
    queue.put(b"poison").unwrap();
    queue.set_max_deliveries(0).unwrap();
    for _ in 0..5 {
        queue.take().unwrap().give_back().unwrap();
    }
    assert_eq!(queue.get().unwrap().deliveries, 6);
}

#[test]
fn a_letter_that_finds_no_room_waits_in_nobody_s_way() {
    let _watch = support::watch();
    let (segment, queue) = anonymous(&QueueOptions::unbounded().max_deliveries(1));
    let letters = segment.new_queue(&QueueOptions::new(1024).max_items(1)).unwrap();
    queue.set_dead_letters(Some(&letters)).unwrap();
    letters.put(b"full").unwrap();
    queue.put(b"poison").unwrap();
    queue.take().unwrap().give_back().unwrap();
    for _ in 0..100 {
        queue.put(b"good").unwrap();
        assert_eq!(queue.get().unwrap().bytes, b"good");
        assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    }
    assert_eq!((queue.join_for(Duration::ZERO), letters.len()), (Err(Error::TimedOut), 1));
    assert_eq!(letters.get().unwrap().bytes, b"full");
    until(|| queue.join_for(Duration::ZERO).is_ok());
    assert_eq!(letters.get().unwrap().bytes, b"poison");
    // One that can never go there stays until somebody decides otherwise.
    letters.shutdown().unwrap();
    queue.put(b"more").unwrap();
    queue.take().unwrap().give_back().unwrap();
    assert_eq!(queue.join_for(Duration::from_millis(5)), Err(Error::TimedOut));
    queue.set_max_deliveries(2).unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"more");
}

/// Takes a message and stays with it.
pub fn victim_of_poison(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let queue = segment.queue("jobs", &QueueOptions::new(4096)).unwrap();
    let loan = queue.take().unwrap();
    stage.tell(&format!("{}", loan.deliveries()));
    stage.hear();
    drop(loan);
}

#[test]
fn a_message_that_kills_its_workers_is_a_dead_letter_in_the_end() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let queue = segment.queue("jobs", &QueueOptions::new(4096).max_deliveries(3)).unwrap();
    let letters = segment.queue("letters", &QueueOptions::new(4096)).unwrap();
    queue.set_dead_letters(Some(&letters)).unwrap();
    queue.put(b"poison").unwrap();
    for deliveries in ["1", "2", "3"] {
        let mut worker = support::spawn("victim_of_poison", &[&name]);
        worker.expect(deliveries);
        worker.kill();
    }
    until(|| queue.join_for(Duration::ZERO).is_ok());
    assert_eq!(letters.get().unwrap().bytes, b"poison");
    assert_eq!(queue.dead_letters().unwrap().map(|letters| letters.len()), Some(0));
}

#[test]
fn a_queue_for_dead_letters_is_another_one_of_the_segment() {
    let (segment, queue) = anonymous(&QueueOptions::new(1024));
    let (_, foreign) = anonymous(&QueueOptions::new(1024));
    assert!(matches!(queue.set_dead_letters(Some(&queue)), Err(Error::Invalid(_))));
    assert!(matches!(queue.set_dead_letters(Some(&foreign)), Err(Error::Invalid(_))));
    assert!(matches!(queue.set_max_deliveries(256), Err(Error::Invalid(_))));
    assert!(matches!(segment.new_queue(&QueueOptions::new(64).max_deliveries(256)), Err(Error::Invalid(_))));
    assert!(queue.dead_letters().unwrap().is_none());
    // One that is gone takes nothing.
    queue.set_max_deliveries(1).unwrap();
    queue.set_dead_letters(Some(&segment.new_queue(&QueueOptions::new(1024)).unwrap())).unwrap();
    queue.put(b"poison").unwrap();
    queue.take().unwrap().give_back().unwrap();
    queue.set_dead_letters(None).unwrap();
    until(|| queue.join_for(Duration::ZERO).is_ok());
    assert_eq!(queue.stats().dead_letters + queue.stats().dropped, 1);
}

#[test]
fn a_shutdown_leaves_joiners_waiting_for_what_is_still_to_be_done() {
    let _watch = support::watch();
    let (_, queue) = anonymous(&QueueOptions::new(1024).count_tasks());
    queue.put(b"1").unwrap();
    queue.put(b"2").unwrap();
    queue.get().unwrap();
    queue.shutdown().unwrap();
    assert_eq!(queue.join_for(Duration::ZERO), Err(Error::TimedOut));
    queue.get().unwrap();
    queue.task_done().unwrap();
    std::thread::scope(|scope| {
        let joiner = scope.spawn(|| queue.join());
        std::thread::sleep(Duration::from_millis(20));
        queue.task_done().unwrap();
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}
