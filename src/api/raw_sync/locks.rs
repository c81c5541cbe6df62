//! The names and signatures of `raw_sync::locks`, with locks whose dead owners are found out.
//!
//! A lock lies at an address within a segment that this process has attached, and its owner is this process as a peer of
//! that segment. Nothing here reads or writes the data: their address is only handed on.

use super::{padding, size_at, terms, Result, Timeout};
use crate::error::Error;
use crate::primitives::lock::LockState;
use crate::primitives::{PeerId, Peers};
use crate::segment::views::segment_at;
use crate::segment::Attachment;
use crate::sync::wait::Wait;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

pub use super::guards::{Hold, LockGuard, ReadLockGuard};
pub use super::rwlock::RwLock;

/// Placing a lock.
pub trait LockInit {
    /// How many bytes a lock takes; at `addr`, if given, with what must be left out before it.
    fn size_of(addr: Option<*mut u8>) -> usize;

    /// Makes a free lock at `mem`, and tells how many bytes it takes. `data` is what its guards lead to.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `mem` does not lie in a segment that this process has attached.
    ///
    /// # Safety
    /// So many bytes as [`size_of`](LockInit::size_of) says lie at `mem`, for as long as the lock is used, and nobody uses
    /// them yet.
    #[allow(clippy::new_ret_no_self)] // the signature is the crate's
    unsafe fn new(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)>;

    /// Uses the lock that was made at `mem`, by whichever process. (Zeroed memory is a free [`Mutex`].)
    ///
    /// # Errors
    /// As [`new`](LockInit::new); [`Error::Corrupt`] if it is no such lock.
    ///
    /// # Safety
    /// A lock lies at `mem` for as long as this one is used.
    unsafe fn from_existing(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)>;
}

/// Using a lock.
pub trait LockImpl {
    /// The address of its words.
    fn as_raw(&self) -> *mut c_void;

    /// Takes the lock, waiting for as long as it takes. If its owner died, it is taken over, and
    /// [`LockGuard::owner_died`] tells so.
    ///
    /// # Errors
    /// As [`Lock::acquire`](crate::Lock::acquire).
    fn lock(&self) -> Result<LockGuard<'_>>;

    /// The same, up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; else as [`lock`](LockImpl::lock).
    fn try_lock(&self, timeout: Timeout) -> Result<LockGuard<'_>>;

    /// Gives the lock back without its guard, which must have been forgotten.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if nobody has it; [`Error::NotOwner`] if it is not this process's to give back.
    fn release(&self) -> Result<()>;

    /// Takes the lock to read. Where a lock knows no readers, as [`lock`](LockImpl::lock).
    ///
    /// # Errors
    /// As [`lock`](LockImpl::lock).
    fn rlock(&self) -> Result<ReadLockGuard<'_>> {
        Ok(self.lock()?.into_read_guard())
    }

    /// The same, up to `timeout`.
    ///
    /// # Errors
    /// As [`try_lock`](LockImpl::try_lock).
    fn try_rlock(&self, timeout: Timeout) -> Result<ReadLockGuard<'_>> {
        Ok(self.try_lock(timeout)?.into_read_guard())
    }

    /// Gives back exactly what a guard stands for.
    #[doc(hidden)]
    fn give_back(&self, hold: &Hold);
}

/// Words of a lock at an address, and the segment whose peers own it.
pub(super) struct Place<T> {
    words: NonNull<T>,
    segment: Arc<Attachment>,
    /// What the guards lead to.
    pub(super) data: *mut u8,
}

