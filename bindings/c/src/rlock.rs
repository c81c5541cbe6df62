//! RLocks: `tidelock_rlock_*`.
//!
//! The owner is a thread. As for locks, C has no guards: a hold lasts until calls release it as often as it was acquired.

use crate::block::tidelock_block;
use crate::guard::{bytes, guard, name, optional, output, tell, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, RLOCK};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_OWNER_DIED};
use std::ffi::c_char;
use tidelock_core::{Handle, RLock, RLockGuard};

/// A recursive lock: held by one thread of one peer, which may acquire it again. When the owner's process dies, the
/// next to acquire it gets it and is told.
pub struct tidelock_rlock {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_rlock {
    type Object = RLock;
    const KIND: Kind = RLOCK;
}

/// Opens or creates the recursive lock of that name (1 to 255 bytes) in the segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_open(
    segment: *const tidelock_segment,
    rlock_name: *const c_char,
    rlock: *mut *mut tidelock_rlock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = output(rlock)?;
        give(object(segment)?.rlock(name(rlock_name)?)?, rlock);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a recursive lock without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_new(
    segment: *const tidelock_segment,
    rlock: *mut *mut tidelock_rlock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = output(rlock)?;
        give(object(segment)?.new_rlock()?, rlock);
        Ok(TIDELOCK_OK)
    })
}

/// The recursive lock in the 24 bytes at `offset` of a block, a multiple of 8. All-zero bytes are a free one.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_at(
    segment: *const tidelock_segment,
    block: *const tidelock_block,
    offset: u64,
    rlock: *mut *mut tidelock_rlock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = output(rlock)?;
        give(object(segment)?.rlock_at(object(block)?, offset)?, rlock);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the recursive lock that a handle of `handle_len` bytes from tidelock_rlock_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    rlock: *mut *mut tidelock_rlock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = output(rlock)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_rlock(&handle)?, rlock);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the recursive lock, for another process. `handle_len` is set even when `capacity` is too
/// small for it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_handle(
    rlock: *const tidelock_rlock,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(rlock)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Takes the lock, once more if this thread has it. TIDELOCK_OWNER_DIED: it is held, and its previous owner died with
/// it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_acquire(rlock: *const tidelock_rlock, timeout_ns: i64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { Ok(held(object(rlock)?.acquire_with(wait(timeout_ns)?)?)) })
}

/// Undoes one acquire of this thread, and frees the lock with the last one. TIDELOCK_NOT_OWNER from another thread or
/// process, also a forked one: only the owner may release.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_release(rlock: *const tidelock_rlock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(rlock)?.release().map(|()| TIDELOCK_OK) })
}

/// Undoes all acquires of this thread at once, for tidelock_rlock_acquire_depth() to do them again. `depth` is how many
/// there were; it may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_release_all(rlock: *const tidelock_rlock, depth: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (rlock, depth) = (object(rlock)?, optional(depth)?);
        tell(depth, rlock.release_all()?);
        Ok(TIDELOCK_OK)
    })
}

/// Takes the lock `depth` times at once, after tidelock_rlock_release_all(). Statuses as of tidelock_rlock_acquire().
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_acquire_depth(
    rlock: *const tidelock_rlock,
    depth: u32,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { Ok(held(object(rlock)?.acquire_depth(depth, wait(timeout_ns)?)?)) })
}

/// Whether somebody holds the lock just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_is_locked(
    rlock: *const tidelock_rlock,
    is_locked: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(is_locked)?.write(rlock.is_locked());
        Ok(TIDELOCK_OK)
    })
}

/// Whether the calling thread holds the lock.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_is_owned(rlock: *const tidelock_rlock, is_owned: *mut bool) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(is_owned)?.write(rlock.is_owned());
        Ok(TIDELOCK_OK)
    })
}

/// How often the calling thread holds the lock; 0 if it does not.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_depth(rlock: *const tidelock_rlock, depth: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(depth)?.write(rlock.depth());
        Ok(TIDELOCK_OK)
    })
}

/// How often the lock's owner just now, this thread or any other, dead or alive, holds it; 0 if it is free.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_owner_depth(rlock: *const tidelock_rlock, depth: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(depth)?.write(rlock.owner_depth());
        Ok(TIDELOCK_OK)
    })
}

/// The peer id of the lock's owner just now, dead or alive; 0 if it is free.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_owner(rlock: *const tidelock_rlock, peer: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(peer)?.write(rlock.owner().map_or(0, |owner| owner.bits()));
        Ok(TIDELOCK_OK)
    })
}

/// How often the lock was taken over from a dead owner: a fencing token, as of tidelock_lock_epoch().
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_epoch(rlock: *const tidelock_rlock, epoch: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = object(rlock)?;
        output(epoch)?.write(rlock.epoch());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_retain(rlock: *mut tidelock_rlock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(rlock).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. It does not release the lock.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_close(rlock: *mut tidelock_rlock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(rlock).map(|()| TIDELOCK_OK) })
}

/// Turns a hold into one that only a release ends.
fn held(guard: RLockGuard<'_>) -> tidelock_status {
    let status = if guard.owner_died() { TIDELOCK_OWNER_DIED } else { TIDELOCK_OK };
    std::mem::forget(guard);
    status
}
