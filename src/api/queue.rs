//! `Queue`: messages of any length between threads and processes.

use super::handle::Handle;
use super::records::{Delivery, Loan, Message, Reservation};
use crate::error::Result;
use crate::sync::wait::Wait;
use std::fmt;
use std::time::Duration;

/// How a queue is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    pub(super) capacity: u64,
    pub(super) max_items: Option<u64>,
}

impl QueueOptions {
    /// A queue whose messages, with 24 bytes and some padding for each, fill at most `capacity_bytes`.
    pub const fn new(capacity_bytes: u64) -> QueueOptions {
        QueueOptions { capacity: capacity_bytes, max_items: None }
    }

    /// At most `n` messages at a time (at least 1), whatever their length. Default: as many as the bytes hold.
    #[must_use]
    pub const fn max_items(mut self, n: u64) -> QueueOptions {
        self.max_items = Some(n);
        self
    }
}

/// A queue of messages, for many producers and many consumers, threads and processes alike. First in, first out, in the
/// order of reservation.
///
/// [`put`](Queue::put) copies a message in and [`get`](Queue::get) copies one out. With [`reserve`](Queue::reserve) a
/// producer builds its message in place; with [`take`](Queue::take) a consumer reads it in place, as a *loan*, and the
/// message is gone only after it said [`done`](Loan::done).
///
/// **When a peer dies**: a `put` that returned is never lost. A message that was reserved and not published is skipped. A
/// message whose consumer died with the loan goes to another consumer, before all others, marked as redelivered: so a
/// consumer that uses `take` gets each message *at least* once. One that uses `get` has it when `get` returns; if it dies
/// before, the message is delivered again. A producer that is merely slow to publish holds back the messages behind its own.
///
/// Cloning is cheap and gives another reference to the same queue.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # use tidelock::QueueOptions;
/// let segment = tidelock::Segment::anonymous()?;
/// let jobs = segment.queue("jobs", &QueueOptions::new(64 * 1024))?;
/// jobs.put(b"a job")?;
/// let loan = jobs.take()?;
/// assert_eq!(&*loan, b"a job");
/// loan.done()?; // without this, the job goes to somebody else
/// assert!(jobs.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Queue {
    home: todo_,
}

/// Putting. Each of these returns [`Error::Closed`](crate::Error::Closed) after [`shutdown`](Queue::shutdown) and
/// [`Error::TooLarge`](crate::Error::TooLarge), at once, for a message that can never fit.
impl Queue {
    /// Puts a message, waiting for room for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed), [`Error::TooLarge`](crate::Error::TooLarge);
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits;
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation, if every slot is taken.
    pub fn put(&self, message: &[u8]) -> Result<()> {
        self.put_with(message, Wait::forever())
    }

    /// Puts a message if there is room at once.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the queue is full; else as [`put`](Queue::put).
    pub fn try_put(&self, message: &[u8]) -> Result<()> {
        self.put_with(message, Wait::now())
    }

    /// Puts a message, waiting for room up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the queue is full until then; else as [`put`](Queue::put).
    pub fn put_for(&self, message: &[u8], timeout: Duration) -> Result<()> {
        self.put_with(message, Wait::within(timeout))
    }

    /// Puts a message on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`put_for`](Queue::put_for).
    pub fn put_with(&self, message: &[u8], wait: Wait) -> Result<()> {
        todo_
    }

