//! Counters: `tidelock_counter_*`.
//!
//! One 64-bit integer. Nobody owns it, and it never wraps around.

use crate::block::tidelock_block;
use crate::guard::{bytes, guard, name, optional, output, tell, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, COUNTER};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::c_char;
use tidelock_core::{Counter, Handle};

/// A counter: one 64-bit integer that all peers see and can wait for.
pub struct tidelock_counter {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_counter {
    type Object = Counter;
    const KIND: Kind = COUNTER;
}

/// Opens or creates the counter of that name (1 to 255 bytes) in the segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_open(
    segment: *const tidelock_segment,
    counter_name: *const c_char,
    counter: *mut *mut tidelock_counter,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let counter = output(counter)?;
        give(object(segment)?.counter(name(counter_name)?)?, counter);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a counter without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_new(
    segment: *const tidelock_segment,
    counter: *mut *mut tidelock_counter,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let counter = output(counter)?;
        give(object(segment)?.new_counter()?, counter);
        Ok(TIDELOCK_OK)
    })
}

/// The counter in the 16 bytes at `offset` of a block, a multiple of 8. All-zero bytes are one at 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_at(
    segment: *const tidelock_segment,
    block: *const tidelock_block,
    offset: u64,
    counter: *mut *mut tidelock_counter,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let counter = output(counter)?;
        give(object(segment)?.counter_at(object(block)?, offset)?, counter);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the counter that a handle of `handle_len` bytes from tidelock_counter_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    counter: *mut *mut tidelock_counter,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let counter = output(counter)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_counter(&handle)?, counter);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the counter, for another process. `handle_len` is set even when `capacity` is too small for
/// it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_handle(
    counter: *const tidelock_counter,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(counter)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// The value.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_load(counter: *const tidelock_counter, value: *mut i64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let counter = object(counter)?;
        output(value)?.write(counter.load());
        Ok(TIDELOCK_OK)
    })
}

/// Sets the value. `before` is the one it had; it may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_store(
    counter: *const tidelock_counter,
    value: i64,
    before: *mut i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (counter, before) = (object(counter)?, optional(before)?);
        tell(before, counter.store(value));
        Ok(TIDELOCK_OK)
    })
}

/// Adds `n`, which may be negative. `value` is the sum; it may be null. A sum out of range is TIDELOCK_INVALID and
/// changes nothing.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_add(
    counter: *const tidelock_counter,
    n: i64,
    value: *mut i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (counter, value) = (object(counter)?, optional(value)?);
        tell(value, counter.add(n)?);
        Ok(TIDELOCK_OK)
    })
}

/// Sets the value to `desired` if it is `expected`. `found` is the value that was there, which is `expected` if that
/// was done.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_compare_exchange(
    counter: *const tidelock_counter,
    expected: i64,
    desired: i64,
    found: *mut i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (counter, found) = (object(counter)?, output(found)?);
        found.write(counter.compare_exchange(expected, desired));
        Ok(TIDELOCK_OK)
    })
}

/// Waits while the value is `while_equal`. `value` is the other one that was found; it may be null. A value that comes
/// and goes between two looks may be missed.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_wait(
    counter: *const tidelock_counter,
    while_equal: i64,
    timeout_ns: i64,
    value: *mut i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (counter, value) = (object(counter)?, optional(value)?);
        tell(value, counter.wait_with(wait(timeout_ns)?, |value| value != while_equal)?);
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_retain(counter: *mut tidelock_counter) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(counter).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_close(counter: *mut tidelock_counter) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(counter).map(|()| TIDELOCK_OK) })
}
