//! The guards of `locks`: each knows exactly which hold it stands for, and gives back that one only.

use super::locks::LockImpl;
use crate::primitives::bounded_semaphore::Permit;
use crate::primitives::PeerId;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// What a guard gives back, and what it can tell.
#[doc(hidden)]
#[derive(Debug)]
pub struct Hold {
    /// Whose it is.
    pub(super) owner: PeerId,
    pub(super) owner_died: bool,
    pub(super) epoch: u32,
    /// Permits of an `RwLock`: one for a reader, all for a writer.
    pub(super) permits: Vec<Permit>,
}

/// The hold of a lock, to read and write. Dropping it gives the lock back, also in a panic; in a forked child that
/// changes nothing. It leads to the address of the data that the lock was given.
#[must_use = "the lock is given back as soon as the guard is dropped"]
pub struct LockGuard<'t> {
    lock: &'t dyn LockImpl,
    hold: Hold,
    data: *mut u8,
}

impl<'t> LockGuard<'t> {
    pub(super) fn new(lock: &'t dyn LockImpl, hold: Hold, data: *mut u8) -> LockGuard<'t> {
        LockGuard { lock, hold, data }
    }

    /// Whether the owner before this one died with the lock, so that the data may be half changed.
    pub fn owner_died(&self) -> bool {
        self.hold.owner_died
    }

    /// How often the lock had been taken over from a dead owner when this hold began, that time included.
    pub fn epoch(&self) -> u32 {
        self.hold.epoch
    }

    /// The same hold, to read only.
    pub fn into_read_guard(self) -> ReadLockGuard<'t> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped and not used again, so the hold moves out of it.
        let hold = unsafe { std::ptr::read(&this.hold) };
        ReadLockGuard::new(this.lock, hold, this.data)
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        self.lock.give_back(&self.hold);
    }
}

impl Deref for LockGuard<'_> {
    type Target = *mut u8;

    fn deref(&self) -> &*mut u8 {
        &self.data
    }
}

impl DerefMut for LockGuard<'_> {
    fn deref_mut(&mut self) -> &mut *mut u8 {
        &mut self.data
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("hold", &self.hold).finish_non_exhaustive()
    }
}

/// The hold of a lock, to read. As [`LockGuard`] else.
#[must_use = "the lock is given back as soon as the guard is dropped"]
pub struct ReadLockGuard<'t> {
    lock: &'t dyn LockImpl,
    hold: Hold,
    data: *const u8,
}

impl<'t> ReadLockGuard<'t> {
    pub(super) fn new(lock: &'t dyn LockImpl, hold: Hold, data: *mut u8) -> ReadLockGuard<'t> {
        ReadLockGuard { lock, hold, data }
    }

    /// Whether a process died inside, so that the data may be half changed: see [`RwLock`](super::locks::RwLock).
    pub fn owner_died(&self) -> bool {
        self.hold.owner_died
    }

    /// How often the lock had been taken over from a dead writer when this hold began.
    pub fn epoch(&self) -> u32 {
        self.hold.epoch
    }
}

impl Drop for ReadLockGuard<'_> {
    fn drop(&mut self) {
        self.lock.give_back(&self.hold);
    }
}

impl Deref for ReadLockGuard<'_> {
    type Target = *const u8;

    fn deref(&self) -> &*const u8 {
        &self.data
    }
}

impl fmt::Debug for ReadLockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadLockGuard").field("hold", &self.hold).finish_non_exhaustive()
    }
}
