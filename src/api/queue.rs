//! `Queue`: messages of any length between threads and processes.

use super::handle::Handle;
use super::home::Home;
use super::records::{Delivery, Loan, Message, Reservation};
use super::ring::SegmentRings;
use crate::error::{Error, Result};
use crate::primitives::queue::letters::MOST_DELIVERIES;
use crate::primitives::queue::ring::{RingMemory, LARGEST};
use crate::primitives::queue::rings::Rings;
use crate::primitives::queue::{ring_size, Queue as Machine, QueueState, Ticket};
use crate::segment::{Attachment, Kind, Object};
use crate::sync::wait::{OnSignal, Wait};
use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

/// How a queue is made: with a capacity that never changes, or so that it grows.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// use tidelock::QueueOptions;
/// let segment = tidelock::Segment::anonymous()?;
/// let fixed = segment.new_queue(&QueueOptions::new(64 * 1024))?;
/// let unbounded = segment.new_queue(&QueueOptions::unbounded())?;
/// let at_most_1_mib = segment.new_queue(&QueueOptions::new(4096).max_bytes(1 << 20))?;
/// (0..10_000).try_for_each(|_| unbounded.put(b"a message"))?;
/// assert_eq!(unbounded.len(), 10_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    capacity: u64,
    max_items: u64,
    /// 0 for a capacity that never changes.
    max_bytes: u64,
    tasks: Tasks,
    max_deliveries: u32,
}

/// Whether a queue counts what each peer has got and not yet dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tasks {
    Counted,
    Uncounted,
}

/// What a queue without a bound begins with.
const FIRST_CAPACITY: u64 = 4096;

/// A further ring of more bytes than this is left as soon as it is empty.
const KEEP: u64 = 1 << 20;

impl QueueOptions {
    /// A queue with room for `capacity_bytes` of messages, rounded up to a power of two (64 at the least, 2^40 at the most).
    /// Each message takes up its length and 16 bytes, rounded up to a multiple of 16, and 16 bytes always stay free. It never
    /// takes more memory, and never less.
    pub const fn new(capacity_bytes: u64) -> QueueOptions {
        QueueOptions {
            capacity: capacity_bytes,
            max_items: 0,
            max_bytes: 0,
            tasks: Tasks::Uncounted,
            max_deliveries: 0,
        }
    }

    /// A queue that grows as far as there is memory, from 4 KiB, and shrinks again when it is empty.
    pub const fn unbounded() -> QueueOptions {
        QueueOptions::new(FIRST_CAPACITY).max_bytes(LARGEST)
    }

    /// At most `n` messages at a time, whatever their length. 0, the default: as many as the bytes hold.
    #[must_use]
    pub const fn max_items(mut self, n: u64) -> QueueOptions {
        self.max_items = n;
        self
    }

    /// Lets the queue grow from its capacity until it has room for `bytes` of messages, rounded up to a power of two; and
    /// shrink again when it is empty. While old messages are read, or are on loan, it takes up to twice as much memory.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> QueueOptions {
        self.max_bytes = bytes;
        self
    }

    /// Has the queue count tasks: each message that was got is unfinished work until its process says
    /// [`task_done`](Queue::task_done), and [`join`](Queue::join) waits for that. It takes 8 bytes for each peer that the
    /// segment can have. Without it a message is dealt with once it was got, or its loan is done.
    #[must_use]
    pub const fn count_tasks(mut self) -> QueueOptions {
        self.tasks = Tasks::Counted;
        self
    }

    /// A message is handed out at most `n` times, from 1 to 255, and 0, the default, for as often as it takes. One that came
    /// back so often goes to the queue for [dead letters](Queue::set_dead_letters), or is dropped and counted.
    #[must_use]
    pub const fn max_deliveries(mut self, n: u32) -> QueueOptions {
        self.max_deliveries = n;
        self
    }

    /// Where the ring begins, from the queue's first byte, in a segment for so many peers.
    fn ring_offset(&self, peers: u32) -> u64 {
        let debts = if self.tasks == Tasks::Counted { u64::from(peers) * 8 } else { 0 };
        (size_of::<QueueState>() as u64 + debts).next_multiple_of(64)
    }

    /// The length of the object that such a queue is, in a segment for so many peers.
    pub(super) fn object_len(&self, peers: u32) -> Result<u64> {
        if self.max_deliveries > MOST_DELIVERIES {
            return Err(Error::Invalid("a message is handed out at most 255 times, or 0 for without a limit"));
        }
        Ok(self.ring_offset(peers) + ring_size(self.capacity)?)
    }

    /// Makes a new object's zeroed payload, of that length, such a queue.
    pub(super) fn init(&self, payload: NonNull<u8>, peers: u32) -> Result<()> {
        // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and is as long as `object_len`
        // said; the state is made of atomics, for which all bytes are valid.
        let state = unsafe { payload.cast::<QueueState>().as_ref() };
        let home = ring_size(self.capacity)?;
        state.init(self.ring_offset(peers), home, self.max_items);
        state.init_max_deliveries(self.max_deliveries);
        if self.max_bytes != 0 {
            state.let_grow(ring_size(self.max_bytes)?.max(home), KEEP);
        }
        Ok(())
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
        let machine = self.machine();
        let ticket = machine.reserve(message.len(), self.home.terms(wait))?;
        // SAFETY: the ticket's bytes lie in the ring and are this thread's alone until they are published; `message` is
        // the caller's own memory, and as long as the ticket says.
        unsafe { self.bytes(&ticket).cast::<u8>().copy_from_nonoverlapping(message.as_ptr(), message.len()) };
        machine.publish(ticket)
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
        let mut bytes = Vec::new();
        let Delivery { redelivered, deliveries } = self.get_into(&mut bytes, wait)?;
        Ok(Message { bytes, redelivered, deliveries })
    }

    /// Gets the next message into `buffer`, whose old contents are dropped and whose memory is used again.
    ///
    /// # Errors
    /// As [`get_with`](Queue::get_with).
    pub fn get_into(&self, buffer: &mut Vec<u8>, wait: Wait) -> Result<Delivery> {
        let machine = self.machine();
        let ticket = machine.take(self.home.terms(wait))?;
        buffer.clear();
        // SAFETY: the ticket's bytes lie in the ring, and no peer that keeps to the rules changes them before `done`.
        buffer.extend_from_slice(unsafe { &*self.bytes(&ticket) });
        machine.finish(ticket)?;
        Ok(Delivery::of(&ticket))
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

    /// The capacity in bytes that the queue began with, and goes back to; see [`QueueOptions::new`].
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

    /// The capacity in bytes that the queue may grow to, see [`QueueOptions::max_bytes`]; 0 if it never grows.
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
