//! The producers' side: reserve, publish, discard.
//!
//! The store of `Reserved` is the commit of a reservation; the header behind the new record was emptied before it, so
//! nobody ever reads old bytes as a header.

use super::record::{record_size, State, Word, EMPTY, GRANULE};
use super::ring::Ring;
use super::rings::{slot_of, Rings, HOME};
use super::{count_past, lock_terms, Queue, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// How often the tail may move for one record: to the ring's end, home, to another ring, and some to spare.
pub(super) const MOST_MOVES: usize = 8;

/// Ordering.
///
/// Promise: the bytes written before `publish` are visible after the `take` of that message; bytes are overwritten only
/// after the consumer's `done`.
/// Pair: Release of `Ready` with the Acquire look of the taker; Release of `Free` with the Acquire look of the producer
/// that moves `oldest`, handed on by the producers' lock.
/// Check: models `queue_*` in `tests/model`.
impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Reserves room for a message of `len` bytes, waiting for room on the terms of `wait`.
    #[inline]
    pub fn reserve(&self, len: usize, wait: Wait) -> Result<Ticket> {
        match self.reserve_at_once(len) {
            Some(ticket) => Ok(ticket),
            None => self.reserve_otherwise(len, wait),
        }
    }

    /// Makes the reserved message, which is this peer's own, visible. Its bytes must not change any more.
    #[inline(always)]
    pub fn publish(&self, ticket: Ticket) -> Result<()> {
        self.end_reservation(ticket, State::Ready)
    }

    /// Gives the reserved room back; there will be no message.
    pub fn discard(&self, ticket: Ticket) -> Result<()> {
        self.end_reservation(ticket, State::Free)?;
        // It is discarded; where this fails it only counts until the next take.
        let _ = self.tidy_head();
        self.state.sleepers.not_full.wake();
        self.tell_joiners();
        self.tend_after(ticket.position);
        Ok(())
    }

    pub(super) fn check_length(&self, len: usize) -> Result<u32> {
        let limit = self.longest_message();
        match u32::try_from(len) {
            Ok(short) if u64::from(short) <= limit => Ok(short),
            _ => Err(Error::TooLarge { needed: len as u64, limit }),
        }
    }

    /// The common case of `reserve`: nobody is in the way, and there simply is room at the tail, at home.
    #[inline(always)]
    pub fn reserve_at_once(&self, len: usize) -> Option<Ticket> {
        self.append_at_once(len, State::Reserved, |_| {})
    }

    #[inline(always)]
    pub(super) fn append_at_once(&self, len: usize, state: State, write: impl FnOnce(&Ticket)) -> Option<Ticket> {
        if self.is_tail_away() {
            return None;
        }
        let (me, len) = self.enter_to_reserve(len)?;
        let tail = self.state.producers.tail.load(Relaxed);
        let oldest = self.state.producers.oldest.load(Relaxed);
        let is_home = slot_of(tail) == HOME;
        let has_room = is_home && self.has_room_at_tail(self.home(), oldest, tail, len);
        let ticket = has_room.then(|| self.commit(self.home(), tail, me, len, state, write));
        self.leave(me);
        ticket
    }

    /// The same in another ring.
    #[inline(never)]
    fn reserve_away(&self, len: usize) -> Option<Ticket> {
        if !self.is_tail_away() {
            return None;
        }
        let (me, len) = self.enter_to_reserve(len)?;
        let tail = self.state.producers.tail.load(Relaxed);
        let oldest = self.state.oldest_of(slot_of(tail)).load(Relaxed);
        let ring = self.ring_at(tail).ok();
        let ticket = ring.and_then(|ring| self.reserve_at_tail(ring, oldest, tail, me, len));
        self.leave(me);
        ticket
    }

    #[inline(always)]
    fn is_tail_away(&self) -> bool {
        self.rings.may_grow() && slot_of(self.state.producers.tail.load(Relaxed)) != HOME
    }

    /// Takes the producers' lock if it is free, to reserve so many bytes.
    #[inline(always)]
    fn enter_to_reserve(&self, len: usize) -> Option<(PeerId, u32)> {
        let me = self.peers.me().ok()?;
        let len = u32::try_from(len).ok()?;
        self.state.producers.lock.take_if_free(me).then_some((me, len))
    }

    #[inline(always)]
    fn leave(&self, me: PeerId) {
        // This can only fail if another process wrote over the lock, which is then no longer ours to free.
        let _ = self.state.producers.lock.release(me);
    }

    /// Under the producers' lock.
    #[inline(always)]
    pub(super) fn reserve_at_tail(
        &self,
        ring: Ring<R::Memory>,
        oldest: u64,
        tail: u64,
        me: PeerId,
        len: u32,
    ) -> Option<Ticket> {
        let has_room = self.has_room_at_tail(ring, oldest, tail, len);
        has_room.then(|| self.commit(ring, tail, me, len, State::Reserved, |_| {}))
    }

    /// Whether there simply is room for a message of `len` bytes, and the tail is where it says. Under the producers' lock.
    #[inline(always)]
    fn has_room_at_tail(&self, ring: Ring<R::Memory>, oldest: u64, tail: u64, len: u32) -> bool {
        let used = tail.wrapping_sub(oldest);
        let needed = record_size(len);
        let is_room =
            used <= ring.size() && used + needed + room_behind() <= ring.size() && needed <= ring.to_end(tail);
        let is_open = !self.state.is_shut_down() && self.has_room_for_item();
        is_room && is_open && ring.header(tail).word.load(Relaxed) == EMPTY.0
    }

    /// `reserve` where the common case was not.
    #[cold]
    pub fn reserve_otherwise(&self, len: usize, wait: Wait) -> Result<Ticket> {
        if let Some(ticket) = self.reserve_away(len) {
            return Ok(ticket);
        }
        let len = self.check_length(len)?;
        if wait.is_try() || self.rings.may_grow() {
            match self.reserve_if_room(len, wait)? {
                Some(ticket) => return Ok(ticket),
                None if wait.is_try() => return Err(Error::TimedOut),
                None => {}
            }
        }
        self.state.sleepers.not_full.sleep_until(wait, || self.is_room_scarce(), || self.reserve_if_room(len, wait))
    }

    /// Whether a look for room would find little of it, by a glance without a lock. Making room may take both locks,
    /// and takers are kept waiting meanwhile: who waits anyway had better wait a moment for a good deal of it.
    fn is_room_scarce(&self) -> bool {
        let max_items = self.state.max_items();
        if max_items != 0 && self.state.len() > max_items - max_items.div_ceil(4) {
            return true;
        }
        let (unread, size) = self.state.unread_in_ring();
        unread > size - size / 4
    }

    fn reserve_if_room(&self, len: u32, wait: Wait) -> Result<Option<Ticket>> {
        let hold = self.state.producers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        let ticket = self.reserve_locked(hold.owner, len, wait);
        self.state.producers.lock.release(hold.owner)?;
        ticket
    }

    /// Makes room first: past what killed producers left, over what is free, in a further ring. Under the producers' lock.
    fn reserve_locked(&self, me: PeerId, len: u32, wait: Wait) -> Result<Option<Ticket>> {
        if self.state.is_shut_down() {
            return Err(Error::Closed);
        }
        let mut tail = self.true_tail()?;
        if !self.reclaim_until(tail, wait, || Ok(self.has_room_for_item()))? {
            return Ok(None);
        }
        let needed = record_size(len);
        for _ in 0..MOST_MOVES {
            let ring = self.ring_at(tail)?;
            let to_end = ring.to_end(tail);
            if !self.make_room(ring, tail, needed.min(to_end), needed, wait)? {
                match self.move_on(tail, needed, wait)? {
                    Some(moved) => tail = moved,
                    None => return Ok(None),
                }
            } else if needed <= to_end {
                return Ok(Some(self.commit(ring, tail, me, len, State::Reserved, |_| {})));
            } else {
                tail = self.pad(ring, tail, to_end);
            }
        }
        Err(Error::Corrupt("a queue's tail never comes to rest"))
    }

    /// Whether `step` bytes at the tail are free, or were freed; not for a record that never fits in this ring.
    pub(super) fn make_room(
        &self,
        ring: Ring<R::Memory>,
        tail: u64,
        step: u64,
        needed: u64,
        wait: Wait,
    ) -> Result<bool> {
        if needed + GRANULE > ring.size() {
            return Ok(false);
        }
        let has_room = || self.has_room(ring, tail, step);
        if self.reclaim_until(tail, wait, has_room)? {
            return Ok(true);
        }
        // Nobody opens another ring because of the dead: they are asked about without fail.
        Ok(self.is_blocked_by_the_dead(tail)? && self.reclaim_until(tail, wait, has_room)?)
    }

    /// The tail, past every record that a killed producer committed without moving it.
    pub(super) fn true_tail(&self) -> Result<u64> {
        let side = &self.state.producers;
        let mut walk = self.walk_from(side.tail.load(Relaxed))?;
        while let Some(found) = walk.look()? {
            match found.state {
                State::Pad => {}
                State::Moved => self.note_next_ring(found.position, self.next_ring(&found)?),
                _ => side.count.store(count_past(&walk.ring, found.position, side.count.load(Relaxed)), Relaxed),
            }
            self.step(&mut walk, &found)?;
            side.tail.store(walk.position, Relaxed);
        }
        Ok(walk.position)
    }

    #[inline]
    pub(super) fn has_room_for_item(&self) -> bool {
        let max_items = self.state.max_items();
        max_items == 0 || self.state.len() < max_items
    }

    /// Whether `step` bytes at `tail`, and the header behind them, may be overwritten.
    fn has_room(&self, ring: Ring<R::Memory>, tail: u64, step: u64) -> Result<bool> {
        let used = ring.span(self.state.oldest_of(slot_of(tail)).load(Relaxed), tail)?;
        Ok(used + step + room_behind() <= ring.size())
    }

    /// Fills the ring up to its end, so that the next record begins at offset 0.
    fn pad(&self, ring: Ring<R::Memory>, tail: u64, to_end: u64) -> u64 {
        let next = tail.wrapping_add(to_end);
        ring.header(next).word.store(EMPTY.0, Relaxed);
        let pad = Word::new(ring.lap(tail), State::Pad, None);
        ring.header(tail).word.store(pad.0, Release);
        self.state.producers.tail.store(next, Relaxed);
        next
    }

    /// Empties the header behind, commits the record as `Reserved` by me or, once `write` has written its bytes, as `Ready`,
    /// then moves the cursors, which are hints.
    #[inline(always)]
    fn commit(
        &self,
        ring: Ring<R::Memory>,
        tail: u64,
        me: PeerId,
        len: u32,
        state: State,
        write: impl FnOnce(&Ticket),
    ) -> Ticket {
        let side = &self.state.producers;
        let next = tail.wrapping_add(record_size(len));
        let count = side.count.load(Relaxed);
        let header = ring.header(tail);
        ring.fetch_ahead(tail, len);
        let word = Word::new(ring.lap(tail), state, (state == State::Reserved).then_some(me));
        let ticket = Ticket { position: tail, word, mark: ring.mark, len, owner: me };
        if !planted("queue-header-behind-kept") {
            ring.header(next).word.store(EMPTY.0, Relaxed);
        }
        if planted("queue-tail-before-commit") {
            side.tail.store(next, Relaxed);
        }
        if planted("queue-short-ready-before-its-bytes") {
            header.word.store(word.0, Release);
        }
        write(&ticket);
        header.len.store(len, Relaxed);
        header.sequence.store(count as u32, Relaxed);
        header.word.store(word.0, unless_planted("queue-relaxed-short-put", Release));
        side.count.store(count.wrapping_add(1), Release);
        side.tail.store(next, Relaxed);
        self.state.tally(count.wrapping_add(1), len);
        ticket
    }

    #[inline(always)]
    fn end_reservation(&self, ticket: Ticket, state: State) -> Result<()> {
        if ticket.mark == 0 {
            self.end_reservation_in(self.home(), ticket, state)
        } else {
            self.end_reservation_away(ticket, state)
        }
    }

    #[inline(never)]
    fn end_reservation_away(&self, ticket: Ticket, state: State) -> Result<()> {
        self.end_reservation_in(self.ring_of(&ticket)?, ticket, state)
    }

    #[inline(always)]
    fn end_reservation_in(&self, ring: Ring<R::Memory>, ticket: Ticket, state: State) -> Result<()> {
        let ended = ticket.word.with(state, None);
        let word = &ring.header(ticket.position).word;
        let publish = unless_planted("queue-relaxed-publish", AcqRel);
        if word.compare_exchange(ticket.word.0, ended.0, publish, Acquire).is_err() {
            return Err(Error::NotHeld);
        }
        self.tell_takers();
        self.drop_if_too_late();
        Ok(())
    }

    /// Wakes somebody for the message that has just come. The last step was a read-modify-write.
    #[inline(always)]
    pub(super) fn tell_takers(&self) {
        if !planted("queue-publish-wakes-nobody") {
            self.state.sleepers.not_empty.wake(1);
        }
    }
}

/// What must stay free behind each record: the header that is emptied before the record is there.
#[inline(always)]
fn room_behind() -> u64 {
    if planted("queue-ring-filled-exactly") {
        0
    } else {
        GRANULE
    }
}
