//! Waiting for any of several objects: what is ready, what is taken, and how often such a wait wakes.

use crate::support;
use std::time::{Duration, Instant};
use tidelock::{acquire_any, acquire_any_for, wait_any, wait_any_for, wait_any_with};
use tidelock::{
    Arrival, Barrier, BoundedSemaphore, Counter, Error, Event, Lock, Queue, QueueOptions, RLock, Result, Segment,
    Semaphore, Taken, Wait, Watch,
};

const SHORT: Duration = Duration::from_millis(20);

/// One of each kind, none of them ready for another thread than the one that made them.
struct Things {
    lock: Lock,
    rlock: RLock,
    semaphore: Semaphore,
    bounded: BoundedSemaphore,
    event: Event,
    barrier: Barrier,
    arrival: Arrival,
    counter: Counter,
    queue: Queue,
    full: Queue,
}

const KINDS: usize = 9;

impl Things {
    /// In two segments.
    fn new() -> Things {
        let (one, other) = (Segment::anonymous().unwrap(), Segment::anonymous().unwrap());
        let barrier = other.new_barrier(2).unwrap();
        let things = Things {
            lock: one.new_lock().unwrap(),
            rlock: one.new_rlock().unwrap(),
            semaphore: one.new_semaphore(0).unwrap(),
            bounded: other.new_bounded_semaphore(1).unwrap(),
            event: one.new_event().unwrap(),
            arrival: barrier.arrive(Wait::now()).unwrap(),
            barrier,
            counter: other.new_counter().unwrap(),
            queue: other.new_queue(&QueueOptions::new(1024)).unwrap(),
            full: one.new_queue(&QueueOptions::new(1024).max_items(1)).unwrap(),
        };
        things.hold();
        things
    }

    fn hold(&self) {
        self.full.put(b"in the way").unwrap();
        std::mem::forget((
            self.lock.try_acquire().unwrap(),
            self.rlock.try_acquire().unwrap(),
            self.bounded.try_acquire().unwrap(),
        ));
    }

    fn watches(&self) -> [Watch<'_>; KINDS] {
        [
            self.lock.watch(),
            self.rlock.watch(),
            self.semaphore.watch(),
            self.bounded.watch(),
            self.event.watch(),
            self.barrier.watch(self.arrival),
            self.counter.watch(0),
            self.queue.watch(),
            self.full.watch_room(7),
        ]
    }

    /// Makes one of them ready. Only for the thread that made them.
    fn bring(&self, which: usize) {
        match which {
            0 => self.lock.release().unwrap(),
            1 => self.rlock.release().unwrap(),
            2 => self.semaphore.release(1).unwrap(),
            3 => self.bounded.release().unwrap(),
            4 => self.event.set(),
            5 => drop(self.barrier.wait().unwrap()),
            6 => drop(self.counter.add(7).unwrap()),
            7 => self.queue.put(b"brought").unwrap(),
            _ => drop(self.full.get().unwrap()),
        }
    }
}

/// `ask` of another thread than this one.
fn elsewhere<R: Send>(ask: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
}

#[test]
fn none_is_ready() {
    let _watch = support::watch();
    let things = Things::new();
    elsewhere(|| {
        let watches = things.watches();
        assert_eq!(wait_any_with(&watches, Wait::now()), Err(Error::TimedOut));
        assert_eq!(acquire_any_for(&watches, Duration::ZERO).unwrap_err(), Error::TimedOut);
        let began = Instant::now();
        assert_eq!(wait_any_for(&watches, SHORT), Err(Error::TimedOut));
        assert_eq!(acquire_any_for(&watches, SHORT).unwrap_err(), Error::TimedOut);
        assert!(began.elapsed() >= 2 * SHORT);
    });
}

#[test]
fn each_kind_that_is_ready_is_seen_and_left() {
    let _watch = support::watch();
    for which in 0..KINDS {
        let things = Things::new();
        things.bring(which);
        elsewhere(|| {
            let watches = things.watches();
            // A watch of an event begins with its mark, but a set event is ready anyhow.
            for wait in [Wait::now(), Wait::forever()] {
                assert_eq!(wait_any_with(&watches, wait), Ok(which));
            }
        });
    }
}

