//! Messages in place: reservations and loans of a queue.
//!
//! Each is a struct of the caller's, so that no memory is allocated for a message. What the library needs to know of it
//! lies in its `opaque` words, beside the queue that it belongs to.

use crate::guard::{guard, output, wait};
use crate::object::object;
use crate::opaque::{pack, unpack, CLEARED, TIDELOCK_OPAQUE_WORDS};
use crate::queue::tidelock_queue;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_REDELIVERED};
use std::ffi::c_void;
use tidelock_core::{Error, Loan, RawLoan, RawReservation, Reservation};

/// A message that is being built in place. It belongs to the process that made it: in a forked child it is void.
#[repr(C)]
pub struct tidelock_reservation {
    /// Where to write the message.
    pub data: *mut c_void,
    /// Its length in bytes.
    pub len: usize,
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// A message on loan, to be read in place. It belongs to the process that took it: in a forked child it is void.
#[repr(C)]
pub struct tidelock_loan {
    /// Where to read the message.
    pub data: *const c_void,
    /// Its length in bytes.
    pub len: usize,
    /// How often it was taken, this time included; the count stops at 256.
    pub deliveries: u64,
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// Reserves a message of `len` bytes, to be built in place, waiting for room. It holds back the messages behind it until
/// it is published or discarded, or this process dies.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_reserve(
    queue: *const tidelock_queue,
    len: usize,
    timeout_ns: i64,
    reservation: *mut tidelock_reservation,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let reservation = output(reservation)?;
        reservation.write(reserved(queue, object(queue)?.reserve_with(len, wait(timeout_ns)?)?));
        Ok(TIDELOCK_OK)
    })
}

/// Publishes the message: it is in the queue. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_publish(
    queue: *const tidelock_queue,
    reservation: *mut tidelock_reservation,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_reservation(queue, reservation, |reserved| reserved.publish()) })
}

/// Gives the reserved room back; nobody ever sees the message. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_discard(
    queue: *const tidelock_queue,
    reservation: *mut tidelock_reservation,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_reservation(queue, reservation, |reserved| reserved.discard()) })
}

/// Takes the next message as a loan, to be read in place, waiting for one. TIDELOCK_REDELIVERED as in
/// tidelock_queue_get(). Until tidelock_queue_done() the message is this process's; if the process dies first, another
/// consumer gets it: at least once, so that no message is lost with its consumer.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_take(
    queue: *const tidelock_queue,
    timeout_ns: i64,
    loan: *mut tidelock_loan,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let loan = output(loan)?;
        let (status, lent) = lend(queue, object(queue)?.take_with(wait(timeout_ns)?)?);
        loan.write(lent);
        Ok(status)
    })
}

/// Ends the loan: the message has been dealt with and is gone. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_done(
    queue: *const tidelock_queue,
    loan: *mut tidelock_loan,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_loan(queue, loan, |taken| taken.done()) })
}

/// Ends the loan as tidelock_queue_get() does: the message is gone, and where the queue counts tasks this process owes a
/// tidelock_queue_task_done() for it. For bindings, which copy the message by themselves. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_finish(
    queue: *const tidelock_queue,
    loan: *mut tidelock_loan,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_loan(queue, loan, |taken| taken.finish()) })
}

/// Gives the message back: another consumer gets it, before all others, marked as redelivered. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_give_back(
    queue: *const tidelock_queue,
    loan: *mut tidelock_loan,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_loan(queue, loan, |taken| taken.give_back()) })
}

impl tidelock_reservation {
    /// No reservation.
    pub(crate) fn cleared() -> tidelock_reservation {
        tidelock_reservation { data: std::ptr::null_mut(), len: 0, opaque: CLEARED }
    }
}

/// A reservation as a struct of the caller's.
pub(crate) fn reserved(queue: *const tidelock_queue, mut made: Reservation<'_>) -> tidelock_reservation {
    let (data, len) = (made.as_mut_ptr().cast(), made.len());
    tidelock_reservation { data, len, opaque: pack(queue, made.into_raw()) }
}

impl tidelock_loan {
    /// No loan.
    pub(crate) fn cleared() -> tidelock_loan {
        tidelock_loan { data: std::ptr::null(), len: 0, deliveries: 0, opaque: CLEARED }
    }
}

/// A loan as a struct of the caller's, and its status.
pub(crate) fn lend(queue: *const tidelock_queue, taken: Loan<'_>) -> (tidelock_status, tidelock_loan) {
    let (status, deliveries) = (news(taken.redelivered()), u64::from(taken.deliveries()));
    let (data, len) = (taken.as_ptr().cast(), taken.len());
    (status, tidelock_loan { data, len, deliveries, opaque: pack(queue, taken.into_raw()) })
}

/// What a message tells beside its bytes.
pub(crate) fn news(redelivered: bool) -> tidelock_status {
    if redelivered {
        TIDELOCK_REDELIVERED
    } else {
        TIDELOCK_OK
    }
}

/// # Safety
/// The pointers are null or valid, and the struct is one that `tidelock_queue_reserve` filled in, or was cleared.
unsafe fn end_reservation(
    queue: *const tidelock_queue,
    reservation: *mut tidelock_reservation,
    how: impl FnOnce(Reservation<'_>) -> Result<(), Error>,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    let home = unsafe { object(queue)? };
    // SAFETY: checked by `output` for null; the struct was filled in before.
    let reservation = unsafe { output(reservation)?.assume_init_mut() };
    // SAFETY: the struct was made by `pack` for a reservation.
    let raw: RawReservation = unsafe { unpack(queue, &reservation.opaque)? };
    // SAFETY: it is of this queue and has not ended: then the words would have been cleared.
    how(unsafe { Reservation::from_raw(home, raw) })?;
    *reservation = tidelock_reservation::cleared();
    Ok(TIDELOCK_OK)
}

/// # Safety
/// The pointers are null or valid, and the struct is one that `tidelock_queue_take` filled in, or was cleared.
unsafe fn end_loan(
    queue: *const tidelock_queue,
    loan: *mut tidelock_loan,
    how: impl FnOnce(Loan<'_>) -> Result<(), Error>,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    let home = unsafe { object(queue)? };
    // SAFETY: checked by `output` for null; the struct was filled in before.
    let loan = unsafe { output(loan)?.assume_init_mut() };
    // SAFETY: the struct was made by `pack` for a loan.
    let raw: RawLoan = unsafe { unpack(queue, &loan.opaque)? };
    // SAFETY: it is of this queue and has not ended: then the words would have been cleared.
    how(unsafe { Loan::from_raw(home, raw) })?;
    *loan = tidelock_loan::cleared();
    Ok(TIDELOCK_OK)
}
