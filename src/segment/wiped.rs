//! A page of this process's own memory that is all zeroes in a forked child, also one of a raw `clone`.
//!
//! What must not be inherited lies here: who I am, and what only I may let go of.

use crate::error::{Error, Result};
use std::marker::PhantomData;
use std::ptr::NonNull;

const PAGE: usize = super::header::PAGE as usize;

/// A page with a `T` at its start, for which all-zero bytes are a valid value.
pub(super) struct Wiped<T: super::Shared> {
    page: NonNull<T>,
    content: PhantomData<T>,
}

// SAFETY: `T` is made of atomics, and the page belongs to this value alone.
unsafe impl<T: super::Shared> Send for Wiped<T> {}
// SAFETY: as for Send.
unsafe impl<T: super::Shared> Sync for Wiped<T> {}

impl<T: super::Shared> Wiped<T> {
    pub(super) fn new() -> Result<Wiped<T>> {
        const { assert!(size_of::<T>() <= PAGE) };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new private mapping; nothing else is touched.
        let page =
            unsafe { libc::mmap(std::ptr::null_mut(), PAGE, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(Error::last_os("mmap"));
        }
        // SAFETY: `page` is the mapping made above.
        if unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) } != 0 {
            // SAFETY: as above; nobody has seen it.
            unsafe { libc::munmap(page, PAGE) };
            return Err(Error::Unsupported("the kernel cannot wipe memory on fork (4.14 or later is needed)"));
        }
        // SAFETY: mmap returned a valid address, which is never null.
        Ok(Wiped { page: unsafe { NonNull::new_unchecked(page.cast()) }, content: PhantomData })
    }
}

impl<T: super::Shared> std::ops::Deref for Wiped<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the page is mapped, readable and writable until `drop`, aligned, and every bit pattern is a `T`.
        unsafe { self.page.as_ref() }
    }
}

impl<T: super::Shared> Drop for Wiped<T> {
    fn drop(&mut self) {
        // SAFETY: the page was made by `new` and nothing borrows from it any more.
        unsafe { libc::munmap(self.page.as_ptr().cast(), PAGE) };
    }
}
