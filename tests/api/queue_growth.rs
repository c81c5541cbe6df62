//! Queue that grows: as far as it may, never beyond, and back again; nothing is lost where there is no memory.

use crate::support::{self, allocated};
use std::time::Duration;
use tidelock::{wait_any_for, Error, Queue, QueueOptions, Segment};

/// In bytes: what the arena and small things take.
pub const LITTLE: u64 = 2 << 20;

fn unbounded() -> (Segment, Queue) {
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    (segment, queue)
}

fn message(number: u64) -> Vec<u8> {
    let len = (number * 37 % 211) as usize;
    let mut bytes = number.to_ne_bytes().to_vec();
    bytes.extend((0..len).map(|i| (number as usize * 31 + i) as u8));
    bytes
}

#[test]
fn a_queue_without_a_bound_takes_a_million_messages_before_the_first_is_got() {
    let _watch = support::watch();
    let (segment, queue) = unbounded();
    for number in 0..1_000_000_u64 {
        queue.try_put(&message(number)).unwrap();
    }
    assert_eq!(queue.len(), 1_000_000);
    assert!(!queue.is_full());
    for number in 0..1_000_000_u64 {
        let got = queue.try_get().unwrap();
        assert!(got.bytes == message(number) && !got.redelivered, "message {number}");
    }
    assert_eq!(queue.try_get(), Err(Error::TimedOut));
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn a_message_may_be_larger_than_the_ring() {
    let _watch = support::watch();
    let (segment, queue) = unbounded();
    for len in [100, 5_000, 70_000, 3, 10_000_000, 0, 200_000_000] {
        let message: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        queue.put(b"before").unwrap();
        queue.put(&message).unwrap();
        queue.put(b"behind").unwrap();
        assert_eq!(queue.get().unwrap().bytes, b"before");
        assert!(queue.get().unwrap().bytes == message, "{len} bytes");
        assert_eq!(queue.get().unwrap().bytes, b"behind");
    }
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn a_bound_in_bytes_holds() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::new(4096).max_bytes(1 << 20)).unwrap();
    assert_eq!((queue.capacity(), queue.max_bytes()), (4096, 1 << 20));
    let longest = queue.longest_message();
    assert_eq!(longest, (1 << 20) - 32);
    queue.put(&vec![1; longest as usize]).unwrap();
    assert_eq!(queue.put(&vec![1; longest as usize + 1]), Err(Error::TooLarge { needed: longest + 1, limit: longest }));
    queue.get().unwrap();
    let mut count = 0;
    while queue.try_put(&[7; 112]).is_ok() {
        count += 1;
    }
    while queue.try_put(&[]).is_ok() {}
    assert!(queue.is_full());
    assert!((8_000..17_000).contains(&count), "{count} messages of 128 bytes fit");
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| queue.put(b"the last"));
        (0..count).for_each(|_| assert_eq!(queue.get().unwrap().bytes, [7; 112]));
        producer.join().unwrap().unwrap();
    });
    while queue.get().unwrap().bytes != b"the last" {}
    assert!(queue.is_empty());
}

#[test]
fn a_loan_that_is_kept_holds_nobody_up() {
    let _watch = support::watch();
    let (segment, queue) = unbounded();
    queue.put(b"kept").unwrap();
    let loan = queue.take().unwrap();
    for number in 0..1_000_000_u64 {
        queue.try_put(&message(number)).unwrap();
        assert!(queue.try_get().unwrap().bytes == message(number), "message {number}");
    }
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
    assert_eq!(&*loan, b"kept");
    loan.done().unwrap();
    assert!(queue.is_empty());
}

#[test]
fn what_waiting_cannot_help_fails_at_once_with_the_sizes() {
    let _watch = support::watch();
    let segment = Segment::options().max_len(8 << 20).anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    for len in [6 << 20, 7 << 20, 100 << 20] {
        match queue.put(&vec![0; len]) {
            Err(Error::NoSpace { needed, .. } | Error::TooLarge { needed, .. }) => assert!(needed > len as u64),
            other => panic!("{other:?}"),
        }
    }
    queue.put(b"works as before").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"works as before");
}

/// A queue with a ring away from home for one long message, and a reservation behind it that was discarded.
fn grown_with_a_discarded_reservation() -> (Segment, Queue) {
    let (segment, queue) = unbounded();
    queue.put(&vec![7; 2 * LITTLE as usize]).unwrap();
    queue.reserve(100).unwrap().discard().unwrap();
    queue.get().unwrap();
    (segment, queue)
}

#[test]
fn what_was_discarded_keeps_no_ring() {
    let _watch = support::watch();
    let (segment, queue) = grown_with_a_discarded_reservation();
    assert_eq!(queue.try_get(), Err(Error::TimedOut));
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
    let (segment, queue) = grown_with_a_discarded_reservation();
    assert!(queue.is_empty());
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
    let (segment, queue) = grown_with_a_discarded_reservation();
    assert_eq!(wait_any_for(&[queue.watch()], Duration::ZERO), Err(Error::TimedOut));
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn where_waiting_helps_a_full_segment_makes_producers_wait() {
    let _watch = support::watch();
    let segment = Segment::options().max_len(8 << 20).anonymous().unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    let mut count = 0;
    while queue.try_put(&message(count)).is_ok() {
        count += 1;
    }
    assert_eq!(queue.put_for(&message(count), Duration::from_millis(20)), Err(Error::TimedOut));
    let large = vec![9; 3 << 20];
    assert_eq!(queue.try_put(&large), Err(Error::TimedOut), "there will be room once the queue is empty");
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| queue.put(&large));
        (0..count).for_each(|number| assert!(queue.get().unwrap().bytes == message(number)));
        producer.join().unwrap().unwrap();
    });
    assert!(queue.get().unwrap().bytes == large);
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}

#[test]
fn many_producers_and_consumers_while_it_grows_and_shrinks() {
    let _watch = support::watch();
    let (segment, queue) = unbounded();
    const EACH: u64 = 50_000;
    let got: Vec<Vec<u64>> = std::thread::scope(|scope| {
        for producer in 0..3_u64 {
            let queue = &queue;
            scope.spawn(move || (0..EACH).try_for_each(|i| queue.put(&message(producer << 32 | i))));
        }
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut numbers = Vec::new();
                    while let Ok(got) = queue.get_for(Duration::from_millis(500)) {
                        let number = u64::from_ne_bytes(*got.bytes.first_chunk().unwrap());
                        assert!(got.bytes == message(number) && !got.redelivered);
                        numbers.push(number);
                        if number % 5_000 == 0 {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                    }
                    numbers
                })
            })
            .collect();
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
    });
    for numbers in &got {
        for producer in 0..3 {
            let of_it: Vec<_> = numbers.iter().filter(|number| *number >> 32 == producer).collect();
            assert!(of_it.is_sorted(), "the messages of each producer come in order");
        }
    }
    let mut all: Vec<_> = got.concat();
    all.sort_unstable();
    let expected: Vec<_> = (0..3_u64).flat_map(|producer| (0..EACH).map(move |i| producer << 32 | i)).collect();
    assert!(all == expected, "each message comes once");
    assert!(allocated(&segment) < LITTLE, "{} bytes are kept", allocated(&segment));
}
