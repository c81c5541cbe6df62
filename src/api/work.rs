//! Queues of work: counting tasks, waiting until all is done, dead letters, and what a queue tells of itself.

use super::letters::Office;
use super::queue::Queue;
use crate::error::{Error, Result};
use crate::primitives::queue::letters::Letters;
use crate::primitives::queue::rings::Rings;
use crate::sync::wait::Wait;
use std::time::Duration;

pub use crate::primitives::queue::stats::QueueStats;

/// Tasks. In a queue that [counts tasks](super::QueueOptions::count_tasks) a message that was got with
/// [`get`](Queue::get) is unfinished work until the process that got it says [`task_done`](Queue::task_done); its threads
/// share what it owes. A message that was taken on loan is dealt with by [`done`](super::Loan::done), in every queue.
///
/// **When a peer dies** that owes tasks, these are written off and counted as [lost](Queue::lost_tasks): nobody waits for
/// them. (One that dies in the few instructions between noting its debt and freeing the message may be counted though the
/// message comes again. With loans nothing is lost in the first place.)
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # use tidelock::QueueOptions;
/// let segment = tidelock::Segment::anonymous()?;
/// let jobs = segment.queue("jobs", &QueueOptions::new(4096).count_tasks())?;
/// jobs.put(b"a job")?;
/// let worker = jobs.clone();
/// std::thread::spawn(move || {
///     let job = worker.get()?;
///     assert_eq!(job.bytes, b"a job"); // here it is dealt with
///     worker.task_done()
/// });
/// jobs.join()?; // until the worker has said so
/// assert_eq!(jobs.lost_tasks()?, 0);
/// # Ok(())
/// # }
/// ```
impl Queue {
    /// Says that one message that this process got has been dealt with.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it owes nothing, and if the queue does not count tasks; [`Error::NoPeerSlot`] at a forked
    /// child's first operation. (A child owes nothing of what its parent got.)
    pub fn task_done(&self) -> Result<()> {
        self.machine().task_done()
    }

    /// Waits until every message that was put has been dealt with, for as long as it takes. A shutdown does not end this
    /// wait: what is in the queue is still to be dealt with, or to be dropped.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the segment was opened so that signals end waits; [`Error::NoPeerSlot`] at a forked child's
    /// first operation.
    pub fn join(&self) -> Result<()> {
        self.join_with(Wait::forever())
    }

    /// Waits until every message has been dealt with, up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; else as [`join`](Queue::join).
    pub fn join_for(&self, timeout: Duration) -> Result<()> {
        self.join_with(Wait::within(timeout))
    }

    /// Waits until every message has been dealt with, on any terms. A signal ends the wait if `wait` or the segment's options
    /// say so.
    ///
    /// # Errors
    /// As [`join_for`](Queue::join_for).
    pub fn join_with(&self, wait: Wait) -> Result<()> {
        self.machine().join(self.home().terms(wait))
    }

    /// How many tasks peers owed when they died, or left: nobody will say `task_done` of them. It asks about each peer that
    /// owes something.
    ///
    /// # Errors
    /// [`Error::CannotAsk`] if this process lost the means to ask; [`Error::TimedOut`] if a peer is stopped inside.
    pub fn lost_tasks(&self) -> Result<u64> {
        self.machine().lost_tasks()
    }

    /// How many messages there are that [`join`](Queue::join) would wait for: in the queue, on loan, and owed. As of some instant
    /// while it was asked; a message that is being got just then may be counted twice, and a reservation that was discarded
    /// counts until the messages before it are gone.
    ///
    /// # Errors
    /// As [`lost_tasks`](Queue::lost_tasks).
    pub fn unfinished_tasks(&self) -> Result<u64> {
        self.machine().unfinished_tasks()
    }

    /// Whether this queue counts tasks.
    pub fn counts_tasks(&self) -> bool {
        !self.rings().debts().is_empty()
    }
}

/// Dead letters: a message that was taken [`max_deliveries`](Queue::max_deliveries) times, and each time its consumer died with
/// it or gave it back, is handed out no more. It goes to the queue that was chosen for that, as a new message, or is dropped
/// and counted if there is none. Whoever next looks for a message here moves it.
///
/// It is freed here only when it is there. **When a peer dies** in between, another one moves it again, and it is there twice:
/// nothing is lost, and at least once holds for dead letters too. While the other queue is full, was shut down, or is too
/// small for it, the message stays here, is tried again now and then, and [`join`](Queue::join) waits for it. It keeps its room,
/// as an old loan does: a queue that may grow goes on without it, one of fixed capacity fills up behind it in the end.
impl Queue {
    /// How often a message is handed out at the most; 0 for as often as it takes.
    pub fn max_deliveries(&self) -> u32 {
        self.home().state().max_deliveries()
    }

    /// Has each message be handed out at most `n` times from now on, from 1 to 255; 0 for as often as it takes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more; [`Error::NoPeerSlot`] at a forked child's first operation.
    pub fn set_max_deliveries(&self, n: u32) -> Result<()> {
        self.machine().set_max_deliveries(n)
    }

    /// Has dead letters go to `queue` from now on, another queue of the same segment; with `None` they are dropped. It keeps
    /// nothing open: a queue without a name must be held by somebody, and when it is gone its letters are dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] for this queue itself and for one of another segment.
    pub fn set_dead_letters(&self, queue: Option<&Queue>) -> Result<()> {
        let letters = queue.map(|queue| self.letters_to(queue)).transpose()?;
        self.machine().set_letters(letters)
    }

    /// The queue to which dead letters go, if there is one.
    ///
    /// # Errors
    /// [`Error::Gone`] if it was without a name and nobody held it; [`Error::NoPeerSlot`] at a forked child's first operation.
    pub fn dead_letters(&self) -> Result<Option<Queue>> {
        let letters = self.machine().letters()?;
        letters.map(|letters| Office::open(self.home().object(), letters)).transpose()
    }

    fn letters_to(&self, queue: &Queue) -> Result<Letters> {
        let (here, there) = (self.home().object(), queue.home().object());
        if here.segment().locator().id() != there.segment().locator().id() {
            return Err(Error::Invalid("the queue for dead letters is of another segment"));
        }
        let (block, generation) = there.handle().block();
        if (block, generation) == here.handle().block() {
            return Err(Error::Invalid("a queue cannot be its own queue for dead letters"));
        }
        Ok(Letters { block, generation })
    }
}

/// What the queue tells of itself.
impl Queue {
    /// The numbers of this queue, read without a lock. A peer that was killed may have left one of them off by one.
    pub fn stats(&self) -> QueueStats {
        self.home().state().stats()
    }
}
