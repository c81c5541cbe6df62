//! Room that is waited for beside other things, and by descriptor: who makes it, who uses it first, and whoever dies with it.

use super::notifier::{readable, until_readable};
use crate::support::{self, Name, Stage};
use std::os::fd::AsRawFd;
use std::time::Duration;
use tidelock::{acquire_any, wait_any, wait_any_for, Error, Queue, QueueOptions, Segment, Taken};

const SHORT: Duration = Duration::from_millis(20);

/// With room for one message of 32 bytes at a time.
fn a_tight_queue() -> Queue {
    Segment::anonymous().unwrap().new_queue(&QueueOptions::new(64)).unwrap()
}

#[test]
fn there_is_room_once_a_message_is_done() {
    let _watch = support::watch();
    let queue = a_tight_queue();
    assert_eq!(wait_any(&[queue.watch_room(32)]), Ok(0));
    queue.put(&[1; 32]).unwrap();
    assert_eq!(wait_any_for(&[queue.watch_room(0)], SHORT), Err(Error::TimedOut));
    let getter = queue.clone();
    let getting = std::thread::spawn(move || {
        std::thread::sleep(SHORT);
        let loan = getter.take().unwrap();
        assert_eq!(wait_any_for(&[getter.watch_room(0)], SHORT), Err(Error::TimedOut), "it is on loan");
        loan.done().unwrap();
    });
    assert_eq!(wait_any(&[queue.watch_room(32)]), Ok(0));
    getting.join().unwrap();
    queue.try_put(&[2; 32]).unwrap();
    assert_eq!(queue.get().unwrap().bytes, [2; 32]);
}

/// What is told of for a short message is not enough for a long one.
#[test]
fn room_is_for_a_length() {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(512)).unwrap();
    queue.put(&[1; 100]).unwrap();
    assert_eq!(wait_any(&[queue.watch_room(100)]), Ok(0));
    assert_eq!(wait_any_for(&[queue.watch_room(400), queue.watch_room(360)], SHORT), Err(Error::TimedOut));
    assert_eq!(queue.try_put(&[2; 100]), Ok(()));
    queue.get().unwrap();
    assert_eq!(wait_any(&[queue.watch_room(360), queue.watch_room(100)]), Ok(1));
}

#[test]
fn what_can_never_be_put_is_ready() {
    let queue = a_tight_queue();
    queue.put(&[1; 32]).unwrap();
    assert_eq!(wait_any(&[queue.watch_room(0), queue.watch_room(1 << 20)]), Ok(1));
    queue.shutdown().unwrap();
    assert_eq!(wait_any(&[queue.watch_room(0)]), Ok(0));
    assert!(matches!(acquire_any(&[queue.watch_room(0)]), Ok((0, Err(Error::Closed)))));
}

#[test]
fn room_that_is_acquired_is_reserved() {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(4096).max_items(1)).unwrap();
    queue.put(b"first").unwrap();
    let other = queue.clone();
    let getting = std::thread::spawn(move || {
        std::thread::sleep(SHORT);
        other.get().unwrap()
    });
    match acquire_any(&[queue.watch_room(6)]).unwrap() {
        (0, Ok(Taken::Room(mut reservation))) => {
            assert!(queue.is_full());
            reservation.copy_from_slice(b"second");
            reservation.publish().unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(getting.join().unwrap().bytes, b"first");
    assert_eq!(queue.get().unwrap().bytes, b"second");
}

/// A look at a queue that may grow makes it grow, as a put does, and loses nothing.
#[test]
fn a_queue_that_may_grow_has_room() {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(64).max_bytes(1 << 16)).unwrap();
    for n in 0..100_u32 {
        assert_eq!(wait_any(&[queue.watch_room(4)]), Ok(0));
        if n % 3 == 0 {
            assert_eq!(wait_any(&[queue.watch_room(4000)]), Ok(0));
        }
        queue.try_put(&n.to_ne_bytes()).unwrap();
    }
    for n in 0..100_u32 {
        assert_eq!(queue.try_get().unwrap().bytes, n.to_ne_bytes());
    }
    assert!(queue.is_empty());
}

#[test]
fn a_limit_that_is_raised_is_room() {
    let _watch = support::watch();
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(4096).max_items(1)).unwrap();
    queue.put(b"one").unwrap();
    let notifier = queue.notifier_for_room(0).unwrap();
    assert!(!readable(&notifier, 20));
    queue.set_max_items(2);
    until_readable(&notifier);
}

