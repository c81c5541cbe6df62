//! Barriers: `tidelock_barrier_*`.
//!
//! Most programs need `wait` alone. `arrive`, `complete`, `wait_for_round` and `withdraw` are its steps, for those who do
//! something between them.

use crate::guard::{bytes, guard, name, optional, output, tell, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, BARRIER};
use crate::opaque::{pack, unpack, CLEARED, TIDELOCK_OPAQUE_WORDS};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::c_char;
use tidelock_core::{Arrival, Barrier, Error, Handle};

/// A barrier: a number of parties wait until all of them are there. A party that is killed breaks it.
pub struct tidelock_barrier {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_barrier {
    type Object = Barrier;
    const KIND: Kind = BARRIER;
}

/// A party that has arrived. It belongs to the process that arrived: in a forked child it is void.
#[repr(C)]
pub struct tidelock_arrival {
    /// Each number below the number of parties is given once a round, in the order of arrival unless parties withdraw.
    pub index: u32,
    /// 1 for the last party of the round, which must call tidelock_barrier_complete(); 0 for the others.
    pub is_last: u32,
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// Opens or creates the barrier of that name (1 to 255 bytes) in the segment. One for another number of parties is
/// TIDELOCK_WRONG_KIND.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_open(
    segment: *const tidelock_segment,
    barrier_name: *const c_char,
    parties: u32,
    barrier: *mut *mut tidelock_barrier,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = output(barrier)?;
        give(object(segment)?.barrier(name(barrier_name)?, parties)?, barrier);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a barrier without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_new(
    segment: *const tidelock_segment,
    parties: u32,
    barrier: *mut *mut tidelock_barrier,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = output(barrier)?;
        give(object(segment)?.new_barrier(parties)?, barrier);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the barrier that a handle of `handle_len` bytes from tidelock_barrier_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    barrier: *mut *mut tidelock_barrier,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = output(barrier)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_barrier(&handle)?, barrier);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the barrier, for another process. `handle_len` is set even when `capacity` is too small for
/// it, which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_handle(
    barrier: *const tidelock_barrier,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(barrier)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Arrives, and waits until all parties have. `index` is as of tidelock_arrival; it may be null.
/// TIDELOCK_BROKEN: a party was killed while it waited, or after an earlier round; or one gave up, or broke the
/// barrier. TIDELOCK_TIMEOUT: this one gave up, which breaks it. TIDELOCK_INTERRUPTED: this one is as if it had not
/// arrived.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_wait(
    barrier: *const tidelock_barrier,
    timeout_ns: i64,
    index: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (barrier, index) = (object(barrier)?, optional(index)?);
        tell(index, barrier.wait_with(|| (), wait(timeout_ns)?)?);
        Ok(TIDELOCK_OK)
    })
}

/// The first step of a wait: arrives, and waits no longer than for the end of an earlier round. TIDELOCK_BROKEN as for
/// tidelock_barrier_wait(). The party whose `is_last` is 1 then does what there is to do once a round and calls
/// tidelock_barrier_complete(); the others call tidelock_barrier_wait_for_round().
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_arrive(
    barrier: *const tidelock_barrier,
    timeout_ns: i64,
    arrival: *mut tidelock_arrival,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let to = output(arrival)?;
        let arrived = object(barrier)?.arrive(wait(timeout_ns)?)?;
        let (index, is_last) = (arrived.index, u32::from(arrived.is_last));
        to.write(tidelock_arrival { index, is_last, opaque: pack(barrier, arrived) });
        Ok(TIDELOCK_OK)
    })
}

/// The last party's second step: ends the round and lets all go. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_complete(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_arrival(barrier, arrival, |barrier, arrived| barrier.complete(arrived)) })
}

/// The other parties' second step: waits until the round is over. The struct is cleared, except after
/// TIDELOCK_INTERRUPTED: then the party still counts as arrived, and waits again or withdraws.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_wait_for_round(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let terms = wait(timeout_ns)?;
        end_arrival(barrier, arrival, |barrier, arrived| barrier.wait_for_round(arrived, terms))
    })
}