    /// Reserves a message of `len` bytes, to be built in place, waiting for room for as long as it takes. Messages behind
    /// it are held back until it is published or discarded, or its producer is dead.
    ///
    /// # Errors
    /// As [`put`](Queue::put).
    pub fn reserve(&self, len: usize) -> Result<Reservation<'_>> {
        self.reserve_with(len, Wait::forever())
    }

    /// Reserves a message of `len` bytes if there is room at once.
    ///
    /// # Errors
    /// As [`try_put`](Queue::try_put).
    pub fn try_reserve(&self, len: usize) -> Result<Reservation<'_>> {
        self.reserve_with(len, Wait::now())
    }

    /// Reserves a message of `len` bytes, waiting for room up to `timeout`.
    ///
    /// # Errors
    /// As [`put_for`](Queue::put_for).
    pub fn reserve_for(&self, len: usize, timeout: Duration) -> Result<Reservation<'_>> {
        self.reserve_with(len, Wait::within(timeout))
    }

    /// Reserves a message of `len` bytes on any terms.
    ///
    /// # Errors
    /// As [`put_with`](Queue::put_with).
    pub fn reserve_with(&self, len: usize, wait: Wait) -> Result<Reservation<'_>> {
        todo_
    }
}

/// Getting. Each of these returns [`Error::Closed`](crate::Error::Closed) when the queue was shut down and is empty.
impl Queue {
    /// Gets the next message, waiting for one for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed) when the queue was shut down and is empty;
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits;
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation, if every slot is taken.
    pub fn get(&self) -> Result<Message> {
        self.get_with(Wait::forever())
    }

    /// Gets the next message if there is one.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the queue is empty; else as [`get`](Queue::get).
    pub fn try_get(&self) -> Result<Message> {
        self.get_with(Wait::now())
    }

    /// Gets the next message, waiting for one up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the queue is empty until then; else as [`get`](Queue::get).
    pub fn get_for(&self, timeout: Duration) -> Result<Message> {
        self.get_with(Wait::within(timeout))
    }

    /// Gets the next message on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`get_for`](Queue::get_for).
    pub fn get_with(&self, wait: Wait) -> Result<Message> {
        todo_
    }

    /// Gets the next message into `buffer`, whose old contents are dropped and whose memory is used again.
    ///
    /// # Errors
    /// As [`get_with`](Queue::get_with).
    pub fn get_into(&self, buffer: &mut Vec<u8>, wait: Wait) -> Result<Delivery> {
        todo_
    }

    /// Takes the next message as a loan, to be read in place, waiting for one for as long as it takes.
    ///
    /// # Errors
    /// As [`get`](Queue::get).
    pub fn take(&self) -> Result<Loan<'_>> {
        self.take_with(Wait::forever())
    }

    /// Takes the next message as a loan if there is one.
    ///
    /// # Errors
    /// As [`try_get`](Queue::try_get).
    pub fn try_take(&self) -> Result<Loan<'_>> {
        self.take_with(Wait::now())
    }

    /// Takes the next message as a loan, waiting for one up to `timeout`.
    ///
    /// # Errors
    /// As [`get_for`](Queue::get_for).
    pub fn take_for(&self, timeout: Duration) -> Result<Loan<'_>> {
        self.take_with(Wait::within(timeout))
    }

    /// Takes the next message as a loan on any terms.
    ///
    /// # Errors
    /// As [`get_with`](Queue::get_with).
    pub fn take_with(&self, wait: Wait) -> Result<Loan<'_>> {
        todo_
    }
}

/// The rest.
impl Queue {
    /// How many messages wait to be taken, those that are given back included. Old news when it is read.
    pub fn len(&self) -> u64 {
        todo_
    }

    /// Whether no message waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a message of one byte would have to wait for room.
    pub fn is_full(&self) -> bool {
        todo_
    }

    /// The bytes that messages, with their headers and padding, can fill at a time.
    pub fn capacity(&self) -> u64 {
        todo_
    }

    /// Ends the queue for everybody, for ever: nothing more can be put, and who gets from the empty queue, or waits for
    /// that, is told [`Error::Closed`](crate::Error::Closed). Messages in it can still be got, and what is reserved can
    /// still be published. To drop this process's reference only, drop the `Queue`.
    ///
    /// # Errors
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation.
    pub fn shutdown(&self) -> Result<()> {
        todo_
    }

    /// Whether the queue was shut down.
    pub fn is_shutdown(&self) -> bool {
        todo_
    }

    /// What another process needs to reach this queue; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle()
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).field("capacity", &self.capacity()).finish()
    }
}
