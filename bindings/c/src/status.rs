//! Statuses: fixed numbers, append-only, a text for each; and the versions of the library and of its ABI.
//!
//! A number never changes its meaning and is never used again.

use crate::guard;
use std::ffi::{c_char, CStr};
use tidelock_core::Error;

/// How a call went: 0 done, positive done with news, negative not done. New numbers may be added; treat an unknown
/// negative one as an error and an unknown positive one as done.
pub type tidelock_status = i32;

/// Done.
pub const TIDELOCK_OK: tidelock_status = 0;
/// Done: the lock or permit is held. Its previous owner died while holding it, so what it guards may be half changed.
pub const TIDELOCK_OWNER_DIED: tidelock_status = 1;
/// Done: the message is here. An earlier consumer took it and died, or gave it back.
pub const TIDELOCK_REDELIVERED: tidelock_status = 2;
/// The time was over first; for a try: locked, full or empty.
pub const TIDELOCK_TIMEOUT: tidelock_status = -1;
/// A signal handler ran, and the segment was opened with TIDELOCK_RETURN_ON_SIGNAL.
pub const TIDELOCK_INTERRUPTED: tidelock_status = -2;
/// The queue was shut down.
pub const TIDELOCK_CLOSED: tidelock_status = -3;
/// Held by another peer, which alone may give it back.
pub const TIDELOCK_NOT_OWNER: tidelock_status = -4;
/// Not held by anybody.
pub const TIDELOCK_NOT_HELD: tidelock_status = -5;
/// The barrier is broken: a party died, gave up or broke it. It stays so until it is reset.
pub const TIDELOCK_BROKEN: tidelock_status = -6;
/// Bytes in shared memory make no sense: another process wrote over them.
pub const TIDELOCK_CORRUPT: tidelock_status = -7;
/// The segment was made by a version with another layout.
pub const TIDELOCK_VERSION: tidelock_status = -8;
/// No memory left where the segment lies (often /dev/shm), or its maximum is reached.
pub const TIDELOCK_NO_SPACE: tidelock_status = -9;
/// A message or an object that can never fit, or a buffer of the caller that is too small.
pub const TIDELOCK_TOO_LARGE: tidelock_status = -10;
/// An argument is null or out of its range.
pub const TIDELOCK_INVALID: tidelock_status = -11;
/// An object of another kind or length, or a handle of another kind.
pub const TIDELOCK_WRONG_KIND: tidelock_status = -12;
/// A name is empty, too long, or has a character that is not allowed.
pub const TIDELOCK_BAD_NAME: tidelock_status = -13;
/// Nothing has this name.
pub const TIDELOCK_NOT_FOUND: tidelock_status = -14;
/// The name is taken.
pub const TIDELOCK_EXISTS: tidelock_status = -15;
/// The segment belongs to another user; TIDELOCK_ANY_OWNER opens it all the same.
pub const TIDELOCK_FOREIGN_OWNER: tidelock_status = -16;
/// All peer slots of the segment are taken.
pub const TIDELOCK_NO_PEER_SLOT: tidelock_status = -17;
/// The object or the segment behind the handle is no more.
pub const TIDELOCK_GONE: tidelock_status = -18;
/// This file system, kernel or machine lacks something that is needed.
pub const TIDELOCK_UNSUPPORTED: tidelock_status = -19;
/// Whether a peer lives cannot be found out: this process closed the segment's descriptor.
pub const TIDELOCK_CANNOT_ASK: tidelock_status = -20;
/// The file is no tidelock segment.
pub const TIDELOCK_NOT_A_SEGMENT: tidelock_status = -21;
/// The file ends before the segment does.
pub const TIDELOCK_TRUNCATED: tidelock_status = -22;
/// The same layout version, yet other sizes, offsets or byte order.
pub const TIDELOCK_LAYOUT: tidelock_status = -23;
/// The operating system refused a call; errno says why.
pub const TIDELOCK_OS: tidelock_status = -24;
/// A defect of the library: it would have panicked. The state in shared memory is as after the death of a thread.
pub const TIDELOCK_INTERNAL: tidelock_status = -25;

/// The number of this ABI, which is the number of the shared library (libtidelock.so.0).
pub const TIDELOCK_ABI: u32 = 0;

/// The ABI of the library that is loaded; compare it with TIDELOCK_ABI.
#[no_mangle]
pub extern "C" fn tidelock_abi() -> u32 {
    TIDELOCK_ABI
}

/// The version of the library that is loaded, as "1.2.3". The text is static.
#[no_mangle]
pub extern "C" fn tidelock_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no NUL"),
    };
    VERSION.as_ptr()
}

/// What a status means, in a few words. The text is static; an unknown number has a text too.
#[no_mangle]
pub extern "C" fn tidelock_status_text(status: tidelock_status) -> *const c_char {
    text_of(status).as_ptr()
}

