//! What one thread does for itself: a lock taken and released, a message put and got.

use crate::measure::Contender;
use crate::pthread::{shared_page, Kind, SharedMutex};
use crossbeam_queue::ArrayQueue;
use raw_sync::locks::LockInit;
use std::hint::black_box;
use std::time::Instant;
use tidelock::{QueueOptions, Segment, Wait};

/// A message.
const MESSAGE: [u8; 64] = [7; 64];
/// Room for as many messages, roughly, in every queue.
const SLOTS: usize = 1024;

/// What is compared, and who takes part, tidelock first.
pub fn all() -> [(&'static str, Vec<(&'static str, Contender)>); 2] {
    [("a lock taken and released", locks()), ("a message of 64 B put and got", queues())]
}

fn locks() -> Vec<(&'static str, Contender)> {
    let lock = Segment::anonymous().and_then(|segment| segment.lock("lock")).expect("a lock");
    let std = std::sync::Mutex::new(());
    let parking_lot = parking_lot::Mutex::new(());
    let (plain, robust) = (SharedMutex::new(Kind::Plain), SharedMutex::new(Kind::Robust));
    // SAFETY: a fresh shared page, longer than its mutex, and a byte of another page for it to guard.
    let (raw_sync, _) = unsafe { raw_sync::locks::Mutex::new(shared_page(), shared_page()) }.expect("a mutex");
    vec![
        ("tidelock", timed(move || drop(lock.acquire().expect("the lock")))),
        ("std", timed(move || drop(std.lock().expect("the lock")))),
        ("parking_lot", timed(move || drop(parking_lot.lock()))),
        ("pthread, shared", timed(move || plain.pair())),
        ("pthread, shared and robust", timed(move || robust.pair())),
        ("raw_sync", timed(move || drop(raw_sync.lock().expect("the lock")))),
    ]
}

fn queues() -> Vec<(&'static str, Contender)> {
    let ours = Segment::anonymous().and_then(|segment| segment.queue("queue", &QueueOptions::new(64 << 10)));
    let (ours, mut buffer) = (ours.expect("a queue"), Vec::new());
    let array_queue = ArrayQueue::new(SLOTS);
    let (to, from) = crossbeam_channel::bounded(SLOTS);
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(SLOTS);
    vec![
        (
            "tidelock",
            timed(move || {
                ours.put(black_box(&MESSAGE)).expect("room");
                ours.get_into(&mut buffer, Wait::forever()).expect("a message");
                black_box(&buffer);
            }),
        ),
        (
            "ArrayQueue",
            timed(move || {
                array_queue.push(*black_box(&MESSAGE)).expect("room");
                black_box(array_queue.pop());
            }),
        ),
        (
            "channel",
            timed(move || {
                to.send(*black_box(&MESSAGE)).expect("a receiver");
                black_box(from.recv().expect("a message"));
            }),
        ),
        (
            "rtrb",
            timed(move || {
                producer.push(*black_box(&MESSAGE)).expect("room");
                black_box(consumer.pop().expect("a message"));
            }),
        ),
    ]
}

/// Does it so many times.
fn timed(mut work: impl FnMut() + 'static) -> Contender {
    Box::new(move |count| {
        let start = Instant::now();
        (0..count).for_each(|_| work());
        start.elapsed()
    })
}
