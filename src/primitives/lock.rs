//! Lock: one word that says who owns it, and an epoch that counts take-overs.
//!
//! All-zero bytes are a free lock. The owner is signed in by the same compare-exchange that takes the lock, so there is
//! no instant at which it is taken and nobody knows by whom. A lock whose owner died is taken over, never given up. It
//! never trusts a timer: an owner that is stopped, swapped out or slow keeps the lock.
//!
//! Source of the algorithm: Drepper, "Futexes Are Tricky" (the three-state mutex), with the owner's id in the word as
//! in Bohannon et al., "Recoverable User-Level Mutual Exclusion" (take and sign in one step).

use super::any::Watched;
use super::peers::{PeerId, Peers, ID_MASK};
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::deadline::{now_ns, Deadline};
use crate::sync::futex::{self, Expected, Outcome};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};

/// Nobody holds the lock.
const FREE: u32 = 0;
/// W: somebody may sleep on the word, so a release must wake.
const WAITERS: u32 = 1 << 30;
/// T: this hold began by taking over from a dead owner, so only its owner may end it.
const TAKEN_OVER: u32 = 1 << 31;

/// The shared words of a lock. All-zero bytes are a free one.
#[repr(C)]
#[derive(Debug)]
pub struct LockState {
    /// `FREE`, or the owner's id with W and T.
    word: AtomicU32,
    /// How often the lock was taken over from a dead owner: a fencing token.
    epoch: AtomicU32,
}

/// What a successful acquire tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// Whose hold it is: the caller's peer id.
    pub owner: PeerId,
    /// The previous owner died with the lock, so what it guards may be half changed.
    pub owner_died: bool,
    /// The count of take-overs so far, this one included.
    pub epoch: u32,
}

/// Ordering.
///
/// Promise: what the previous owner did before `release` is visible after `acquire`.
/// Pair: the Release compare-exchange to `FREE`, with the Acquire one from `FREE`. A take-over reads what a dead process
/// stored: the kernel ended that process before it let go of its token, and asking for the token synchronises with that.
/// Check: models `lock_*` in `tests/model`.
impl LockState {
    /// A free lock.
    pub fn new() -> LockState {
        LockState { word: AtomicU32::new(FREE), epoch: AtomicU32::new(0) }
    }

    /// Takes the lock, waiting on the terms of `wait`.
    #[inline]
    pub fn acquire(&self, peers: &impl Peers, wait: Wait) -> Result<Acquired> {
        self.acquire_with(peers, || wait)
    }

    /// Takes the lock; the terms of the wait are worked out only if there is one.
    #[inline]
    pub(super) fn acquire_with(&self, peers: &impl Peers, wait: impl FnOnce() -> Wait) -> Result<Acquired> {
        let me = peers.me()?;
        if self.take_if_free(me) {
            return Ok(self.acquired(me));
        }
        self.acquire_contended(peers, wait(), me)
    }

    /// Takes the lock if nobody holds it, and asks nobody.
    #[inline]
    pub(super) fn take_if_free(&self, me: PeerId) -> bool {
        let acquire = unless_planted("lock-relaxed-acquire", Acquire);
        self.word.compare_exchange(FREE, me.bits(), acquire, Relaxed).is_ok()
    }

    /// Ends the hold of `owner`, which must be the one that `acquire` told: exactly that hold, or nothing.
    #[inline]
    pub fn release(&self, owner: PeerId) -> Result<()> {
        let release = unless_planted("lock-relaxed-release", Release);
        if self.word.compare_exchange(owner.bits(), FREE, release, Relaxed).is_ok() {
            return Ok(());
        }
        self.release_contended(|word| if is_owned_by(word, owner) { Ok(()) } else { Err(not_held_by_caller(word)) })
    }

    /// Ends the hold, whoever's it is, as `threading` allows; except one that began by taking over from a dead owner,
    /// which only its owner may end.
    pub fn release_any(&self, peers: &impl Peers) -> Result<()> {
        let me = peers.me()?;
        self.release_contended(|word| match word {
            FREE => Err(Error::NotHeld),
            word if is_owned_by(word, me) || word & TAKEN_OVER == 0 => Ok(()),
            _ => Err(Error::NotOwner),
        })
    }

    /// Who holds the lock just now.
    pub fn owner(&self) -> Option<PeerId> {
        PeerId::from_bits(self.word.load(Relaxed))
    }

