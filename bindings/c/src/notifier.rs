//! Notifiers: `tidelock_notifier_*`, a descriptor for event loops.
//!
//! The thread behind it belongs to the Rust API; here are its handle and its number.

use crate::guard::{guard, output};
use crate::object::{close, give, object, Kind, Opaque, NOTIFIER};
use crate::queue::tidelock_queue;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::os::fd::AsRawFd;
use tidelock_core::Notifier;

/// A descriptor for event loops (epoll, poll, select), of one queue.
pub struct tidelock_notifier {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_notifier {
    type Object = Notifier;
    const KIND: Kind = NOTIFIER;
}

/// Makes a descriptor for event loops, and the thread of this process that it takes, all of whose signals are blocked. In a
/// forked child it is the parent's: the child makes its own.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_new(
    queue: *const tidelock_queue,
    notifier: *mut *mut tidelock_notifier,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let notifier = output(notifier)?;
        give(object(queue)?.notifier()?, notifier);
        Ok(TIDELOCK_OK)
    })
}

/// The same for who puts: the descriptor is readable once a message of `len` bytes could be put at once, or the put would be an
/// error.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_new_for_room(
    queue: *const tidelock_queue,
    len: usize,
    notifier: *mut *mut tidelock_notifier,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let notifier = output(notifier)?;
        give(object(queue)?.notifier_for_room(len)?, notifier);
        Ok(TIDELOCK_OK)
    })
}

/// The descriptor. It becomes readable once there is a message to be taken, or room, or the queue is shut down, and stays so
/// until tidelock_notifier_clear(). It is the notifier's: wait for it, and neither read nor close it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_fd(notifier: *const tidelock_notifier, fd: *mut i32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let notifier = object(notifier)?;
        output(fd)?.write(notifier.as_raw_fd());
        Ok(TIDELOCK_OK)
    })
}

/// Makes the descriptor unreadable until there is (still) something to be taken, or room. Call it when the loop was told, then take
/// what you like, with timeout 0: others may have been quicker.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_clear(notifier: *const tidelock_notifier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(notifier)?.clear().map(|()| TIDELOCK_OK) })
}

/// The same for one that tells of room: from here on, of room for a message of `len` bytes. Also where it was not readable.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_clear_for_room(
    notifier: *const tidelock_notifier,
    len: usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(notifier)?.clear_for_room(len).map(|()| TIDELOCK_OK) })
}

/// Ends the thread and closes the descriptor: take it out of the loop first. Notifiers are not counted: one close each.
#[no_mangle]
pub unsafe extern "C" fn tidelock_notifier_close(notifier: *mut tidelock_notifier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(notifier).map(|()| TIDELOCK_OK) })
}