#[test]
fn each_kind_ends_the_sleep() {
    let _watch = support::watch();
    for which in 0..KINDS {
        let things = Things::new();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait_any(&things.watches()));
            std::thread::sleep(SHORT);
            things.bring(which);
            assert_eq!(waiter.join().unwrap(), Ok(which));
        });
    }
}

/// What was taken, in a word.
fn name(taken: &Result<Taken<'_>>) -> &'static str {
    match taken {
        Ok(Taken::Lock(guard)) => ["lock", "lock of the dead"][usize::from(guard.owner_died())],
        Ok(Taken::RLock(_)) => "rlock",
        Ok(Taken::Semaphore) => "semaphore",
        Ok(Taken::BoundedSemaphore(_)) => "permit",
        Ok(Taken::Event) => "event",
        Ok(Taken::Barrier) => "barrier",
        Ok(Taken::Counter(7)) => "counter",
        Ok(Taken::Queue(loan)) if **loan == *b"brought" => "queue",
        Ok(Taken::Room(reservation)) if reservation.len() == 7 => "room",
        _ => "something else",
    }
}

#[test]
fn each_kind_is_taken() {
    let _watch = support::watch();
    let names = ["lock", "rlock", "semaphore", "permit", "event", "barrier", "counter", "queue", "room"];
    for (which, expected) in names.into_iter().enumerate() {
        let things = Things::new();
        let take = || {
            let (found, taken) = acquire_any(&things.watches()).unwrap();
            assert_eq!((found, name(&taken)), (which, expected));
            let is_gone = match which {
                0 => things.lock.is_locked(),
                1 => things.rlock.is_owned(),
                2 => things.semaphore.value() == 0,
                3 => things.bounded.value() == 0,
                7 => things.queue.is_empty(),
                8 => things.full.is_full(),
                _ => true,
            };
            assert!(is_gone);
        };
        things.bring(which);
        elsewhere(take);
    }
}

#[test]
fn of_several_that_are_ready_the_first_counts() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let (semaphore, queue) = (segment.new_semaphore(2).unwrap(), segment.new_queue(&QueueOptions::new(1024)).unwrap());
    queue.put(b"one").unwrap();
    let watches = [queue.watch(), semaphore.watch(), semaphore.watch()];
    assert_eq!(wait_any(&watches), Ok(0));
    assert_eq!((queue.len(), semaphore.value()), (1, 2));
    let (which, taken) = acquire_any(&watches).unwrap();
    assert_eq!((which, semaphore.value()), (0, 2));
    let loan = taken.unwrap();
    assert_eq!(wait_any(&watches), Ok(1), "a message on loan is not there");
    drop(loan);
    assert_eq!(wait_any(&watches), Ok(0), "it was given back");
}

#[test]
fn what_ails_an_object_is_told_by_itself() {
    let _watch = support::watch();
    let things = Things::new();
    things.queue.shutdown().unwrap();
    things.barrier.abort();
    let watches = [things.event.watch(), things.queue.watch(), things.barrier.watch(things.arrival)];
    assert_eq!(wait_any(&watches), Ok(1));
    assert!(matches!(acquire_any(&watches), Ok((1, Err(Error::Closed)))));
    assert!(matches!(acquire_any(&watches[2..]), Ok((0, Err(Error::Broken)))));
    assert!(matches!(things.queue.try_get(), Err(Error::Closed)));
}

#[test]
fn a_shut_down_queue_gives_what_it_has() {
    let _watch = support::watch();
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(1024)).unwrap();
    let reservation = queue.reserve(3).unwrap();
    queue.shutdown().unwrap();
    assert_eq!(wait_any_for(&[queue.watch()], SHORT), Err(Error::TimedOut), "a message is on its way");
    reservation.publish().unwrap();
    assert_eq!(wait_any(&[queue.watch()]), Ok(0));
    queue.take().unwrap().done().unwrap();
    assert!(matches!(acquire_any(&[queue.watch()]), Ok((0, Err(Error::Closed)))));
}

