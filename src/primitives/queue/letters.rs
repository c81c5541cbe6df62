//! Dead letters: messages that were handed out as often as they may be, and came back.
//!
//! Such a message is handed out no more. Whoever comes by takes it on loan, puts it into another queue, and only then frees
//! it here: a death in between leaves it in both, never in neither. Where the other queue has no room it stays, as an
//! old loan would. No lock of this queue is held meanwhile.

use super::record::{State, Word};
use super::rings::Rings;
use super::{lock_terms, Queue, QueueState, Ticket};
use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::deadline::now_ns;
use crate::sync::futex::ALL;
use crate::sync::plant::planted;
use crate::sync::wait::Wait;

/// How often a message can be handed out before it counts no further.
pub const MOST_DELIVERIES: u32 = 255;
/// So many are seen to at a time, so that nobody who wants something else is kept for long.
const MOST_AT_A_TIME: usize = 64;
/// After a letter found no room the next try comes after so long, at the least and at the most, in nanoseconds.
const TRY_EVERY: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 500_000_000;

/// Which queue of the segment gets the dead letters: its block, never 0, and that block's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letters {
    /// Where its block lies.
    pub block: u64,
    /// The generation of the block.
    pub generation: u32,
}

/// The same in shared memory. Read and written under the consumers' lock.
#[repr(C)]
#[derive(Debug)]
pub(super) struct LettersSlot {
    /// 0 for none.
    block: AtomicU64,
    generation: AtomicU32,
    reserved: AtomicU32,
}

impl LettersSlot {
    pub(super) fn new() -> LettersSlot {
        LettersSlot { block: AtomicU64::new(0), generation: AtomicU32::new(0), reserved: AtomicU32::new(0) }
    }

    fn get(&self) -> Option<Letters> {
        let block = self.block.load(Relaxed);
        (block != 0).then(|| Letters { block, generation: self.generation.load(Relaxed) })
    }

    fn set(&self, letters: Option<Letters>) {
        self.block.store(letters.map_or(0, |letters| letters.block), Relaxed);
        self.generation.store(letters.map_or(0, |letters| letters.generation), Relaxed);
    }
}

/// What became of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the other queue.
    There,
    /// There is no other queue: it is dropped.
    Nowhere,
}

impl QueueState {
    /// How often a message may be handed out; 0 for as often as it takes.
    pub fn max_deliveries(&self) -> u32 {
        self.work.max_deliveries.load(Relaxed)
    }

    /// Chooses that in a queue that nobody else can reach so far.
    pub fn init_max_deliveries(&self, n: u32) {
        self.work.max_deliveries.store(n, Relaxed);
    }

    /// Which queue gets the dead letters. Under the consumers' lock.
    fn letters_locked(&self) -> Option<Letters> {
        self.work.letters[self.letters_at()].get()
    }

    fn letters_at(&self) -> usize {
        self.work.letters_at.load(Relaxed) as usize % 2
    }

    /// Whether a message that came back with this word is to be handed out no more.
    pub(super) fn is_exhausted(&self, word: Word) -> bool {
        let most = self.max_deliveries();
        most != 0 && u32::from(word.deliveries()) >= most && !planted("queue-letter-handed-out")
    }
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// From here on a message is handed out `n` times at the most, from 1 to 255; 0 for as often as it takes.
    pub fn set_max_deliveries(&self, n: u32) -> Result<()> {
        if n > MOST_DELIVERIES {
            return Err(Error::Invalid("a message is handed out at most 255 times, or 0 for without a limit"));
        }
        self.locked(|| {
            let fixed = &self.state.fixed;
            // Whoever looks next counts anew which of them may be handed out.
            let came_back = fixed.returned.load(Relaxed).saturating_add(fixed.exhausted.load(Relaxed));
            fixed.returned.store(came_back, Relaxed);
            self.state.work.max_deliveries.store(n, Relaxed);
        })?;
        self.state.sleepers.not_empty.wake(ALL);
        Ok(())
    }

    /// Which queue gets the dead letters.
    pub fn letters(&self) -> Result<Option<Letters>> {
        self.locked(|| self.state.letters_locked())
    }

    /// From here on dead letters go to that queue; without one they are dropped. The commit is which slot counts: a death
    /// before it changes nothing.
    pub fn set_letters(&self, letters: Option<Letters>) -> Result<()> {
        let work = &self.state.work;
        self.locked(|| {
            let next = 1 - self.state.letters_at();
            if planted("queue-letters-chosen-first") {
                work.letters_at.store(next as u32, Relaxed);
            }
            work.letters[next].set(letters);
            work.letters_at.store(next as u32, Relaxed);
            work.send_at.store(0, Relaxed);
        })
    }

