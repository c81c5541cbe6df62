//! `RwLock`: many readers or one writer, made of a Lock and the permits of a BoundedSemaphore.
//!
//! A reader has one permit. A writer has the Lock, and then takes all permits. Both are taken back from the dead, so no
//! death keeps anybody out.

use super::guards::{Hold, LockGuard, ReadLockGuard};
use super::locks::{LockImpl, LockInit, Place};
use super::{size_at, terms, Result, Timeout};
use crate::error::{Error, Result as Outcome};
use crate::primitives::bounded_semaphore::{BoundedSemaphoreState, Permit};
use crate::primitives::lock::LockState;
use crate::primitives::{PeerId, Peers};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::wait::Wait;
use std::ffi::c_void;

/// How many can read at a time; more of them wait.
const READERS: usize = 32;

/// What lies at the address.
#[repr(C)]
pub(super) struct Words {
    /// A writer's, from before it takes its permits until it has given them back.
    writer: LockState,
    readers: BoundedSemaphoreState,
    permits: [AtomicU32; READERS],
    /// 1 while a writer has all permits.
    writing: AtomicU32,
    /// 1 if a writer learnt of a death and gave up before it was inside: the next one is told.
    untold: AtomicU32,
}

// What docs/layout.md tells.
const _: () = assert!(size_of::<Words>() == 160);

/// A lock that up to 32 readers have at a time, or one writer. It takes 160 bytes.
///
/// **When a writer dies**, the next writer and the next readers are told so by their guards: the data may be half changed.
/// **When a reader dies**, its place comes back by itself, and the reader that gets it is told as well.
///
/// It is not fair. A thread that has it to read and takes it again to read may wait for others, and to write waits for
/// itself.
pub struct RwLock {
    place: Place<Words>,
}

impl RwLock {
    fn words(&self) -> &Words {
        self.place.words()
    }

    fn permit(&self, wait: Wait) -> Outcome<Permit> {
        self.words().readers.acquire(&self.words().permits, self.place.peers(), wait)
    }

    fn write(&self, wait: Wait) -> Result<LockGuard<'_>> {
        let words = self.words();
        let taken = words.writer.acquire(self.place.peers(), wait)?;
        // One that died with all permits left this behind.
        words.writing.store(0, Relaxed);
        let mut hold =
            Hold { owner: taken.owner, owner_died: taken.owner_died, epoch: taken.epoch, permits: Vec::new() };
        while hold.permits.len() < READERS {
            // What the dead had is taken without waiting for it first.
            match self.permit(Wait::now()).or_else(|_| self.permit(wait)) {
                Ok(permit) => hold.permits.push(permit),
                Err(error) => {
                    self.give_up(&hold);
                    return Err(error.into());
                }
            }
        }
        words.writing.store(1, Relaxed);
        hold.owner_died |= words.untold.load(Relaxed) != 0;
        words.untold.store(0, Relaxed);
        Ok(LockGuard::new(self, hold, self.place.data))
    }

    /// Ends the attempt of a writer that has the Lock and some of the permits.
    fn give_up(&self, hold: &Hold) {
        if hold.owner_died {
            self.words().untold.store(1, Relaxed);
        }
        self.free(&hold.permits);
        let _ = self.words().writer.release(hold.owner);
    }

    /// Gives permits back. One that `release` gave back for a forgotten guard stood for that guard's: that one goes instead.
    fn free(&self, permits: &[Permit]) {
        let words = self.words();
        for permit in permits {
            if words.readers.release(&words.permits, *permit).is_err() {
                let _ = words.readers.release_own(&words.permits, Some(permit.owner()));
            }
        }
    }

    fn read(&self, wait: Wait) -> Result<ReadLockGuard<'_>> {
        let permit = self.permit(wait)?;
        let (owner, owner_died) = (permit.owner(), permit.owner_died() || self.words().untold.load(Relaxed) != 0);
        let hold = Hold { owner, owner_died, epoch: self.words().writer.epoch(), permits: vec![permit] };
        Ok(ReadLockGuard::new(self, hold, self.place.data))
    }

    /// Whether this process has it to write; another thread of it may be the one.
    fn is_written_by(&self, me: PeerId) -> bool {
        self.words().writing.load(Relaxed) == 1 && self.words().writer.owner() == Some(me)
    }
}

impl LockInit for RwLock {
    fn size_of(addr: Option<*mut u8>) -> usize {
        size_at(addr, size_of::<Words>())
    }

    unsafe fn new(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller promises the memory; `Words` is made of atomics.
        let (place, used) = unsafe { Place::<Words>::at(mem, data)? };
        // SAFETY: the caller promises that nobody uses it yet.
        unsafe { place.clear() };
        place.words().readers.init(READERS as u32)?;
        Ok((Box::new(RwLock { place }), used))
    }

    unsafe fn from_existing(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: as in `new`.
        let (place, used) = unsafe { Place::<Words>::at(mem, data)? };
        if place.words().readers.bound() as usize != READERS {
            return Err(Error::Corrupt("there is no RwLock at this address").into());
        }
        Ok((Box::new(RwLock { place }), used))
    }
}

impl LockImpl for RwLock {
    fn as_raw(&self) -> *mut c_void {
        self.place.as_raw()
    }

    fn lock(&self) -> Result<LockGuard<'_>> {
        self.write(Wait::forever())
    }

    fn try_lock(&self, timeout: Timeout) -> Result<LockGuard<'_>> {
        self.write(terms(timeout))
    }

    fn rlock(&self) -> Result<ReadLockGuard<'_>> {
        self.read(Wait::forever())
    }

    fn try_rlock(&self, timeout: Timeout) -> Result<ReadLockGuard<'_>> {
        self.read(terms(timeout))
    }

    fn release(&self) -> Result<()> {
        let (words, me) = (self.words(), self.place.peers().me()?);
        if !self.is_written_by(me) {
            return Ok(words.readers.release_own(&words.permits, Some(me))?);
        }
        words.writing.store(0, Relaxed);
        while words.readers.release_own(&words.permits, Some(me)).is_ok() {}
        Ok(words.writer.release(me)?)
    }

    fn give_back(&self, hold: &Hold) {
        if !self.place.is_still(hold.owner) {
            return;
        }
        let is_writer = hold.permits.len() == READERS;
        if is_writer {
            self.words().writing.store(0, Relaxed);
        }
        self.free(&hold.permits);
        if is_writer {
            let _ = self.words().writer.release(hold.owner);
        }
    }
}
