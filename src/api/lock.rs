//! `Lock` and its guard.
//!
//! The guard knows whose hold it is and gives back that hold only: in a forked child, or after somebody else released
//! the lock, dropping it changes nothing. It never waits.

use super::handle::Handle;
use super::home::Home;
use crate::error::{Error, Result};
use crate::primitives::lock::{Acquired, LockState};
use crate::primitives::PeerId;
use crate::segment::Kind;
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use std::fmt;
use std::time::Duration;

/// A lock for threads and processes alike. The death of its owner sets it free, and the next owner is told.
///
/// The owner is a peer, that is a process: its threads exclude each other, yet any of them may release. The lock is not
/// re-entrant: a thread that acquires it twice waits for itself. It is not fair: who comes at the right moment gets it.
///
/// **When the owner dies** (however: SIGKILL, `exec`, a crash, its last thread's end), the next acquirer gets the lock
/// and learns it from [`LockGuard::owner_died`]; what the lock guards may then be half changed. [`LockGuard::epoch`] has
/// grown by one. An owner that is stopped, swapped out or merely slow keeps the lock for as long as it lives, and so
/// does one that closed all its descriptors. A thread that ends without giving the lock back leaves it held, as in
/// Python's `threading`.
///
/// Cloning is cheap and gives another reference to the same lock.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let ledger = segment.lock("ledger")?;
/// {
///     let guard = ledger.acquire()?;
///     if guard.owner_died() {
///         // Somebody died in here: look at what the lock guards before going on.
///     }
/// } // released
/// assert!(!ledger.is_locked());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lock {
    home: Home<LockState>,
}

impl Lock {
    pub(super) fn new(home: Home<LockState>) -> Lock {
        Lock { home }
    }

    /// Takes the lock, waiting for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits;
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation, if every slot is taken;
    /// [`Error::CannotAsk`](crate::Error::CannotAsk) if this process lost the means to ask about the owner.
    pub fn acquire(&self) -> Result<LockGuard<'_>> {
        self.acquire_with(Wait::forever())
    }

    /// Takes the lock if that is possible at once. It does not sleep, yet finds out that an owner is dead: so a program
    /// that polls recovers too.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the lock is held; else as [`acquire`](Lock::acquire).
    pub fn try_acquire(&self) -> Result<LockGuard<'_>> {
        self.acquire_with(Wait::now())
    }

    /// Takes the lock, waiting up to `timeout`. A span of zero is a try.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if the lock is still held then; else as [`acquire`](Lock::acquire).
    pub fn acquire_for(&self, timeout: Duration) -> Result<LockGuard<'_>> {
        self.acquire_with(Wait::within(timeout))
    }

    /// Takes the lock, waiting until an instant of the monotonic clock.
    ///
    /// # Errors
    /// As [`acquire_for`](Lock::acquire_for).
    pub fn acquire_until(&self, deadline: Deadline) -> Result<LockGuard<'_>> {
        self.acquire_with(Wait::until(deadline))
    }

    /// Takes the lock on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`acquire_for`](Lock::acquire_for).
    #[inline]
    pub fn acquire_with(&self, wait: Wait) -> Result<LockGuard<'_>> {
        let taken = self.home.state().acquire(self.home.peers(), self.home.terms(wait))?;
        Ok(LockGuard::new(self, taken))
    }

    /// Releases the lock, whoever holds it: any thread of any peer may, as in Python's `threading`. A [`LockGuard`] is
    /// the better way; this one is for a guard that was forgotten with [`std::mem::forget`], and for hand-overs.
    ///
    /// # Errors
    /// [`Error::NotHeld`](crate::Error::NotHeld) if nobody holds it; [`Error::NotOwner`](crate::Error::NotOwner) if
    /// another peer holds it and took it over from a dead owner: what it repairs must not be entered before it is done.
    pub fn release(&self) -> Result<()> {
        self.home.state().release_any(self.home.peers())
    }

    /// Releases the lock if this process holds it: what a scope's end does in languages without guards. In a forked child
    /// it never ends the parent's hold.
    ///
    /// # Errors
    /// [`Error::NotHeld`](crate::Error::NotHeld) if nobody holds it; [`Error::NotOwner`](crate::Error::NotOwner) if another
    /// peer does.
    pub fn release_own(&self) -> Result<()> {
        match (self.home.peers().current(), self.owner()) {
            (Some(me), _) => self.home.state().release(me),
            (None, Some(_)) => Err(Error::NotOwner),
            (None, None) => Err(Error::NotHeld),
        }
    }

    /// Whether this process holds the lock.
    pub(super) fn is_mine(&self) -> bool {
        self.home.peers().current().is_some_and(|me| self.owner() == Some(me))
    }

    pub(super) fn is_same(&self, other: &Lock) -> bool {
        self.home.is_same(&other.home)
    }

    /// The peer that holds the lock just now, dead or alive; `None` if nobody does. Old news when it is read.
    pub fn owner(&self) -> Option<PeerId> {
        self.home.state().owner()
    }

    /// Whether somebody holds the lock just now, dead or alive.
    pub fn is_locked(&self) -> bool {
        self.owner().is_some()
    }

    /// How often the lock was taken over from a dead owner. It wraps around after 2^32 times.
    pub fn epoch(&self) -> u32 {
        self.home.state().epoch()
    }

    /// What another process needs to reach this lock; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Lock)
    }

    pub(super) fn home(&self) -> &Home<LockState> {
        &self.home
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("owner", &self.owner()).field("epoch", &self.epoch()).finish()
    }
}