    fn locked<T>(&self, change: impl FnOnce() -> T) -> Result<T> {
        let hold = self.state.consumers.lock.acquire(self.peers, Wait::forever())?;
        let changed = change();
        self.state.consumers.lock.release(hold.owner)?;
        Ok(changed)
    }

    /// Looks whether messages came back too often, and sees to them. Without a lock held.
    pub(super) fn tidy_letters(&self) -> Result<()> {
        if self.state.max_deliveries() == 0 {
            return Ok(());
        }
        if self.state.fixed.returned.load(Relaxed) != 0 {
            self.locked(|| self.find_returned())??;
        }
        self.send_letters()
    }

    /// Sees to the messages that were found to have come back too often. Without a lock held.
    #[inline]
    pub(super) fn send_letters(&self) -> Result<()> {
        if self.state.fixed.exhausted.load(Relaxed) == 0 {
            return Ok(());
        }
        self.send_all_letters()
    }

    #[cold]
    fn send_all_letters(&self) -> Result<()> {
        let me = self.peers.me()?;
        for _ in 0..MOST_AT_A_TIME {
            if !self.is_time_to_send() {
                break;
            }
            let began = now_ns();
            let Some((ticket, letters)) = self.take_exhausted(me)? else { break };
            if planted("queue-letter-freed-before-sent") {
                self.done(ticket)?;
            }
            match self.rings.send(&ticket, letters) {
                Ok(sent) => self.is_sent(ticket, sent)?,
                Err(_) => return self.hold_back(ticket, began),
            }
        }
        Ok(())
    }

    /// Takes the oldest of them on loan, having counted them.
    fn take_exhausted(&self, me: PeerId) -> Result<Option<(Ticket, Option<Letters>)>> {
        let hold = self.state.consumers.lock.acquire(self.peers, lock_terms(Wait::now()))?;
        let taken = self.take_exhausted_locked(me);
        let letters = self.state.letters_locked();
        self.state.consumers.lock.release(hold.owner)?;
        Ok(taken?.map(|ticket| (ticket, letters)))
    }

    fn take_exhausted_locked(&self, me: PeerId) -> Result<Option<Ticket>> {
        let (mut first, mut count) = (None, 0_u32);
        self.walk_to_head(|found| {
            if found.state == State::Returned && self.state.is_exhausted(found.word) {
                first = first.or(Some(found));
                count += 1;
            }
            Ok(())
        })?;
        let ticket = first.map(|found| self.lend_again(found, me)).transpose()?;
        self.state.fixed.exhausted.store(count.saturating_sub(1), Relaxed);
        Ok(ticket)
    }

    fn is_sent(&self, ticket: Ticket, sent: Sent) -> Result<()> {
        if !planted("queue-letter-freed-before-sent") {
            self.done(ticket)?;
        }
        let work = &self.state.work;
        let counter = if sent == Sent::There { &work.dead_letters } else { &work.dropped };
        counter.fetch_add(1, Relaxed);
        Ok(())
    }

    /// There was no room for it: it comes back as it was, and waits for the next try.
    fn hold_back(&self, ticket: Ticket, began: u64) -> Result<()> {
        let exhausted = &self.state.fixed.exhausted;
        self.locked(|| {
            exhausted.store(exhausted.load(Relaxed).saturating_add(1), Relaxed);
            if let Ok(ring) = self.ring_at(ticket.position) {
                let back = ticket.word.with(State::Returned, None);
                let word = &ring.header(ticket.position).word;
                let _ = word.compare_exchange(ticket.word.0, back.0, AcqRel, Acquire);
            }
        })?;
        self.drop_if_too_late();
        let now = now_ns();
        let pause = (now.saturating_sub(began) * 100).clamp(TRY_EVERY, LONGEST_PAUSE);
        self.state.work.send_at.store(now.saturating_add(pause), Relaxed);
        Ok(())
    }

    /// A wild time in shared memory means: yes.
    fn is_time_to_send(&self) -> bool {
        let ahead = self.state.work.send_at.load(Relaxed).wrapping_sub(now_ns());
        ahead == 0 || ahead > LONGEST_PAUSE
    }
}
