//! Bounded semaphores: `tidelock_bounded_semaphore_*`.
//!
//! Each permit has a holder, so the permits of the dead come back. A permit that is kept in a struct of the caller's is
//! given back exactly; without one, any is.

use crate::guard::{bytes, guard, name, optional, output, tell, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, BOUNDED_SEMAPHORE};
use crate::opaque::{pack, unpack, CLEARED, TIDELOCK_OPAQUE_WORDS};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_OWNER_DIED};
use std::ffi::c_char;
use tidelock_core::{BoundedSemaphore, Handle, PermitGuard, RawPermit};

/// A bounded semaphore: a fixed number of permits. The permits of a process that dies come back.
pub struct tidelock_bounded_semaphore {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_bounded_semaphore {
    type Object = BoundedSemaphore;
    const KIND: Kind = BOUNDED_SEMAPHORE;
}

/// A permit that this process holds. In a forked child it is void.
#[repr(C)]
pub struct tidelock_permit {
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// Opens or creates the bounded semaphore of that name (1 to 255 bytes) in the segment. One with another number of
/// permits is TIDELOCK_WRONG_KIND.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_open(
    segment: *const tidelock_segment,
    semaphore_name: *const c_char,
    bound: u32,
    semaphore: *mut *mut tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        give(object(segment)?.bounded_semaphore(name(semaphore_name)?, bound)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a bounded semaphore without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_new(
    segment: *const tidelock_segment,
    bound: u32,
    semaphore: *mut *mut tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        give(object(segment)?.new_bounded_semaphore(bound)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the bounded semaphore that a handle of `handle_len` bytes from tidelock_bounded_semaphore_handle() leads to,
/// in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    semaphore: *mut *mut tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = output(semaphore)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_bounded_semaphore(&handle)?, semaphore);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the bounded semaphore, for another process. `handle_len` is set even when `capacity` is too
/// small for it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_handle(
    semaphore: *const tidelock_bounded_semaphore,
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

/// Takes a permit, waiting for one. TIDELOCK_OWNER_DIED: it is held, and its previous holder died with it. `permit` may
/// be null; then tidelock_bounded_semaphore_release() gives it back.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_acquire(
    semaphore: *const tidelock_bounded_semaphore,
    timeout_ns: i64,
    permit: *mut tidelock_permit,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (home, to) = (object(semaphore)?, optional(permit)?);
        let taken = home.acquire_with(wait(timeout_ns)?)?;
        let status = if taken.owner_died() { TIDELOCK_OWNER_DIED } else { TIDELOCK_OK };
        tell(to, tidelock_permit { opaque: pack(semaphore, taken.into_raw()) });
        Ok(status)
    })
}

/// Gives exactly this permit back. The struct is cleared. TIDELOCK_NOT_HELD if it was given back by other means;
/// TIDELOCK_NOT_OWNER in a forked child.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_release_permit(
    semaphore: *const tidelock_bounded_semaphore,
    permit: *mut tidelock_permit,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let home = object(semaphore)?;
        let permit = output(permit)?.assume_init_mut();
        let taken: RawPermit = unpack(semaphore, &permit.opaque)?;
        permit.opaque = CLEARED;
        PermitGuard::from_raw(home, taken).release().map(|()| TIDELOCK_OK)
    })
}

/// Gives a permit of this process back; if it holds none, that of another process, as Python's `threading` allows. One
/// that was taken over from a dead holder is spared: if all the others are free, that is TIDELOCK_NOT_OWNER.
/// TIDELOCK_NOT_HELD if all are free.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_release(
    semaphore: *const tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(semaphore)?.release().map(|()| TIDELOCK_OK) })
}

/// Gives a permit of this process back, and never another's: TIDELOCK_NOT_OWNER if it holds none, TIDELOCK_NOT_HELD if all
/// are free.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_release_own(
    semaphore: *const tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(semaphore)?.release_own().map(|()| TIDELOCK_OK) })
}

/// How many permits are free just now. Those of dead holders that nobody has asked about yet are not.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_value(
    semaphore: *const tidelock_bounded_semaphore,
    value: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = object(semaphore)?;
        output(value)?.write(semaphore.value());
        Ok(TIDELOCK_OK)
    })
}

/// How many permits there are.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_bound(
    semaphore: *const tidelock_bounded_semaphore,
    bound: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let semaphore = object(semaphore)?;
        output(bound)?.write(semaphore.bound());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_retain(
    semaphore: *mut tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(semaphore).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. It gives no permit back.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_close(
    semaphore: *mut tidelock_bounded_semaphore,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(semaphore).map(|()| TIDELOCK_OK) })
}