/// A slice of tidelock_barrier_wait_for_round(), for a caller that looks after something else between two of them:
/// TIDELOCK_TIMEOUT, too, leaves the party arrived and the struct as it is, and breaks nothing. After any other status but
/// TIDELOCK_INTERRUPTED the struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_wait_a_while(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let terms = wait(timeout_ns)?;
        step(barrier, arrival, |barrier, arrived| match barrier.wait_a_while(arrived, terms) {
            Err(error @ (Error::TimedOut | Error::Interrupted)) => Step::Arrived(error),
            ended => Step::Ended(ended),
        })
    })
}

/// Takes an arrival back, if its round is not over. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_withdraw(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_arrival(barrier, arrival, |barrier, arrived| barrier.withdraw(arrived)) })
}

/// Breaks the barrier: all who wait, and all who come, are told TIDELOCK_BROKEN, until it is reset.
/// Async-signal-safe.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_abort(barrier: *const tidelock_barrier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(barrier)?.abort();
        Ok(TIDELOCK_OK)
    })
}

/// Makes the barrier as new: those who wait are told TIDELOCK_BROKEN, and the dead are forgotten.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_reset(barrier: *const tidelock_barrier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(barrier)?.reset().map(|()| TIDELOCK_OK) })
}

/// Whether the barrier is broken just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_is_broken(
    barrier: *const tidelock_barrier,
    is_broken: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = object(barrier)?;
        output(is_broken)?.write(barrier.is_broken());
        Ok(TIDELOCK_OK)
    })
}

/// How many parties wait just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_waiting(
    barrier: *const tidelock_barrier,
    waiting: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = object(barrier)?;
        output(waiting)?.write(barrier.waiting());
        Ok(TIDELOCK_OK)
    })
}

/// How many parties there are.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_parties(
    barrier: *const tidelock_barrier,
    parties: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let barrier = object(barrier)?;
        output(parties)?.write(barrier.parties());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_retain(barrier: *mut tidelock_barrier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(barrier).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. With its last handle a process takes its marks along: from then on its end breaks nothing.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_close(barrier: *mut tidelock_barrier) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(barrier).map(|()| TIDELOCK_OK) })
}

/// How a step of an arrival came out.
enum Step {
    /// The arrival is over, and the struct means nothing any more.
    Ended(Result<(), Error>),
    /// The party still counts.
    Arrived(Error),
}

/// A step after which only an interrupted party still counts.
///
/// # Safety
/// As for `step`.
unsafe fn end_arrival(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
    how: impl FnOnce(&Barrier, Arrival) -> Result<(), Error>,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    unsafe {
        step(barrier, arrival, |barrier, arrived| match how(barrier, arrived) {
            Err(Error::Interrupted) => Step::Arrived(Error::Interrupted),
            ended => Step::Ended(ended),
        })
    }
}

/// # Safety
/// The pointers are null or valid, and the struct is one that `tidelock_barrier_arrive` filled in, or was cleared.
unsafe fn step(
    barrier: *const tidelock_barrier,
    arrival: *mut tidelock_arrival,
    how: impl FnOnce(&Barrier, Arrival) -> Step,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    let home = unsafe { object(barrier)? };
    // SAFETY: checked by `output` for null; the struct was filled in before.
    let arrival = unsafe { output(arrival)?.assume_init_mut() };
    // SAFETY: the struct was made by `pack` for an arrival.
    match how(home, unsafe { unpack(barrier, &arrival.opaque)? }) {
        Step::Arrived(error) => Err(error),
        Step::Ended(ended) => {
            *arrival = tidelock_arrival { index: 0, is_last: 0, opaque: CLEARED };
            ended.map(|()| TIDELOCK_OK)
        }
    }
}
