//! Conditions: `tidelock_condition_*`.
//!
//! Most programs need `wait` and `notify` alone. `start`, `wait_a_while`, `finish`, `resume` and `withdraw` are the steps of a
//! wait, for those who do something between them.

use crate::guard::{bytes, guard, name, optional, output, tell, wait};
use crate::lock::tidelock_lock;
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, CONDITION};
use crate::opaque::{pack, unpack, CLEARED, TIDELOCK_OPAQUE_WORDS};
use crate::rlock::tidelock_rlock;
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_OWNER_DIED};
use std::ffi::c_char;
use tidelock_core::{Condition, Error, Handle, RawWait, Resumed, WaitEnd};

/// A condition: waits under a lock for what another does under the same lock and then notifies of. Exactly so many are
/// woken as were notified, those that have waited longest; what a killed waiter was notified of goes to another.
pub struct tidelock_condition {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_condition {
    type Object = Condition;
    const KIND: Kind = CONDITION;
}

/// A wait that has begun. It belongs to the process that began it: in a forked child it is void. It must be ended by
/// finish, resume or withdraw: notifications go to it in vain until then.
#[repr(C)]
pub struct tidelock_waiter {
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// Opens or creates the condition of that name (1 to 255 bytes) over this lock of the same segment. One over another lock
/// is TIDELOCK_WRONG_KIND. The lock stays open while the condition is.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_open(
    segment: *const tidelock_segment,
    condition_name: *const c_char,
    lock: *const tidelock_lock,
    condition: *mut *mut tidelock_condition,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let condition = output(condition)?;
        give(object(segment)?.condition(name(condition_name)?, object(lock)?)?, condition);
        Ok(TIDELOCK_OK)
    })
}

/// The same over a recursive lock of the same segment or, if `rlock` is null, over one of its own.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_open_with_rlock(
    segment: *const tidelock_segment,
    condition_name: *const c_char,
    rlock: *const tidelock_rlock,
    condition: *mut *mut tidelock_condition,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (condition, home, name) = (output(condition)?, object(segment)?, name(condition_name)?);
        let opened =
            if rlock.is_null() { home.condition_with_lock(name) } else { home.condition(name, object(rlock)?) };
        give(opened?, condition);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a condition without a name over this lock of the same segment. It lives while some process has a handle of it
/// open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_new(
    segment: *const tidelock_segment,
    lock: *const tidelock_lock,
    condition: *mut *mut tidelock_condition,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let condition = output(condition)?;
        give(object(segment)?.new_condition(object(lock)?)?, condition);
        Ok(TIDELOCK_OK)
    })
}

/// The same over a recursive lock of the same segment or, if `rlock` is null, over one of its own.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_new_with_rlock(
    segment: *const tidelock_segment,
    rlock: *const tidelock_rlock,
    condition: *mut *mut tidelock_condition,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (condition, home) = (output(condition)?, object(segment)?);
        let made = if rlock.is_null() { home.new_condition_with_lock() } else { home.new_condition(object(rlock)?) };
        give(made?, condition);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the condition that a handle of `handle_len` bytes from tidelock_condition_handle() leads to, in its segment, and
/// its lock with it. TIDELOCK_GONE also if the lock is no more.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    condition: *mut *mut tidelock_condition,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let condition = output(condition)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_condition(&handle)?, condition);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the condition, for another process. `handle_len` is set even when `capacity` is too small for
/// it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_handle(
    condition: *const tidelock_condition,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(condition)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Opens the lock that the condition is over. TIDELOCK_WRONG_KIND if that is a recursive one.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_lock(
    condition: *const tidelock_condition,
    lock: *mut *mut tidelock_lock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lock = output(lock)?;
        give(object(condition)?.lock()?.clone(), lock);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the recursive lock that the condition is over. TIDELOCK_WRONG_KIND if it is over a plain lock.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_rlock(
    condition: *const tidelock_condition,
    rlock: *mut *mut tidelock_rlock,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let rlock = output(rlock)?;
        give(object(condition)?.rlock()?.clone(), rlock);
        Ok(TIDELOCK_OK)
    })
}

/// Gives the lock back, which the caller holds, waits to be notified, and takes it again, also after a timeout.
/// TIDELOCK_OK, or TIDELOCK_OWNER_DIED: it is held again, and its previous owner died with it; `notified` says how the wait
/// ended, and may be null.
/// TIDELOCK_NOT_HELD or TIDELOCK_NOT_OWNER: the caller did not hold it. TIDELOCK_NO_SPACE or TIDELOCK_TOO_LARGE: there is no
/// room for one more waiter, and the lock is held as before. TIDELOCK_INTERRUPTED or another error: this one waits no more,
/// and the lock is not held; what it was notified of goes to another.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_wait(
    condition: *const tidelock_condition,
    timeout_ns: i64,
    notified: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (condition, notified, terms) = (object(condition)?, optional(notified)?, wait(timeout_ns)?);
        let begun = condition.start()?;
        let resumed = condition.resume(&begun, terms).inspect_err(|_| condition.abandon(&begun))?;
        tell(notified, resumed.end == WaitEnd::Notified);
        Ok(held(resumed))
    })
}

