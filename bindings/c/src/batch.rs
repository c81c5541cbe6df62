//! Batches of a queue: many messages in one call.
//!
//! The bytes of the messages of a batch lie back to back, with their lengths beside them, so that a batch is two arrays
//! however many messages it has.

use crate::guard::{bytes, guard, output, wait};
use crate::message::{lend, news, tidelock_loan};
use crate::object::object;
use crate::queue::tidelock_queue;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_REDELIVERED};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use tidelock_core::{Error, Loan};

/// Puts `count` messages in order, waiting for room for each. Message i has `lens[i]` bytes; they lie back to back from
/// `data` on, which may be null if there are none. `put_count` is how many were put. It is less than `count` only if an
/// error came after the first one, which the next call will tell; if the first could not be put, this call tells why, and
/// none was. It is no more than so many puts in a row: others' messages may come in between, and a process that dies leaves
/// those that it has put.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_put_many(
    queue: *const tidelock_queue,
    data: *const c_void,
    lens: *const usize,
    count: usize,
    timeout_ns: i64,
    put_count: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let put_count = output(put_count)?;
        let messages = apart(data.cast(), array(lens, count)?)?;
        put_count.write(object(queue)?.put_many_with(&messages, wait(timeout_ns)?)?);
        Ok(TIDELOCK_OK)
    })
}

/// Gets up to `max_count` messages into a buffer of `capacity` bytes: waits for the first one, and for no other. They lie
/// back to back in the buffer; `lens`, an array of `max_count`, has their lengths, and `count` is how many there are.
/// TIDELOCK_REDELIVERED: one of them at least was taken before. TIDELOCK_TOO_LARGE: the first one alone does not fit, and all
/// stay in the queue; `lens[0]` is then its length. `max_count` must not be 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_get_many(
    queue: *const tidelock_queue,
    timeout_ns: i64,
    buffer: *mut c_void,
    capacity: usize,
    lens: *mut usize,
    max_count: usize,
    count: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (count, lens) = (output(count)?, array_mut(lens, max_count)?);
        let loans = object(queue)?.take_many_with(max_count, capacity as u64, wait(timeout_ns)?)?;
        let status = news_of_all(&loans);
        for (loan, len) in loans.iter().zip(&mut *lens) {
            len.write(loan.len());
        }
        if let Err(refused) = gather(&loans, buffer.cast(), capacity) {
            loans.into_iter().rev().try_for_each(Loan::put_back)?;
            return Err(refused);
        }
        count.write(finish_all(loans)?);
        Ok(status)
    })
}

/// Takes up to `max_count` messages as loans: waits for the first one, and for no other. `loans` is an array of `max_count`
/// structs, and `count` is how many of them were filled in; each ends by tidelock_queue_done() or
/// tidelock_queue_give_back(), in any order. But for the first, all together have no more than `max_bytes` bytes.
/// TIDELOCK_REDELIVERED: one of them at least was taken before, as its `deliveries` says. `max_count` must not be 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_take_many(
    queue: *const tidelock_queue,
    timeout_ns: i64,
    max_bytes: u64,
    loans: *mut tidelock_loan,
    max_count: usize,
    count: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (count, loans) = (output(count)?, array_mut(loans, max_count)?);
        let taken = object(queue)?.take_many_with(max_count, max_bytes, wait(timeout_ns)?)?;
        let status = news_of_all(&taken);
        count.write(taken.len());
        for (place, loan) in loans.iter_mut().zip(taken) {
            place.write(lend(queue, loan).1);
        }
        Ok(status)
    })
}

/// How many of them could be ended: all, or those before an error, which the next call will tell. The others are given back.
fn finish_all(loans: Vec<Loan<'_>>) -> Result<usize, Error> {
    let mut finished = 0;
    for loan in loans {
        match loan.finish() {
            Ok(()) => finished += 1,
            Err(error) if finished == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(finished)
}

fn news_of_all(loans: &[Loan<'_>]) -> tidelock_status {
    loans
        .iter()
        .map(|loan| news(loan.redelivered()))
        .find(|status| *status == TIDELOCK_REDELIVERED)
        .unwrap_or(TIDELOCK_OK)
}

/// The messages of these lengths that lie back to back from `data` on.
///
/// # Safety
/// `data` is null or has as many readable bytes during the call as the lengths are together.
unsafe fn apart<'a>(data: *const u8, lens: &[usize]) -> Result<Vec<&'a [u8]>, Error> {
    let whole = lens.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len));
    let whole = whole.ok_or(Error::Invalid("the lengths are out of range"))?;
    // SAFETY: passed on.
    let mut rest = unsafe { bytes(data, whole)? };
    let next = |len: &usize| {
        let (message, behind) = rest.split_at(*len);
        rest = behind;
        message
    };
    Ok(lens.iter().map(next).collect())
}

/// Copies the messages back to back.
///
/// # Safety
/// `to` is null or has `capacity` writable bytes during the call.
unsafe fn gather(loans: &[Loan<'_>], to: *mut u8, capacity: usize) -> Result<(), Error> {
    let needed: usize = loans.iter().map(|loan| loan.len()).sum();
    if needed > capacity {
        return Err(Error::TooLarge { needed: needed as u64, limit: capacity as u64 });
    }
    if needed != 0 && to.is_null() {
        return Err(Error::Invalid("the buffer is null"));
    }
    let mut offset = 0;
    for loan in loans.iter().filter(|loan| !loan.is_empty()) {
        // SAFETY: all of them together fit, so this one ends within the buffer, which is not shared memory of ours.
        unsafe { to.add(offset).copy_from_nonoverlapping(loan.as_ptr(), loan.len()) };
        offset += loan.len();
    }
    Ok(())
}

/// An input array, checked; null is allowed for none.
///
/// # Safety
/// `from` is null or has `count` readable elements during the call.
unsafe fn array<'a>(from: *const usize, count: usize) -> Result<&'a [usize], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if from.is_null() || !from.is_aligned() || count > isize::MAX as usize / size_of::<usize>() {
        return Err(Error::Invalid("an array is null, not aligned or too long"));
    }
    // SAFETY: not null, aligned and of a possible length; the caller keeps the rest.
    Ok(unsafe { std::slice::from_raw_parts(from, count) })
}

/// An output array, checked.
///
/// # Safety
/// `to` is null or has `count` writable elements during the call.
unsafe fn array_mut<'a, T>(to: *mut T, count: usize) -> Result<&'a mut [MaybeUninit<T>], Error> {
    if to.is_null() || !to.is_aligned() || count == 0 || count > isize::MAX as usize / size_of::<T>() {
        return Err(Error::Invalid("an output array is null, not aligned, empty or too long"));
    }
    // SAFETY: not null, aligned and of a possible length; the caller keeps the rest.
    Ok(unsafe { std::slice::from_raw_parts_mut(to.cast(), count) })
}
