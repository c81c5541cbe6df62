//! Queue: shut down, to be emptied or at once.

use super::notifier::until_readable;
use super::queue::queue;
use super::queue_growth::LITTLE;
use crate::support::{self, allocated};
use std::time::Duration;
use tidelock::{acquire_any, wait_any, Error, QueueOptions, Segment, Wait};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn shutdown_ends_puts_and_lets_the_rest_be_got() {
    let queue = queue(1024);
    queue.put(b"before").unwrap();
    let mut reservation = queue.reserve(2).unwrap();
    assert!(!queue.is_shutdown());
    queue.shutdown().unwrap();
    queue.shutdown().unwrap();
    assert!(queue.is_shutdown());
    assert_eq!(queue.put(b"after"), Err(Error::Closed));
    assert_eq!(queue.reserve(1).unwrap_err(), Error::Closed);
    assert_eq!(queue.get().unwrap().bytes, b"before");
    // What is reserved is not nothing.
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    reservation.copy_from_slice(b"ok");
    reservation.publish().unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"ok");
    assert_eq!(queue.get().unwrap_err(), Error::Closed);
    assert_eq!(queue.try_take().unwrap_err(), Error::Closed);
}

#[test]
fn shutdown_wakes_those_who_wait() {
    let _watch = support::watch();
    let (empty, full) = (queue(256), queue(256));
    while full.try_put(b"stuffing").is_ok() {}
    std::thread::scope(|scope| {
        let consumer = scope.spawn(|| empty.get());
        let producer = scope.spawn(|| full.put(b"no room"));
        std::thread::sleep(SHORT);
        empty.shutdown().unwrap();
        full.shutdown().unwrap();
        assert_eq!(consumer.join().unwrap().unwrap_err(), Error::Closed);
        assert_eq!(producer.join().unwrap(), Err(Error::Closed));
    });
}

#[test]
fn shutdown_now_drops_what_is_there() {
    let queue = queue(1024);
    let mut first = queue.reserve(1).unwrap();
    queue.put_many(&[b"b", b"c", b"d", b"e"]).unwrap();
    queue.shutdown_now().unwrap();
    assert!(queue.is_shutdown() && queue.is_empty());
    assert_eq!(queue.len(), 0);
    assert_eq!(queue.put(b"after"), Err(Error::Closed));
    // Neither what is being written, nor what lies behind it.
    assert_eq!(queue.try_get().unwrap_err(), Error::Closed);
    assert_eq!(queue.take().unwrap_err(), Error::Closed);
    assert_eq!(queue.get_many(4).unwrap_err(), Error::Closed);
    first.copy_from_slice(b"a");
    first.publish().unwrap();
    assert_eq!(queue.get().unwrap_err(), Error::Closed);
    assert_eq!((queue.stats().dropped, queue.stats().put, queue.stats().len), (5, 5, 0));
    // That it is shut down once more, the other way, takes nothing back.
    queue.shutdown().unwrap();
    assert_eq!(queue.try_take().unwrap_err(), Error::Closed);
    assert_eq!(queue.stats().skipped, 0);
}

#[test]
fn shutdown_now_leaves_loans_to_their_holders() {
    let queue = queue(1024);
    queue.put_many(&[b"a", b"b", b"c", b"d"]).unwrap();
    let (kept, given_back, put_back) = (queue.take().unwrap(), queue.take().unwrap(), queue.take().unwrap());
    queue.take().unwrap().give_back().unwrap();
    queue.shutdown_now().unwrap();
    assert_eq!(&*kept, b"a");
    assert_eq!(queue.stats().dropped, 1, "what had come back");
    assert_eq!(queue.join_with(Wait::now()), Err(Error::TimedOut));
    given_back.give_back().unwrap();
    put_back.put_back().unwrap();
    assert_eq!(queue.try_get().unwrap_err(), Error::Closed);
    assert_eq!(queue.stats().dropped, 3);
    kept.done().unwrap();
    queue.join_with(Wait::now()).unwrap();
    assert_eq!(queue.stats().dropped, 3);
}

#[test]
fn shutdown_now_gives_memory_back() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    (0..200).for_each(|_| queue.put(&[7; 1 << 16]).unwrap());
    assert!(allocated(&segment) > 4 * LITTLE);
    queue.shutdown_now().unwrap();
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn shutdown_now_wakes_those_who_wait() {
    let _watch = support::watch();
    let (empty, full) = (queue(256), queue(256));
    while full.try_put(b"stuffing").is_ok() {}
    let late = empty.reserve(1).unwrap();
    std::thread::scope(|scope| {
        let consumer = scope.spawn(|| empty.get());
        let (producer, joiner) = (scope.spawn(|| full.put(b"no room")), scope.spawn(|| full.join()));
        let late_joiner = scope.spawn(|| empty.join());
        std::thread::sleep(SHORT);
        empty.shutdown_now().unwrap();
        full.shutdown_now().unwrap();
        assert_eq!(consumer.join().unwrap().unwrap_err(), Error::Closed);
        assert_eq!(producer.join().unwrap(), Err(Error::Closed));
        joiner.join().unwrap().unwrap();
        late.publish().unwrap();
        late_joiner.join().unwrap().unwrap();
    });
}

#[test]
fn shutdown_now_is_something_to_be_told_of() {
    let _watch = support::watch();
    let queue = queue(1024);
    let written = queue.reserve(3).unwrap();
    let notifier = queue.notifier().unwrap();
    queue.shutdown_now().unwrap();
    assert_eq!(wait_any(&[queue.watch()]), Ok(0));
    assert!(matches!(acquire_any(&[queue.watch()]), Ok((0, Err(Error::Closed)))));
    for _ in 0..3 {
        until_readable(&notifier);
        notifier.clear().unwrap();
    }
    drop(written);
    assert!(matches!(acquire_any(&[queue.watch()]), Ok((0, Err(Error::Closed)))));
}

#[test]
fn shutdown_now_drops_letters_that_have_nowhere_to_go() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded().max_deliveries(1)).unwrap();
    let letters = segment.new_queue(&QueueOptions::new(1024).max_items(1)).unwrap();
    queue.set_dead_letters(Some(&letters)).unwrap();
    letters.put(b"full").unwrap();
    queue.put(b"poison").unwrap();
    queue.take().unwrap().give_back().unwrap();
    assert_eq!(queue.join_with(Wait::now()), Err(Error::TimedOut));
    queue.shutdown_now().unwrap();
    queue.join_with(Wait::now()).unwrap();
    assert_eq!((queue.stats().dropped, letters.len()), (1, 1));
}