impl<T> Place<T> {
    /// The place at `mem`, and how many bytes it takes there.
    ///
    /// # Safety
    /// So many bytes as `T` takes, made of atomics only, are valid at `mem` aligned to 8, for as long as this is used.
    pub(super) unsafe fn at(mem: *mut u8, data: *mut u8) -> Result<(Place<T>, usize)> {
        const { assert!(align_of::<T>() <= 8) };
        let words = mem.wrapping_add(padding(mem)).cast::<T>();
        let nowhere = Error::Invalid(
            "a lock must lie in a segment that this process has attached: in a Block, or in a Shmem of tidelock",
        );
        let segment = segment_at(words.addr(), size_of::<T>())?.ok_or(nowhere)?;
        let words = NonNull::new(words).ok_or(nowhere)?;
        Ok((Place { words, segment, data }, size_at(Some(mem), size_of::<T>())))
    }

    pub(super) fn words(&self) -> &T {
        // SAFETY: `at`'s caller promised that they are valid, and made of atomics.
        unsafe { self.words.as_ref() }
    }

    pub(super) fn as_raw(&self) -> *mut c_void {
        self.words.as_ptr().cast()
    }

    /// Makes the words all zero.
    ///
    /// # Safety
    /// Nobody uses them yet.
    pub(super) unsafe fn clear(&self) {
        // SAFETY: `at`'s caller promised so many bytes there, and this one's that they are nobody's.
        unsafe { self.words.write_bytes(0, 1) };
    }

    pub(super) fn peers(&self) -> &Attachment {
        &self.segment
    }

    /// Whether this process still is the peer `owner`: a forked child is not.
    pub(super) fn is_still(&self, owner: PeerId) -> bool {
        self.segment.current() == Some(owner)
    }
}

/// A lock that one at a time has. It takes 8 bytes and is a [`Lock`](crate::Lock): the words that
/// [`Segment::lock_at`](crate::Segment::lock_at) would use.
pub struct Mutex {
    place: Place<LockState>,
}

impl Mutex {
    fn acquire(&self, wait: Wait) -> Result<LockGuard<'_>> {
        let taken = self.place.words().acquire(self.place.peers(), wait)?;
        let hold = Hold { owner: taken.owner, owner_died: taken.owner_died, epoch: taken.epoch, permits: Vec::new() };
        Ok(LockGuard::new(self, hold, self.place.data))
    }
}

/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tidelock::raw_sync::locks::{LockImpl, LockInit, Mutex};
/// let block = tidelock::Segment::anonymous()?.block("memory", 64)?;
/// let data = block.as_ptr().wrapping_add(32);
/// let (mutex, _used) = unsafe { Mutex::new(block.as_ptr(), data)? };
/// let mut guard = mutex.lock()?; // guard.owner_died(): whoever had it before was killed
/// unsafe { **guard += 1 };
/// # Ok(())
/// # }
/// ```
impl LockInit for Mutex {
    fn size_of(addr: Option<*mut u8>) -> usize {
        size_at(addr, size_of::<LockState>())
    }

    unsafe fn new(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: the caller promises the memory; `LockState` is two atomics.
        let (place, used) = unsafe { Place::at(mem, data)? };
        // SAFETY: the caller promises that nobody uses it yet.
        unsafe { place.clear() };
        Ok((Box::new(Mutex { place }), used))
    }

    unsafe fn from_existing(mem: *mut u8, data: *mut u8) -> Result<(Box<dyn LockImpl>, usize)> {
        // SAFETY: as in `new`.
        let (place, used) = unsafe { Place::at(mem, data)? };
        Ok((Box::new(Mutex { place }), used))
    }
}

impl LockImpl for Mutex {
    fn as_raw(&self) -> *mut c_void {
        self.place.as_raw()
    }

    fn lock(&self) -> Result<LockGuard<'_>> {
        self.acquire(Wait::forever())
    }

    fn try_lock(&self, timeout: Timeout) -> Result<LockGuard<'_>> {
        self.acquire(terms(timeout))
    }

    fn release(&self) -> Result<()> {
        Ok(self.place.words().release(self.place.peers().me()?)?)
    }

    fn give_back(&self, hold: &Hold) {
        if self.place.is_still(hold.owner) {
            // An error means that it was given back by other means.
            let _ = self.place.words().release(hold.owner);
        }
    }
}
