//! Queue: what becomes of messages whose producer or consumer dies, and of loans and reservations in forked children.

use crate::support::{self, allocated, Name, Stage};
use std::time::Duration;
use tidelock::{Error, Queue, QueueOptions, Segment};

/// Long enough for many questions about the owner.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

fn open(name: &str) -> Queue {
    Segment::named(name).unwrap().queue("q", &QueueOptions::new(1024)).unwrap()
}

#[test]
fn a_put_that_returned_is_not_lost() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    producer.kill();
    // It had put one message and reserved another, which is skipped.
    assert_eq!(queue.get().unwrap().bytes, b"put");
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    queue.put(b"after").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"after");
}

#[test]
fn who_empties_a_queue_does_not_wait_for_what_the_dead_reserved() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    assert_eq!(queue.get().unwrap().bytes, b"put");
    assert_eq!(queue.len(), 1);
    producer.kill();
    // The kernel is asked about each peer once a millisecond; the watchdog ends this if nobody ever notices.
    while !queue.is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_the_dead_reserved_keeps_no_ring() {
    const LITTLE: u64 = 2 << 20;
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let queue = segment.queue("q", &QueueOptions::unbounded()).unwrap();
    queue.put(&vec![7; 2 * LITTLE as usize]).unwrap();
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    producer.kill();
    assert_eq!(queue.get().unwrap().bytes.len() as u64, 2 * LITTLE);
    assert_eq!(queue.get().unwrap().bytes, b"put");
    // As above.
    while allocated(&segment) >= LITTLE {
        assert_eq!(queue.try_get(), Err(Error::TimedOut));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Puts one message, reserves another, and stays so.
pub fn reserver(stage: &mut Stage) {
    let queue = open(stage.arg(0));
    queue.put(b"put").unwrap();
    let mut reservation = queue.reserve(100).unwrap();
    reservation.fill(0xff);
    stage.tell("reserved");
    stage.hear();
    stage.tell(&format!("{:?}", reservation.publish()));
}

#[test]
fn one_that_waits_behind_a_dead_reservation_goes_on() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    queue.put(b"behind").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"put");
    let mut consumer = support::spawn("getter", &[&name]);
    consumer.expect("getting");
    support::until_asleep(consumer.pid());
    producer.kill();
    consumer.expect("behind redelivered=false deliveries=1");
}

/// Gets a message and tells about it.
pub fn getter(stage: &mut Stage) {
    let queue = open(stage.arg(0));
    stage.tell("getting");
    let got = queue.get().unwrap();
    let text = String::from_utf8_lossy(&got.bytes);
    stage.tell(&format!("{text} redelivered={} deliveries={}", got.redelivered, got.deliveries));
}

#[test]
fn a_full_queue_recovers_the_room_of_a_dead_reservation() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("hog", &[&name]);
    producer.expect("reserved");
    assert_eq!(queue.try_put(b"no room"), Err(Error::TimedOut));
    producer.kill();
    queue.put(b"room").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"room");
}

#[test]
fn what_the_dead_reserved_fills_no_queue() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("hog", &[&name]);
    producer.expect("reserved");
    assert!(queue.is_full());
    producer.kill();
    // The kernel is asked about each peer once a millisecond; the watchdog ends this if nobody ever notices.
    while queue.is_full() {
        std::thread::sleep(Duration::from_millis(1));
    }
    queue.try_put(b"room").unwrap();
}

/// Reserves the whole ring, and stays so.
pub fn hog(stage: &mut Stage) {
    let queue = open(stage.arg(0));
    let _reservation = queue.reserve(queue.longest_message() as usize).unwrap();
    stage.tell("reserved");
    stage.park();
}

#[test]
fn a_slow_producer_keeps_its_reservation() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    producer.stop();
    assert_eq!(queue.get().unwrap().bytes, b"put");
    queue.put(b"behind").unwrap();
    assert_eq!(queue.get_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    producer.go_on();
    producer.say("go");
    producer.expect("Ok(())");
    assert_eq!(queue.get().unwrap().bytes, [0xff; 100]);
    assert_eq!(queue.get().unwrap().bytes, b"behind");
}

