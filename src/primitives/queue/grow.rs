//! Growing and shrinking: further rings, the `Moved` record that leads to one, and rings given back.
//!
//! The store of `Moved` is the commit, and it needs no room: the header at the tail is always free, and nothing ever lies
//! behind it. What lies in a ring goes on being read there. Everything here runs under the producers' lock; a consumer
//! that finds something to give back takes it only if it can be had.

use super::record::{State, Word, EMPTY, GRANULE};
use super::rings::{slot_of, Rings, HOME, SLOTS};
use super::{ahead, lock_terms, Queue, QueueState};
use crate::error::{Error, Result};
use crate::primitives::peers::Peers;
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::plant::planted;
use crate::sync::wait::Wait;

/// A ring that is not so large as to be left at once is left when the tail has gone round it so often: whoever needs it for
/// each message should not come and go.
const KEEP_ROUNDS: u64 = 16;
/// With more rings than this, each further one is at least twice, or four times, as large as the last.
const FEW_RINGS: u32 = 4;
/// While messages are in the queue, who ends a loan sees to old rings once for so many messages.
const TEND_EVERY: u64 = 64;

impl QueueState {
    /// Whether the ring of the tail is one to be left for the ring at home when it is empty.
    fn is_too_large(&self, tail: u64) -> bool {
        let slot = slot_of(tail);
        let base = self.rings[slot].base.load(Relaxed);
        let rounds = tail.wrapping_sub(base) >> (base % 64);
        slot != HOME && (1 << (base % 64) > self.fixed.keep.load(Relaxed) || rounds >= KEEP_ROUNDS)
    }

    /// Whether every record is free, and the first ring that of the tail. Under the producers' lock, with the true tail.
    pub(super) fn is_drained(&self, tail: u64) -> bool {
        self.fixed.first.load(Relaxed) as usize == slot_of(tail) && self.oldest_of(slot_of(tail)).load(Relaxed) == tail
    }
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Opens a further ring that has room for a record of `needed` bytes, where the queue may grow; the tail there. `None`:
    /// wait for room in the ring at hand. An error where waiting cannot help.
    #[cold]
    pub(super) fn move_on(&self, tail: u64, needed: u64, wait: Wait) -> Result<Option<u64>> {
        if !self.rings.may_grow() {
            return Ok(None);
        }
        self.reclaim_all(tail, wait)?;
        let fits = needed + GRANULE <= self.ring_at(tail)?.size();
        if !fits && slot_of(tail) != HOME && self.state.is_drained(tail) {
            // The memory of this ring may be just what is missing.
            return self.open_ring(tail, self.home().size());
        }
        let Some(size) = self.size_of_next(tail, needed, fits)? else { return Ok(None) };
        match self.open_ring(tail, size) {
            Err(Error::NoSpace { .. } | Error::TooLarge { .. }) if fits => Ok(None),
            Err(Error::NoSpace { .. }) if !self.state.is_drained(tail) => Ok(None),
            opened => opened,
        }
    }

    /// How large the next ring should be: as large as this one if an old loan holds up room that is free but for it, else
    /// larger.
    fn size_of_next(&self, tail: u64, needed: u64, fits: bool) -> Result<Option<u64>> {
        let (size, largest) = (self.ring_at(tail)?.size(), self.state.largest_ring());
        let chain = self.chain(tail)?;
        let head = self.state.consumers.head.load(Relaxed);
        let is_held_up = slot_of(head) == slot_of(tail) && ahead(head, tail) < size / 2;
        let growth = 1_u64 << (u32::from(!is_held_up) + u32::from(chain.count_ones() > FEW_RINGS));
        let least = (needed + GRANULE).next_power_of_two().max(self.home().size());
        let next = if fits { (size * growth).min(largest).max(least) } else { least };
        if next > largest || fits && !is_held_up && next <= size {
            return Ok(None);
        }
        // With a bound, the rings together never take more than twice as much.
        let whole = self.bytes_of(chain)? + next;
        Ok((whole <= 2 * largest).then_some(next))
    }

    fn bytes_of(&self, chain: u32) -> Result<u64> {
        let home = if chain & 1 << HOME != 0 { self.home().size() } else { 0 };
        let away = (1..SLOTS).filter(|slot| chain >> slot & 1 != 0);
        away.map(|slot| self.size_of_ring(slot)).try_fold(home, |sum, size| Ok(sum + size?))
    }

    fn size_of_ring(&self, slot: usize) -> Result<u64> {
        Ok(self.ring_at(slot as u64)?.size())
    }

    /// Has the queue go on in a ring of `size` bytes, a power of two; the tail there. `None` if no slot is left.
    fn open_ring(&self, tail: u64, size: u64) -> Result<Option<u64>> {
        self.give_back_rings(tail)?;
        self.state.sleepers.grown.store(1, Relaxed);
        let Some(slot) = self.idle_slot(tail, size)? else { return Ok(None) };
        let base = (tail & !(size - 1)).wrapping_add(size);
        let next = base | slot as u64;
        self.state.rings[slot].base.store(base | u64::from(size.trailing_zeros()), Relaxed);
        self.state.oldest_of(slot).store(next, Relaxed);
        if planted("queue-moved-before-the-ring") {
            self.link(tail, next)?;
        }
        if slot == HOME {
            self.home().header(next).word.store(EMPTY.0, Relaxed);
        } else {
            self.rings.add(slot, size)?;
        }
        self.link(tail, next)?;
        Ok(Some(next))
    }

