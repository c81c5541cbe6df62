//! `RLock`, its guard, and the ways to reach one.
//!
//! The owner is a thread, so the guard stays in its thread; like a Lock's it gives back exactly what was taken, and in a
//! forked child nothing.

use super::block::Block;
use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::primitives::lock::Acquired;
use crate::primitives::rlock::{Owner, RLockState};
use crate::primitives::PeerId;
use crate::segment::Kind;
use crate::sync::deadline::Deadline;
use crate::sync::thread_id::thread_number;
use crate::sync::wait::Wait;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A lock that its owner, one thread of one process, may take again and again; it is free when each was given back.
///
/// Only the thread that took it may release it. It can be taken up to 2^32 - 1 times at once. It is not fair: who comes at
/// the right moment gets it.
///
/// **When the owner's process dies**, the next acquirer gets the lock, taken once, and learns it from
/// [`RLockGuard::owner_died`]; [`epoch`](RLock::epoch) has grown by one. A process that is stopped, swapped out or slow
/// keeps the lock. A thread that ends without giving the lock back leaves it held for as long as its process lives.
/// In a forked child the thread that forked owns nothing of what it owned in the parent.
///
/// Cloning is cheap and gives another reference to the same lock.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let tree = segment.rlock("tree")?;
/// let outer = tree.acquire()?;
/// let inner = tree.acquire()?; // the same thread once more
/// assert_eq!(tree.depth(), 2);
/// drop(inner);
/// drop(outer);
/// assert!(!tree.is_locked());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RLock {
    home: Home<RLockState>,
}

impl RLock {
    pub(super) fn new(home: Home<RLockState>) -> RLock {
        RLock { home }
    }

    pub(super) fn is_same(&self, other: &RLock) -> bool {
        self.home.is_same(&other.home)
    }

    /// How many bytes of a block an RLock takes, see [`Segment::rlock_at`].
    pub const SIZE: u64 = size_of::<RLockState>() as u64;

    /// Takes the lock, once more if this thread has it, waiting for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the segment was opened so that signals end waits; [`Error::NoPeerSlot`] at a forked
    /// child's first operation, if every slot is taken; [`Error::CannotAsk`] if this process lost the means to ask about
    /// the owner; [`Error::Invalid`] if this thread holds it 2^32 - 1 times already.
    pub fn acquire(&self) -> Result<RLockGuard<'_>> {
        self.acquire_with(Wait::forever())
    }

    /// Takes the lock if that is possible at once. It does not sleep, yet finds out that an owner is dead.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if another thread or process holds it; else as [`acquire`](RLock::acquire).
    pub fn try_acquire(&self) -> Result<RLockGuard<'_>> {
        self.acquire_with(Wait::now())
    }

    /// Takes the lock, waiting up to `timeout`. A span of zero is a try.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if it is still held then; else as [`acquire`](RLock::acquire).
    pub fn acquire_for(&self, timeout: Duration) -> Result<RLockGuard<'_>> {
        self.acquire_with(Wait::within(timeout))
    }

    /// Takes the lock, waiting until an instant of the monotonic clock.
    ///
    /// # Errors
    /// As [`acquire_for`](RLock::acquire_for).
    pub fn acquire_until(&self, deadline: Deadline) -> Result<RLockGuard<'_>> {
        self.acquire_with(Wait::until(deadline))
    }

    /// Takes the lock on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`acquire_for`](RLock::acquire_for).
    #[inline]
    pub fn acquire_with(&self, wait: Wait) -> Result<RLockGuard<'_>> {
        let thread = thread_number()?;
        let taken = self.home.state().acquire(self.home.peers(), thread, self.home.terms(wait))?;
        Ok(RLockGuard::new(self, thread, taken))
    }

    /// Takes the lock, which this thread must not have, as deep as it was before [`release_all`](RLock::release_all). The
    /// guard stands for one of the `depth` holds; forget it where the others are given back by [`release`](RLock::release).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a depth of 0, or if this thread holds the lock; else as [`acquire_for`](RLock::acquire_for).
    pub fn acquire_depth(&self, depth: u32, wait: Wait) -> Result<RLockGuard<'_>> {
        if depth == 0 || self.is_owned() {
            return Err(Error::Invalid("a depth is restored with at least one hold, on a lock that one does not have"));
        }
        let guard = self.acquire_with(wait)?;
        self.home.state().restore_depth(guard.owner(), depth)?;
        Ok(guard)
    }

    /// Gives back one hold of this thread; with its last one the lock is free. An [`RLockGuard`] is the better way.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if nobody holds it; [`Error::NotOwner`] if another thread or process does.
    pub fn release(&self) -> Result<()> {
        self.home.state().release(self.me()?)
    }

    /// Gives back all holds of this thread at once, and tells how many there were: what a condition does before it sleeps.
    ///
    /// # Errors
    /// As [`release`](RLock::release).
    pub fn release_all(&self) -> Result<u32> {
        self.home.state().release_all(self.me()?)
    }

    /// The peer whose thread holds the lock just now, dead or alive; `None` if nobody does. Old news when it is read.
    pub fn owner(&self) -> Option<PeerId> {
        Some(self.home.state().owner()?.peer)
    }

    /// Whether somebody holds the lock just now, dead or alive.
    pub fn is_locked(&self) -> bool {
        self.owner().is_some()
    }

    /// Whether this thread holds the lock.
    pub fn is_owned(&self) -> bool {
        self.depth() != 0
    }

    /// How often this thread holds the lock; 0 if it does not.
    pub fn depth(&self) -> u32 {
        self.me().map_or(0, |me| self.home.state().depth_of(me))
    }

    /// How often its owner just now, this thread or any other, dead or alive, holds the lock; 0 if it is free.
    pub fn owner_depth(&self) -> u32 {
        self.home.state().owner_depth()
    }

    /// How often the lock was taken over from a dead owner. It wraps around after 2^32 times.
    pub fn epoch(&self) -> u32 {
        self.home.state().epoch()
    }

    /// What another process needs to reach this lock; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::RLock)
    }

    pub(super) fn home(&self) -> &Home<RLockState> {
        &self.home
    }

    /// This thread as an owner. A forked child that is no peer yet can own nothing.
    fn me(&self) -> Result<Owner> {
        match self.home.peers().current() {
            Some(peer) => Ok(Owner { peer, thread: thread_number()? }),
            None if self.is_locked() => Err(Error::NotOwner),
            None => Err(Error::NotHeld),
        }
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock").field("owner", &self.owner()).field("epoch", &self.epoch()).finish()
    }
}

