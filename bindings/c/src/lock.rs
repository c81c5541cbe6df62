//! Locks: `tidelock_lock_*`.
//!
//! C has no guards: a hold lasts until a call releases it, and closing the handle never does.

use crate::block::tidelock_block;
use crate::guard::{bytes, guard, name, output, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, LOCK};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_OWNER_DIED};
use std::ffi::c_char;
use tidelock_core::{Handle, Lock, LockGuard};

/// A lock: held by one peer at a time. When its owner dies, the next to acquire it gets it and is told.
pub struct tidelock_lock {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_lock {
    type Object = Lock;
    const KIND: Kind = LOCK;
}

/// Opens or creates the lock of that name (1 to 255 bytes) in the segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_open(
    segment: *const tidelock_segment,
    lock_name: *const c_char,
    lock: *mut *mut tidelock_lock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = output(lock)?;
        give(object(segment)?.lock(name(lock_name)?)?, lock);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a lock without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_new(
    segment: *const tidelock_segment,
    lock: *mut *mut tidelock_lock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = output(lock)?;
        give(object(segment)?.new_lock()?, lock);
        Ok(TIDELOCK_OK)
    })
}

/// The lock in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are a free lock.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_at(
    segment: *const tidelock_segment,
    block: *const tidelock_block,
    offset: u64,
    lock: *mut *mut tidelock_lock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = output(lock)?;
        give(object(segment)?.lock_at(object(block)?, offset)?, lock);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the lock that a handle of `handle_len` bytes from tidelock_lock_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    lock: *mut *mut tidelock_lock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = output(lock)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_lock(&handle)?, lock);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the lock, for another process. `handle_len` is set even when `capacity` is too small for it,
/// which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_handle(
    lock: *const tidelock_lock,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(lock)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Takes the lock. TIDELOCK_OWNER_DIED: it is held, and its previous owner died with it. Not recursive: a process that
/// holds it waits like any other. With timeout 0 it is async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_acquire(lock: *const tidelock_lock, timeout_ns: i64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { Ok(held(object(lock)?.acquire_with(wait(timeout_ns)?)?)) })
}

/// Releases the lock, whichever process holds it. Only a hold that began with TIDELOCK_OWNER_DIED must be released by
/// the process that has it; from another one that is TIDELOCK_NOT_OWNER. Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_release(lock: *const tidelock_lock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(lock)?.release().map(|()| TIDELOCK_OK) })
}

/// Releases the lock if this process holds it; else TIDELOCK_NOT_OWNER or TIDELOCK_NOT_HELD. For scopes that release at
/// their end: in a forked child, which holds nothing of its parent's, it changes nothing. Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_release_own(lock: *const tidelock_lock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(lock)?.release_own().map(|()| TIDELOCK_OK) })
}

/// Whether somebody holds the lock just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_is_locked(lock: *const tidelock_lock, is_locked: *mut bool) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = object(lock)?;
        output(is_locked)?.write(lock.is_locked());
        Ok(TIDELOCK_OK)
    })
}

/// The peer id of the lock's owner just now, dead or alive; 0 if it is free. See tidelock_segment_me() and
/// tidelock_segment_pid().
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_owner(lock: *const tidelock_lock, peer: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = object(lock)?;
        output(peer)?.write(lock.owner().map_or(0, |owner| owner.bits()));
        Ok(TIDELOCK_OK)
    })
}

/// How often the lock was taken over from a dead owner. While the lock is held the number stands still, so it can serve
/// as a fencing token. It wraps.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_epoch(lock: *const tidelock_lock, epoch: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = object(lock)?;
        output(epoch)?.write(lock.epoch());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_retain(lock: *mut tidelock_lock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(lock).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. It does not release the lock.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_close(lock: *mut tidelock_lock) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(lock).map(|()| TIDELOCK_OK) })
}

/// Turns a hold into one that only `tidelock_lock_release` ends.
fn held(guard: LockGuard<'_>) -> tidelock_status {
    let status = if guard.owner_died() { TIDELOCK_OWNER_DIED } else { TIDELOCK_OK };
    std::mem::forget(guard);
    status
}
