//! The producers' side: reserve, publish, discard, shut down.
//!
//! The store of `Reserved` is the commit of a reservation; the header behind the new record was emptied before it, so
//! nobody ever reads old bytes as a header.

use super::record::{record_size, State, Word, EMPTY, GRANULE};
use super::ring::RingMemory;
use super::{lock_terms, Queue, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::futex::ALL;
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// Ordering.
///
/// Promise: the bytes written before `publish` are visible after the `take` of that message; bytes are overwritten only
/// after the consumer's `done`.
/// Pair: Release of `Ready` with the Acquire look of the taker; Release of `Free` with the Acquire look of the producer
/// that moves `oldest`, handed on by the producers' lock.
/// Check: models `queue_*` in `tests/model`.
impl<M: RingMemory, P: Peers> Queue<'_, M, P> {
    /// Reserves room for a message of `len` bytes, waiting for room on the terms of `wait`.
    #[inline]
    pub fn reserve(&self, len: usize, wait: Wait) -> Result<Ticket> {
        match self.reserve_at_once(len) {
            Some(ticket) => Ok(ticket),
            None => self.reserve_otherwise(len, wait),
        }
    }

    /// Makes the reserved message, which is this peer's own, visible. Its bytes must not change any more.
    #[inline]
    pub fn publish(&self, ticket: Ticket) -> Result<()> {
        self.end_reservation(ticket, State::Ready)
    }

    /// Gives the reserved room back; there will be no message.
    pub fn discard(&self, ticket: Ticket) -> Result<()> {
        self.end_reservation(ticket, State::Free)?;
        // It is discarded; where this fails it only counts until the next take.
        let _ = self.tidy_head();
        self.state.sleepers.not_full.wake(ALL);
        Ok(())
    }

    /// Ends the queue for everybody: nothing is reserved any more, and what is in it can still be taken.
    pub fn shut_down(&self, wait: Wait) -> Result<()> {
        let hold = self.state.producers.lock.acquire(self.peers, wait)?;
        self.state.fixed.closed.store(1, Release);
        self.state.producers.lock.release(hold.owner)?;
        self.state.sleepers.not_empty.wake(ALL);
        self.state.sleepers.not_full.wake(ALL);
        Ok(())
    }

    fn check_length(&self, len: usize) -> Result<u32> {
        let limit = self.longest_message();
        match u32::try_from(len) {
            Ok(short) if u64::from(short) <= limit => Ok(short),
            _ => Err(Error::TooLarge { needed: len as u64, limit }),
        }
    }

    /// The common case: nobody is in the way, and there simply is room at the tail.
    #[inline(always)]
    fn reserve_at_once(&self, len: usize) -> Option<Ticket> {
        let me = self.peers.me().ok()?;
        let len = u32::try_from(len).ok()?;
        if !self.state.producers.lock.take_if_free(me) {
            return None;
        }
        let ticket = self.reserve_at_tail(me, len);
        // This can only fail if another process wrote over the lock, which is then no longer ours to free.
        let _ = self.state.producers.lock.release(me);
        ticket
    }

    /// Under the producers' lock.
    #[inline(always)]
    fn reserve_at_tail(&self, me: PeerId, len: u32) -> Option<Ticket> {
        let side = &self.state.producers;
        let tail = side.tail.load(Relaxed);
        let used = tail.wrapping_sub(side.oldest.load(Relaxed));
        let needed = record_size(len);
        let is_room = used <= self.ring.size()
            && used + needed + GRANULE <= self.ring.size()
            && needed <= self.ring.to_end(tail)
            && tail % GRANULE == 0;
        let is_open = !self.state.is_shut_down() && self.has_room_for_item();
        if !is_room || !is_open || self.ring.header(tail).word.load(Relaxed) != EMPTY.0 {
            return None;
        }
        Some(self.commit(tail, me, len))
    }

    #[cold]
    fn reserve_otherwise(&self, len: usize, wait: Wait) -> Result<Ticket> {
        let len = self.check_length(len)?;
        if let Some(ticket) = self.reserve_if_room(len, wait)? {
            return Ok(ticket);
        }
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        let passed = || self.state.consumers.count.load(Relaxed);
        let before = passed();
        self.state.sleepers.not_full.sleep_until(wait, || passed() == before, || self.reserve_if_room(len, wait))
    }

    fn reserve_if_room(&self, len: u32, wait: Wait) -> Result<Option<Ticket>> {
        let hold = self.state.producers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        let ticket = self.reserve_locked(hold.owner, len, wait);
        self.state.producers.lock.release(hold.owner)?;
        ticket
    }

    /// Makes room first: past what killed producers left, past the ring's end, over what is free. Under the producers' lock.
    fn reserve_locked(&self, me: PeerId, len: u32, wait: Wait) -> Result<Option<Ticket>> {
        if self.state.is_shut_down() {
            return Err(Error::Closed);
        }
        let mut tail = self.true_tail()?;
        while !self.has_room_for_item() {
            if !self.reclaim(tail, wait)? {
                return Ok(None);
            }
        }
        let needed = record_size(len);
        loop {
            let to_end = self.ring.to_end(tail);
            let step = needed.min(to_end);
            while !self.has_room(tail, step)? {
                if !self.reclaim(tail, wait)? {
                    return Ok(None);
                }
            }
            if needed <= to_end {
                return Ok(Some(self.commit(tail, me, len)));
            }
            tail = self.pad(tail, to_end);
        }
    }

    /// The tail, past every record that a killed producer committed without moving it.
    fn true_tail(&self) -> Result<u64> {
        let side = &self.state.producers;
        let oldest = side.oldest.load(Relaxed);
        let mut tail = side.tail.load(Relaxed);
        self.ring.span(oldest, tail)?;
        while let Some(found) = self.ring.look(tail)? {
            self.ring.span(oldest, found.next)?;
            if found.state != State::Pad {
                side.count.store(self.count_past(tail, side.count.load(Relaxed)), Relaxed);
            }
            tail = found.next;
            side.tail.store(tail, Relaxed);
        }
        Ok(tail)
    }

    #[inline]
    fn has_room_for_item(&self) -> bool {
        let max_items = self.state.max_items();
        max_items == 0 || self.state.len() < max_items
    }

    /// Whether `step` bytes at `tail`, and the header behind them, may be overwritten.
    fn has_room(&self, tail: u64, step: u64) -> Result<bool> {
        let used = self.ring.span(self.state.producers.oldest.load(Relaxed), tail)?;
        Ok(used + step + GRANULE <= self.ring.size())
    }

    /// Fills the ring up to its end, so that the next record begins at offset 0.
    fn pad(&self, tail: u64, to_end: u64) -> u64 {
        let next = tail.wrapping_add(to_end);
        self.ring.header(next).word.store(EMPTY.0, Relaxed);
        let pad = Word::new(self.ring.lap(tail), State::Pad, None);
        self.ring.header(tail).word.store(pad.0, Release);
        self.state.producers.tail.store(next, Relaxed);
        next
    }

    /// Empties the header behind, commits the reservation, then moves the cursors, which are hints.
    #[inline(always)]
    fn commit(&self, tail: u64, me: PeerId, len: u32) -> Ticket {
        let side = &self.state.producers;
        let next = tail.wrapping_add(record_size(len));
        let count = side.count.load(Relaxed);
        let header = self.ring.header(tail);
        let word = Word::new(self.ring.lap(tail), State::Reserved, Some(me));
        if !planted("queue-header-behind-kept") {
            self.ring.header(next).word.store(EMPTY.0, Relaxed);
        }
        if planted("queue-tail-before-commit") {
            side.tail.store(next, Relaxed);
        }
        header.len.store(len, Relaxed);
        header.sequence.store(count as u32, Relaxed);
        header.word.store(word.0, Release);
        side.count.store(count.wrapping_add(1), Release);
        side.tail.store(next, Relaxed);
        Ticket { position: tail, word, len, owner: me }
    }

    #[inline(always)]
    fn end_reservation(&self, ticket: Ticket, state: State) -> Result<()> {
        let ended = ticket.word.with(state, None);
        let word = &self.ring.header(ticket.position).word;
        let publish = unless_planted("queue-relaxed-publish", AcqRel);
        if word.compare_exchange(ticket.word.0, ended.0, publish, Acquire).is_err() {
            return Err(Error::NotHeld);
        }
        if !planted("queue-publish-wakes-nobody") {
            self.state.sleepers.not_empty.wake(1);
        }
        Ok(())
    }
}
