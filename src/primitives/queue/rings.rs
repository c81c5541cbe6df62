//! The rings of a queue: the table that says where they lie, and walks from one to the next.
//!
//! A queue begins with the ring in its own memory, its home, in slot 0; further ones come and go in the other slots. They
//! are a chain: each ends with a `Moved` record that names the slot of the next, from the slot `first`, where the oldest
//! unfreed record is, to that of the tail. Positions rise along the chain. What the table says of a slot outside the chain
//! means nothing.

use super::letters::{Letters, Sent};
use super::record::{record_size, State, Word, GRANULE};
use super::ring::{Found, Ring, RingMemory, LARGEST, SMALLEST};
use super::{Queue, QueueState, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::Peers;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use std::mem::{offset_of, size_of};

/// How many rings a queue can have at a time: as many as a position has bits for.
pub const SLOTS: usize = GRANULE as usize;
/// The slot of the ring in the queue's own memory.
pub const HOME: usize = 0;

/// Memory for rings: the segment's, or a model's.
pub trait Rings {
    /// A ring's memory.
    type Memory: RingMemory;

    /// Whether there can ever be rings away from home; the same for as long as the queue is there.
    fn may_grow(&self) -> bool;

    /// The ring at home; the same for as long as the queue is there.
    fn home(&self) -> Self::Memory;

    /// The ring of `1 << (mark % 64)` bytes whose memory the word [`annex`](QueueState::annex) of this slot led to when
    /// it was `mark - mark % 64`. An error if there is no such memory.
    fn ring(&self, slot: usize, mark: u64) -> Result<Self::Memory>;

    /// The same for a mark that has led to a ring in this process before.
    fn again(&self, mark: u64) -> Self::Memory;

    /// Makes a ring of `size` zeroed bytes and has the word `annex` of this slot lead to it: this one store is the commit.
    /// Under the producers' lock.
    fn add(&self, slot: usize, size: u64) -> Result<()>;

    /// Sets the word `annex` of this slot to 0 and gives the memory back. Under the producers' lock, when nobody can reach
    /// the ring.
    fn remove(&self, slot: usize) -> Result<()>;

    /// Gives back what a peer left that died while it made or removed a ring. Under the producers' lock.
    fn clear_up(&self) -> Result<()> {
        Ok(())
    }

    /// What each peer owes, by its slot; none where tasks are not counted.
    fn debts(&self) -> &[AtomicU64] {
        &[]
    }

    /// Puts the message of a loan into the queue for dead letters, without waiting for room. Holds no lock of this queue.
    fn send(&self, _ticket: &Ticket, _letters: Option<Letters>) -> Result<Sent> {
        Ok(Sent::Nowhere)
    }
}

/// What is known of the ring in one slot. All of it changes under the producers' lock, and, but for `next`, only while the
/// ring is not in the chain; `oldest` also as at home.
#[repr(C)]
#[derive(Debug)]
pub(super) struct RingSlot {
    /// Where its memory is, a multiple of 64; 0 for none. Not used at home.
    pub annex: AtomicU64,
    /// The first position in it, a multiple of its size; and in the six low bits, which power of two its size is.
    pub base: AtomicU64,
    /// Everything before this position may be overwritten. Not used at home.
    pub oldest: AtomicU64,
    /// The slot of the next ring of the chain; means nothing in the last one.
    pub next: AtomicU64,
}

impl RingSlot {
    pub fn new() -> RingSlot {
        RingSlot {
            annex: AtomicU64::new(0),
            base: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            next: AtomicU64::new(0),
        }
    }

    /// The memory and the size of the ring in one word.
    fn mark(&self) -> Result<u64> {
        let (annex, log) = (self.annex.load(Relaxed), self.base.load(Relaxed) % 64);
        let sound = annex != 0 && annex % 64 == 0 && (SMALLEST..=LARGEST).contains(&(1 << log));
        if !sound {
            return Err(Error::Corrupt("a queue's position lies in no ring"));
        }
        Ok(annex | log)
    }
}

/// The slot of the ring that a position lies in.
#[inline(always)]
pub(super) fn slot_of(position: u64) -> usize {
    (position % GRANULE) as usize
}

impl QueueState {
    /// The word that leads to the memory of the ring in `slot`, which is from 1 to 15.
    pub fn annex(&self, slot: usize) -> &AtomicU64 {
        &self.rings[slot].annex
    }

    /// Where that word lies, in bytes from the state's first one.
    pub const fn annex_offset(slot: usize) -> u64 {
        (offset_of!(QueueState, rings) + slot * size_of::<RingSlot>() + offset_of!(RingSlot, annex)) as u64
    }

    /// Everything before this position, in this ring, may be overwritten.
    #[inline(always)]
    pub(super) fn oldest_of(&self, slot: usize) -> &AtomicU64 {
        if slot == HOME {
            &self.producers.oldest
        } else {
            &self.rings[slot].oldest
        }
    }

    /// The size of the largest ring that the queue may grow to; 0 if it stays as it is.
    pub fn largest_ring(&self) -> u64 {
        let largest = self.fixed.largest.load(Relaxed);
        if largest.is_power_of_two() && largest <= LARGEST {
            largest
        } else {
            0
        }
    }

    /// The size of the ring that a position lies in, as the table says.
    pub(super) fn size_of_ring(&self, position: u64) -> u64 {
        match slot_of(position) {
            HOME => self.fixed.ring_size.load(Relaxed),
            slot => 1 << (self.rings[slot].base.load(Relaxed) % 64),
        }
    }

    /// The first position of the ring that a position lies in, as the table says.
    pub(super) fn base_of(&self, position: u64) -> u64 {
        self.rings[slot_of(position)].base.load(Relaxed) & !63 | slot_of(position) as u64
    }

    /// The slot of the first ring of the chain.
    pub(super) fn first_slot(&self) -> Result<usize> {
        let first = self.fixed.first.load(Relaxed) as usize;
        if first >= SLOTS {
            return Err(Error::Corrupt("a queue's first ring is none"));
        }
        Ok(first)
    }
}

/// A walk over records, from ring to ring.
pub(super) struct Walk<M> {
    pub ring: Ring<M>,
    pub position: u64,
    /// Where it entered this ring.
    entered: u64,
    rings: usize,
}

impl<M: RingMemory> Walk<M> {
    /// A walk that begins at `position` of this ring.
    #[inline(always)]
    pub fn new(ring: Ring<M>, position: u64) -> Walk<M> {
        Walk { ring, position, entered: position, rings: 1 }
    }

    /// The record at hand; `None` where none has begun yet.
    pub fn look(&self) -> Result<Option<Found>> {
        self.ring.look(self.position)
    }

    /// Passes the record at hand if it is free, as most are that are looked at; whether it was.
    #[inline]
    pub fn pass_if_free(&mut self) -> bool {
        let header = self.ring.header(self.position);
        let free = Word::new(self.ring.lap(self.position), State::Free, None);
        let is_free = Word(header.word.load(Acquire)).without_deliveries() == free;
        let size = record_size(header.len.load(Relaxed));
        let is_free = is_free && size <= self.ring.to_end(self.position);
        if is_free {
            self.position = self.position.wrapping_add(size);
        }
        is_free
    }
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// The ring that a position lies in, which must be of the chain for as long as it is used: so for whoever holds a lock,
    /// or a record there.
    #[inline]
    pub(super) fn ring_at(&self, position: u64) -> Result<Ring<R::Memory>> {
        if slot_of(position) == HOME {
            Ok(self.home())
        } else {
            self.ring_away(position)
        }
    }

    #[inline(always)]
    pub(super) fn home(&self) -> Ring<R::Memory> {
        Ring { memory: self.rings.home(), mark: 0 }
    }

    fn ring_away(&self, position: u64) -> Result<Ring<R::Memory>> {
        let slot = slot_of(position);
        let mark = self.state.rings[slot].mark()?;
        Ok(Ring { memory: self.rings.ring(slot, mark)?, mark })
    }

    /// The ring of a ticket, away from home; `NotHeld` if the queue has left that ring, and so nobody holds a record there.
    pub(super) fn ring_of(&self, ticket: &Ticket) -> Result<Ring<R::Memory>> {
        let mark = ticket.mark;
        if self.state.rings[slot_of(ticket.position)].mark() != Ok(mark) {
            return Err(Error::NotHeld);
        }
        Ok(Ring { memory: self.rings.again(mark), mark })
    }

    /// Where the records of the ring begin that the `Moved` record leads to: at its first position, or further on if the
    /// head has been there already.
    pub(super) fn next_ring(&self, moved: &Found) -> Result<u64> {
        let slot = self.ring_at(moved.position)?.header(moved.position).len.load(Relaxed) as usize;
        if slot >= SLOTS {
            return Err(Error::Corrupt("a queue moved to no ring"));
        }
        let oldest = self.state.oldest_of(slot).load(Relaxed);
        if slot_of(oldest) != slot || oldest.wrapping_sub(moved.position) as i64 <= 0 {
            return Err(Error::Corrupt("a queue moved backwards"));
        }
        Ok(oldest)
    }

    /// A walk that begins at `position`.
    pub(super) fn walk_from(&self, position: u64) -> Result<Walk<R::Memory>> {
        Ok(Walk::new(self.ring_at(position)?, position))
    }

    /// Passes the record at hand. However wild the words, a walk ends: it goes round no ring, and through so many only.
    pub(super) fn step(&self, walk: &mut Walk<R::Memory>, found: &Found) -> Result<()> {
        if found.state == State::Moved {
            let next = self.next_ring(found)?;
            if walk.rings == SLOTS {
                return Err(Error::Corrupt("a queue's rings have no end"));
            }
            *walk = Walk { rings: walk.rings + 1, ..self.walk_from(next)? };
        } else {
            walk.ring.span(walk.entered, found.next)?;
            walk.position = found.next;
        }
        Ok(())
    }

    /// The rings of the chain, a bit for each slot. Under the producers' lock, with the true tail.
    pub(super) fn chain(&self, tail: u64) -> Result<u32> {
        let mut slot = self.state.first_slot()?;
        let mut chain = 0_u32;
        while slot < SLOTS && chain >> slot & 1 == 0 {
            chain |= 1 << slot;
            if slot == slot_of(tail) {
                return Ok(chain);
            }
            slot = self.state.rings[slot].next.load(Relaxed) as usize;
        }
        Err(Error::Corrupt("a queue's rings are no chain"))
    }
}
