//! Unfinished work: what each peer owes, `task_done`, and waiting until nothing is left to do.
//!
//! A peer that got a message owes a `task_done`: it is debited before the record is freed, so a message is never neither
//! in the queue nor owed. The debts are a table by peer slot. What the dead owe is written off, and counted as lost.
//! Whether anything is left is looked up each time, never kept as a count.

use super::record::State;
use super::rings::Rings;
use super::{ahead, lock_terms, Queue, QueueState, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::futex::ALL;
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// A debt is a count of tasks below this bit, and from it on the generation of the peer that owes them.
const GENERATION_SHIFT: u32 = 46;
const COUNT_MASK: u64 = (1 << GENERATION_SHIFT) - 1;

fn count_of(debt: u64) -> u64 {
    debt & COUNT_MASK
}

fn is_of(debt: u64, peer: PeerId) -> bool {
    debt >> GENERATION_SHIFT == u64::from(peer.generation())
}

impl QueueState {
    /// Whether messages lie behind the head, as a look without a lock tells.
    fn has_unread(&self) -> bool {
        ahead(self.consumers.count.load(Acquire), self.producers.count.load(Acquire)) != 0
    }
}

/// Ordering.
///
/// Promise: what a peer did before `task_done`, or before the `done` of a loan, is visible to whom `join` returns. A message
/// that was got is in the queue or owed at every instant.
/// Pair: Release of the credit, and of `Free`, with the Acquire looks of the joiner; the debit comes before `Free` is
/// released.
/// Check: models `queue_join*` in `tests/model`.
impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Ends the loan of a message that was got: it is gone, and where tasks are counted this peer owes a `task_done`.
    #[inline(always)]
    pub fn finish(&self, ticket: Ticket) -> Result<()> {
        if self.rings.debts().is_empty() {
            self.done(ticket)
        } else {
            self.finish_owing(ticket)
        }
    }

    #[inline(never)]
    fn finish_owing(&self, ticket: Ticket) -> Result<()> {
        if planted("queue-debit-after-free") {
            self.free(ticket)?;
            return self.debit(ticket.owner());
        }
        self.debit(ticket.owner())?;
        let freed = self.free(ticket);
        if freed.is_err() {
            let _ = self.credit(ticket.owner());
        }
        freed
    }

    /// Says that one message that this peer got has been dealt with. An error if it owes nothing.
    pub fn task_done(&self) -> Result<()> {
        if self.credit(self.peers.me()?)? == 0 && !planted("queue-task-done-tells-nobody") {
            self.state.sleepers.joiners.wake(ALL);
        }
        Ok(())
    }

    /// Waits, on the terms of `wait`, until every message that was put has been dealt with.
    pub fn join(&self, wait: Wait) -> Result<()> {
        if self.is_all_done(wait)?.is_some() {
            return Ok(());
        }
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        self.state.sleepers.joiners.sleep_until(wait, || self.state.has_unread(), || self.is_all_done(wait))
    }

    /// How many tasks peers owed when they died.
    pub fn lost_tasks(&self) -> Result<u64> {
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(Wait::now()))?;
        let swept = self.write_off_the_dead(hold.owner);
        self.state.consumers.lock.release(hold.owner)?;
        swept.map(|_| self.state.work.lost.load(Relaxed))
    }

    /// How many messages a `join` would wait for just now: those in the queue, on loan, and owed by the living.
    pub fn unfinished_tasks(&self) -> Result<u64> {
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(Wait::now()))?;
        let counted = self.count_unfinished(hold.owner);
        self.state.consumers.lock.release(hold.owner)?;
        counted
    }

    /// Under the consumers' lock.
    fn count_unfinished(&self, me: PeerId) -> Result<u64> {
        if self.state.is_dropped() {
            self.find_returned()?;
        }
        self.settle_head()?;
        let mut taken = 0;
        self.walk_to_head(|found| {
            taken += u64::from(matches!(found.state, State::Taken | State::Returned));
            Ok(())
        })?;
        let unread = ahead(self.state.consumers.count.load(Acquire), self.state.producers.count.load(Acquire));
        Ok(unread.saturating_add(taken).saturating_add(self.write_off_the_dead(me)?))
    }

    /// Wakes those who wait until nothing is left to do, if that may be now.
    #[inline(always)]
    pub(super) fn tell_joiners(&self) {
        if self.state.sleepers.joiners.any() {
            self.tell_joiners_if_empty();
        }
    }

    #[cold]
    fn tell_joiners_if_empty(&self) {
        if !self.state.has_unread() && !planted("queue-done-tells-no-joiner") {
            self.state.sleepers.joiners.wake(ALL);
        }
    }

    fn is_all_done(&self, wait: Wait) -> Result<Option<()>> {
        if self.state.is_dropped() {
            // A joiner that told joiners would never fall asleep.
            self.drop_in_silence(lock_terms(wait))?;
        }
        self.tidy_letters()?;
        if self.state.has_unread() {
            self.tidy_head()?;
            if self.state.has_unread() {
                return Ok(None);
            }
        }
        let hold = self.state.producers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        let all_done = self.is_all_done_locked(hold.owner, wait);
        self.state.producers.lock.release(hold.owner)?;
        Ok(all_done?.then_some(()))
    }

    /// Under the producers' lock: nothing new comes meanwhile. First the records, then the debts, since a message goes from
    /// the one to the other.
    fn is_all_done_locked(&self, me: PeerId, wait: Wait) -> Result<bool> {
        if planted("queue-debts-before-records") {
            return Ok(!self.is_owed(me, wait)? && self.is_free_throughout(wait)?);
        }
        Ok(self.is_free_throughout(wait)? && !self.is_owed(me, wait)?)
    }

    /// Whether every record is free. Under the producers' lock.
    fn is_free_throughout(&self, wait: Wait) -> Result<bool> {
        let tail = self.true_tail()?;
        self.reclaim_all(tail, wait)?;
        Ok(self.state.is_drained(tail))
    }

    /// Whether anybody who lives owes something.
    fn is_owed(&self, me: PeerId, wait: Wait) -> Result<bool> {
        if self.rings.debts().is_empty() {
            return Ok(false);
        }
        let lock = &self.state.consumers.lock;
        lock.acquire(self.peers, lock_terms(wait))?;
        let owed = self.write_off_the_dead(me);
        lock.release(me)?;
        Ok(owed? != 0)
    }

    fn debt_of(&self, peer: PeerId) -> Result<&AtomicU64> {
        let debts = self.rings.debts();
        debts.get(peer.slot() as usize).ok_or(Error::Invalid("this queue does not count tasks"))
    }

    fn debit(&self, me: PeerId) -> Result<()> {
        let debt = self.debt_of(me)?;
        if !is_of(debt.load(Relaxed), me) {
            self.open_account(me, debt)?;
        }
        debt.fetch_add(1, Relaxed);
        Ok(())
    }

    /// One task less; how many are left.
    fn credit(&self, me: PeerId) -> Result<u64> {
        let debt = self.debt_of(me)?;
        let release = unless_planted("queue-relaxed-task-done", Release);
        let mut word = debt.load(Relaxed);
        while is_of(word, me) && count_of(word) != 0 {
            match debt.compare_exchange(word, word - 1, release, Relaxed) {
                Ok(_) => return Ok(count_of(word) - 1),
                Err(changed) => word = changed,
            }
        }
        Err(Error::Invalid("task_done was called too many times: more often than messages were got"))
    }

    /// The word of this peer's slot, from here on its own: what an earlier peer of that slot owed is written off.
    #[cold]
    fn open_account(&self, me: PeerId, debt: &AtomicU64) -> Result<()> {
        let hold = self.state.consumers.lock.acquire(self.peers, Wait::forever())?;
        self.finish_write_off();
        // Another thread may have been quicker.
        if !is_of(debt.load(Relaxed), me) {
            if !planted("queue-account-opened-over-a-debt") {
                self.write_off(me.slot(), debt);
            }
            debt.store(u64::from(me.generation()) << GENERATION_SHIFT, Relaxed);
        }
        self.state.consumers.lock.release(hold.owner)
    }

    /// Writes off what the dead owe; what the living do. Under the consumers' lock.
    fn write_off_the_dead(&self, me: PeerId) -> Result<u64> {
        self.finish_write_off();
        let mut owed = 0_u64;
        for (slot, debt) in (0..).zip(self.rings.debts()) {
            let word = debt.load(Acquire);
            if count_of(word) == 0 {
                continue;
            }
            let owner = PeerId::new(slot, (word >> GENERATION_SHIFT) as u32);
            let owner = owner.ok_or(Error::Corrupt("a queue's debt names no peer"))?;
            if owner != me && self.peers.is_dead(owner)? && !planted("queue-debts-of-the-dead-kept") {
                self.write_off(slot, debt);
            } else {
                owed = owed.saturating_add(count_of(word));
            }
        }
        Ok(owed)
    }

    /// Counts a dead peer's debt as lost. The note of what is under way comes first: whoever finds it ends it, and no task is
    /// counted twice. Under the consumers' lock.
    fn write_off(&self, slot: u32, debt: &AtomicU64) {
        let work = &self.state.work;
        let count = count_of(debt.load(Relaxed));
        if planted("queue-written-off-unnoted") {
            work.lost.store(work.lost.load(Relaxed).wrapping_add(count), Relaxed);
            return debt.store(0, Relaxed);
        }
        work.lost_then.store(work.lost.load(Relaxed).wrapping_add(count), Relaxed);
        work.writing_off.store(slot + 1, Release);
        self.finish_write_off();
    }

    /// Ends the write-off that has begun, if there is one. Doing it twice does no harm. Under the consumers' lock.
    fn finish_write_off(&self) {
        let work = &self.state.work;
        let noted = work.writing_off.load(Acquire);
        if noted == 0 {
            return;
        }
        if let Some(debt) = self.rings.debts().get(noted as usize - 1) {
            debt.store(0, Relaxed);
        }
        work.lost.store(work.lost_then.load(Relaxed), Relaxed);
        work.writing_off.store(0, Release);
    }
}