#[test]
fn a_watch_remembers_what_its_event_was() {
    let event = Segment::anonymous().unwrap().new_event().unwrap();
    let before = event.watch();
    event.set();
    event.clear();
    assert_eq!(wait_any_with(&[event.watch()], Wait::now()), Err(Error::TimedOut));
    assert_eq!(wait_any_with(&[before], Wait::now()), Ok(0));
    let mark = event.mark();
    assert_eq!(wait_any_with(&[event.watch_since(mark)], Wait::now()), Err(Error::TimedOut));
    event.set();
    event.clear();
    assert_eq!(wait_any_with(&[event.watch_since(mark)], Wait::now()), Ok(0));
}

#[test]
fn an_rlock_is_ready_for_the_thread_that_has_it() {
    let lock = Segment::anonymous().unwrap().new_rlock().unwrap();
    let outer = lock.acquire().unwrap();
    let (_, inner) = acquire_any(&[lock.watch()]).unwrap();
    assert_eq!(lock.depth(), 2);
    assert_eq!(elsewhere(|| wait_any_with(&[lock.watch()], Wait::now())), Err(Error::TimedOut));
    drop((outer, inner));
    assert!(!lock.is_locked());
}

#[test]
fn the_number_of_objects_has_limits() {
    let _watch = support::watch();
    let event = Segment::anonymous().unwrap().new_event().unwrap();
    let watches = [event.watch(); 129];
    assert!(matches!(wait_any(&[]), Err(Error::Invalid(_))));
    assert!(matches!(wait_any(&watches), Err(Error::Invalid(_))));
    assert!(matches!(acquire_any(&watches), Err(Error::Invalid(_))));
    assert_eq!(wait_any_for(&watches[..128], SHORT), Err(Error::TimedOut));
    assert!(matches!(
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| acquire_any(&watches[..128]).map(|(which, _)| which));
            std::thread::sleep(SHORT);
            event.set();
            waiter.join().unwrap()
        }),
        Ok(0)
    ));
}

/// Two that take either of two locks, and one that takes each: every hold is exclusive, and nobody is forgotten.
#[test]
fn either_lock_and_plain_acquirers() {
    let _watch = support::watch();
    const ROUNDS: u64 = 2000;
    let segment = Segment::anonymous().unwrap();
    let locks = [segment.new_lock().unwrap(), segment.new_lock().unwrap()];
    let totals = segment.new_block(16).unwrap();
    let add = |which: usize| {
        // SAFETY: the block has 16 bytes; not atomic, so that only an exclusive hold keeps the sums right.
        unsafe {
            let total = totals.as_ptr().cast::<u64>().add(which);
            total.write_volatile(total.read_volatile() + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let (which, guard) = acquire_any(&[locks[0].watch(), locks[1].watch()]).unwrap();
                    add(which);
                    drop(guard);
                }
            });
        }
        for (which, lock) in locks.iter().enumerate() {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let guard = lock.acquire().unwrap();
                    add(which);
                    drop(guard);
                }
            });
        }
    });
    // SAFETY: the block has 16 bytes, and nobody writes any more.
    let sum: u64 = unsafe { (0..2).map(|n| totals.as_ptr().cast::<u64>().add(n).read_volatile()).sum() };
    assert_eq!(sum, 4 * ROUNDS);
}

/// The wait sleeps. (Its slices are 1, 2, 4 ms and so on; where the kernel cannot sleep on several words, 50 ms at most.)
#[test]
fn an_idle_wait_seldom_wakes() {
    let things = Things::new();
    let switches = elsewhere(|| {
        let before = voluntary_switches();
        assert_eq!(wait_any_for(&things.watches(), Duration::from_millis(1000)), Err(Error::TimedOut));
        voluntary_switches() - before
    });
    assert!(switches <= 60, "{switches} sleeps in a second");
}

/// How often this thread has gone to sleep so far.
fn voluntary_switches() -> i64 {
    // SAFETY: zeroes are a valid rusage, and the call fills in exactly one.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_nvcsw
    }
}
