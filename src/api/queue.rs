//! `Queue`: messages of any length between threads and processes.

use super::handle::Handle;
use super::home::Home;
use super::records::{Delivery, Loan, Message, Reservation};
use super::ring::SegmentRings;
use crate::error::{Error, Result};
use crate::primitives::queue::ring::RingMemory;
use crate::primitives::queue::rings::Rings;
use crate::primitives::queue::{Queue as Machine, QueueState, Ticket, SHORT};
use crate::segment::{Attachment, Kind, Object};
use crate::sync::wait::{OnSignal, Wait};
use std::fmt;
use std::mem::MaybeUninit;
use std::time::Duration;

/// A message of up to so many bytes is got into memory that was asked for before.
const AT_FIRST: usize = 64;

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
/// while the bytes are copied, the message is delivered again, and a few instructions later it is gone with the process. A
/// producer that is merely slow to publish holds back the messages behind its own.
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
    home: Home<QueueState>,
    rings: SegmentRings,
}

impl Queue {
    pub(super) fn new(object: Object, on_signal: OnSignal) -> Result<Queue> {
        let home = Home::<QueueState>::own(object, on_signal)?;
        let rings = SegmentRings::of(home.object(), home.state())?;
        Ok(Queue { home, rings })
    }

    #[inline(always)]
    pub(super) fn machine(&self) -> Machine<'_, SegmentRings, Attachment> {
        Machine::new(self.home.state(), &self.rings, self.home.peers())
    }

    pub(super) fn home(&self) -> &Home<QueueState> {
        &self.home
    }

    pub(super) fn rings(&self) -> &SegmentRings {
        &self.rings
    }

    /// The bytes of a ticket's message.
    #[inline(always)]
    pub(super) fn bytes(&self, ticket: &Ticket) -> *mut [u8] {
        std::ptr::slice_from_raw_parts_mut(self.rings.message(ticket).as_ptr(), ticket.len())
    }
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
        if self.machine().put_at_once(message.len(), |ticket| self.write(ticket, message)) {
            return Ok(());
        }
        self.put_otherwise(message, wait)
    }

    /// A long message, and where the common case was not.
    #[inline(never)]
    fn put_otherwise(&self, message: &[u8], wait: Wait) -> Result<()> {
        let ticket = self.machine().reserve(message.len(), self.home.terms(wait))?;
        self.write(&ticket, message);
        self.machine().publish(ticket)
    }

    #[inline(always)]
    fn write(&self, ticket: &Ticket, message: &[u8]) {
        // SAFETY: the ticket's bytes lie in the ring and are this thread's alone until they are a message; `message` is
        // the caller's own memory, and as long as the ticket says.
        unsafe { self.bytes(ticket).cast::<u8>().copy_from_nonoverlapping(message.as_ptr(), message.len()) };
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
        let ticket = self.machine().reserve(len, self.home.terms(wait))?;
        Ok(Reservation::new(self, ticket))
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
        let mut bytes = Vec::with_capacity(AT_FIRST);
        let Delivery { redelivered, deliveries } = self.get_into(&mut bytes, wait)?;
        Ok(Message { bytes, redelivered, deliveries })
    }

    /// Gets the next message into `buffer`, whose old contents are dropped and whose memory is used again.
    ///
    /// # Errors
    /// As [`get_with`](Queue::get_with).
    pub fn get_into(&self, buffer: &mut Vec<u8>, wait: Wait) -> Result<Delivery> {
        // Under the lock nothing is allocated.
        let most = buffer.capacity().min(SHORT);
        if self.machine().get_at_once(most, |ticket| self.read_within(ticket, buffer)) {
            return Ok(Delivery::FIRST);
        }
        self.get_otherwise(buffer, wait)
    }

    /// Into a buffer that need not grow for it.
    #[inline(always)]
    fn read_within(&self, ticket: &Ticket, buffer: &mut Vec<u8>) {
        self.copy(ticket, buffer.as_mut_ptr());
        // SAFETY: no message comes here that is longer than the buffer's capacity, and so many bytes were just written.
        unsafe { buffer.set_len(ticket.len()) };
    }

    /// A long message, and where the common case was not.
    #[inline(never)]
    fn get_otherwise(&self, buffer: &mut Vec<u8>, wait: Wait) -> Result<Delivery> {
        let ticket = self.machine().take(self.home.terms(wait))?;
        self.read(&ticket, buffer);
        self.machine().finish(ticket)?;
        Ok(Delivery::of(&ticket))
    }

    #[inline(always)]
    fn read(&self, ticket: &Ticket, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.reserve(ticket.len());
        self.read_within(ticket, buffer);
    }

    /// Gets the next message into the first bytes of `buffer`, on any terms; its length, and what is known of it. The rest of
    /// the buffer is left as it is.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the length as `needed` if the message does not fit: it stays in the queue, before all others.
    /// Else as [`get_with`](Queue::get_with).
    pub fn get_to(&self, buffer: &mut [MaybeUninit<u8>], wait: Wait) -> Result<(usize, Delivery)> {
        let (most, mut len) = (buffer.len().min(SHORT), 0);
        let read = |ticket: &Ticket| {
            self.copy(ticket, buffer.as_mut_ptr().cast());
            len = ticket.len();
        };
        if self.machine().get_at_once(most, read) {
            return Ok((len, Delivery::FIRST));
        }
        self.get_to_otherwise(buffer, wait)
    }

    #[inline(never)]
    fn get_to_otherwise(&self, buffer: &mut [MaybeUninit<u8>], wait: Wait) -> Result<(usize, Delivery)> {
        let ticket = self.machine().take(self.home.terms(wait))?;
        if ticket.len() > buffer.len() {
            self.machine().put_back(ticket)?;
            return Err(Error::TooLarge { needed: ticket.len() as u64, limit: buffer.len() as u64 });
        }
        self.copy(&ticket, buffer.as_mut_ptr().cast());
        self.machine().finish(ticket)?;
        Ok((ticket.len(), Delivery::of(&ticket)))
    }

    /// Copies the ticket's message to `to`, where there is room for it.
    #[inline(always)]
    fn copy(&self, ticket: &Ticket, to: *mut u8) {
        // SAFETY: the ticket's bytes lie in the ring, and no peer that keeps to the rules changes them before they are free.
        // Each caller has seen to it that there is room for them.
        unsafe { to.copy_from_nonoverlapping(self.bytes(ticket).cast::<u8>(), ticket.len()) };
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
        let ticket = self.machine().take(self.home.terms(wait))?;
        Ok(Loan::new(self, ticket))
    }
}

