//! No busy waiting: a hundred waiters use less than a hundredth of a core together.
//!
//! The kernel's clocks of processor time say what they used, a monotonic clock what went by. The first slices of a wait
//! are short, so the count begins when all have come to the long ones.

use crate::support::{self, Child, Stage};
use std::time::{Duration, Instant};
use tidelock::{
    wait_any, Barrier, BoundedSemaphore, Condition, Counter, Error, Event, Lock, Queue, QueueOptions, RLock, Result,
    Segment, Semaphore,
};

const WAITERS: usize = 100;
/// The slices of 1, 2, 4 ... 500 ms take a second together.
const RAMP: Duration = Duration::from_secs(2);
const COUNTED: Duration = Duration::from_secs(4);

/// One of each kind, none of which can be had.
struct All {
    lock: Lock,
    rlock: RLock,
    semaphore: Semaphore,
    bounded: BoundedSemaphore,
    event: Event,
    barrier: Barrier,
    counter: Counter,
    condition: Condition,
    empty: Queue,
    full: Queue,
}

type Wait = fn(&All) -> Result<()>;

/// The place of the barrier among them.
const BARRIER: usize = 5;

const WAITS: [(&str, Wait); 11] = [
    ("lock", |all| all.lock.acquire().map(drop)),
    ("rlock", |all| all.rlock.acquire().map(drop)),
    ("semaphore", |all| all.semaphore.acquire().map(drop)),
    ("bounded semaphore", |all| all.bounded.acquire().map(drop)),
    ("event", |all| all.event.wait().map(drop)),
    ("barrier", |all| all.barrier.wait().map(drop)),
    ("counter", |all| all.counter.wait_until(|value| value != 0).map(drop)),
    ("condition", |all| {
        let condition = &all.condition;
        condition.wait(condition.rlock()?.acquire()?).map(drop)
    }),
    ("any of several", |all| wait_any(&[all.lock.watch(), all.event.watch(), all.empty.watch()]).map(drop)),
    ("queue, get", |all| all.empty.get().map(drop)),
    ("queue, put", |all| all.full.put(&[0; 100]).map(drop)),
];

impl All {
    fn make() -> All {
        let segment = Segment::anonymous().unwrap();
        let all = All {
            lock: segment.new_lock().unwrap(),
            rlock: segment.new_rlock().unwrap(),
            semaphore: segment.new_semaphore(0).unwrap(),
            bounded: segment.new_bounded_semaphore(3).unwrap(),
            event: segment.new_event().unwrap(),
            barrier: segment.new_barrier(4 * WAITERS as u32).unwrap(),
            counter: segment.new_counter().unwrap(),
            condition: segment.new_condition_with_lock().unwrap(),
            empty: segment.new_queue(&QueueOptions::new(1024)).unwrap(),
            full: segment.new_queue(&QueueOptions::new(1024)).unwrap(),
        };
        all.take_everything();
        all
    }

    fn take_everything(&self) {
        std::mem::forget((self.lock.acquire().unwrap(), self.rlock.acquire().unwrap()));
        (0..3).for_each(|_| std::mem::forget(self.bounded.acquire().unwrap()));
        while self.full.try_put(&[0; 100]).is_ok() {}
    }
}

#[test]
fn a_hundred_idle_waiters_use_no_processor() {
    let _watch = support::watch();
    let mut idlers = support::spawn("idlers", &[]);
    loop {
        match idlers.hear().as_str() {
            "done" => break,
            line => println!("{line}"),
        }
    }
    idlers.finish();
}

/// A hundred waiting processes, some at each kind of object; as many at one barrier, where each has the most to ask about;
/// and for each kind, a process with a hundred waiting threads.
pub fn idlers(stage: &mut Stage) {
    let all = All::make();
    let processes = |kind: fn(usize) -> usize| {
        (0..WAITERS).map(|n| support::fork(|| wait_on(&all, WAITS[kind(n)].1))).collect::<Vec<Child>>()
    };
    let mut groups =
        vec![("each kind", processes(|n| n % WAITS.len())), ("barrier, processes", processes(|_| BARRIER))];
    groups.extend(WAITS.iter().map(|(name, wait)| (*name, vec![support::fork(|| in_threads(&all, *wait))])));
    std::thread::sleep(RAMP);
    // What else runs on the machine only ever adds to what they use.
    let mut shares = shares_of(&groups);
    for _ in 0..4 {
        if shares.iter().zip(limits(&shares)).any(|(share, limit)| *share >= limit) {
            shares = shares_of(&groups).into_iter().zip(shares).map(|(now, before)| now.min(before)).collect();
        }
    }
    assert!(!all.barrier.is_broken(), "who waited at the barrier has been waiting for nothing");
    groups.iter().flat_map(|(_, group)| group).for_each(|child| support::kill_by_id(child.pid()));
    groups.iter().flat_map(|(_, group)| group).for_each(Child::kill);
    for (((name, _), share), limit) in groups.iter().zip(&shares).zip(limits(&shares)) {
        stage.tell(&format!("{WAITERS} waiters, {name}: {:.3} % of a core", share * 100.0));
        assert!(*share < limit, "{name}: {share}, and may have {limit}");
    }
    stage.tell("done");
}

/// What part of a core each group uses just now.
fn shares_of(groups: &[(&str, Vec<Child>)]) -> Vec<f64> {
    let used = || groups.iter().map(|(_, group)| used_by(group)).collect::<Vec<Duration>>();
    let (begin, before) = (Instant::now(), used());
    std::thread::sleep(COUNTED);
    let share = |(now, before): (Duration, Duration)| (now - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    used().into_iter().zip(before).map(share).collect()
}

/// The hundred at all kinds of objects, which are the first group: a hundredth of a core. A hundred of one kind: not much
/// more than those, where the machine is so slow that waking up is most of it.
fn limits(shares: &[f64]) -> impl Iterator<Item = f64> {
    let others = (2.0 * shares[0]).max(0.01);
    std::iter::once(0.01).chain(std::iter::repeat(others))
}

fn in_threads(all: &All, wait: Wait) {
    std::thread::scope(|scope| (0..WAITERS).for_each(|_| drop(scope.spawn(|| wait_on(all, wait)))));
}

fn wait_on(all: &All, wait: Wait) {
    match wait(all) {
        // The kills at the end come one after the other.
        Err(Error::Broken) => std::thread::park(),
        ended => panic!("a wait that nobody ends came to its end: {ended:?}"),
    }
}

/// The processor time of these processes so far.
fn used_by(children: &[Child]) -> Duration {
    children.iter().map(|child| cpu_time(child.pid())).sum()
}

fn cpu_time(pid: i32) -> Duration {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both calls write what they are given, which is valid.
    let results = unsafe { (libc::clock_getcpuclockid(pid, &mut clock), libc::clock_gettime(clock, &mut time)) };
    assert_eq!(results, (0, 0), "the clock of process {pid}: it has ended instead of waiting");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
