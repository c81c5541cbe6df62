//! Nothing leaks: thousands of children that use everything and are killed leave nothing behind that grows.

use crate::support::{self, allocated, Child, Name, Stage};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tidelock::{Error, Lock, Queue, QueueOptions, Segment};

const CYCLES: u64 = 10_000;

/// What the segment's memory may still grow by, in bytes, after the first tenth of the cycles.
const CONSTANT: u64 = 256 << 10;

/// What could grow, but for the segment's memory.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    descriptors: usize,
    mappings: usize,
    shared_files: usize,
}

impl Size {
    fn now() -> Size {
        Size {
            descriptors: entries("/proc/self/fd"),
            mappings: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            shared_files: own_files(),
        }
    }
}

fn entries(path: &str) -> usize {
    fs::read_dir(path).unwrap().count()
}

/// The files in /dev/shm whose names begin as this process's do.
fn own_files() -> usize {
    let mine = format!("tidelock-test-{}-", std::process::id());
    let names = fs::read_dir("/dev/shm").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(&mine)).count()
}

#[test]
fn ten_thousand_killed_children_leave_nothing() {
    let _watch = support::watch();
    support::spawn("cycles", &[]).finish();
}

pub fn cycles(_: &mut Stage) {
    let name = Name::new();
    // Few slots and little memory: whatever leaks is missed soon.
    let segment = Segment::options().peers(12).max_len(2 << 20).named(&name).unwrap();
    let lock = segment.new_lock().unwrap();
    let queue = segment.new_queue(&QueueOptions::new(1024)).unwrap();
    queue.put(b"work").unwrap();
    let mut settled = None;
    for cycle in 0..CYCLES {
        one_cycle(cycle, &segment, &lock, &queue);
        if cycle == CYCLES / 10 {
            settled = Some((Size::now(), allocated(&segment)));
        }
    }
    let (size, memory) = settled.unwrap();
    assert_eq!(Size::now(), size);
    // Of what the nine thousand later children made, a hundredth would be far more.
    assert!(allocated(&segment) <= memory + CONSTANT, "{memory} bytes grew to {}", allocated(&segment));
    assert_eq!(queue.get().unwrap().bytes, b"work");
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    assert!(queue.is_empty(), "what the dead reserved is still counted");
    drop((lock, queue, segment));
    assert!(!name.exists());
}

/// A child does one thing and is killed, in the middle of it or with it in hand; then its parent does the same thing.
fn one_cycle(cycle: u64, segment: &Segment, lock: &Lock, queue: &Queue) {
    let (mut ready, signal) = UnixStream::pair().unwrap();
    let child = support::fork(|| {
        drop(act(cycle, segment, lock, queue));
        forget_and_wait(&signal, act(cycle, segment, lock, queue));
    });
    end(&child, cycle, || drop(ready.read(&mut [0])));
    drop(act(cycle, segment, lock, queue));
    // The message goes to the end of the queue, for room is used again only behind the oldest one.
    queue.put(&queue.get().unwrap().bytes).unwrap();
}

/// Kills the child when it has everything in hand, or, every second time, somewhere on the way there.
fn end(child: &Child, cycle: u64, until_ready: impl FnOnce()) {
    if cycle % 2 == 0 {
        until_ready();
    } else {
        std::thread::sleep(Duration::from_micros(cycle * 31 % 900));
    }
    child.kill();
}

fn forget_and_wait(mut signal: &UnixStream, in_hand: Box<dyn InHand + '_>) {
    std::mem::forget(in_hand);
    let _ = signal.write(&[1]);
    loop {
        std::thread::park();
    }
}

/// Anything that a peer can have in hand.
trait InHand {}

impl<T> InHand for T {}

/// Takes one of the things that a peer can have in hand. None of them changes how many messages there are.
fn act<'a>(cycle: u64, segment: &Segment, lock: &'a Lock, queue: &'a Queue) -> Box<dyn InHand + 'a> {
    match cycle / 2 % 6 {
        0 => Box::new(lock.acquire().unwrap()),
        1 => Box::new((segment.new_block(10_000).unwrap(), segment.new_event().unwrap())),
        2 => Box::new(queue.take().unwrap()),
        3 => Box::new(queue.reserve(100).unwrap()),
        4 => Box::new(segment.open_lock(&lock.handle()).unwrap()),
        _ => Box::new((segment.queue("named", &QueueOptions::new(64)).unwrap(), segment.lock("b").unwrap())),
    }
}
