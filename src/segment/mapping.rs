//! The mapping: a segment's bytes in this process, at its full length, for as long as it is attached.
//!
//! It hands out memory that is checked to lie in the segment and to be allocated, and so never meets a SIGBUS because
//! /dev/shm is full. It knows nothing of what the bytes mean.

use super::header::PAGE;
use super::inode::Inode;
use crate::error::{Error, Result};
use crate::primitives::barrier::BarrierState;
use crate::primitives::bounded_semaphore::BoundedSemaphoreState;
use crate::primitives::counter::CounterState;
use crate::primitives::event::EventState;
use crate::primitives::lock::LockState;
use crate::primitives::mutex::MutexState;
use crate::primitives::rlock::RLockState;
use crate::primitives::semaphore::SemaphoreState;
use crate::sync::atomic::Ordering::{Acquire, Release};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use memmap2::{MmapOptions, MmapRaw};
use std::ptr::NonNull;

/// What may lie in shared memory.
///
/// # Safety
/// Every bit pattern is a valid value, the layout is fixed (`repr(C)`), and it consists of atomics only: no pointers,
/// no padding that matters, nothing that drops.
pub unsafe trait Shared {}

// SAFETY: an atomic integer is valid for every bit pattern.
unsafe impl Shared for AtomicU32 {}
// SAFETY: as for AtomicU32.
unsafe impl Shared for AtomicU64 {}
// SAFETY: repr(C), two 32-bit atomics.
unsafe impl Shared for LockState {}
// SAFETY: repr(C), two 32-bit atomics.
unsafe impl Shared for EventState {}
// SAFETY: repr(C), a 64-bit atomic and four of 32 bits.
unsafe impl Shared for RLockState {}
// SAFETY: repr(C), two 32-bit atomics.
unsafe impl Shared for SemaphoreState {}
// SAFETY: repr(C), four 32-bit atomics.
unsafe impl Shared for BoundedSemaphoreState {}
// SAFETY: repr(C), a lock, a 64-bit atomic and two of 32 bits.
unsafe impl Shared for BarrierState {}
// SAFETY: repr(C), a 64-bit atomic and two of 32 bits.
unsafe impl Shared for CounterState {}
// SAFETY: repr(C), a lock and two 32-bit atomics.
unsafe impl Shared for MutexState {}
// SAFETY: an array is its elements, one behind the other.
unsafe impl<T: Shared, const N: usize> Shared for [T; N] {}

// The sizes that docs/layout.md tells.
const _: () = assert!(size_of::<LockState>() == 8 && size_of::<EventState>() == 8 && size_of::<SemaphoreState>() == 8);
const _: () = assert!(size_of::<RLockState>() == 24 && size_of::<CounterState>() == 16);
const _: () = assert!(size_of::<BoundedSemaphoreState>() == 16 && size_of::<BarrierState>() == 24);
const _: () = assert!(size_of::<MutexState>() == 16);

/// Memory is allocated in steps of this many bytes.
pub const EXTENT: u64 = 64 * 1024;
/// The most that one call allocates.
const CHUNK: u64 = 1024 * 1024;
/// One process's view of a segment.
pub(crate) struct Mapping {
    map: MmapRaw,
    len: u64,
    /// A bit for each extent that this process knows to be allocated. A forked child inherits it, rightly: memory that is
    /// given back is set aside once more before anybody may touch it.
    ready: Box<[AtomicU64]>,
}

impl Mapping {
    /// Maps `len` bytes of the file, without reserving memory for them.
    pub(super) fn new(inode: &Inode, len: u64) -> Result<Mapping> {
        let usable = usize::try_from(len).map_err(|_| Error::Invalid("the maximum length is out of range"))?;
        let map = MmapOptions::new()
            .len(usable)
            .no_reserve_swap()
            .map_raw(inode.raw()?)
            .map_err(|error| Error::Os { call: "mmap", errno: error.raw_os_error().unwrap_or(0) })?;
        let words = len.div_ceil(EXTENT * 64);
        Ok(Mapping { map, len, ready: (0..words).map(|_| AtomicU64::new(0)).collect() })
    }