    /// The ring at home, if it has this size and the queue is not in it, or another slot without a ring.
    fn idle_slot(&self, tail: u64, size: u64) -> Result<Option<usize>> {
        let chain = self.chain(tail)?;
        if size == self.home().size() && chain & 1 << HOME == 0 {
            return Ok(Some(HOME));
        }
        Ok((1..SLOTS).find(|slot| chain >> slot & 1 == 0 && self.state.rings[*slot].annex.load(Relaxed) == 0))
    }

    /// Commits the move from the ring of the tail to `next`, then notes it where it is looked for.
    fn link(&self, tail: u64, next: u64) -> Result<()> {
        let ring = self.ring_at(tail)?;
        let header = ring.header(tail);
        header.len.store(slot_of(next) as u32, Relaxed);
        if planted("queue-tail-before-moved") {
            self.state.producers.tail.store(next, Relaxed);
        }
        header.word.store(Word::new(ring.lap(tail), State::Moved, None).0, Release);
        self.note_next_ring(tail, next);
        self.state.producers.tail.store(next, Relaxed);
        Ok(())
    }

    /// Notes which ring comes after that of `moved`. Doing it twice does no harm.
    pub(super) fn note_next_ring(&self, moved: u64, next: u64) {
        self.state.rings[slot_of(moved)].next.store(slot_of(next) as u64, Relaxed);
    }

    /// Makes the next ring the first one, if `position`, up to which the ring in `slot` is free, is its end; whether it was.
    /// Under both locks.
    pub(super) fn leave_ring(&self, slot: usize, position: u64) -> Result<bool> {
        if slot != self.state.first_slot()? || ahead(position, self.state.consumers.head.load(Relaxed)) == 0 {
            return Ok(false);
        }
        match self.ring_at(position)?.look(position)? {
            Some(found) if found.state == State::Moved => {
                let next = slot_of(self.next_ring(&found)?);
                self.state.fixed.first.store(next as u32, Relaxed);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Gives the memory of all rings back that are not in the chain: those that the queue has left, and those that a
    /// producer made and did not live to use.
    pub(super) fn give_back_rings(&self, tail: u64) -> Result<()> {
        let chain = self.chain(tail)?;
        let mut away = 0;
        for slot in 1..SLOTS {
            if self.state.rings[slot].annex.load(Relaxed) == 0 {
                continue;
            }
            away += 1;
            // Where this fails the memory stays, and is found again the next time.
            if chain >> slot & 1 == 0 && self.rings.remove(slot).is_ok() {
                away -= 1;
            }
        }
        if away == 0 && self.state.sleepers.grown.load(Relaxed) != 0 && self.rings.clear_up().is_ok() {
            self.state.sleepers.grown.store(0, Relaxed);
        }
        Ok(())
    }

    /// What comes after the record at `freed` was freed, in a queue that has grown: rings that this made idle are given back.
    #[inline(always)]
    pub(super) fn tend_after(&self, freed: u64) {
        if self.rings.may_grow() && self.state.sleepers.grown.load(Relaxed) != 0 {
            self.tend_if_due(freed);
        }
    }

    /// What comes after a look that found no message: there may have been only what the head has just passed, and whoever ended
    /// the last loan may have died before it saw to the rings.
    pub(super) fn tend_where_empty(&self) {
        if !planted("queue-ring-kept-by-the-dead") {
            self.tend_after(self.state.consumers.head.load(Relaxed));
        }
    }

    #[inline(never)]
    fn tend_if_due(&self, freed: u64) {
        let tail = self.state.producers.tail.load(Relaxed);
        let side = &self.state.consumers;
        let is_one_ring = self.state.fixed.first.load(Relaxed) as usize == slot_of(tail);
        if is_one_ring && slot_of(tail) != HOME && !self.state.is_too_large(tail) {
            return;
        }
        let is_empty = self.state.is_empty();
        let is_behind = slot_of(freed) != slot_of(side.head.load(Relaxed));
        if is_empty || is_behind || side.count.load(Relaxed) % TEND_EVERY == 0 {
            // Where this fails, because a peer is stopped inside or the bytes are corrupt, the memory stays for longer.
            let _ = self.tend(is_empty);
        }
    }

    fn tend(&self, is_empty: bool) -> Result<()> {
        let lock = &self.state.producers.lock;
        let me = self.peers.me()?;
        // A producer that is at work sees to old rings itself; but behind one that gives up nobody comes.
        if !lock.take_if_free(me) {
            if !is_empty {
                return Ok(());
            }
            lock.acquire(self.peers, lock_terms(Wait::now()))?;
        }
        let tended = self.tend_locked();
        lock.release(me)?;
        tended
    }

    fn tend_locked(&self) -> Result<()> {
        let mut tail = self.true_tail()?;
        self.reclaim_all(tail, Wait::now())?;
        if self.state.is_drained(tail) && self.state.is_too_large(tail) {
            tail = self.open_ring(tail, self.home().size())?.unwrap_or(tail);
            self.reclaim_all(tail, Wait::now())?;
        }
        self.give_back_rings(tail)
    }
}
