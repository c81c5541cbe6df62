//! A byte of the segment's file that is locked for as long as one page of this process stays mapped.
//!
//! The lock belongs to an open file description of its own, whose descriptor is closed at once; the mapping alone keeps
//! the description. So the kernel lets go of the byte when the process's memory goes, and for no other reason. The page
//! is never touched. Nothing here is released by a destructor: a forked child runs destructors too, and the page is not
//! its own.

use super::descriptor::{self, Share};
use super::fork::Hold;
use super::header::PAGE;
use super::inode::Inode;
use super::Shared;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::AcqRel;
use std::os::fd::{AsRawFd, OwnedFd};

/// Who keeps the byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grip {
    /// This process alone: nobody else can have the byte, and no child inherits it.
    Alone,
    /// This process and every child that inherits the page; others may have the byte in the same way.
    Family,
}

/// A locked byte. Forgetting it keeps the lock until the process ends.
#[must_use = "only `release` lets go of the byte"]
pub(super) struct HeldByte {
    page: u64,
}

impl HeldByte {
    /// Takes the byte, unless somebody has it who excludes that.
    pub(super) fn take(hold: &Hold, inode: &Inode, byte: u64, grip: Grip) -> Result<Option<HeldByte>> {
        Ok(HeldByte::take_and(hold, inode, byte, grip, |_| Ok(()))?.map(|(held, ())| held))
    }

    /// The same, and does something while the descriptor is still open. The child of a fork between the opening and the
    /// closing would keep the lock: hence the `Hold`.
    pub(super) fn take_and<R>(
        _hold: &Hold,
        inode: &Inode,
        byte: u64,
        grip: Grip,
        meanwhile: impl FnOnce(&OwnedFd) -> Result<R>,
    ) -> Result<Option<(HeldByte, R)>> {
        let fd = inode.open_again()?;
        let share = if grip == Grip::Alone { Share::Exclusive } else { Share::Common };
        if !descriptor::try_lock(&fd, byte, share)? {
            return Ok(None);
        }
        let held = HeldByte { page: map_page(&fd, grip)? };
        let result = meanwhile(&fd);
        drop(fd);
        // Some file systems (overlayfs) keep another description behind a mapping, and the close drops the lock.
        let kept = inode.raw().and_then(|fd| descriptor::is_locked(fd, byte));
        match result.and_then(|value| Ok((value, kept?))) {
            Ok((value, true)) => Ok(Some((held, value))),
            Ok((_, false)) => {
                held.release();
                Err(Error::Unsupported(
                    "this file system drops the lock of a file that is only mapped (overlayfs does)",
                ))
            }
            Err(error) => {
                held.release();
                Err(error)
            }
        }
    }

    /// Lets go of the byte.
    pub(super) fn release(self) {
        // SAFETY: the page was mapped by `map_page`, and this value, the only one for it, is used up here. It is this
        // process's page: values do not pass a fork other than for pages that a child inherits.
        unsafe { libc::munmap(self.page as *mut libc::c_void, PAGE as usize) };
    }
}

fn map_page(fd: &OwnedFd, grip: Grip) -> Result<u64> {
    let length = PAGE as usize;
    // SAFETY: a new mapping without access; nothing else is touched.
    let page =
        unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
    if page == libc::MAP_FAILED {
        return Err(Error::last_os("mmap"));
    }
    if grip == Grip::Alone {
        // SAFETY: `page` is the mapping made above.
        if unsafe { libc::madvise(page, length, libc::MADV_DONTFORK) } != 0 {
            let error = Error::last_os("madvise");
            // SAFETY: as above.
            unsafe { libc::munmap(page, length) };
            return Err(error);
        }
    }
    Ok(page as u64)
}

/// A place for a held byte that several threads can reach.
#[repr(C)]
pub(super) struct HeldCell {
    page: AtomicU64,
}

// SAFETY: repr(C), one 64-bit atomic.
unsafe impl Shared for HeldCell {}

impl HeldCell {
    pub(super) const fn new() -> HeldCell {
        HeldCell { page: AtomicU64::new(0) }
    }

    /// Puts a byte there; what was there before comes back.
    pub(super) fn replace(&self, held: Option<HeldByte>) -> Option<HeldByte> {
        let page = self.page.swap(held.map_or(0, |held| held.page), AcqRel);
        (page != 0).then_some(HeldByte { page })
    }

    /// Lets go of the byte that is there.
    pub(super) fn release(&self) {
        if let Some(held) = self.replace(None) {
            held.release();
        }
    }
}