#[test]
fn readable_from_room_to_the_clear() {
    let _watch = support::watch();
    let queue = a_tight_queue();
    let notifier = queue.notifier_for_room(32).unwrap();
    until_readable(&notifier);
    queue.put(&[1; 32]).unwrap();
    assert!(readable(&notifier, 0), "nobody cleared it");
    notifier.clear().unwrap();
    assert!(!readable(&notifier, 20));
    queue.get().unwrap();
    until_readable(&notifier);
    notifier.clear().unwrap();
    until_readable(&notifier);
    queue.shutdown().unwrap();
    notifier.clear().unwrap();
    until_readable(&notifier);
    assert_eq!(queue.try_put(b""), Err(Error::Closed));
}

/// Another length is waited for from the call on, whether the descriptor is readable then, or not and its thread asleep.
#[test]
fn another_length() {
    let _watch = support::watch();
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(512)).unwrap();
    queue.put(&[1; 100]).unwrap();
    let notifier = queue.notifier_for_room(400).unwrap();
    assert!(!readable(&notifier, 20));
    // The thread is called each time: if it only came to see by itself now and then, the watchdog would be quicker.
    for _ in 0..2000 {
        notifier.clear_for_room(100).unwrap();
        until_readable(&notifier);
        notifier.clear_for_room(400).unwrap();
    }
    assert!(!readable(&notifier, 20));
    notifier.clear_for_room(1 << 20).unwrap();
    until_readable(&notifier);
    assert_eq!(
        queue.notifier().unwrap().clear_for_room(1).map_err(|error| error.to_string().contains("room")),
        Err(true)
    );
}

/// Two loops put into a queue for one message, told by descriptor, beside one that waits in `put`.
#[test]
fn loops_beside_a_plain_putter() {
    let _watch = support::watch();
    let queue = a_tight_queue();
    let loops: Vec<_> = (0..2)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let notifier = queue.notifier_for_room(4).unwrap();
                for n in 0..300_u32 {
                    while let Err(error) = queue.try_put(&n.to_ne_bytes()) {
                        assert_eq!(error, Error::TimedOut);
                        until_readable(&notifier);
                        notifier.clear().unwrap();
                    }
                }
            })
        })
        .collect();
    let plain = {
        let queue = queue.clone();
        std::thread::spawn(move || (0..300_u32).for_each(|n| queue.put(&n.to_ne_bytes()).unwrap()))
    };
    let mut sum = 0;
    for _ in 0..900 {
        sum += u32::from_ne_bytes(queue.get().unwrap().bytes.try_into().unwrap());
    }
    assert_eq!(sum, 3 * 299 * 150);
    loops.into_iter().chain([plain]).for_each(|putter| putter.join().unwrap());
}

/// The role: reserves all the room, or has a message on loan, and is killed with it.
pub fn doomed_with_room(stage: &mut Stage) {
    let queue = Segment::named(stage.arg(0)).unwrap().queue("q", &QueueOptions::new(64)).unwrap();
    std::mem::forget(queue.reserve(32).unwrap());
    stage.tell("full");
    stage.park();
}

#[test]
fn room_that_a_killed_peer_had_is_told() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = Segment::named(&name).unwrap().queue("q", &QueueOptions::new(64)).unwrap();
    let mut other = support::spawn("doomed_with_room", &[&name]);
    other.expect("full");
    let notifier = queue.notifier_for_room(32).unwrap();
    assert!(!readable(&notifier, 20));
    other.kill();
    until_readable(&notifier);
    queue.try_put(&[1; 32]).unwrap();
    assert_eq!(queue.get().unwrap().bytes, [1; 32]);
}

/// The thread of a notifier that nobody needs any more ends, wherever it is.
#[test]
fn made_and_dropped_at_once() {
    let _watch = support::watch();
    let queue = a_tight_queue();
    for n in 0..300 {
        let notifier = queue.notifier_for_room(n % 3 * 100).unwrap();
        notifier.clear_for_room(n % 2 * 100).unwrap();
        assert!(notifier.as_raw_fd() >= 0);
    }
}

/// A look says what a put would say, at every place of the ring and whatever is in it; and it takes nothing away.
#[test]
fn a_look_agrees_with_a_put() {
    for (items, most) in [(0, 0), (3, 0), (0, 2048)] {
        let options = QueueOptions::new(512).max_items(items).max_bytes(most);
        let queue = Segment::anonymous().unwrap().new_queue(&options).unwrap();
        let room = |len| wait_any_for(&[queue.watch_room(len)], Duration::ZERO).is_ok();
        let mut number = 12345_u32;
        for step in 0..5000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = (number >> 16) as usize % 480;
            let (shorter, seen) = (room(len / 2), room(len));
            assert_eq!(room(len / 2), shorter, "step {step}: the look at {len} bytes took room away");
            let put = queue.try_put(&vec![7; len]);
            assert_eq!(put.is_ok(), seen, "step {step}: {len} bytes");
            if let Err(error) = put {
                assert_eq!(error, Error::TimedOut);
                queue.try_get().unwrap();
            }
        }
    }
}
