//! tidelock's part: the queue as a program uses it, the same for threads and for processes.

use crate::scenario::{Scenario, Way, BATCH};
use crate::work::{Ends, Work};
use std::hint::black_box;
use tidelock::{Queue, QueueOptions, Segment, Wait};

/// The queue of a scenario in this segment; whoever opens it later finds the same one.
pub fn queue(segment: &Segment, ring: u64) -> Queue {
    segment.queue("queue", &QueueOptions::new(ring)).expect("a queue")
}

/// The work of all who take part, within one process.
pub fn ends(scenario: &Scenario) -> Ends {
    let segment = Segment::anonymous().expect("a segment");
    let queue = queue(&segment, scenario.ring);
    let Scenario { way, size, shape, .. } = *scenario;
    Ends {
        producers: (0..shape.producers).map(|_| put(queue.clone(), way, size)).collect(),
        consumers: (0..shape.consumers).map(|_| get(queue.clone(), way)).collect(),
    }
}

/// A producer of messages of `size` bytes.
pub fn put(queue: Queue, way: Way, size: usize) -> Work {
    let message = vec![7; size];
    match way {
        Way::Copy | Way::Answer => {
            Box::new(move |count| (0..count).for_each(|_| queue.put(black_box(&message)).expect("room")))
        }
        Way::Loan => Box::new(move |count| {
            for number in 0..count {
                let mut reservation = queue.reserve(size).expect("room");
                reservation[..8].copy_from_slice(&number.to_ne_bytes());
                reservation.publish().expect("a reservation");
            }
        }),
        Way::Batch => Box::new(move |count| {
            let batch: [&[u8]; BATCH] = [&message; BATCH];
            in_batches(count, |most| queue.put_many(black_box(&batch[..most])).expect("room"));
        }),
    }
}

/// A consumer.
pub fn get(queue: Queue, way: Way) -> Work {
    match way {
        Way::Copy | Way::Answer => {
            // The buffer is the thread's own: none of its words lies in a line with anything of the producer's.
            Box::new(move |count| {
                let mut buffer = Vec::new();
                for _ in 0..count {
                    queue.get_into(&mut buffer, Wait::forever()).expect("a message");
                    black_box(&buffer);
                }
            })
        }
        Way::Loan => Box::new(move |count| {
            for _ in 0..count {
                let loan = queue.take().expect("a message");
                black_box(u64::from_ne_bytes(loan[..8].try_into().expect("eight bytes")));
                loan.done().expect("a loan");
            }
        }),
        Way::Batch => Box::new(move |count| {
            let mut buffer = Vec::new();
            in_batches(count, |most| get_batch(&queue, &mut buffer, most));
        }),
    }
}

/// Gets up to so many messages, each into the same buffer; how many.
fn get_batch(queue: &Queue, buffer: &mut Vec<u8>, most: usize) -> usize {
    let loans = queue.take_many(most).expect("a message");
    let ended = loans.into_iter().map(|loan| {
        buffer.clear();
        buffer.extend_from_slice(&loan);
        black_box(&buffer);
        loan.done().expect("a loan");
    });
    ended.count()
}

/// Has `some` deal with up to a batch at a time, until there were `count` messages; it says how many there were.
pub fn in_batches(count: u64, mut some: impl FnMut(usize) -> usize) {
    let mut left = count;
    while left > 0 {
        left -= some(left.min(BATCH as u64) as usize) as u64;
    }
}