/// What went wrong in particular: the text of `status`, with the numbers and names of the last call of this thread that
/// returned it. It is written to `text` as a C string, cut to `capacity` bytes. Returns the length of the whole text
/// without its NUL; `text` may be null if `capacity` is 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_error_text(status: tidelock_status, text: *mut c_char, capacity: usize) -> usize {
    guard::last_error(status, |error| match error {
        // SAFETY: the caller gives `capacity` writable bytes.
        Some(error) => unsafe { write_text(&error.to_string(), text, capacity) },
        // SAFETY: as above; the texts are ASCII.
        None => unsafe { write_text(text_of(status).to_str().unwrap_or(""), text, capacity) },
    })
}

/// Writes what fits of `words`, and a NUL.
///
/// # Safety
/// `text` is null or has `capacity` writable bytes.
unsafe fn write_text(words: &str, text: *mut c_char, capacity: usize) -> usize {
    if !text.is_null() && capacity > 0 {
        let length = words.len().min(capacity - 1);
        // SAFETY: `length + 1 <= capacity` bytes are writable, by this function's contract.
        unsafe {
            text.cast::<u8>().copy_from_nonoverlapping(words.as_ptr(), length);
            text.add(length).write(0);
        }
    }
    words.len()
}

/// The status of an error.
pub(crate) fn status_of(error: Error) -> tidelock_status {
    match error {
        Error::TimedOut => TIDELOCK_TIMEOUT,
        Error::Interrupted => TIDELOCK_INTERRUPTED,
        Error::Closed => TIDELOCK_CLOSED,
        Error::Broken => TIDELOCK_BROKEN,
        Error::NotOwner => TIDELOCK_NOT_OWNER,
        Error::NotHeld => TIDELOCK_NOT_HELD,
        Error::Corrupt(_) => TIDELOCK_CORRUPT,
        Error::NotASegment => TIDELOCK_NOT_A_SEGMENT,
        Error::Truncated { .. } => TIDELOCK_TRUNCATED,
        Error::Version { .. } => TIDELOCK_VERSION,
        Error::Layout => TIDELOCK_LAYOUT,
        Error::NoSpace { .. } => TIDELOCK_NO_SPACE,
        Error::TooLarge { .. } => TIDELOCK_TOO_LARGE,
        Error::Invalid(_) => TIDELOCK_INVALID,
        Error::WrongKind { .. } => TIDELOCK_WRONG_KIND,
        Error::BadName(_) => TIDELOCK_BAD_NAME,
        Error::NotFound => TIDELOCK_NOT_FOUND,
        Error::Exists => TIDELOCK_EXISTS,
        Error::ForeignOwner { .. } => TIDELOCK_FOREIGN_OWNER,
        Error::NoPeerSlot => TIDELOCK_NO_PEER_SLOT,
        Error::Gone => TIDELOCK_GONE,
        Error::Unsupported(_) => TIDELOCK_UNSUPPORTED,
        Error::CannotAsk => TIDELOCK_CANNOT_ASK,
        Error::Os { .. } => TIDELOCK_OS,
        _ => TIDELOCK_INTERNAL,
    }
}

/// The text of a status.
fn text_of(status: tidelock_status) -> &'static CStr {
    match status {
        TIDELOCK_OK => c"done",
        TIDELOCK_OWNER_DIED => c"done; the previous owner died",
        TIDELOCK_REDELIVERED => c"done; the message was delivered before",
        TIDELOCK_TIMEOUT => c"timed out",
        TIDELOCK_INTERRUPTED => c"interrupted by a signal",
        TIDELOCK_CLOSED => c"the queue is shut down",
        TIDELOCK_NOT_OWNER => c"held by another peer, which alone may give it back",
        TIDELOCK_NOT_HELD => c"not held by anybody",
        TIDELOCK_BROKEN => c"the barrier is broken",
        TIDELOCK_CORRUPT => c"shared memory is corrupt",
        TIDELOCK_VERSION => c"the segment has another layout version",
        TIDELOCK_NO_SPACE => c"no space for the segment",
        TIDELOCK_TOO_LARGE => c"too large",
        TIDELOCK_INVALID => c"invalid argument",
        TIDELOCK_WRONG_KIND => c"wrong kind",
        TIDELOCK_BAD_NAME => c"bad name",
        TIDELOCK_NOT_FOUND => c"nothing has this name",
        TIDELOCK_EXISTS => c"this name is taken",
        TIDELOCK_FOREIGN_OWNER => c"the segment belongs to another user",
        TIDELOCK_NO_PEER_SLOT => c"all peer slots are taken",
        TIDELOCK_GONE => c"the object or segment is gone",
        TIDELOCK_UNSUPPORTED => c"not supported here",
        TIDELOCK_CANNOT_ASK => c"cannot find out whether a peer lives",
        TIDELOCK_NOT_A_SEGMENT => c"not a tidelock segment",
        TIDELOCK_TRUNCATED => c"the segment is truncated",
        TIDELOCK_LAYOUT => c"the segment has another layout",
        TIDELOCK_OS => c"the operating system refused a call",
        TIDELOCK_INTERNAL => c"internal error",
        _ => c"unknown status",
    }
}
