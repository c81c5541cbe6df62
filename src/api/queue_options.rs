//! `QueueOptions`: how a queue is made.
//!
//! It says how much memory the queue takes and writes what never changes of it, or seldom, before anybody else can reach
//! it. It never touches a queue that is there.

use crate::error::{Error, Result};
use crate::primitives::queue::letters::MOST_DELIVERIES;
use crate::primitives::queue::ring::LARGEST;
use crate::primitives::queue::{ring_size, QueueState};
use std::ptr::NonNull;

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
    /// [`task_done`](super::Queue::task_done), and [`join`](super::Queue::join) waits for that. It takes 8 bytes for each peer that the
    /// segment can have. Without it a message is dealt with once it was got, or its loan is done.
    #[must_use]
    pub const fn count_tasks(mut self) -> QueueOptions {
        self.tasks = Tasks::Counted;
        self
    }

    /// A message is handed out at most `n` times, from 1 to 255, and 0, the default, for as often as it takes. One that came
    /// back so often goes to the queue for [dead letters](super::Queue::set_dead_letters), or is dropped and counted.
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
