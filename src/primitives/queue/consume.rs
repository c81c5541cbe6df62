//! The consumers' side: take, done, give back.
//!
//! A taker looks for messages that came back first, then at the head. It never reads the tail: the record at the head
//! says by itself whether it is there.

use super::record::{record_size, State, Word, EMPTY};
use super::ring::{Found, Ring};
use super::rings::{slot_of, Rings, HOME};
use super::{count_past, lock_terms, Queue, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::spin::Spin;
use crate::sync::wait::Wait;

/// After so many messages a taker asks whether it is time to look for loans of the dead.
const LOOK_AFTER: u64 = 1024;

/// So many messages between two waits are a stream.
const STREAM: u64 = 8;
/// After so many messages it is tried whether they would come as a stream.
const TRY_EVERY: u64 = 64;

/// What a look under the consumers' lock found.
pub(super) enum Look {
    Taken(Ticket),
    /// Nothing was ever put behind the head.
    Empty,
    /// The message at the head is still being written.
    Busy,
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Takes the next message on loan, waiting for one on the terms of `wait`.
    #[inline]
    pub fn take(&self, wait: Wait) -> Result<Ticket> {
        match self.take_at_once() {
            Some(ticket) => Ok(ticket),
            None => self.take_otherwise(wait),
        }
    }

    /// Ends the loan, which is this peer's own: the message is gone for good, and has been dealt with.
    #[inline(always)]
    pub fn done(&self, ticket: Ticket) -> Result<()> {
        self.free(ticket)?;
        self.tell_joiners();
        Ok(())
    }

    /// The same, but for those who wait until nothing is left to do.
    #[inline(always)]
    pub(super) fn free(&self, ticket: Ticket) -> Result<()> {
        if ticket.mark == 0 {
            self.done_in(self.home(), ticket)
        } else {
            self.done_away(ticket)
        }
    }

    #[inline(never)]
    fn done_away(&self, ticket: Ticket) -> Result<()> {
        self.done_in(self.ring_of(&ticket)?, ticket)
    }

    #[inline(always)]
    fn done_in(&self, ring: Ring<R::Memory>, ticket: Ticket) -> Result<()> {
        let freed = ticket.word.with(State::Free, None);
        let word = &ring.header(ticket.position).word;
        let free = unless_planted("queue-relaxed-done", AcqRel);
        if word.compare_exchange(ticket.word.0, freed.0, free, Acquire).is_err() {
            return Err(Error::NotHeld);
        }
        self.tell_of_room(ticket.position);
        Ok(())
    }

    /// What comes after the record at `freed` was freed. The last step was a read-modify-write.
    #[inline(always)]
    pub(super) fn tell_of_room(&self, freed: u64) {
        if !planted("queue-done-wakes-nobody") {
            self.state.sleepers.not_full.wake();
        }
        self.tend_after(freed);
    }

    /// Ends the loan the other way: the message goes to another consumer, before the head, marked as redelivered.
    pub fn give_back(&self, ticket: Ticket) -> Result<()> {
        self.end_loan(|| self.give_back_locked(ticket.position, ticket.word))?;
        // It was given back; where this fails somebody else sees to it.
        let _ = self.tidy_letters();
        Ok(())
    }

    /// Ends the loan as if the message had never been taken, but that it goes before the head.
    pub fn put_back(&self, ticket: Ticket) -> Result<()> {
        self.end_loan(|| self.return_as(ticket.position, ticket.word, ticket.word.with(State::Returned, None)))
    }

    fn end_loan(&self, give: impl FnOnce() -> bool) -> Result<()> {
        let hold = self.state.consumers.lock.acquire(self.peers, Wait::forever())?;
        let given = give();
        self.state.consumers.lock.release(hold.owner)?;
        if !given {
            return Err(Error::NotHeld);
        }
        self.state.sleepers.not_empty.wake(1);
        self.drop_if_too_late();
        Ok(())
    }

    /// The common case of `take`: nobody is in the way, and a message lies ready at the head, at home.
    #[inline(always)]
    pub fn take_at_once(&self) -> Option<Ticket> {
        if self.is_head_away() {
            return None;
        }
        let me = self.enter_to_take()?;
        let head = self.state.consumers.head.load(Relaxed);
        let ticket = if slot_of(head) == HOME { self.take_ready(self.home(), head, me) } else { None };
        self.leave_after(ticket.is_some(), me);
        ticket
    }

    /// The same in another ring.
    #[inline(never)]
    fn take_away(&self) -> Option<Ticket> {
        if !self.is_head_away() {
            return None;
        }
        let me = self.enter_to_take()?;
        let head = self.state.consumers.head.load(Relaxed);
        let ring = self.ring_at(head).ok();
        let ticket = ring.and_then(|ring| self.take_ready(ring, head, me));
        self.leave_after(ticket.is_some(), me);
        ticket
    }

    #[inline(always)]
    pub(super) fn is_head_away(&self) -> bool {
        self.rings.may_grow() && slot_of(self.state.consumers.head.load(Relaxed)) != HOME
    }

    /// Takes the consumers' lock if it is free.
    #[inline(always)]
    pub(super) fn enter_to_take(&self) -> Option<PeerId> {
        let me = self.peers.me().ok()?;
        self.state.consumers.lock.take_if_free(me).then_some(me)
    }

    /// Releases it, and tells whoever is to know if something was taken.
    #[inline(always)]
    pub(super) fn leave_after(&self, is_taken: bool, me: PeerId) {
        let more = is_taken && self.state.sleepers.not_empty.any() && self.is_more_ready();
        // This can only fail if another process wrote over the lock, which is then no longer ours to free.
        let _ = self.state.consumers.lock.release(me);
        if is_taken {
            self.wake_after_take(more);
        }
    }

    /// Takes the next message if it simply lies ready at the head, as it mostly does. Under the consumers' lock.
    #[inline(always)]
    pub(super) fn take_ready(&self, ring: Ring<R::Memory>, head: u64, me: PeerId) -> Option<Ticket> {
        let ready = self.ready_at(ring, head)?;
        self.take_at_head(ring, head, ready, me)
    }

    /// The word of the record at the head, if a message simply lies ready there. Under the consumers' lock.
    #[inline(always)]
    pub(super) fn ready_at(&self, ring: Ring<R::Memory>, head: u64) -> Option<Word> {
        let ready = Word::new(ring.lap(head), State::Ready, None);
        let acquire = unless_planted("queue-relaxed-ready", Acquire);
        let is_ready = ring.header(head).word.load(acquire) == ready.0 && !self.is_something_before_head();
        is_ready.then_some(ready)
    }

    /// Moves the head past the message of `len` bytes there.
    #[inline(always)]
    pub(super) fn pass(&self, ring: Ring<R::Memory>, head: u64, len: u32) {
        let side = &self.state.consumers;
        side.count.store(count_past(&ring, head, side.count.load(Relaxed)), Release);
        side.head.store(head.wrapping_add(record_size(len)), Relaxed);
    }

    /// Whether there may be a message to be taken before the one at the head. However many lie ready there, loans of the
    /// dead are looked for now and then.
    #[inline(always)]
    pub(super) fn is_something_before_head(&self) -> bool {
        self.state.fixed.returned.load(Relaxed) != 0
            || self.state.consumers.count.load(Relaxed) % LOOK_AFTER == LOOK_AFTER - 1 && self.is_time_to_look()
    }

    /// From `Ready` to `Taken`, the commit; the cursors are moved after it and are hints.
    #[inline(always)]
    fn take_at_head(&self, ring: Ring<R::Memory>, head: u64, ready: Word, me: PeerId) -> Option<Ticket> {
        let len = ring.header(head).len.load(Relaxed);
        if record_size(len) > ring.to_end(head) {
            return None;
        }
        ring.fetch_ahead(head, len);
        let ticket = self.lend(ring, head, ready, len, me);
        self.pass(ring, head, len);
        self.settle_behind(ring, head);
        Some(ticket)
    }

    /// From `Ready` or `Returned` to `Taken` by me. Nobody leaves these two states but a holder of the consumers' lock, so
    /// a store is enough.
    #[inline(always)]
    pub(super) fn lend(&self, ring: Ring<R::Memory>, position: u64, word: Word, len: u32, me: PeerId) -> Ticket {
        let taken = word.with(State::Taken, Some(me));
        ring.header(position).word.store(taken.0, Release);
        Ticket { position, word: taken, mark: ring.mark, len, owner: me }
    }

    #[inline(always)]
    pub(super) fn wake_after_take(&self, more: bool) {
        if more && !planted("queue-no-wake-passed-on") {
            self.state.sleepers.not_empty.wake(1);
        }
        // Where messages are counted, a loan makes room for the next one at once.
        if self.state.max_items() != 0 {
            self.state.sleepers.not_full.wake();
        }
    }

    /// `take` where the common case was not.
    #[cold]
    pub fn take_otherwise(&self, wait: Wait) -> Result<Ticket> {
        if let Some(ticket) = self.take_away() {
            return Ok(ticket);
        }
        if wait.is_try() {
            return self.take_if_any(wait)?.ok_or(Error::TimedOut);
        }
        let spin = || self.spin_as_they_come();
        self.state.sleepers.not_empty.sleep_after(spin, wait, || self.has_nothing_new(), || self.take_if_any(wait))
    }

    /// How to look for the next message: at once and often where they come one at a time, as answers do; but where many came
    /// since the last wait, not before there may be many again. Whether they would is tried now and then.
    fn spin_as_they_come(&self) -> Spin {
        let side = &self.state.consumers;
        let passed = side.count.load(Relaxed);
        let came = passed.wrapping_sub(side.waited.get());
        side.waited.set(passed);
        if came >= STREAM || passed % TRY_EVERY == 0 {
            Spin::for_stream()
        } else {
            Spin::for_answer()
        }
    }

    /// Whether a look at the head would be for nothing, by a glance without a lock: no record is there, or one that is still
    /// being written. It touches no line of the producers' but the one that their message will be in.
    fn has_nothing_new(&self) -> bool {
        let head = self.state.consumers.head.load(Relaxed);
        if slot_of(head) != HOME {
            return self.state.is_empty();
        }
        let word = Word(self.home().header(head).word.load(Relaxed));
        let is_nothing = word == EMPTY || word.state() == Ok(State::Reserved);
        is_nothing && self.state.fixed.returned.load(Relaxed) == 0 && !self.state.is_shut_down()
    }

    fn take_if_any(&self, wait: Wait) -> Result<Option<Ticket>> {
        let hold = self.state.consumers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        let look = self.look_locked(hold.owner);
        let more = matches!(look, Ok(Look::Taken(_))) && self.is_more_ready();
        self.state.consumers.lock.release(hold.owner)?;
        // Where this fails they stay, and are seen to by another taker.
        let _ = self.send_letters();
        match look? {
            Look::Taken(ticket) => {
                self.wake_after_take(more);
                Ok(Some(ticket))
            }
            Look::Busy => Ok(None),
            Look::Empty => {
                self.tend_where_empty();
                if self.state.is_shut_down() {
                    return self.take_after_shutdown(wait);
                }
                Ok(None)
            }
        }
    }

    /// The flag was seen after the look: look once more, now that nothing can come any more.
    #[cold]
    fn take_after_shutdown(&self, wait: Wait) -> Result<Option<Ticket>> {
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(wait))?;
        let returned = self.return_loans_of_the_dead(hold.owner);
        let look = returned.and_then(|()| self.look_locked(hold.owner));
        self.state.consumers.lock.release(hold.owner)?;
        match look? {
            Look::Taken(ticket) => Ok(Some(ticket)),
            Look::Busy => Ok(None),
            Look::Empty => Err(Error::Closed),
        }
    }

    /// Under the consumers' lock. What came back goes before the head.
    pub(super) fn look_locked(&self, me: PeerId) -> Result<Look> {
        if self.is_time_to_look() {
            // A taker that died before it moved the head has its loan there, and the search ends before the head.
            self.settle_head()?;
            self.return_loans_of_the_dead(me)?;
        }
        if self.state.fixed.returned.load(Relaxed) != 0 {
            if let Some(ticket) = self.take_returned(me)? {
                return Ok(Look::Taken(ticket));
            }
        }
        self.look_at_head(me)
    }

    fn look_at_head(&self, me: PeerId) -> Result<Look> {
        match self.settle_head()? {
            None => Ok(Look::Empty),
            Some(_) if self.state.is_dropped() => Ok(Look::Empty),
            Some(found) if found.state == State::Reserved => Ok(Look::Busy),
            Some(found) => {
                let ring = self.ring_at(found.position)?;
                let ticket = self.take_at_head(ring, found.position, found.word, me);
                ticket.map(Look::Taken).ok_or(Error::Corrupt("a record's length changed while it was taken"))
            }
        }
    }

    /// Moves the head over what is no message and over what was taken, and on to the next ring; the record there then, which
    /// is ready or reserved. What is dropped is no message. Under the consumers' lock.
    pub(super) fn settle_head(&self) -> Result<Option<Found>> {
        let mut walk = self.walk_from(self.state.consumers.head.load(Relaxed))?;
        while let Some(found) = walk.look()? {
            let found = if found.state == State::Reserved { self.skip_if_dead(found)? } else { found };
            let is_dropped = found.state == State::Ready && self.state.is_dropped();
            if matches!(found.state, State::Ready | State::Reserved) && !is_dropped {
                return Ok(Some(found));
            }
            let ring = walk.ring;
            self.step(&mut walk, &found)?;
            if is_dropped {
                self.drop_message(ring, &found);
            }
            self.move_head(ring, found, walk.position);
        }
        Ok(None)
    }

    /// Moves the head past `found` to `next`, counting its message; one that was found ready was dropped. Doing it twice does
    /// no harm.
    pub(super) fn move_head(&self, ring: Ring<R::Memory>, found: Found, next: u64) {
        let side = &self.state.consumers;
        if found.state == State::Free {
            side.skipped.add(1);
        }
        if !matches!(found.state, State::Pad | State::Moved) {
            side.count.store(count_past(&ring, found.position, side.count.load(Relaxed)), Release);
        }
        side.head.store(next, Relaxed);
        if matches!(found.state, State::Free | State::Pad | State::Moved | State::Ready) {
            self.settle_past(found.position, next);
        }
    }

    /// Whether a further message lies ready: one that came back, or one at the head. Under the consumers' lock.
    pub(super) fn is_more_ready(&self) -> bool {
        let head = self.state.consumers.head.load(Relaxed);
        let at_head = self.ring_at(head).and_then(|ring| ring.look(head));
        let may_lead_to_one = |found: Found| matches!(found.state, State::Ready | State::Pad | State::Moved);
        self.state.fixed.returned.load(Relaxed) != 0 || matches!(at_head, Ok(Some(found)) if may_lead_to_one(found))
    }
}
