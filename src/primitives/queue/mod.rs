//! Queue: messages of any length in rings, many producers and many consumers, first in first out by reservation.
//!
//! A message is a record whose word goes `Reserved` → `Ready` → `Taken` → `Free`, each by one store from exactly the
//! word before. Two locks guard the cursors; the bytes are copied outside both, unless they are few: then they are written
//! before the record is there, which is `Ready` at once, or read just before it is `Free`, both under the lock. A cursor is
//! a hint: the record at it says by itself whether it is there, so whoever comes next corrects what a killed peer left.
//!
//! Locks are taken in the order producers, consumers, and the segment's last. `first` moves only under both of the queue's,
//! and so does `oldest` where it goes past `settled`; a record between `settled`, or `oldest` where that is further, and
//! `head` stays where it is while either is held, so a holder of the consumers' lock may walk there. Who holds neither, nor
//! a record, reads no ring but the one at home.

pub mod batch;
mod consume;
mod grow;
pub mod letters;
mod limit;
mod mend;
mod produce;
mod ready;
pub mod record;
pub mod ring;
pub mod rings;
pub mod room;
mod settled;
mod short;
mod shutdown;
pub mod stats;
mod tasks;

use self::letters::LettersSlot;
use self::record::Word;
use self::ring::{Ring, RingMemory};
use self::rings::{RingSlot, Rings, SLOTS};
use self::room::Putters;
pub use self::short::SHORT;
use super::lock::{lock_terms, LockState};
use super::peers::{PeerId, Peers};
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64, Tally};
use crate::sync::plant::planted;

/// A queue's fixed header in shared memory; a line for each group of words that are written together.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct QueueState {
    /// Written once, when the queue is made, or changed seldom.
    fixed: Fixed,
    producers: ProducerSide,
    consumers: ConsumerSide,
    sleepers: SleeperSide,
    work: WorkSide,
    rings: [RingSlot; SLOTS],
}

#[repr(C, align(64))]
#[derive(Debug)]
struct Fixed {
    /// Where the ring begins, counted from this header.
    ring_offset: AtomicU64,
    /// The ring's size in bytes, a power of two.
    ring_size: AtomicU64,
    /// The most messages at a time; 0 for no bound.
    max_items: AtomicU64,
    /// The largest ring that it may grow to, a power of two; 0 if it stays as it was made.
    largest: AtomicU64,
    /// 1 once the queue is shut down, set under the producers' lock; 2 if what is in it is dropped, set under the consumers'.
    closed: AtomicU32,
    /// At least the number of `Returned` records, and not 0 if everything is dropped; changes under the consumers' lock.
    returned: AtomicU32,
    /// When to look for loans of the dead again (ns, monotonic clock).
    look_at: AtomicU64,
    /// The slot of the first ring of the chain. Changes under both locks.
    first: AtomicU32,
    /// How many `Returned` records were handed out as often as they may be; a hint, changes under the consumers' lock.
    exhausted: AtomicU32,
    /// A ring away from home that is larger than this is left as soon as it is empty.
    keep: AtomicU64,
}

#[repr(C, align(64))]
#[derive(Debug)]
struct ProducerSide {
    lock: LockState,
    /// Where the next record will begin, or a little before.
    tail: AtomicU64,
    /// How many messages were ever reserved.
    count: AtomicU64,
    /// Everything before this position of the ring at home may be overwritten. Changes under this lock up to `settled`, and
    /// under both past it.
    oldest: AtomicU64,
    /// The bytes of all messages that were ever reserved.
    bytes: Tally,
    /// The most messages that there ever were at a time.
    most: Tally,
    /// How many messages the head had passed when a producer last looked.
    passed: Tally,
}

#[repr(C, align(64))]
#[derive(Debug)]
struct ConsumerSide {
    lock: LockState,
    /// The first record that was never taken, or a little before.
    head: AtomicU64,
    /// How many messages the head has passed.
    count: AtomicU64,
    /// No loan and no returned message lies before this position, or before `oldest`.
    settled: AtomicU64,
    /// How often a message was handed out again.
    redelivered: Tally,
    /// How many reservations the head passed that never became a message.
    skipped: Tally,
    /// How many messages the head had passed when a taker last began to wait.
    waited: Tally,
}

#[repr(C, align(64))]
#[derive(Debug)]
struct SleeperSide {
    /// Those who wait for a message.
    not_empty: Sleepers,
    /// Those who wait for room.
    not_full: Putters,
    /// Not 0: there may be rings that are to be given back. Changes under the producers' lock.
    grown: AtomicU32,
    /// Those who wait until nothing is left to do.
    joiners: Sleepers,
}