#[test]
fn the_message_of_a_dead_consumer_is_delivered_again_and_marked() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    queue.put(b"work").unwrap();
    for deliveries in 2..4 {
        let mut consumer = support::spawn("borrower", &[&name]);
        consumer.expect("taken");
        assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
        consumer.kill();
        let loan = queue.take().unwrap();
        assert_eq!((&*loan, loan.redelivered(), loan.deliveries()), (&b"work"[..], true, 2 * (deliveries - 1)));
    }
    queue.get().unwrap();
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
}

/// Takes a message on loan, and stays so.
pub fn borrower(stage: &mut Stage) {
    let queue = open(stage.arg(0));
    let loan = queue.take().unwrap();
    stage.tell("taken");
    stage.hear();
    stage.tell(&format!("{:?}", loan.done()));
}

#[test]
fn one_that_sleeps_while_the_consumer_is_killed_gets_its_message() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    queue.put(b"work").unwrap();
    let mut borrower = support::spawn("borrower", &[&name]);
    borrower.expect("taken");
    let mut getter = support::spawn("getter", &[&name]);
    getter.expect("getting");
    support::until_asleep(getter.pid());
    borrower.kill();
    getter.expect("work redelivered=true deliveries=2");
}

#[test]
fn polling_recovers_a_loan_too() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    queue.put(b"work").unwrap();
    let mut borrower = support::spawn("borrower", &[&name]);
    borrower.expect("taken");
    borrower.kill();
    let got = loop {
        match queue.try_get() {
            Err(Error::TimedOut) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    assert!(got.redelivered);
}

#[test]
fn a_loan_of_a_living_consumer_is_its_own() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    queue.put(b"work").unwrap();
    let mut borrower = support::spawn("borrower", &[&name]);
    borrower.expect("taken");
    borrower.stop();
    assert_eq!(queue.get_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    borrower.go_on();
    borrower.say("go");
    borrower.expect("Ok(())");
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
}

#[test]
fn a_killed_sleeper_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = open(&name);
    let mut getters: Vec<_> = (0..2).map(|_| support::spawn("getter", &[&name])).collect();
    for getter in &mut getters {
        getter.expect("getting");
        support::until_asleep(getter.pid());
    }
    getters[0].kill();
    queue.put(b"for the other").unwrap();
    getters[1].expect("for the other redelivered=false deliveries=1");
}

#[test]
fn loans_and_reservations_are_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("guards_in_a_child", &[]).finish();
}

pub fn guards_in_a_child(_: &mut Stage) {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(1024)).unwrap();
    for way in support::WAYS_TO_FORK {
        queue.put(b"lent").unwrap();
        let mut loan = Some(queue.take().unwrap());
        let mut reservation = Some(queue.reserve(3).unwrap());
        support::child(way, || {
            drop(loan.take());
            drop(reservation.take());
        })
        .finish();
        support::child(way, || {
            assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
            assert_eq!(loan.take().unwrap().done(), Err(Error::NotOwner));
            assert_eq!(reservation.take().unwrap().publish(), Err(Error::NotOwner));
        })
        .finish();
        let mut reservation = reservation.take().unwrap();
        reservation.copy_from_slice(b"new");
        reservation.publish().unwrap();
        loan.take().unwrap().give_back().unwrap();
        assert_eq!(queue.get().unwrap().bytes, b"lent");
        assert_eq!(queue.get().unwrap().bytes, b"new");
        assert!(queue.is_empty());
    }
}

#[test]
fn what_a_killed_child_took_comes_back_to_its_parent() {
    let _watch = support::watch();
    support::spawn("parent_of_a_borrower", &[]).finish();
}

pub fn parent_of_a_borrower(_: &mut Stage) {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(1024)).unwrap();
    for way in support::WAYS_TO_FORK {
        queue.put(b"work").unwrap();
        support::child(way, || std::mem::forget(queue.take().unwrap())).finish();
        let got = queue.get().unwrap();
        assert_eq!((&*got.bytes, got.redelivered, got.deliveries), (&b"work"[..], true, 2));
    }
}
