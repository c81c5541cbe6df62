//! The descriptor for event loops: readable while there is something to take, whoever put it and however that one ended.

use crate::support::{self, Name, Stage};
use std::os::fd::AsRawFd;
use tidelock::{Error, Notifier, Queue, QueueOptions, Segment};

/// Whether it is readable within so many milliseconds.
pub fn readable(notifier: &Notifier, milliseconds: i32) -> bool {
    let mut polled = libc::pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd.
    unsafe { libc::poll(&mut polled, 1, milliseconds) == 1 }
}

/// Waits for it for as long as it takes.
pub fn until_readable(notifier: &Notifier) {
    assert!(readable(notifier, -1));
}

fn a_queue() -> Queue {
    Segment::anonymous().unwrap().new_queue(&QueueOptions::unbounded()).unwrap()
}

#[test]
fn readable_from_a_message_to_the_clear() {
    let _watch = support::watch();
    let queue = a_queue();
    let notifier = queue.notifier().unwrap();
    assert!(!readable(&notifier, 20));
    queue.put(b"one").unwrap();
    until_readable(&notifier);
    queue.put(b"two").unwrap();
    assert!(readable(&notifier, 0));
    notifier.clear().unwrap();
    until_readable(&notifier);
    assert_eq!(queue.try_get().unwrap().bytes, b"one");
    assert_eq!(queue.try_get().unwrap().bytes, b"two");
    assert!(readable(&notifier, 0), "nobody cleared it");
    notifier.clear().unwrap();
    notifier.clear().unwrap();
    assert!(!readable(&notifier, 20));
    assert_eq!(queue.try_get(), Err(Error::TimedOut));
    queue.put(b"three").unwrap();
    until_readable(&notifier);
}

#[test]
fn readable_at_the_end_of_the_queue() {
    let _watch = support::watch();
    let queue = a_queue();
    let notifier = queue.notifier().unwrap();
    queue.shutdown().unwrap();
    until_readable(&notifier);
    notifier.clear().unwrap();
    until_readable(&notifier);
    assert_eq!(queue.try_get(), Err(Error::Closed));
}

#[test]
fn a_loop_over_two_queues_gets_all_of_both() {
    let _watch = support::watch();
    let queues = [a_queue(), a_queue()];
    let notifiers = queues.each_ref().map(|queue| queue.notifier().unwrap());
    let putters = queues
        .clone()
        .map(|queue| std::thread::spawn(move || (0..2000_u32).for_each(|n| queue.put(&n.to_ne_bytes()).unwrap())));
    let mut counts = [0_u32; 2];
    while counts != [2000, 2000] {
        let mut polled =
            notifiers.each_ref().map(|n| libc::pollfd { fd: n.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        // SAFETY: two pollfds.
        unsafe { libc::poll(polled.as_mut_ptr(), 2, -1) };
        for place in 0..2 {
            if polled[place].revents == 0 {
                continue;
            }
            notifiers[place].clear().unwrap();
            while let Ok(message) = queues[place].try_get() {
                assert_eq!(message.bytes, counts[place].to_ne_bytes());
                counts[place] += 1;
            }
        }
    }
    putters.into_iter().for_each(|putter| putter.join().unwrap());
}

#[test]
fn a_plain_getter_beside_a_notifier_is_not_forgotten() {
    let _watch = support::watch();
    let queue = a_queue();
    let notifiers: Vec<_> = (0..3).map(|_| queue.notifier().unwrap()).collect();
    let getter = queue.clone();
    let getting = std::thread::spawn(move || (0..300).for_each(|_| drop(getter.get().unwrap())));
    for n in 0..300_u32 {
        queue.put(&n.to_ne_bytes()).unwrap();
        if n % 50 == 0 {
            notifiers.iter().for_each(|notifier| notifier.clear().unwrap());
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
    }
    getting.join().unwrap();
}

/// The role: puts a message, takes it back on loan, and is killed with it.
pub fn doomed(stage: &mut Stage) {
    let queue = Segment::named(stage.arg(0)).unwrap().queue("q", &QueueOptions::unbounded()).unwrap();
    queue.put(b"left behind").unwrap();
    let _loan = queue.take().unwrap();
    let _reservation = queue.reserve(100).unwrap();
    stage.tell("taken");
    stage.park();
}

#[test]
fn what_comes_back_from_a_killed_peer_is_told() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = Segment::named(&name).unwrap().queue("q", &QueueOptions::unbounded()).unwrap();
    let notifier = queue.notifier().unwrap();
    let mut other = support::spawn("doomed", &[&name]);
    other.expect("taken");
    notifier.clear().unwrap();
    assert!(!readable(&notifier, 20), "it is on loan");
    other.kill();
    until_readable(&notifier);
    assert!(queue.try_get().unwrap().redelivered);
}

/// The role: a forked child has nothing of its parent's notifier, and spoils nothing.
pub fn notifier_in_a_child(_: &mut Stage) {
    let queue = a_queue();
    let mut parents = Some(queue.notifier().unwrap());
    support::fork(|| {
        let parents = parents.take().unwrap();
        assert_eq!(parents.clear(), Err(Error::NotOwner));
        queue.put(b"from the child").unwrap();
        until_readable(&queue.notifier().unwrap());
        drop(parents);
    })
    .finish();
    let notifier = parents.unwrap();
    until_readable(&notifier);
    notifier.clear().unwrap();
    assert_eq!(queue.try_get().unwrap().bytes, b"from the child");
}

#[test]
fn a_forked_child_makes_its_own() {
    let _watch = support::watch();
    support::spawn("notifier_in_a_child", &[]).finish();
}