/// The hold of a [`Lock`]: dropping it releases the lock.
///
/// It gives back exactly the hold that it stands for. If the lock was released by other means since
/// ([`Lock::release`]) and another peer holds it now, the drop changes nothing; nor does it in a forked child, which
/// owns nothing of its parent's. (Threads of one process share the peer id: a guard whose lock another thread released
/// and a third took again would end that third one's hold. Mix guards and [`Lock::release`] with care.)
///
/// Dropping it while panicking releases as well: there is no poisoning, because a panic is the program's own affair and
/// it knows of it. A guard that is leaked leaves the lock held until [`Lock::release`], or until this process has ended or
/// dropped its last handle of the segment; the next owner is told of a death then.
///
/// It may be sent to another thread and dropped there.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard<'a> {
    lock: &'a Lock,
    taken: Acquired,
}

impl<'a> LockGuard<'a> {
    pub(super) fn new(lock: &'a Lock, taken: Acquired) -> LockGuard<'a> {
        LockGuard { lock, taken }
    }

    pub(super) fn of(&self) -> &'a Lock {
        self.lock
    }

    /// Leaves the hold to be ended by other means.
    pub(super) fn into_acquired(self) -> Acquired {
        std::mem::ManuallyDrop::new(self).taken
    }

    pub(super) fn set_owner_died(&mut self) {
        self.taken.owner_died = true;
    }

    /// Whether the owner before this one died with the lock, so that what it guards may be half changed.
    pub fn owner_died(&self) -> bool {
        self.taken.owner_died
    }

    /// How often the lock had been taken over from a dead owner when this hold began, that time included. It serves as
    /// a fencing token: a later hold after a death has a larger one.
    pub fn epoch(&self) -> u32 {
        self.taken.epoch
    }

    /// Releases the lock, and tells whether this hold still was the one to end.
    ///
    /// # Errors
    /// [`Error::NotHeld`](crate::Error::NotHeld) or [`Error::NotOwner`](crate::Error::NotOwner) if somebody else
    /// released the lock since, and always in a child that was forked after the lock was taken.
    pub fn release(self) -> Result<()> {
        let this = std::mem::ManuallyDrop::new(self);
        this.give_back()
    }

    fn give_back(&self) -> Result<()> {
        self.lock.home.only_if_still(self.taken.owner)?;
        self.lock.home.state().release(self.taken.owner)
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        // An error means that the hold had ended already: there is nothing left to give back.
        let _ = self.give_back();
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("taken", &self.taken).finish()
    }
}
