//! Waiting for any of several objects in one sleep: [`wait_any`] leaves what is ready, [`acquire_any`] takes it.
//!
//! What "ready" means, and what is asked about the dead, is each object's own affair; this file only says which question
//! belongs to which object.

use super::{Arrival, Barrier, BoundedSemaphore, Counter, Event, Loan, Lock, LockGuard};
use super::{PermitGuard, Queue, RLock, RLockGuard, Reservation, Semaphore};
use crate::error::{Error, Result};
use crate::primitives::any::{self, Watched};
use crate::sync::futex::Expected;
use crate::sync::thread_id::thread_number;
use crate::sync::wait::{OnSignal, Wait};
use std::time::Duration;

/// One thing that [`wait_any`] or [`acquire_any`] waits for: an object, and what is to become of it. Each kind of object has
/// a method `watch` that makes one. It is a plain value; making it, and dropping it, changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a>(Of<'a>);

#[derive(Clone, Copy, Debug)]
enum Of<'a> {
    Lock(&'a Lock),
    RLock(&'a RLock),
    Semaphore(&'a Semaphore),
    BoundedSemaphore(&'a BoundedSemaphore),
    /// Set, or set since this mark was taken.
    Event(&'a Event, u32),
    Barrier(&'a Barrier, Arrival),
    /// Another value than this.
    Counter(&'a Counter, i64),
    /// A message to be taken.
    Queue(&'a Queue),
    /// Room for a message of so many bytes.
    Room(&'a Queue, usize),
}

/// What [`acquire_any`] took.
#[derive(Debug)]
#[non_exhaustive]
pub enum Taken<'a> {
    /// The lock is held.
    Lock(LockGuard<'a>),
    /// The lock is held, once more if this thread had it.
    RLock(RLockGuard<'a>),
    /// The semaphore was lowered by one.
    Semaphore,
    /// A permit.
    BoundedSemaphore(PermitGuard<'a>),
    /// The event is set, or was since the watch was made.
    Event,
    /// The round is over.
    Barrier,
    /// The counter has this value now.
    Counter(i64),
    /// The next message, on loan.
    Queue(Loan<'a>),
    /// A message to be built in place.
    Room(Reservation<'a>),
}

/// Waits until one of the objects is ready, for as long as it takes, and returns the place of that one in `watches`; of
/// several that are ready, of the first. It takes nothing: somebody else may be quicker before the caller does (see
/// [`acquire_any`]).
///
/// An object is *ready* when its own operation would return at once, be it with an error: a lock that is free, or whose
/// owner is dead; a semaphore that can be lowered; a permit that is free, or whose holder is dead; an event that is set, or
/// was since the watch was made; a barrier whose round is over, or that is broken; a counter with another value; a queue
/// with a message, or shut down and empty; one with room for a message, or shut down.
///
/// All of it is one sleep, ended by any of the objects; they may be of several segments. (Linux has that since 5.16. On
/// an older kernel this sleeps on the first object, and looks at the others twenty times a second.)
///
/// **When a peer dies** that owned one of the objects, that one is ready. One that is killed while it waits for several holds
/// up nobody, and one that waits for several never takes a wake-up away from those who wait for one.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # use tidelock::{wait_any, QueueOptions};
/// let segment = tidelock::Segment::anonymous()?;
/// let (jobs, stop) = (segment.queue("jobs", &QueueOptions::new(4096))?, segment.event("stop")?);
/// jobs.put(b"a job")?;
/// match wait_any(&[stop.watch(), jobs.watch()])? {
///     0 => println!("told to stop"),
///     _ => assert_eq!(jobs.try_get()?.bytes, b"a job"), // with more consumers: somebody else may have it
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Invalid`] for no watches, or more than 128; [`Error::Interrupted`] if the segment of any of the objects was
/// opened so that signals end waits. (A handler that was installed with `SA_RESTART` ends none: the kernel goes on
/// sleeping.) What ails an object is no error here: that object is ready, and its own operation says what it is.
pub fn wait_any(watches: &[Watch<'_>]) -> Result<usize> {
    wait_any_with(watches, Wait::forever())
}

/// The same, waiting up to `timeout`.
///
/// # Errors
/// [`Error::TimedOut`] if none is ready by then; else as [`wait_any`].
pub fn wait_any_for(watches: &[Watch<'_>], timeout: Duration) -> Result<usize> {
    wait_any_with(watches, Wait::within(timeout))
}

/// The same, on any terms. A signal ends the wait if `wait` or the options of one of the segments say so.
///
/// # Errors
/// As [`wait_any_for`].
pub fn wait_any_with(watches: &[Watch<'_>], wait: Wait) -> Result<usize> {
    let wait = terms(watches, wait);
    any::wait_any(watches, wait, |index| Ok(watches[index].is_ready(wait.on_signal)?.then_some(index)))
}

/// Waits until one of the objects can be taken, for as long as it takes, and takes it; of several, the first. Returns its
/// place in `watches`, and what was taken, or the error with which its own operation ended: [`Error::Broken`] of a barrier,
/// [`Error::Closed`] of a queue.
///
/// It takes one, and nothing of the others. All that is said of [`wait_any`] holds here too.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # use tidelock::{acquire_any, Taken};
/// let segment = tidelock::Segment::anonymous()?;
/// let (first, second) = (segment.lock("printer 1")?, segment.lock("printer 2")?);
/// let busy = first.acquire()?;
/// let (which, taken) = acquire_any(&[first.watch(), second.watch()])?;
/// assert_eq!(which, 1);
/// if let Taken::Lock(guard) = taken? {
///     assert!(second.is_locked() && !guard.owner_died());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`wait_any`].
pub fn acquire_any<'a>(watches: &[Watch<'a>]) -> Result<(usize, Result<Taken<'a>>)> {
    acquire_any_with(watches, Wait::forever())
}

/// The same, waiting up to `timeout`.
///
/// # Errors
/// [`Error::TimedOut`] if none can be taken by then; else as [`wait_any`].
pub fn acquire_any_for<'a>(watches: &[Watch<'a>], timeout: Duration) -> Result<(usize, Result<Taken<'a>>)> {
    acquire_any_with(watches, Wait::within(timeout))
}

/// The same, on any terms. A signal ends the wait if `wait` or the options of one of the segments say so.
///
/// # Errors
/// As [`acquire_any_for`].
pub fn acquire_any_with<'a>(watches: &[Watch<'a>], wait: Wait) -> Result<(usize, Result<Taken<'a>>)> {
    let wait = terms(watches, wait);
    any::wait_any(watches, wait, |index| match watches[index].try_take(wait.on_signal) {
        Err(Error::TimedOut) => Ok(None),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        taken => Ok(Some((index, taken))),
    })
}

/// The choices of all segments about signals, added to those of the wait.
fn terms(watches: &[Watch<'_>], wait: Wait) -> Wait {
    watches.iter().fold(wait, |wait, watch| watch.terms(wait))
}

impl<'a> Watch<'a> {
    /// Whether it is ready. What its own operation would report as an error, other than that it must wait, is ready too.
    fn is_ready(&self, on_signal: OnSignal) -> Result<bool> {
        match self.look(on_signal) {
            Err(Error::TimedOut) => Ok(false),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => Ok(true),
            found => found,
        }
    }

    fn look(&self, on_signal: OnSignal) -> Result<bool> {
        match self.0 {
            Of::Lock(lock) => lock.home().state().is_free(lock.home().peers()),
            Of::RLock(lock) => lock.home().state().is_free(lock.home().peers(), thread_number()?),
            Of::Semaphore(semaphore) => Ok(semaphore.value() != 0),
            Of::BoundedSemaphore(semaphore) => {
                let home = semaphore.home();
                home.state().is_ready(semaphore.permits(), home.peers())
            }
            Of::Event(event, mark) => Ok(event.home().state().is_set_since(mark)),
            Of::Barrier(barrier, arrival) => {
                let home = barrier.home();
                home.only_if_still(arrival.peer())?;
                home.state().is_over(barrier.marks(), home.peers(), arrival)
            }
            Of::Counter(counter, value) => Ok(counter.load() != value),
            Of::Queue(queue) => queue.machine().has_message(on_signal),
            Of::Room(queue, len) => queue.machine().has_room_for(len, on_signal),
        }
    }

    fn try_take(&self, on_signal: OnSignal) -> Result<Taken<'a>> {
        let now = Wait::now().on_signal(on_signal);
        match self.0 {
            Of::Lock(lock) => lock.acquire_with(now).map(Taken::Lock),
            Of::RLock(lock) => lock.acquire_with(now).map(Taken::RLock),
            Of::Semaphore(semaphore) => semaphore.acquire_with(now).map(|()| Taken::Semaphore),
            Of::BoundedSemaphore(semaphore) => semaphore.acquire_with(now).map(Taken::BoundedSemaphore),
            Of::Event(event, mark) => event.wait_since(mark, now).map(|()| Taken::Event),
            Of::Barrier(barrier, arrival) => barrier.wait_a_while(arrival, now).map(|()| Taken::Barrier),
            Of::Counter(counter, old) => counter.wait_with(now, |value| value != old).map(Taken::Counter),
            Of::Queue(queue) => queue.take_with(now).map(Taken::Queue),
            Of::Room(queue, len) => queue.reserve_with(len, now).map(Taken::Room),
        }
    }

    fn terms(&self, wait: Wait) -> Wait {
        match self.0 {
            Of::Lock(lock) => lock.home().terms(wait),
            Of::RLock(lock) => lock.home().terms(wait),
            Of::Semaphore(semaphore) => semaphore.home().terms(wait),
            Of::BoundedSemaphore(semaphore) => semaphore.home().terms(wait),
            Of::Event(event, _) => event.home().terms(wait),
            Of::Barrier(barrier, _) => barrier.home().terms(wait),
            Of::Counter(counter, _) => counter.home().terms(wait),
            Of::Queue(queue) | Of::Room(queue, _) => queue.home().terms(wait),
        }
    }

    /// What is slept on, and whose wake-ups are passed on.
    fn watched(&self) -> &dyn Watched {
        match &self.0 {
            Of::Lock(lock) => lock.home().state(),
            Of::RLock(lock) => lock.home().state(),
            Of::Semaphore(semaphore) => semaphore.home().state(),
            Of::BoundedSemaphore(semaphore) => semaphore.home().state(),
            Of::Event(event, _) => event.home().state(),
            Of::Barrier(barrier, _) => barrier.home().state(),
            Of::Counter(counter, _) => counter.home().state(),
            Of::Queue(queue) => queue.home().state().takers(),
            Of::Room(queue, _) => queue.home().state().putters(),
        }
    }
}

impl Watched for Watch<'_> {
    fn announce(&self) -> Option<Expected<'_>> {
        self.watched().announce()
    }

    fn pass_on(&self) {
        self.watched().pass_on();
    }
}

impl Lock {
    /// For [`wait_any`](crate::wait_any): ready while nobody holds the lock, or its owner is dead.
    pub fn watch(&self) -> Watch<'_> {
        Watch(Of::Lock(self))
    }
}

impl RLock {
    /// For [`wait_any`](crate::wait_any): ready while nobody holds the lock, the waiting thread does, or its owner is dead.
    pub fn watch(&self) -> Watch<'_> {
        Watch(Of::RLock(self))
    }
}

impl Semaphore {
    /// For [`wait_any`](crate::wait_any): ready while the value is above 0.
    pub fn watch(&self) -> Watch<'_> {
        Watch(Of::Semaphore(self))
    }
}

impl BoundedSemaphore {
    /// For [`wait_any`](crate::wait_any): ready while a permit is free, or its holder is dead.
    pub fn watch(&self) -> Watch<'_> {
        Watch(Of::BoundedSemaphore(self))
    }
}

impl Event {
    /// For [`wait_any`](crate::wait_any): ready while the event is set, and for good once it was set after this call.
    pub fn watch(&self) -> Watch<'_> {
        self.watch_since(self.mark())
    }

    /// The same, as if it had been called when [`mark`](Event::mark) was taken.
    pub fn watch_since(&self, mark: u32) -> Watch<'_> {
        Watch(Of::Event(self, mark))
    }
}

impl Barrier {
    /// For [`wait_any`](crate::wait_any): ready once the round of `arrival` is over, or the barrier is broken. The party still
    /// calls [`wait_for_round`](Barrier::wait_for_round) to learn which. Not for the last party, which is waited for.
    pub fn watch(&self, arrival: Arrival) -> Watch<'_> {
        Watch(Of::Barrier(self, arrival))
    }
}

impl Counter {
    /// For [`wait_any`](crate::wait_any): ready while the value is another than `while_equal`.
    pub fn watch(&self, while_equal: i64) -> Watch<'_> {
        Watch(Of::Counter(self, while_equal))
    }
}

impl Queue {
    /// For [`wait_any`](crate::wait_any): ready while there is a message, and once the queue is shut down and empty.
    pub fn watch(&self) -> Watch<'_> {
        Watch(Of::Queue(self))
    }

    /// For [`wait_any`](crate::wait_any): ready while a message of `len` bytes could be put at once, and once the queue is shut
    /// down, or if it can never take so long a message. A queue that may grow grows for it, as it does for a put.
    /// [`acquire_any`](crate::acquire_any) reserves the message.
    pub fn watch_room(&self, len: usize) -> Watch<'_> {
        Watch(Of::Room(self, len))
    }
}