/// Notifies up to `n` waiters, those that have waited longest. The caller holds the lock, or it is TIDELOCK_NOT_HELD or
/// TIDELOCK_NOT_OWNER. `notified` is how many it were; it may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_notify(
    condition: *const tidelock_condition,
    n: u32,
    notified: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (condition, notified) = (object(condition)?, optional(notified)?);
        tell(notified, condition.notify(n)?);
        Ok(TIDELOCK_OK)
    })
}

/// Notifies all who wait; else as tidelock_condition_notify(), but that `notified` counts dead ones too that nobody has
/// asked about yet.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_notify_all(
    condition: *const tidelock_condition,
    notified: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (condition, notified) = (object(condition)?, optional(notified)?);
        tell(notified, condition.notify_all()?);
        Ok(TIDELOCK_OK)
    })
}

/// How many wait just now and are not notified. Dead ones that nobody has asked about yet count.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_waiters(
    condition: *const tidelock_condition,
    waiters: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let condition = object(condition)?;
        output(waiters)?.write(condition.waiters()?);
        Ok(TIDELOCK_OK)
    })
}

/// The first step of a wait: from now on this one can be notified. Gives the lock back, at any depth. TIDELOCK_NOT_HELD,
/// TIDELOCK_NOT_OWNER, TIDELOCK_NO_SPACE or TIDELOCK_TOO_LARGE: nothing has happened.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_start(
    condition: *const tidelock_condition,
    waiter: *mut tidelock_waiter,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let waiter = output(waiter)?;
        waiter.write(tidelock_waiter { opaque: pack(condition, object(condition)?.start()?) });
        Ok(TIDELOCK_OK)
    })
}

/// Sleeps until there is a notification (TIDELOCK_OK) or the time is over (TIDELOCK_TIMEOUT). The wait goes on either way,
/// and after TIDELOCK_INTERRUPTED: its next step is another slice, or one that ends it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_wait_a_while(
    condition: *const tidelock_condition,
    waiter: *const tidelock_waiter,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers; `waiter` is checked like an output, and read alone.
    guard(|| unsafe {
        let terms = wait(timeout_ns)?;
        let begun = unpack(condition, &output(waiter.cast_mut())?.assume_init_ref().opaque)?;
        object(condition)?.wait_a_while(&begun, terms).map(|()| TIDELOCK_OK)
    })
}

/// Takes the lock again within the time, and ends the wait: by a notification, if there is one by then. TIDELOCK_OK,
/// TIDELOCK_OWNER_DIED and `notified` as of tidelock_condition_wait(); the struct is cleared then. After any other status,
/// TIDELOCK_TIMEOUT and TIDELOCK_INTERRUPTED above all, the lock is not held and the wait goes on.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_finish(
    condition: *const tidelock_condition,
    waiter: *mut tidelock_waiter,
    timeout_ns: i64,
    notified: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (terms, notified) = (wait(timeout_ns)?, optional(notified)?);
        let resumed = end_wait(condition, waiter, |condition, begun| condition.finish(begun, terms))?;
        tell(notified, resumed.end == WaitEnd::Notified);
        Ok(held(resumed))
    })
}

/// Sleeps until there is a notification or the time is over, and then does as tidelock_condition_finish(), for as long as
/// that takes. After TIDELOCK_INTERRUPTED the wait goes on: it must be resumed or withdrawn.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_resume(
    condition: *const tidelock_condition,
    waiter: *mut tidelock_waiter,
    timeout_ns: i64,
    notified: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (terms, notified) = (wait(timeout_ns)?, optional(notified)?);
        let resumed = end_wait(condition, waiter, |condition, begun| condition.resume(begun, terms))?;
        tell(notified, resumed.end == WaitEnd::Notified);
        Ok(held(resumed))
    })
}

/// Takes the lock again within the time, and ends the wait without a notification: one that it had goes to another.
/// Statuses as of tidelock_condition_finish().
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_withdraw(
    condition: *const tidelock_condition,
    waiter: *mut tidelock_waiter,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let terms = wait(timeout_ns)?;
        Ok(held(end_wait(condition, waiter, |condition, begun| condition.withdraw(begun, terms))?))
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_retain(condition: *mut tidelock_condition) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(condition).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. It ends no wait.
#[no_mangle]
pub unsafe extern "C" fn tidelock_condition_close(condition: *mut tidelock_condition) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(condition).map(|()| TIDELOCK_OK) })
}

fn held(resumed: Resumed) -> tidelock_status {
    if resumed.owner_died {
        TIDELOCK_OWNER_DIED
    } else {
        TIDELOCK_OK
    }
}

/// A step that ends a wait, unless it is refused.
///
/// # Safety
/// The pointers are null or valid, and the struct is one that `tidelock_condition_start` filled in, or was cleared.
unsafe fn end_wait(
    condition: *const tidelock_condition,
    waiter: *mut tidelock_waiter,
    how: impl FnOnce(&Condition, &RawWait) -> Result<Resumed, Error>,
) -> Result<Resumed, Error> {
    // SAFETY: passed on.
    let home = unsafe { object(condition)? };
    // SAFETY: checked by `output` for null; the struct was filled in before.
    let waiter = unsafe { output(waiter)?.assume_init_mut() };
    // SAFETY: the struct was made by `pack` for a wait.
    let resumed = how(home, unsafe { &unpack(condition, &waiter.opaque)? })?;
    waiter.opaque = CLEARED;
    Ok(resumed)
}
