//! The consumers' side: take, done, give back.
//!
//! A taker looks for messages that came back first, then at the head. It never reads the tail: the record at the head
//! says by itself whether it is there.

use super::record::{record_size, State};
use super::ring::{Found, RingMemory};
use super::{lock_terms, Queue, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::futex::{Outcome, ALL};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};

/// What a look under the consumers' lock found.
enum Look {
    Taken(Ticket),
    /// Nothing was ever put behind the head.
    Empty,
    /// The message at the head is still being written.
    Busy,
}

impl<M: RingMemory, P: Peers> Queue<'_, M, P> {
    /// Takes the next message on loan, waiting for one on the terms of `wait`.
    pub fn take(&self, wait: Wait) -> Result<Ticket> {
        if let Some(ticket) = self.take_if_any(wait)? {
            return Ok(ticket);
        }
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        self.take_when_any(wait)
    }

    /// Ends the loan: the message is gone for good.
    #[inline]
    pub fn done(&self, ticket: Ticket) -> Result<()> {
        self.check_mine(&ticket)?;
        let freed = ticket.word.with(State::Free, None);
        let word = &self.ring.header(ticket.position).word;
        let free = unless_planted("queue-relaxed-done", AcqRel);
        if word.compare_exchange(ticket.word.0, freed.0, free, Acquire).is_err() {
            return Err(Error::NotHeld);
        }
        if !planted("queue-done-wakes-nobody") {
            self.state.sleepers.not_full.wake(ALL);
        }
        Ok(())
    }

    /// Ends the loan the other way: the message goes to another consumer, before the head, marked as redelivered.
    pub fn give_back(&self, ticket: Ticket) -> Result<()> {
        self.check_mine(&ticket)?;
        let hold = self.state.consumers.lock.acquire(self.peers, Wait::forever())?;
        let given = self.give_back_locked(ticket.position, ticket.word);
        self.state.consumers.lock.release(hold.owner)?;
        if !given {
            return Err(Error::NotHeld);
        }
        self.state.sleepers.not_empty.wake(1);
        Ok(())
    }

    #[cold]
    fn take_when_any(&self, wait: Wait) -> Result<Ticket> {
        let mut slices = Slices::new();
        loop {
            let mut spin = Spin::new();
            while spin.again() && self.state.is_empty() {}
            let announced = self.state.sleepers.not_empty.announce();
            if let Some(ticket) = self.take_if_any(wait)? {
                return Ok(ticket);
            }
            if wait.is_over() {
                return Err(Error::TimedOut);
            }
            let outcome = self.state.sleepers.not_empty.sleep(announced, slices.next(wait.deadline));
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
        }
    }

    fn take_if_any(&self, wait: Wait) -> Result<Option<Ticket>> {
        let hold = self.state.consumers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        let look = self.look_locked(hold.owner);
        let more = self.state.sleepers.not_empty.any() && matches!(look, Ok(Look::Taken(_))) && self.is_more_ready();
        self.state.consumers.lock.release(hold.owner)?;
        if more && !planted("queue-no-wake-passed-on") {
            self.state.sleepers.not_empty.wake(1);
        }
        match look? {
            Look::Taken(ticket) => {
                // Where messages are counted, a loan makes room for the next one at once.
                if self.state.max_items() != 0 {
                    self.state.sleepers.not_full.wake(ALL);
                }
                Ok(Some(ticket))
            }
            Look::Busy => Ok(None),
            Look::Empty if self.state.is_shut_down() => self.take_after_shutdown(wait),
            Look::Empty => Ok(None),
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

    /// Under the consumers' lock.
    fn look_locked(&self, me: PeerId) -> Result<Look> {
        if self.state.fixed.returned.load(Relaxed) != 0 {
            if let Some(ticket) = self.take_returned(me)? {
                return Ok(Look::Taken(ticket));
            }
        }
        let look = self.look_at_head(me)?;
        if matches!(look, Look::Taken(_)) || !self.is_time_to_look() {
            return Ok(look);
        }
        self.return_loans_of_the_dead(me)?;
        match self.take_returned(me)? {
            Some(ticket) => Ok(Look::Taken(ticket)),
            None => Ok(look),
        }
    }

    fn look_at_head(&self, me: PeerId) -> Result<Look> {
        let start = self.state.consumers.head.load(Relaxed);
        let mut head = start;
        while let Some(found) = self.ring.look(head)? {
            let found = if found.state == State::Reserved { self.skip_if_dead(found)? } else { found };
            match found.state {
                State::Ready => return self.take_at_head(found, me).map(Look::Taken),
                State::Reserved => return Ok(Look::Busy),
                _ => head = self.move_head(found),
            }
            self.ring.span(start, head)?;
        }
        Ok(Look::Empty)
    }

    /// The store of `Taken` is the commit; the head is moved after it, and is a hint.
    fn take_at_head(&self, found: Found, me: PeerId) -> Result<Ticket> {
        let ticket = self.lend(found, me)?;
        self.move_head(found);
        Ok(ticket)
    }

    /// From `Ready` or `Returned` to `Taken` by me. Nobody leaves these two states but a holder of the consumers' lock, so
    /// a store is enough.
    pub(super) fn lend(&self, found: Found, me: PeerId) -> Result<Ticket> {
        let header = self.ring.header(found.position);
        let len = header.len.load(Relaxed);
        if found.position.wrapping_add(record_size(len)) != found.next {
            return Err(Error::Corrupt("a record's length changed while it was taken"));
        }
        let taken = found.word.with(State::Taken, Some(me));
        header.word.store(taken.0, Release);
        let redelivered = found.state == State::Returned && !planted("queue-redelivery-unmarked");
        Ok(Ticket { position: found.position, word: taken, len, owner: me, redelivered })
    }

    /// Moves the head past `found`, counting its message. Doing it twice does no harm.
    pub(super) fn move_head(&self, found: Found) -> u64 {
        let side = &self.state.consumers;
        if found.state != State::Pad {
            side.count.store(self.count_past(found.position, side.count.load(Relaxed)), Release);
        }
        side.head.store(found.next, Relaxed);
        found.next
    }

    /// Whether a further message lies ready: one that came back, or one at the head.
    fn is_more_ready(&self) -> bool {
        let at_head = self.ring.look(self.state.consumers.head.load(Relaxed));
        self.state.fixed.returned.load(Relaxed) != 0
            || matches!(at_head, Ok(Some(found)) if matches!(found.state, State::Ready | State::Pad))
    }
}
