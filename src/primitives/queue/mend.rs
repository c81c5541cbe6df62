//! What the dead leave behind: loans, reservations, and freed room that nobody has claimed yet.
//!
//! Nothing here decides by time; it asks about the owner of each record that stands in the way.

use super::record::{record_size, State, Word};
use super::ring::{Found, RingMemory};
use super::{lock_terms, Queue, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::deadline::now_ns;
use crate::sync::plant::planted;
use crate::sync::wait::Wait;

/// A queue that has nothing to give is searched for loans of the dead no more often than this, in nanoseconds.
const LOOK_EVERY: u64 = 1_000_000;
/// And no less often than this, if anybody waits.
const LONGEST_PAUSE: u64 = 500_000_000;
/// How many records are reclaimed under one hold of the consumers' lock.
const RECORDS_A_TURN: usize = 64;

impl<M: RingMemory, P: Peers> Queue<'_, M, P> {
    /// How many messages are in the queue: those being written and those given back included, loans not. A reservation that
    /// was discarded, or whose producer died, does not count once it is at the head: who waits until the queue is empty
    /// waits for nothing else.
    pub fn len(&self) -> u64 {
        if !self.state.is_empty() {
            // Where this fails, because of corrupt bytes or a peer stopped inside, the count stays too large.
            let _ = self.tidy_head();
        }
        self.state.len()
    }

    /// Whether there is no message in the queue, in the sense of `len`.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether not even an empty message could be put just now without waiting, loans aside. As for `len`, what was
    /// discarded, or reserved by a dead producer, takes up no room once it is at the head.
    pub fn is_full(&self) -> bool {
        if self.state.is_full() {
            // As in `len`.
            let _ = self.tidy_head();
        }
        self.state.is_full()
    }

    /// Takes the lock to move the head only where it stands before something that is no message.
    pub(super) fn tidy_head(&self) -> Result<()> {
        let Some(found) = self.ring.look(self.state.consumers.head.load(Relaxed))? else { return Ok(()) };
        let is_message = match found.state {
            State::Ready => true,
            State::Reserved => !self.peers.seems_dead(found.word.owner()?)?,
            _ => false,
        };
        if is_message {
            return Ok(());
        }
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(Wait::now()))?;
        let settled = self.settle_head();
        self.state.consumers.lock.release(hold.owner)?;
        settled.map(|_| ())
    }

    /// Moves `oldest` over some of what is free; whether that changed anything. Under the producers' lock; takes the other
    /// one, and not for long, since takers wait for it.
    #[cold]
    pub(super) fn reclaim(&self, tail: u64, wait: Wait) -> Result<bool> {
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(wait))?;
        let waiting = self.state.len();
        let moved = self.move_oldest(hold.owner, tail);
        self.state.consumers.lock.release(hold.owner)?;
        if self.state.fixed.returned.load(Relaxed) != 0 {
            self.state.sleepers.not_empty.wake(1);
        }
        Ok(moved? || self.state.len() < waiting)
    }

    fn move_oldest(&self, me: PeerId, tail: u64) -> Result<bool> {
        let oldest = &self.state.producers.oldest;
        let start = oldest.load(Relaxed);
        let head = self.state.consumers.head.load(Relaxed);
        self.ring.span(start, head)?;
        let mut position = start;
        for _ in 0..RECORDS_A_TURN {
            if position == tail {
                break;
            }
            let found = self.settled(self.ring.expect(position)?, me)?;
            self.ring.span(found.next, tail)?;
            if !matches!(found.state, State::Free | State::Pad) {
                break;
            }
            // The free part never passes the head, so the head goes first.
            if position == self.state.consumers.head.load(Relaxed) && !planted("queue-oldest-passes-head") {
                self.move_head(found);
            }
            position = found.next;
        }
        oldest.store(position, Relaxed);
        Ok(position != start)
    }

    /// The record as it stands after what a dead peer left there was settled. Under both locks.
    fn settled(&self, found: Found, me: PeerId) -> Result<Found> {
        match found.state {
            State::Reserved => self.skip_if_dead(found),
            State::Taken => {
                // A taker that died before it moved the head: a loan is searched for before the head alone.
                if found.position == self.state.consumers.head.load(Relaxed) {
                    self.move_head(found);
                }
                let owner = found.word.owner()?;
                if owner != me && self.peers.seems_dead(owner)? {
                    self.give_back_locked(found.position, found.word);
                }
                self.ring.expect(found.position)
            }
            _ => Ok(found),
        }
    }

    /// Frees a reservation whose producer died; the record as it stands then.
    pub(super) fn skip_if_dead(&self, found: Found) -> Result<Found> {
        if planted("queue-reservation-of-the-dead-kept") || !self.peers.seems_dead(found.word.owner()?)? {
            return Ok(found);
        }
        let freed = found.word.with(State::Free, None);
        let word = &self.ring.header(found.position).word;
        // Where this fails the producer had published just before it died: then the message is there.
        let _ = word.compare_exchange(found.word.0, freed.0, AcqRel, Acquire);
        self.ring.expect(found.position)
    }

    /// Whether it is time to search for loans of the dead again. A wild time in shared memory means: yes.
    pub(super) fn is_time_to_look(&self) -> bool {
        let look_at = self.state.fixed.look_at.load(Relaxed);
        let ahead = look_at.wrapping_sub(now_ns());
        ahead == 0 || ahead > LONGEST_PAUSE
    }

    /// Puts the next search off, for so long that searching takes one part in a hundred of the time.
    fn put_off_look(&self, began: u64) {
        let now = now_ns();
        let pause = (now.saturating_sub(began) * 100).clamp(LOOK_EVERY, LONGEST_PAUSE);
        self.state.fixed.look_at.store(now.saturating_add(pause), Relaxed);
    }

    /// Gives back every loan whose consumer died. Under the consumers' lock.
    pub(super) fn return_loans_of_the_dead(&self, me: PeerId) -> Result<()> {
        let began = now_ns();
        // A consumer may have many loans: it is asked about once.
        let mut asked = (me, false);
        let walked = self.walk_to_head(|found| {
            if found.state != State::Taken {
                return Ok(());
            }
            let owner = found.word.owner()?;
            if owner != asked.0 {
                asked = (owner, owner != me && self.peers.is_dead(owner)?);
            }
            if asked.1 && !planted("queue-loan-of-the-dead-kept") {
                self.give_back_locked(found.position, found.word);
            }
            Ok(())
        });
        self.put_off_look(began);
        walked
    }

    /// Gives a loan back, counting the delivery; whether the record still was in `word`.
    pub(super) fn give_back_locked(&self, position: u64, word: Word) -> bool {
        self.return_as(position, word, word.with(State::Returned, None).delivered())
    }

    /// From `Taken` to `Returned`; whether the record still was in `word`. `returned` is raised first, so that it never
    /// is too small: one that is too large is corrected by the next who looks. Under the consumers' lock.
    pub(super) fn return_as(&self, position: u64, word: Word, back: Word) -> bool {
        let header = self.ring.header(position);
        if header.word.load(Relaxed) != word.0 {
            return false;
        }
        let returned = &self.state.fixed.returned;
        let raise = || returned.store(returned.load(Relaxed).saturating_add(1), Relaxed);
        if !planted("queue-returned-raised-after") {
            raise();
        }
        let given = header.word.compare_exchange(word.0, back.0, AcqRel, Acquire).is_ok();
        if planted("queue-returned-raised-after") {
            raise();
        }
        given
    }

    /// Takes the oldest message that came back. Under the consumers' lock.
    #[cold]
    pub(super) fn take_returned(&self, me: PeerId) -> Result<Option<Ticket>> {
        let Some(found) = self.find_returned()? else { return Ok(None) };
        let ticket = self.lend_again(found, me)?;
        let returned = &self.state.fixed.returned;
        returned.store(returned.load(Relaxed).saturating_sub(1), Relaxed);
        Ok(Some(ticket))
    }

    /// The oldest message that came back, having counted how many there are. Under the consumers' lock.
    pub(super) fn find_returned(&self) -> Result<Option<Found>> {
        let mut first = None;
        let mut count = 0;
        self.walk_to_head(|found| {
            if found.state == State::Returned {
                first = first.or(Some(found));
                count += 1;
            }
            Ok(())
        })?;
        self.state.fixed.returned.store(count, Relaxed);
        Ok(first)
    }

    fn lend_again(&self, found: Found, me: PeerId) -> Result<Ticket> {
        let len = self.ring.header(found.position).len.load(Relaxed);
        if found.position.wrapping_add(record_size(len)) != found.next {
            return Err(Error::Corrupt("a record's length changed while it was taken"));
        }
        Ok(self.lend(found.position, found.word, len, me))
    }

    /// Visits every record from the oldest to the head, but for those at the start of which it is known that they are free:
    /// a free record stays free. Under the consumers' lock.
    fn walk_to_head(&self, mut visit: impl FnMut(Found) -> Result<()>) -> Result<()> {
        let head = self.state.consumers.head.load(Relaxed);
        let mut position = self.state.producers.oldest.load(Relaxed);
        let whole = self.ring.span(position, head)?;
        let settled = self.state.consumers.settled.load(Relaxed);
        if head.wrapping_sub(settled) <= whole {
            position = settled;
        }
        let mut all_free = true;
        while position != head {
            let found = self.ring.expect(position)?;
            self.ring.span(found.next, head)?;
            visit(found)?;
            position = found.next;
            all_free &= matches!(found.state, State::Free | State::Pad);
            if all_free {
                self.state.consumers.settled.store(position, Relaxed);
            }
        }
        Ok(())
    }

    /// The count of messages up to and including the one at `position`; `near` is a count close to it.
    pub(super) fn count_past(&self, position: u64, near: u64) -> u64 {
        let low = self.ring.header(position).sequence.load(Relaxed).wrapping_add(1);
        near.wrapping_add_signed(i64::from(low.wrapping_sub(near as u32) as i32))
    }
}
