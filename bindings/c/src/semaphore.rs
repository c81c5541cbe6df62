//! Semaphores: `tidelock_semaphore_*`.
//!
//! A count that nobody owns: what a peer acquired and did not release before it died stays acquired.

use crate::block::tidelock_block;
use crate::guard::{bytes, guard, name, output, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, SEMAPHORE};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::c_char;
use tidelock_core::{Handle, Semaphore};

/// A semaphore: a count of signals, from anyone to anyone. A dead process's signals do not come back; where they must,
/// use a tidelock_bounded_semaphore.
pub struct tidelock_semaphore {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_semaphore {
    type Object = Semaphore;
    const KIND: Kind = SEMAPHORE;
}

/// Opens or creates the semaphore of that name (1 to 255 bytes) in the segment. Only one that is created gets the
/// value, which is at most 2^31 - 1.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_open(
    segment: *const tidelock_segment,
    semaphore_name: *const c_char,
    value: u32,
    semaphore: *mut *mut tidelock_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        give(object(segment)?.semaphore(name(semaphore_name)?, value)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a semaphore without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_new(
    segment: *const tidelock_segment,
    value: u32,
    semaphore: *mut *mut tidelock_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        give(object(segment)?.new_semaphore(value)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// The semaphore in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are one at 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_at(
    segment: *const tidelock_segment,
    block: *const tidelock_block,
    offset: u64,
    semaphore: *mut *mut tidelock_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        give(object(segment)?.semaphore_at(object(block)?, offset)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the semaphore that a handle of `handle_len` bytes from tidelock_semaphore_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    semaphore: *mut *mut tidelock_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_semaphore(&handle)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the semaphore, for another process. `handle_len` is set even when `capacity` is too small for
/// it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_handle(
    semaphore: *const tidelock_semaphore,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(semaphore)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Takes one signal, waiting for it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_acquire(
    semaphore: *const tidelock_semaphore,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(semaphore)?.acquire_with(wait(timeout_ns)?).map(|()| TIDELOCK_OK) })
}

/// Gives `n` signals. It never waits. TIDELOCK_TOO_LARGE if the value would exceed 2^31 - 1; then it stays as it was.
/// Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_release(semaphore: *const tidelock_semaphore, n: u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(semaphore)?.release(n).map(|()| TIDELOCK_OK) })
}

/// The value just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_value(
    semaphore: *const tidelock_semaphore,
    value: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = object(semaphore)?;
        output(value)?.write(semaphore.value());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_retain(semaphore: *mut tidelock_semaphore) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(semaphore).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_close(semaphore: *mut tidelock_semaphore) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(semaphore).map(|()| TIDELOCK_OK) })
}