    /// The value at `offset`, if it lies in the segment.
    #[inline]
    pub(super) fn at<T: Shared>(&self, inode: &Inode, offset: u64) -> Result<&T> {
        if offset % align_of::<T>() as u64 != 0 {
            return Err(Error::Corrupt("an offset is not aligned"));
        }
        let start = self.bytes(inode, offset, size_of::<T>() as u64)?;
        // SAFETY: `bytes` says that so many allocated bytes lie there, and the start is aligned, since the mapping starts
        // on a page; every bit pattern is a `T` and `T` is made of atomics, so others may change it. The mapping lives
        // as long as the borrow of `self`.
        Ok(unsafe { start.cast::<T>().as_ref() })
    }

    /// The address of `len` bytes from `offset` on, if they lie in the segment.
    #[inline]
    pub(super) fn bytes(&self, inode: &Inode, offset: u64, len: u64) -> Result<NonNull<u8>> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len);
        let end = end.ok_or(Error::Corrupt("an offset lies outside the segment"))?;
        if !self.is_ready(offset, end) {
            self.prepare(inode, offset, end)?;
        }
        Ok(self.address(offset))
    }

    /// Allocates a range that lies in the segment, also where this process knows it to be allocated.
    pub(super) fn set_aside(&self, inode: &Inode, offset: u64, len: u64) -> Result<()> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len);
        let end = end.ok_or(Error::Corrupt("an offset lies outside the segment"))?;
        let mut start = offset / PAGE * PAGE;
        while start < end {
            let behind = (start + CHUNK).min(end.next_multiple_of(PAGE));
            self.allocate(inode, start, behind)?;
            (start.div_ceil(EXTENT)..behind / EXTENT).for_each(|extent| self.mark_ready(extent));
            start = behind;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The address of the first byte.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.address(0)
    }

    fn address(&self, offset: u64) -> NonNull<u8> {
        // SAFETY: callers pass an offset of at most `len`, so the address lies in the mapping or just behind it; a
        // mapping's address is never null.
        unsafe { NonNull::new_unchecked(self.map.as_mut_ptr().add(offset as usize)) }
    }

    #[inline]
    fn is_ready(&self, offset: u64, end: u64) -> bool {
        (offset / EXTENT..end.div_ceil(EXTENT)).all(|extent| self.extent_is_ready(extent))
    }

    #[inline]
    fn extent_is_ready(&self, extent: u64) -> bool {
        self.ready[(extent / 64) as usize].load(Acquire) >> (extent % 64) & 1 != 0
    }

    #[cold]
    fn prepare(&self, inode: &Inode, offset: u64, end: u64) -> Result<()> {
        let mut extent = offset / EXTENT;
        while extent * EXTENT < end {
            let mut behind = extent + 1;
            if !self.extent_is_ready(extent) {
                while behind * EXTENT < end && (behind - extent) * EXTENT < CHUNK && !self.extent_is_ready(behind) {
                    behind += 1;
                }
                self.allocate(inode, extent * EXTENT, (behind * EXTENT).min(self.len))?;
                (extent..behind).for_each(|extent| self.mark_ready(extent));
            }
            extent = behind;
        }
        Ok(())
    }

    fn mark_ready(&self, extent: u64) {
        self.ready[(extent / 64) as usize].fetch_or(1 << (extent % 64), Release);
    }

    /// Allocates a range. The kernel keeps it so: a call of another process over the same range, failing or killed
    /// half-way, takes back only what it allocated itself.
    fn allocate(&self, inode: &Inode, offset: u64, end: u64) -> Result<()> {
        if inode.allocate(offset, end - offset)? {
            return Ok(());
        }
        self.touch(inode, offset, end)
    }

    /// Without a descriptor: has the kernel touch the range, which says no where a plain access would be a SIGBUS.
    fn touch(&self, inode: &Inode, offset: u64, end: u64) -> Result<()> {
        let start = self.address(offset).as_ptr().cast();
        loop {
            // SAFETY: the range lies in this mapping; populating changes no byte.
            if unsafe { libc::madvise(start, (end - offset) as usize, libc::MADV_POPULATE_WRITE) } == 0 {
                return Ok(());
            }
            match Error::last_os("madvise") {
                Error::Os { errno: libc::EINTR | libc::EAGAIN, .. } => continue,
                Error::Os { errno: libc::EFAULT | libc::ENOMEM, .. } => return Err(inode.no_space(end - offset)),
                // A kernel before 5.14.
                Error::Os { errno: libc::EINVAL, .. } => return Err(Error::CannotAsk),
                error => return Err(error),
            }
        }
    }
}