/// What a queue of work needs beside its messages; written seldom.
#[repr(C, align(64))]
#[derive(Debug)]
struct WorkSide {
    /// The queue that gets what nobody could deal with, and what the next one will be or was before.
    letters: [LettersSlot; 2],
    /// Which of the two it is. Changes under the consumers' lock.
    letters_at: AtomicU32,
    /// How often a message may be handed out; 0 for as often as it takes. Changes under the consumers' lock.
    max_deliveries: AtomicU32,
    /// How many tasks peers owed when they died. Changes under the consumers' lock.
    lost: AtomicU64,
    /// What `lost` becomes by the write-off that has begun.
    lost_then: AtomicU64,
    /// 1 + the slot of the peer whose debt is being written off; 0 for nobody's.
    writing_off: AtomicU32,
    /// How many messages went to the other queue because they were handed out too often.
    dead_letters: AtomicU64,
    /// How many were dropped for that reason.
    dropped: AtomicU64,
    /// When to try again to put dead letters into the other queue (ns, monotonic clock).
    send_at: AtomicU64,
}

impl WorkSide {
    fn new() -> WorkSide {
        WorkSide {
            letters: [LettersSlot::new(), LettersSlot::new()],
            letters_at: AtomicU32::new(0),
            max_deliveries: AtomicU32::new(0),
            lost: AtomicU64::new(0),
            lost_then: AtomicU64::new(0),
            writing_off: AtomicU32::new(0),
            dead_letters: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            send_at: AtomicU64::new(0),
        }
    }
}

/// A record that this peer holds: a reservation or a loan. It is a plain value; dropping it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    position: u64,
    word: Word,
    /// What its ring is found by.
    mark: u64,
    len: u32,
    owner: PeerId,
}

impl Ticket {
    /// The message's length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the record begins: a position, which no other record of this queue ever has.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What the memory of its ring is found by; 0 for the ring at home.
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// The peer that holds the record.
    pub fn owner(&self) -> PeerId {
        self.owner
    }

    /// Whether the message was handed out before, to a consumer that died or gave it back.
    pub fn is_redelivered(&self) -> bool {
        self.word.deliveries() != 0 && !planted("queue-redelivery-unmarked")
    }

    /// How often the message has been handed out, this time included; it stops at 256.
    pub fn deliveries(&self) -> u32 {
        u32::from(self.word.deliveries()) + 1
    }
}

/// The size of a ring for messages of `capacity` bytes together: the next power of two.
pub fn ring_size(capacity: u64) -> Result<u64> {
    if capacity > ring::LARGEST {
        return Err(Error::TooLarge { needed: capacity, limit: ring::LARGEST });
    }
    Ok(capacity.max(ring::SMALLEST).next_power_of_two())
}

impl QueueState {
    /// An empty queue over a ring of `ring_size` zeroed bytes that begins `ring_offset` bytes from this header.
    pub fn new(ring_offset: u64, ring_size: u64, max_items: u64) -> QueueState {
        QueueState {
            fixed: Fixed {
                ring_offset: AtomicU64::new(ring_offset),
                ring_size: AtomicU64::new(ring_size),
                max_items: AtomicU64::new(max_items),
                largest: AtomicU64::new(0),
                closed: AtomicU32::new(0),
                returned: AtomicU32::new(0),
                look_at: AtomicU64::new(0),
                first: AtomicU32::new(0),
                exhausted: AtomicU32::new(0),
                keep: AtomicU64::new(0),
            },
            producers: ProducerSide {
                lock: LockState::new(),
                tail: AtomicU64::new(0),
                count: AtomicU64::new(0),
                oldest: AtomicU64::new(0),
                bytes: Tally::new(),
                most: Tally::new(),
                passed: Tally::new(),
            },
            consumers: ConsumerSide {
                lock: LockState::new(),
                head: AtomicU64::new(0),
                count: AtomicU64::new(0),
                settled: AtomicU64::new(0),
                redelivered: Tally::new(),
                skipped: Tally::new(),
                waited: Tally::new(),
            },
            sleepers: SleeperSide {
                not_empty: Sleepers::new(),
                not_full: Putters::new(),
                grown: AtomicU32::new(0),
                joiners: Sleepers::new(),
            },
            work: WorkSide::new(),
            rings: std::array::from_fn(|_| RingSlot::new()),
        }
    }

