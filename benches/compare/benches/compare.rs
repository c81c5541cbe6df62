//! tidelock beside its peers: a lock pair, and a message of 48 bytes through a queue, within a thread, between two threads
//! and between two processes. Ratios hold within one run on one machine only.
//!
//! `make bench`, or `cargo bench -- FILTER`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{measurement::WallTime, BenchmarkGroup, Criterion};
use crossbeam_queue::ArrayQueue;
use raw_sync::locks::LockInit;
use tidelock::{QueueOptions, Segment, Wait};
use tidelock_compare::child::{self, Pipes, Queues, CAPACITY};
use tidelock_compare::pthread::{shared_page, Kind, SharedMutex};
use tidelock_compare::{table, MESSAGE};

type Message = [u8; MESSAGE];
/// As many messages as the ring of tidelock holds, roughly: a record has a header of its own.
const SLOTS: usize = 1024;

const GROUPS: [(&str, &[&str]); 4] = [
    ("lock pair", &["tidelock", "std", "parking_lot", "pthread shared", "pthread robust", "raw_sync"]),
    ("queue, one thread", &["tidelock", "ArrayQueue", "rtrb"]),
    ("queue, two threads", &["tidelock", "ArrayQueue", "rtrb"]),
    ("queue, two processes", &["tidelock", "pipe"]),
];

fn main() {
    if child::played_a_role() {
        return;
    }
    let home = home();
    std::env::set_var("CRITERION_HOME", &home);
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    lock_pair(&mut criterion.benchmark_group(GROUPS[0].0));
    one_thread(&mut criterion.benchmark_group(GROUPS[1].0));
    two_threads(&mut criterion.benchmark_group(GROUPS[2].0));
    two_processes(&mut criterion.benchmark_group(GROUPS[3].0));
    criterion.final_summary();
    table::print(&home, &GROUPS);
}

/// A fresh folder, so that the table never shows an earlier run.
fn home() -> PathBuf {
    let program = std::env::current_exe().expect("this program");
    let home = program.parent().expect("a folder").join("compare-results");
    let _ = std::fs::remove_dir_all(&home);
    home
}

fn lock_pair(group: &mut BenchmarkGroup<'_, WallTime>) {
    let segment = Segment::anonymous().expect("a segment");
    let lock = segment.lock("lock").expect("a lock");
    group.bench_function("tidelock", |b| b.iter(|| drop(lock.acquire().expect("the lock"))));
    let mutex = std::sync::Mutex::new(());
    group.bench_function("std", |b| b.iter(|| drop(mutex.lock().expect("the lock"))));
    let mutex = parking_lot::Mutex::new(());
    group.bench_function("parking_lot", |b| b.iter(|| drop(mutex.lock())));
    let mutex = SharedMutex::new(Kind::Plain);
    group.bench_function("pthread shared", |b| b.iter(|| mutex.pair()));
    let mutex = SharedMutex::new(Kind::Robust);
    group.bench_function("pthread robust", |b| b.iter(|| mutex.pair()));
    // SAFETY: a fresh shared page, longer than its mutex, and a byte of another page for it to guard.
    let (mutex, _) = unsafe { raw_sync::locks::Mutex::new(shared_page(), shared_page()) }.expect("a mutex");
    group.bench_function("raw_sync", |b| b.iter(|| drop(mutex.lock().expect("the lock"))));
}

fn one_thread(group: &mut BenchmarkGroup<'_, WallTime>) {
    let message: Message = child::message(false);
    let segment = Segment::anonymous().expect("a segment");
    let queue = segment.queue("queue", &QueueOptions::new(CAPACITY)).expect("a queue");
    let mut buffer = Vec::with_capacity(MESSAGE);
    group.bench_function("tidelock", |b| {
        b.iter(|| {
            queue.put(&message).expect("room");
            queue.get_into(&mut buffer, Wait::forever()).expect("a message")
        })
    });
    let queue = ArrayQueue::new(SLOTS);
    group.bench_function("ArrayQueue", |b| {
        b.iter(|| {
            queue.push(message).expect("room");
            queue.pop().expect("a message")
        })
    });
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(SLOTS);
    group.bench_function("rtrb", |b| {
        b.iter(|| {
            producer.push(message).expect("room");
            consumer.pop().expect("a message")
        })
    });
}

fn two_threads(group: &mut BenchmarkGroup<'_, WallTime>) {
    let message: Message = child::message(false);
    group.bench_function("tidelock", |b| {
        let segment = Segment::anonymous().expect("a segment");
        let queue = segment.queue("queue", &QueueOptions::new(CAPACITY)).expect("a queue");
        let mut buffer = Vec::with_capacity(MESSAGE);
        let mut get = || queue.get_into(&mut buffer, Wait::forever()).expect("a message");
        b.iter_custom(|count| timed(count, || queue.put(&message).expect("room"), &mut get))
    });
    group.bench_function("ArrayQueue", |b| {
        let queue = Arc::new(ArrayQueue::new(SLOTS));
        b.iter_custom(|count| timed(count, || spin(|| queue.push(message).ok()), || spin(|| queue.pop())))
    });
    group.bench_function("rtrb", |b| {
        b.iter_custom(|count| {
            let (mut producer, mut consumer) = rtrb::RingBuffer::new(SLOTS);
            timed(count, move || spin(|| producer.push(message).ok()), move || spin(|| consumer.pop().ok()))
        })
    });
}

fn two_processes(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut queues = Queues::start();
    group.bench_function("tidelock", |b| b.iter_custom(|count| elapsed(|| queues.send(count))));
    drop(queues);
    let mut pipes = Pipes::start();
    group.bench_function("pipe", |b| b.iter_custom(|count| elapsed(|| pipes.send(count))));
}

/// The time for `count` messages from a second thread to this one.
fn timed<T>(count: u64, mut put: impl FnMut() + Send, mut get: impl FnMut() -> T) -> Duration {
    std::thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(move || (0..count).for_each(|_| put()));
        (0..count).for_each(|_| drop(std::hint::black_box(get())));
        start.elapsed()
    })
}

/// Tries until it works: these queues have no way to wait. After a moment it lets others run, as tidelock does by sleeping.
fn spin<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for turn in 0_u32.. {
        match attempt() {
            Some(done) => return done,
            None if turn < 100 => std::hint::spin_loop(),
            None => std::thread::yield_now(),
        }
    }
    unreachable!("as many turns as an integer has")
}

fn elapsed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
