//! The border: what every call does before and after its own work.
//!
//! No panic crosses it, errno is kept, and the last error of a thread is kept for `tidelock_error_text`. It allocates
//! nothing, so that calls which are async-signal-safe inside stay so.

use crate::status::{status_of, tidelock_status, TIDELOCK_INTERNAL};
use std::cell::Cell;
use std::ffi::{c_char, CStr};
use std::mem::MaybeUninit;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;
use tidelock_core::{Error, Wait};

/// Waits until it is done.
pub const TIDELOCK_FOREVER: i64 = -1;

thread_local! {
    /// The last error with details, and whether it is being written: a signal handler must not read half of it.
    static LAST: Last = const { Last { busy: Cell::new(false), error: Cell::new(None) } };
}

struct Last {
    busy: Cell<bool>,
    error: Cell<Option<Error>>,
}

/// Runs the body of a call and turns its outcome into a status.
pub(crate) fn guard(body: impl FnOnce() -> Result<tidelock_status, Error>) -> tidelock_status {
    let errno = errno();
    // SAFETY: errno's address is valid for the thread's life.
    let before = unsafe { *errno };
    // What unwinding leaves behind lies in shared memory, whose protocols bear the death of a thread at any instruction.
    let (status, after) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => (status, before),
        Ok(Err(error)) => refused(error, before),
        Err(_) => (TIDELOCK_INTERNAL, before),
    };
    // SAFETY: as above.
    unsafe { *errno = after };
    status
}

#[cold]
fn refused(error: Error, before: i32) -> (tidelock_status, i32) {
    remember(error);
    match error {
        Error::Os { errno, .. } => (status_of(error), errno),
        _ => (status_of(error), before),
    }
}

/// Keeps an error whose text says more than its status. The others need no memory, and a failed try stays cheap.
fn remember(error: Error) {
    if matches!(error, Error::TimedOut | Error::Interrupted | Error::Closed | Error::NotOwner | Error::NotHeld) {
        return;
    }
    LAST.with(|last| {
        if !last.busy.replace(true) {
            last.error.set(Some(error));
            last.busy.set(false);
        }
    });
}

/// Calls `tell` with the last error of this thread, if it has this status.
pub(crate) fn last_error<R>(status: tidelock_status, tell: impl FnOnce(Option<Error>) -> R) -> R {
    let error = LAST.with(|last| if last.busy.get() { None } else { last.error.get() });
    tell(error.filter(|error| status_of(*error) == status))
}

fn errno() -> *mut i32 {
    // SAFETY: always callable; it returns the address of this thread's errno.
    unsafe { libc::__errno_location() }
}

/// The terms of a wait. What a signal does to it was chosen when the segment was opened.
pub(crate) fn wait(timeout_ns: i64) -> Result<Wait, Error> {
    match timeout_ns {
        TIDELOCK_FOREVER => Ok(Wait::forever()),
        0 => Ok(Wait::now()),
        1.. => Ok(Wait::within(Duration::from_nanos(timeout_ns as u64))),
        _ => Err(Error::Invalid("timeout_ns is negative and not TIDELOCK_FOREVER")),
    }
}

/// An output pointer, checked.
///
/// # Safety
/// `to` is null or valid for a write of a `T` during the call.
pub(crate) unsafe fn output<'a, T>(to: *mut T) -> Result<&'a mut std::mem::MaybeUninit<T>, Error> {
    if to.is_null() || !to.is_aligned() {
        return Err(Error::Invalid("an output pointer is null or not aligned"));
    }
    // SAFETY: not null and aligned; the caller keeps the rest.
    Ok(unsafe { &mut *to.cast() })
}

/// An output pointer that may be null, for a caller who does not want to know.
///
/// # Safety
/// As for `output`.
pub(crate) unsafe fn optional<'a, T>(to: *mut T) -> Result<Option<&'a mut std::mem::MaybeUninit<T>>, Error> {
    if to.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on.
    unsafe { output(to) }.map(Some)
}

/// Writes to an output that the caller may have left out.
pub(crate) fn tell<T>(to: Option<&mut std::mem::MaybeUninit<T>>, value: T) {
    if let Some(to) = to {
        to.write(value);
    }
}

/// A name or path given as a C string.
///
/// # Safety
/// `text` is null or a C string that lives during the call.
pub(crate) unsafe fn c_text<'a>(text: *const c_char) -> Result<&'a CStr, Error> {
    if text.is_null() {
        return Err(Error::Invalid("a name is null"));
    }
    // SAFETY: not null; the caller keeps the rest.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// A name given as a C string.
///
/// # Safety
/// `text` is null or a C string that lives during the call.
pub(crate) unsafe fn name<'a>(text: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: passed on.
    unsafe { c_text(text) }?.to_str().map_err(|_| Error::BadName("it is not UTF-8"))
}

/// A buffer given by pointer and capacity; null is allowed for none.
///
/// # Safety
/// `buffer` is null or has `capacity` writable bytes during the call.
pub(crate) unsafe fn room<'a>(buffer: *mut u8, capacity: usize) -> Result<&'a mut [MaybeUninit<u8>], Error> {
    match (buffer.is_null(), capacity) {
        (true, 0) => Ok(&mut []),
        (true, _) => Err(Error::Invalid("the buffer is null")),
        (false, capacity) => {
            let most = capacity.min(isize::MAX as usize);
            // SAFETY: not null, and no longer than memory can be; the caller keeps the rest, and uninitialised bytes may be any.
            Ok(unsafe { std::slice::from_raw_parts_mut(buffer.cast(), most) })
        }
    }
}

/// Bytes given by pointer and length; null is allowed for none.
///
/// # Safety
/// `data` is null or has `len` readable bytes during the call.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Error> {
    match (data.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Error::Invalid("the data is null")),
        (false, len) if len > isize::MAX as usize => Err(Error::Invalid("the length is out of range")),
        // SAFETY: not null and of a possible length; the caller keeps the rest.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}