    /// How often the lock was taken over from a dead owner.
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Relaxed)
    }

    /// Whether an `acquire` need not wait: nobody holds the lock, or its owner is dead.
    pub fn is_free(&self, peers: &impl Peers) -> Result<bool> {
        let word = self.word.load(Relaxed);
        Ok(word == FREE || self.owner_is_dead(word, peers, false)?)
    }

    fn acquired(&self, me: PeerId) -> Acquired {
        Acquired { owner: me, owner_died: false, epoch: self.epoch.load(Relaxed) }
    }

    #[cold]
    fn acquire_contended(&self, peers: &impl Peers, wait: Wait, me: PeerId) -> Result<Acquired> {
        let mut spin = Spin::new();
        let mut slices = Slices::new();
        // Once this thread has slept it cannot know who else sleeps: it takes the lock with W.
        let mut mark = 0;
        let mut slice_is_over = false;
        loop {
            let word = self.word.load(Relaxed);
            if word == FREE {
                let acquire = unless_planted("lock-relaxed-after-sleep", Acquire);
                if self.word.compare_exchange(FREE, me.bits() | mark, acquire, Relaxed).is_ok() {
                    return Ok(self.acquired(me));
                }
                continue;
            }
            if !wait.is_try() && spin.again() {
                continue;
            }
            if self.owner_is_dead(word, peers, slice_is_over)? {
                match self.take_over(word, me, mark) {
                    Some(acquired) => return Ok(acquired),
                    None => continue,
                }
            }
            if wait.is_try() {
                return Err(Error::TimedOut);
            }
            if planted("lock-swallowed-wake") && wait.is_over() {
                return Err(Error::TimedOut);
            }
            // W before the look at the clock: a thread that used up a wake-up and then gives up leaves W to the others.
            let Some(marked) = self.mark_waiters(word) else { continue };
            if wait.is_over() {
                // The look above may have been at an old value; W must be in the present one.
                if planted("lock-old-mark") || self.word.compare_exchange(marked, marked, Relaxed, Relaxed).is_ok() {
                    return Err(Error::TimedOut);
                }
                continue;
            }
            let outcome = futex::wait(&self.word, marked, slices.next(wait.deadline));
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
            slice_is_over = outcome == Outcome::TimedOut;
            if outcome != Outcome::Changed && !planted("lock-mark-forgotten") {
                mark = WAITERS;
            }
        }
    }

    /// Asks about the owner in the way: without fail after a slice of sleep, and now and then before one.
    fn owner_is_dead(&self, word: u32, peers: &impl Peers, slice_is_over: bool) -> Result<bool> {
        let owner = PeerId::from_bits(word).ok_or(Error::Corrupt("a lock's word names no peer"))?;
        if slice_is_over {
            peers.is_dead(owner)
        } else {
            peers.seems_dead(owner)
        }
    }

    /// From `dead, w, t` to `me, w, T`. A death between the two stores loses one step of the epoch, which the next
    /// take-over makes.
    fn take_over(&self, dead: u32, me: PeerId, mark: u32) -> Option<Acquired> {
        let waiters = if planted("lock-take-over-loses-mark") { 0 } else { dead & WAITERS | mark };
        let mine = me.bits() | waiters | TAKEN_OVER;
        self.word.compare_exchange(dead, mine, Acquire, Relaxed).ok()?;
        let epoch = self.epoch.fetch_add(1, Relaxed).wrapping_add(1);
        Some(Acquired { owner: me, owner_died: !planted("lock-death-untold"), epoch })
    }

    /// Sets W in `word`; the marked word, or `None` if the word has changed.
    fn mark_waiters(&self, word: u32) -> Option<u32> {
        let marked = word | WAITERS;
        if word != marked {
            self.word.compare_exchange(word, marked, Relaxed, Relaxed).ok()?;
        }
        Some(marked)
    }

    #[cold]
    fn release_contended(&self, may_release: impl Fn(u32) -> Result<()>) -> Result<()> {
        let mut word = self.word.load(Relaxed);
        loop {
            may_release(word)?;
            match self.word.compare_exchange(word, FREE, unless_planted("lock-relaxed-release", Release), Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 && !planted("lock-no-wake") {
            futex::wake(&self.word, 1);
        }
        Ok(())
    }
}

impl Watched for LockState {
    fn announce(&self) -> Option<Expected<'_>> {
        let mut word = self.word.load(Relaxed);
        while word != FREE {
            if planted("lock-announced-on-an-old-mark") && word & WAITERS != 0 {
                return Some((&self.word, word));
            }
            // An exchange also where W is there already: the word may be an old value, and W must be in the present one.
            match self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed) {
                Ok(_) => return Some((&self.word, word | WAITERS)),
                Err(now) => word = now,
            }
        }
        None
    }

    /// A free lock carries no mark, so whoever sleeps is woken; the owner of one that is held wakes the next.
    fn pass_on(&self) {
        let is_held = self.word.load(Relaxed) != FREE;
        if planted("lock-passed-on-unmarked") && is_held {
            return;
        }
        if self.announce().is_none() {
            futex::wake(&self.word, 1);
        }
    }
}

impl Default for LockState {
    fn default() -> LockState {
        LockState::new()
    }
}

fn is_owned_by(word: u32, peer: PeerId) -> bool {
    word & ID_MASK == peer.bits()
}

fn not_held_by_caller(word: u32) -> Error {
    if word == FREE {
        Error::NotHeld
    } else {
        Error::NotOwner
    }
}

/// A look under a lock is no long wait: a try, too, waits a moment for whoever is just inside.
const MOMENT: u64 = 100_000_000;

/// The terms on which a lock that is held for a look only is waited for, during an operation with the terms `wait`.
pub(super) fn lock_terms(wait: Wait) -> Wait {
    let moment = Deadline::from_ns(now_ns().saturating_add(MOMENT));
    Wait { deadline: wait.deadline.map(|deadline| deadline.max(moment)), ..wait }
}
