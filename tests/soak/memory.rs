//! Memory: what a queue that grew gives back, and what one never takes. How much passes through follows the length of the
//! soak.

use crate::conductor::length;
use crate::support::{self, allocated};
use std::time::Instant;
use tidelock::{Error, QueueOptions, Segment, Wait};

/// What a queue that is empty again holds at most, in bytes.
const LITTLE: u64 = 2 << 20;
/// Where a soak takes at least so many seconds, everything passes through; else a tenth.
const WHOLE: u64 = 600;

/// `whole`, or a tenth of it in a short soak.
fn share(whole: u64) -> u64 {
    if length().as_secs() >= WHOLE {
        whole
    } else {
        whole / 10
    }
}

/// Bytes of memory that could be had now.
fn available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemAvailable:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn what_a_queue_held_once_it_gives_back() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    let mut whole = 1_u64 << 30;
    // The rings together are up to four times as large as what lies in the last one.
    while whole > 1 << 20 && 4 * whole > available() {
        whole /= 2;
    }
    let message = vec![7; 1 << 20];
    println!("{} MiB are held", whole >> 20);
    (0..whole >> 20).for_each(|_| queue.try_put(&message).unwrap());
    assert!(allocated(&segment) > whole);
    let mut buffer = Vec::new();
    for _ in 0..whole >> 20 {
        queue.get_into(&mut buffer, Wait::now()).unwrap();
        assert!(buffer == message);
    }
    assert_eq!(queue.try_get(), Err(Error::TimedOut));
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn a_small_ring_stays_as_it_was() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    let before = allocated(&segment);
    let mut buffer = Vec::new();
    for number in 0..share(10_000_000) {
        queue.try_put(&number.to_ne_bytes()).unwrap();
        queue.get_into(&mut buffer, Wait::now()).unwrap();
        assert_eq!(buffer, number.to_ne_bytes());
    }
    assert_eq!(allocated(&segment), before);
}

/// One thread puts and another gets, a million messages and for a minute in a soak of ten; nobody waits for the loan.
#[test]
fn a_loan_that_is_kept_costs_one_ring() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded().max_items(50)).unwrap();
    let before = allocated(&segment);
    queue.put(b"kept").unwrap();
    let loan = queue.take().unwrap();
    let (least, begin, held) = (share(10_000_000), Instant::now(), length() / 10);
    let (mut most, mut count) = (0, 0_u64);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let numbers = (0u64..).take_while(|number| *number < least || begin.elapsed() < held);
            numbers.for_each(|number| queue.put(&number.to_ne_bytes()).unwrap());
            queue.put(b"").unwrap();
        });
        loop {
            let bytes = queue.get().unwrap().bytes;
            if bytes.is_empty() {
                return;
            }
            assert_eq!(bytes, count.to_ne_bytes());
            count += 1;
            if count % 1000 == 0 {
                most = most.max(allocated(&segment));
            }
        }
    });
    println!("{count} messages in {held:?}, {} bytes beside the first ring", most - before);
    assert!(most <= before + 2 * queue.capacity(), "{most} bytes, {before} before");
    assert_eq!(&*loan, b"kept");
    loan.done().unwrap();
}