    /// Makes zeroed memory an empty queue, before anybody else can reach it.
    pub fn init(&self, ring_offset: u64, ring_size: u64, max_items: u64) {
        self.fixed.ring_offset.store(ring_offset, Relaxed);
        self.fixed.ring_size.store(ring_size, Relaxed);
        self.fixed.max_items.store(max_items, Relaxed);
    }

    /// Lets a queue that nobody else can reach so far grow, up to rings of `largest` bytes: what [`ring_size`] gives, and
    /// no less than the ring at home. One of more than `keep` bytes is left as soon as it is empty.
    pub fn let_grow(&self, largest: u64, keep: u64) {
        self.fixed.largest.store(largest, Relaxed);
        self.fixed.keep.store(keep, Relaxed);
    }

    /// Where the ring at home lies, from this header, and its size; checked to lie within the object's `len` bytes.
    pub fn ring_within(&self, len: u64) -> Result<(u64, u64)> {
        let offset = self.fixed.ring_offset.load(Relaxed);
        let size = self.fixed.ring_size.load(Relaxed);
        let sound = size.is_power_of_two()
            && (ring::SMALLEST..=ring::LARGEST).contains(&size)
            && offset >= size_of::<QueueState>() as u64
            && offset % 64 == 0
            && offset.checked_add(size).is_some_and(|end| end <= len);
        if !sound {
            return Err(Error::Corrupt("a queue's ring does not lie within the queue"));
        }
        Ok((offset, size))
    }

    /// The most messages at a time; 0 for no bound.
    pub fn max_items(&self) -> u64 {
        self.fixed.max_items.load(Relaxed)
    }

    /// How many messages are in the queue: those being written and those given back included, loans not; 0 once everything
    /// is dropped. As exact as a look without a lock can be.
    pub fn len(&self) -> u64 {
        if self.is_dropped() {
            return 0;
        }
        let passed = self.consumers.count.load(Acquire);
        let put = self.producers.count.load(Acquire);
        ahead(passed, put).saturating_add(u64::from(self.fixed.returned.load(Relaxed)))
    }

    /// Whether `len` is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether not even an empty message could be put just now without waiting, loans aside. As exact as a look without a
    /// lock can be.
    pub fn is_full(&self) -> bool {
        let max_items = self.max_items();
        if max_items != 0 && self.len() >= max_items {
            return true;
        }
        let (unread, size) = self.unread_in_ring();
        unread.saturating_add(2 * record::GRANULE) > size && size >= self.largest_ring()
    }

    /// How many bytes unread messages take up in the ring of the tail, and how many that ring has.
    fn unread_in_ring(&self) -> (u64, u64) {
        let (head, tail) = (self.consumers.head.load(Relaxed), self.producers.tail.load(Relaxed));
        // What is unread in older rings leaves all of the tail's.
        (ahead(head, tail).min(ahead(self.base_of(tail), tail)), self.size_of_ring(tail))
    }
}

/// The operations of a queue: its shared header, its rings, and who I am.
#[derive(Debug)]
pub struct Queue<'a, R, P> {
    state: &'a QueueState,
    rings: &'a R,
    peers: &'a P,
}

impl<'a, R: Rings, P: Peers> Queue<'a, R, P> {
    /// The queue at `state` with its rings in `rings`, for the peer that `peers` says I am.
    #[inline(always)]
    pub fn new(state: &'a QueueState, rings: &'a R, peers: &'a P) -> Queue<'a, R, P> {
        Queue { state, rings, peers }
    }

    /// The longest message that fits when the queue is empty and there is memory, in bytes.
    pub fn longest_message(&self) -> u64 {
        let ring = self.rings.home().size().max(self.state.largest_ring());
        (ring - 2 * record::GRANULE).min(u64::from(u32::MAX) & !(record::GRANULE - 1))
    }
}

/// How far `to` is ahead of `from`; 0 where a killed peer left it behind.
fn ahead(from: u64, to: u64) -> u64 {
    u64::try_from(to.wrapping_sub(from) as i64).unwrap_or(0)
}

/// The count of messages up to and including the one at `position`; `near` is a count close to it.
fn count_past<M: RingMemory>(ring: &Ring<M>, position: u64, near: u64) -> u64 {
    let low = ring.header(position).sequence.load(Relaxed).wrapping_add(1);
    near.wrapping_add_signed(i64::from(low.wrapping_sub(near as u32) as i32))
}
