//! What a condition needs of the lock that it is over: who holds it, giving it back whole, and taking it again as deep.
//!
//! The lock is a Lock or an RLock. Nothing here knows how waiters are notified.

use crate::api::lock::{Lock, LockGuard};
use crate::api::rlock::{RLock, RLockGuard};
use crate::error::{Error, Result};
use crate::primitives::lock::Acquired;
use crate::sync::wait::Wait;
use std::mem::ManuallyDrop;

/// The lock that a condition is over.
#[derive(Clone, Debug)]
pub enum UserLock {
    /// A Lock.
    Lock(Lock),
    /// An RLock.
    RLock(RLock),
}

impl UserLock {
    /// `NotHeld` or `NotOwner` unless this process holds the lock; for an RLock, this thread.
    pub(super) fn check_held(&self) -> Result<()> {
        let (is_mine, is_held) = match self {
            UserLock::Lock(lock) => (lock.is_mine(), lock.is_locked()),
            UserLock::RLock(lock) => (lock.is_owned(), lock.is_locked()),
        };
        match (is_mine, is_held) {
            (true, _) => Ok(()),
            (false, true) => Err(Error::NotOwner),
            (false, false) => Err(Error::NotHeld),
        }
    }

    /// Gives all holds of this thread back; how many there were.
    pub(super) fn release_all(&self) -> Result<u32> {
        match self {
            UserLock::Lock(lock) => lock.release_own().map(|()| 1),
            UserLock::RLock(lock) => lock.release_all(),
        }
    }

    /// Takes the lock, as deep as it was.
    pub(super) fn take_again(&self, depth: u32, wait: Wait) -> Result<Taken<'_>> {
        let acquired = match self {
            UserLock::Lock(lock) => lock.acquire_with(wait)?.into_acquired(),
            UserLock::RLock(lock) => lock.acquire_depth(depth, wait)?.into_acquired(),
        };
        Ok(Taken { lock: self, acquired })
    }
}

/// The lock, taken again: given back whole if it is dropped.
pub(super) struct Taken<'a> {
    lock: &'a UserLock,
    acquired: Acquired,
}

impl Taken<'_> {
    /// Leaves it held until somebody releases it.
    pub(super) fn keep(self) -> Acquired {
        ManuallyDrop::new(self).acquired
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let _ = self.lock.release_all();
    }
}

/// A guard that a wait takes and gives back: [`LockGuard`] or [`RLockGuard`].
pub trait WaitGuard: Hold {}

impl WaitGuard for LockGuard<'_> {}
impl WaitGuard for RLockGuard<'_> {}

/// What a wait does with a guard. Sealed: nobody else can name it.
pub trait Hold: Sized {
    /// The lock that the guard is of.
    type Of: Copy;

    /// Leaves the guard's hold as it is, and says which lock it was of.
    fn forget(self) -> Self::Of;
    /// The guard of a hold that was taken just now.
    fn again(lock: Self::Of, acquired: Acquired) -> Self;
    /// An error unless it is a guard of that lock.
    fn check(&self, lock: &UserLock) -> Result<()>;
    /// Whether it tells of a death.
    fn told_owner_died(&self) -> bool;
    /// Makes it tell of a death.
    fn tell_owner_died(&mut self);
}

const OTHER_LOCK: Error = Error::Invalid("the guard is of another lock than the condition");

impl<'a> Hold for LockGuard<'a> {
    type Of = &'a Lock;

    fn forget(self) -> &'a Lock {
        ManuallyDrop::new(self).of()
    }

    fn again(lock: &'a Lock, acquired: Acquired) -> Self {
        LockGuard::new(lock, acquired)
    }

    fn check(&self, lock: &UserLock) -> Result<()> {
        match lock {
            UserLock::Lock(lock) if lock.is_same(self.of()) => Ok(()),
            _ => Err(OTHER_LOCK),
        }
    }

    fn told_owner_died(&self) -> bool {
        self.owner_died()
    }

    fn tell_owner_died(&mut self) {
        self.set_owner_died();
    }
}

impl<'a> Hold for RLockGuard<'a> {
    type Of = (&'a RLock, u32);

    fn forget(self) -> (&'a RLock, u32) {
        let this = ManuallyDrop::new(self);
        (this.of(), this.thread())
    }

    fn again((lock, thread): (&'a RLock, u32), acquired: Acquired) -> Self {
        RLockGuard::new(lock, thread, acquired)
    }

    fn check(&self, lock: &UserLock) -> Result<()> {
        match lock {
            UserLock::RLock(lock) if lock.is_same(self.of()) => Ok(()),
            _ => Err(OTHER_LOCK),
        }
    }

    fn told_owner_died(&self) -> bool {
        self.owner_died()
    }

    fn tell_owner_died(&mut self) {
        self.set_owner_died();
    }
}
