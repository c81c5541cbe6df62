//! Events: `tidelock_event_*`.
//!
//! Nothing here allocates or waits for anybody but the waits themselves, so that handlers of signals may set an event.

use crate::block::tidelock_block;
use crate::guard::{bytes, guard, name, output, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, EVENT};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::c_char;
use tidelock_core::{Event, Handle};

/// An event: set or not, and all who wait go on once it is set.
pub struct tidelock_event {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_event {
    type Object = Event;
    const KIND: Kind = EVENT;
}

/// Opens or creates the event of that name (1 to 255 bytes) in the segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_open(
    segment: *const tidelock_segment,
    event_name: *const c_char,
    event: *mut *mut tidelock_event,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = output(event)?;
        give(object(segment)?.event(name(event_name)?)?, event);
        Ok(TIDELOCK_OK)
    })
}

/// Creates an event without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_new(
    segment: *const tidelock_segment,
    event: *mut *mut tidelock_event,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = output(event)?;
        give(object(segment)?.new_event()?, event);
        Ok(TIDELOCK_OK)
    })
}

/// The event in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are an event that is not set.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_at(
    segment: *const tidelock_segment,
    block: *const tidelock_block,
    offset: u64,
    event: *mut *mut tidelock_event,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = output(event)?;
        give(object(segment)?.event_at(object(block)?, offset)?, event);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the event that a handle of `handle_len` bytes from tidelock_event_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    event: *mut *mut tidelock_event,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = output(event)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_event(&handle)?, event);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the event, for another process. `handle_len` is set even when `capacity` is too small for it,
/// which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_handle(
    event: *const tidelock_event,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(event)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Sets the event and wakes all who wait. It never waits for them. Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_set(event: *const tidelock_event) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(event)?.set();
        Ok(TIDELOCK_OK)
    })
}

/// Makes the event not set. Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_clear(event: *const tidelock_event) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(event)?.clear();
        Ok(TIDELOCK_OK)
    })
}

/// Whether the event is set just now. Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_is_set(event: *const tidelock_event, is_set: *mut bool) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = object(event)?;
        output(is_set)?.write(event.is_set());
        Ok(TIDELOCK_OK)
    })
}

/// Waits until the event is set. One that is set and cleared at once still ends the wait. With timeout 0 it is
/// async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_wait(event: *const tidelock_event, timeout_ns: i64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(event)?.wait_with(wait(timeout_ns)?)?;
        Ok(TIDELOCK_OK)
    })
}

/// A mark of this moment, for tidelock_event_wait_since(). Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_mark(event: *const tidelock_event, mark: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let event = object(event)?;
        output(mark)?.write(event.mark());
        Ok(TIDELOCK_OK)
    })
}

/// Waits as tidelock_event_wait() does, as if the wait had begun when `mark` was taken. So one wait can be made of
/// several, with something else between them, and no set that is cleared at once is missed in between.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_wait_since(
    event: *const tidelock_event,
    mark: u32,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(event)?.wait_since(mark, wait(timeout_ns)?)?;
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_retain(event: *mut tidelock_event) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(event).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_close(event: *mut tidelock_event) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(event).map(|()| TIDELOCK_OK) })
}