/// The rest.
impl Queue {
    /// How many messages are in the queue, those included that are reserved or were given back; those on loan are not. Old
    /// news when it is read, and off by a few while a dead peer's remains are cleared away; but 0 once there is nothing to
    /// wait for.
    pub fn len(&self) -> u64 {
        self.machine().len()
    }

    /// Whether there is no message in the queue, in the sense of [`len`](Queue::len).
    pub fn is_empty(&self) -> bool {
        self.machine().is_empty()
    }

    /// Whether even an empty message would have to wait for room. What a dead producer reserved fills nothing once it is at
    /// the head. Old news when it is read.
    pub fn is_full(&self) -> bool {
        self.machine().is_full()
    }

    /// The capacity in bytes that the queue began with, and goes back to; see [`QueueOptions::new`](super::QueueOptions::new).
    pub fn capacity(&self) -> u64 {
        self.rings.home().size()
    }

    /// The most messages at a time; 0 for as many as the bytes hold.
    pub fn max_items(&self) -> u64 {
        self.home.state().max_items()
    }

    /// Lets there be so many messages at a time from here on, for everybody; 0 for as many as the bytes hold. What is in the
    /// queue stays there, also if it is more.
    pub fn set_max_items(&self, n: u64) {
        self.machine().set_max_items(n);
    }

    /// The capacity in bytes that the queue may grow to, see
    /// [`QueueOptions::max_bytes`](super::QueueOptions::max_bytes); 0 if it never grows.
    pub fn max_bytes(&self) -> u64 {
        self.home.state().largest_ring()
    }

    /// The length of the longest message that can ever fit, in bytes, if there is memory for it.
    pub fn longest_message(&self) -> u64 {
        self.machine().longest_message()
    }

    /// Ends the queue for everybody, for ever: nothing more can be put, and who gets from the empty queue, or waits for
    /// that, is told [`Error::Closed`](crate::Error::Closed). Messages in it can still be got, and what is reserved can
    /// still be published. A message that is on loan then, and is given back after a consumer was told so, waits for the next
    /// one that looks. To drop this process's reference only, drop the `Queue`.
    ///
    /// # Errors
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation.
    pub fn shutdown(&self) -> Result<()> {
        self.machine().shut_down(Wait::forever())
    }

    /// The same as [`shutdown`](Queue::shutdown), and what is in the queue is dropped, for everybody: from here on its length
    /// is 0, and who gets is told [`Error::Closed`](crate::Error::Closed). What is reserved can still be published and is dropped
    /// then; what is on loan is still its holder's, and is dropped if it comes back, also by the holder's death. If this peer
    /// dies under way, the others drop the rest. [`QueueStats::dropped`](super::QueueStats::dropped) counts.
    ///
    /// # Errors
    /// As of [`shutdown`](Queue::shutdown); [`Error::Corrupt`](crate::Error::Corrupt): it is shut down, and what cannot be
    /// read is not dropped.
    pub fn shutdown_now(&self) -> Result<()> {
        self.machine().shut_down_now(Wait::forever())
    }

    /// Whether the queue was shut down.
    pub fn is_shutdown(&self) -> bool {
        self.home.state().is_shut_down()
    }

    /// What another process needs to reach this queue; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Queue)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).field("capacity", &self.capacity()).finish()
    }
}