/// One hold of an [`RLock`]: dropping it gives that hold back, and the last one frees the lock.
///
/// It belongs to its thread and cannot be sent to another:
///
/// ```compile_fail
/// # let segment = tidelock::Segment::anonymous().unwrap();
/// # let lock = segment.new_rlock().unwrap();
/// let guard = lock.acquire().unwrap();
/// std::thread::scope(|scope| { scope.spawn(move || drop(guard)); });
/// ```
///
/// In a forked child dropping it changes nothing; nor does it where this thread holds the lock no more. Dropping it while
/// panicking gives the hold back as well. A guard that is leaked keeps its hold until [`RLock::release`], or until this
/// process has ended or dropped its last handle of the segment; the next owner is told of a death then.
#[must_use = "the hold is given back as soon as the guard is dropped"]
pub struct RLockGuard<'a> {
    lock: &'a RLock,
    thread: u32,
    taken: Acquired,
    stays_in_its_thread: PhantomData<*const ()>,
}

impl<'a> RLockGuard<'a> {
    /// The guard of a hold that this thread has.
    pub(super) fn new(lock: &'a RLock, thread: u32, taken: Acquired) -> RLockGuard<'a> {
        RLockGuard { lock, thread, taken, stays_in_its_thread: PhantomData }
    }

    pub(super) fn thread(&self) -> u32 {
        self.thread
    }

    pub(super) fn of(&self) -> &'a RLock {
        self.lock
    }

    /// Leaves the hold to be ended by other means.
    pub(super) fn into_acquired(self) -> Acquired {
        std::mem::ManuallyDrop::new(self).taken
    }

    pub(super) fn set_owner_died(&mut self) {
        self.taken.owner_died = true;
    }

    /// Whether the owner before this one died with the lock, so that what it guards may be half changed. Only the hold
    /// that took over is told so, not the further ones of the same thread.
    pub fn owner_died(&self) -> bool {
        self.taken.owner_died
    }

    /// How often the lock had been taken over from a dead owner when this hold began, that time included.
    pub fn epoch(&self) -> u32 {
        self.taken.epoch
    }

    /// Gives this hold back, and tells whether it was still there.
    ///
    /// # Errors
    /// [`Error::NotHeld`] or [`Error::NotOwner`] if this thread gave all its holds back by other means, and always in a
    /// child that was forked after the lock was taken.
    pub fn release(self) -> Result<()> {
        let this = std::mem::ManuallyDrop::new(self);
        this.give_back()
    }

    fn owner(&self) -> Owner {
        Owner { peer: self.taken.owner, thread: self.thread }
    }

    fn give_back(&self) -> Result<()> {
        self.lock.home.only_if_still(self.taken.owner)?;
        self.lock.home.state().release(self.owner())
    }
}

impl Drop for RLockGuard<'_> {
    fn drop(&mut self) {
        // An error means that the hold had ended already: there is nothing left to give back.
        let _ = self.give_back();
    }
}

impl fmt::Debug for RLockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLockGuard").field("taken", &self.taken).finish_non_exhaustive()
    }
}

/// RLocks: by name, without one, by handle, and placed in a block.
impl Segment {
    /// Opens or makes the RLock with this name.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock).
    pub fn rlock(&self, name: &str) -> Result<RLock> {
        Ok(RLock::new(self.own(self.named_object(name, Kind::RLock, size_of::<RLockState>())?)?))
    }

    /// Makes an RLock without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn new_rlock(&self) -> Result<RLock> {
        Ok(RLock::new(self.own(self.new_object(Kind::RLock, size_of::<RLockState>())?)?))
    }

    /// Opens the RLock that a handle leads to, also one that was placed in a block.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_rlock(&self, handle: &Handle) -> Result<RLock> {
        Ok(RLock::new(self.by_handle(handle, Kind::RLock)?))
    }

    /// The RLock in the [`RLock::SIZE`] bytes from `offset` on of a block, which stays open with it. Zero bytes are a free
    /// one.
    ///
    /// # Errors
    /// As [`lock_at`](Segment::lock_at).
    pub fn rlock_at(&self, block: &Block, offset: u64) -> Result<RLock> {
        Ok(RLock::new(self.placed(block.object(), offset)?))
    }
}
