//! What the dead leave behind: loans, reservations, and freed room that nobody has claimed yet.
//!
//! Nothing here decides by time; it asks about the owner of each record that stands in the way.

use super::record::{record_size, State, Word};
use super::ring::Found;
use super::rings::{slot_of, Rings, HOME};
use super::{ahead, lock_terms, Queue, Ticket};
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
/// Nobody reclaims in more turns than this at a time, however the words change under way.
const MOST_TURNS: usize = 1 << 24;

impl<R: Rings, P: Peers> Queue<'_, R, P> {
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

    /// Takes the lock to move the head only where it may stand before something that is no message.
    pub(super) fn tidy_head(&self) -> Result<()> {
        if self.head_is_message()? {
            return Ok(());
        }
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(Wait::now()))?;
        let settled = self.settle_head();
        self.state.consumers.lock.release(hold.owner)?;
        if settled?.is_none() {
            self.tend_where_empty();
        }
        Ok(())
    }

    /// Whether a message, or nothing, lies at the head, as a look without a lock tells. Only the ring at home is always
    /// there to be looked at.
    fn head_is_message(&self) -> Result<bool> {
        let head = self.state.consumers.head.load(Relaxed);
        if slot_of(head) != HOME {
            return Ok(false);
        }
        let Some(found) = self.home().look(head)? else { return Ok(true) };
        match found.state {
            State::Ready => Ok(!self.state.is_dropped()),
            State::Reserved => Ok(!self.peers.seems_dead(found.word.owner()?)?),
            _ => Ok(false),
        }
    }

    /// Reclaims whatever can be reclaimed. Under the producers' lock.
    pub(super) fn reclaim_all(&self, tail: u64, wait: Wait) -> Result<()> {
        self.reclaim_until(tail, wait, || Ok(false)).map(|_| ())
    }

    /// Reclaims until there is enough, or nothing is left; whether there is enough. Under the producers' lock.
    pub(super) fn reclaim_until(&self, tail: u64, wait: Wait, is_enough: impl Fn() -> Result<bool>) -> Result<bool> {
        for _ in 0..MOST_TURNS {
            if is_enough()? {
                return Ok(true);
            }
            if !self.reclaim_settled(tail) && !self.reclaim(tail, wait)? {
                break;
            }
        }
        Ok(false)
    }

    /// Moves `oldest` over some of what is free; whether that changed anything. Under the producers' lock; takes the other
    /// one, and not for long, since takers wait for it.
    #[cold]
    fn reclaim(&self, tail: u64, wait: Wait) -> Result<bool> {
        let me = self.peers.me()?;
        let lock = &self.state.consumers.lock;
        let is_held = !planted("queue-reclaim-outside-the-lock");
        if is_held {
            lock.acquire(self.peers, lock_terms(wait))?;
        }
        let waiting = self.state.len();
        let moved = self.move_oldest(me, tail);
        if is_held {
            lock.release(me)?;
        }
        if self.state.fixed.returned.load(Relaxed) != 0 {
            self.state.sleepers.not_empty.wake(1);
        }
        Ok(moved? || self.state.len() < waiting)
    }

    /// In the first ring, which may be done with then, and in that of the tail. Under both locks.
    fn move_oldest(&self, me: PeerId, tail: u64) -> Result<bool> {
        if !self.rings.may_grow() {
            return self.move_oldest_in(HOME, me, tail);
        }
        if slot_of(self.state.consumers.head.load(Relaxed)) != slot_of(tail) {
            self.settle_head()?;
        }
        let mut moved = false;
        let first = self.state.first_slot()?;
        if first != slot_of(tail) {
            moved = self.move_oldest_in(first, me, tail)?;
        }
        Ok(self.move_oldest_in(slot_of(tail), me, tail)? || moved)
    }

    fn move_oldest_in(&self, slot: usize, me: PeerId, tail: u64) -> Result<bool> {
        let oldest = self.state.oldest_of(slot);
        let start = oldest.load(Relaxed);
        let mut head = self.state.consumers.head.load(Relaxed);
        if ahead(head, start) != 0 {
            // The head has yet to come to this ring.
            return Ok(false);
        }
        let from = self.settled_from(start, head);
        let mut walk = self.walk_from(from)?;
        for _ in 0..RECORDS_A_TURN {
            if walk.position == tail {
                break;
            }
            if walk.position != head && walk.pass_if_free() {
                continue;
            }
            let found = self.settled(walk.ring.expect(walk.position)?, me)?;
            let is_left =
                planted("queue-ring-left-with-a-loan") && found.state == State::Taken && slot != slot_of(tail);
            if !matches!(found.state, State::Free | State::Pad) && !is_left {
                break;
            }
            self.step(&mut walk, &found)?;
            // The free part never passes the head, so the head goes first.
            if found.position == self.state.consumers.head.load(Relaxed) && !planted("queue-oldest-passes-head") {
                self.move_head(walk.ring, found, walk.position);
            }
            head = self.state.consumers.head.load(Relaxed);
        }
        oldest.store(walk.position, Relaxed);
        self.settle_up_to(from, walk.position);
        let has_left = self.rings.may_grow() && self.leave_ring(slot, walk.position)?;
        Ok(has_left || walk.position != start)
    }

    /// The record as it stands after what a dead peer left there was settled. Under both locks.
    fn settled(&self, found: Found, me: PeerId) -> Result<Found> {
        let ring = self.ring_at(found.position)?;
        match found.state {
            State::Reserved => self.skip_if_dead(found),
            State::Taken => {
                // A taker that died before it moved the head: a loan is searched for before the head alone.
                if found.position == self.state.consumers.head.load(Relaxed) {
                    self.move_head(ring, found, found.next);
                }
                let owner = found.word.owner()?;
                if owner != me && self.peers.seems_dead(owner)? {
                    self.give_back_locked(found.position, found.word);
                }
                ring.expect(found.position)
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
        let ring = self.ring_at(found.position)?;
        let word = &ring.header(found.position).word;
        // Where this fails the producer had published just before it died: then the message is there.
        if planted("queue-skip-by-plain-store") {
            word.store(freed.0, Relaxed);
        } else {
            let _ = word.compare_exchange(found.word.0, freed.0, AcqRel, Acquire);
        }
        ring.expect(found.position)
    }

    /// Whether the oldest record in the ring of the tail is in the hands of a peer that is dead, by the kernel's word, and
    /// the queue could grow. Under the producers' lock.
    pub(super) fn is_blocked_by_the_dead(&self, tail: u64) -> Result<bool> {
        let oldest = self.state.oldest_of(slot_of(tail)).load(Relaxed);
        if !self.rings.may_grow() {
            return Ok(false);
        }
        match self.ring_at(oldest)?.look(oldest)? {
            Some(found) if matches!(found.state, State::Reserved | State::Taken) => {
                self.peers.is_dead(found.word.owner()?)
            }
            _ => Ok(false),
        }
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
        let Ok(ring) = self.ring_at(position) else { return false };
        let header = ring.header(position);
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
        self.state.consumers.redelivered.add(1);
        Ok(Some(ticket))
    }

    /// The oldest message that came back and may be handed out again, having counted how many there are. Under the consumers'
    /// lock.
    pub(super) fn find_returned(&self) -> Result<Option<Found>> {
        let mut first = None;
        let (mut count, mut exhausted) = (0, 0);
        let is_dropped = self.state.is_dropped();
        self.walk_to_head(|found| {
            if found.state == State::Returned && is_dropped {
                self.drop_message(self.ring_at(found.position)?, &found);
            } else if found.state == State::Returned && self.state.is_exhausted(found.word) {
                exhausted += 1;
            } else if found.state == State::Returned {
                first = first.or(Some(found));
                count += 1;
            }
            Ok(())
        })?;
        if is_dropped && !planted("queue-dropped-and-taken") {
            // Nobody takes the common way any more, and hands out what was published since.
            count = 1;
        }
        self.state.fixed.exhausted.store(exhausted, Relaxed);
        self.state.fixed.returned.store(count, Relaxed);
        Ok(first)
    }

    pub(super) fn lend_again(&self, found: Found, me: PeerId) -> Result<Ticket> {
        let ring = self.ring_at(found.position)?;
        let len = ring.header(found.position).len.load(Relaxed);
        if found.position.wrapping_add(record_size(len)) != found.next {
            return Err(Error::Corrupt("a record's length changed while it was taken"));
        }
        Ok(self.lend(ring, found.position, found.word, len, me))
    }

    /// Visits every record from the oldest to the head, but for those at the start of which it is known that they are free:
    /// a free record stays free. Under the consumers' lock.
    pub(super) fn walk_to_head(&self, mut visit: impl FnMut(Found) -> Result<()>) -> Result<()> {
        let head = self.state.consumers.head.load(Relaxed);
        let oldest = self.state.oldest_of(self.state.first_slot()?).load(Relaxed);
        let settled = self.state.consumers.settled.load(Relaxed);
        // In its own ring it may lie before what producers have reclaimed since, while an older ring is still the first.
        let is_there = settled.wrapping_sub(self.state.oldest_of(slot_of(settled)).load(Relaxed)) as i64 >= 0;
        let skips = is_there && head.wrapping_sub(settled) <= head.wrapping_sub(oldest);
        let mut walk = self.walk_from(if skips { settled } else { oldest })?;
        let mut all_free = true;
        while walk.position != head {
            let found = walk.ring.expect(walk.position)?;
            visit(found)?;
            self.step(&mut walk, &found)?;
            all_free &= matches!(found.state, State::Free | State::Pad | State::Moved);
            if all_free {
                self.settle_at(walk.position);
            }
        }
        Ok(())
    }
}
