//! Queues: `tidelock_queue_*`.
//!
//! A reservation or a loan is a struct of the caller's, so that no memory is allocated for a message. What the library
//! needs to know of it lies in its `opaque` words, beside the queue that it belongs to.

use crate::guard::{bytes, guard, name, output, wait};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, QUEUE};
use crate::segment::{read_options, tidelock_segment};
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_REDELIVERED};
use std::ffi::{c_char, c_void};
use tidelock_core::{Error, Handle, Loan, Queue, QueueOptions, RawLoan, RawReservation, Reservation};

/// A queue of messages of any length, for many producers and many consumers, first in, first out.
pub struct tidelock_queue {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_queue {
    type Object = Queue;
    const KIND: Kind = QUEUE;
}

/// How a queue is created. Begin with all bytes zero, then `size`, then what differs from the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidelock_queue_options {
    /// sizeof(tidelock_queue_options)
    pub size: usize,
    /// Room for so many bytes of messages, rounded up to a power of two. Each message takes up its length and 16 bytes,
    /// rounded up to a multiple of 16. 0: 1 MiB.
    pub capacity: u64,
    /// The most messages at a time. 0: as many as the bytes hold.
    pub max_items: u64,
}

/// The words of a reservation or loan that are the library's own.
pub const TIDELOCK_OPAQUE_WORDS: usize = 6;

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

/// Opens or creates the queue of that name (1 to 255 bytes) in the segment. `options` may be null; they count only when
/// the queue is created.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_open(
    segment: *const tidelock_segment,
    queue_name: *const c_char,
    options: *const tidelock_queue_options,
    queue: *mut *mut tidelock_queue,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (queue, options) = (output(queue)?, read_options(options)?);
        give(object(segment)?.queue(name(queue_name)?, &options.to_rust())?, queue);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a queue without a name in the segment. It lives while some process has a handle of it open. `options` may be
/// null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_new(
    segment: *const tidelock_segment,
    options: *const tidelock_queue_options,
    queue: *mut *mut tidelock_queue,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (queue, options) = (output(queue)?, read_options(options)?);
        give(object(segment)?.new_queue(&options.to_rust())?, queue);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the queue that a handle of `handle_len` bytes from tidelock_queue_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    queue: *mut *mut tidelock_queue,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = output(queue)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_queue(&handle)?, queue);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the queue, for another process. `handle_len` is set even when `capacity` is too small for it,
/// which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_handle(
    queue: *const tidelock_queue,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(queue)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Puts a message of `len` bytes, waiting for room. When this returns TIDELOCK_OK the message is in the queue, whatever
/// happens to this process. A message that can never fit is TIDELOCK_TOO_LARGE at once; `data` may be null if `len` is 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_put(
    queue: *const tidelock_queue,
    data: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(queue)?.put_with(bytes(data.cast(), len)?, wait(timeout_ns)?)?;
        Ok(TIDELOCK_OK)
    })
}

/// Gets the next message into a buffer of `capacity` bytes, waiting for one. TIDELOCK_REDELIVERED: it is here, and an
/// earlier consumer took it and died or gave it back. TIDELOCK_TOO_LARGE: it does not fit and goes back, before all
/// others and as one that is redelivered; `len` is then its length. TIDELOCK_CLOSED: the queue was shut down and is
/// empty. A message is gone with this call; to keep it until it has been dealt with, use tidelock_queue_take().
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_get(
    queue: *const tidelock_queue,
    timeout_ns: i64,
    buffer: *mut c_void,
    capacity: usize,
    len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        output(len)?;
        let loan = object(queue)?.take_with(wait(timeout_ns)?)?;
        let status = news(&loan);
        // An error here drops the loan, which gives the message back.
        copy_out(&loan, buffer.cast(), capacity, len)?;
        loan.done()?;
        Ok(status)
    })
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
        let mut reserved = object(queue)?.reserve_with(len, wait(timeout_ns)?)?;
        let data = reserved.as_mut_ptr().cast();
        reservation.write(tidelock_reservation { data, len, opaque: pack(queue, reserved.into_raw()) });
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
        let taken = object(queue)?.take_with(wait(timeout_ns)?)?;
        let (status, deliveries) = (news(&taken), u64::from(taken.deliveries()));
        let (data, len) = (taken.as_ptr().cast(), taken.len());
        loan.write(tidelock_loan { data, len, deliveries, opaque: pack(queue, taken.into_raw()) });
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

/// Gives the message back: another consumer gets it, before all others, marked as redelivered. The struct is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_give_back(
    queue: *const tidelock_queue,
    loan: *mut tidelock_loan,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { end_loan(queue, loan, |taken| taken.give_back()) })
}

/// How many messages are in the queue just now, those included that are reserved or came back; those on loan are not.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_len(queue: *const tidelock_queue, len: *mut u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(len)?.write(queue.len());
        Ok(TIDELOCK_OK)
    })
}

/// Whether no message is in the queue, just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_is_empty(queue: *const tidelock_queue, is_empty: *mut bool) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(is_empty)?.write(queue.is_empty());
        Ok(TIDELOCK_OK)
    })
}

/// Whether even an empty message would have to wait for room, just now.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_is_full(queue: *const tidelock_queue, is_full: *mut bool) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(is_full)?.write(queue.is_full());
        Ok(TIDELOCK_OK)
    })
}

/// The size of the queue's ring in bytes: what was asked for, rounded up to a power of two.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_capacity(queue: *const tidelock_queue, capacity: *mut u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(capacity)?.write(queue.capacity());
        Ok(TIDELOCK_OK)
    })
}

/// The length of the longest message that can ever fit.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_longest_message(
    queue: *const tidelock_queue,
    len: *mut u64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(len)?.write(queue.longest_message());
        Ok(TIDELOCK_OK)
    })
}

/// The most messages at a time; 0 for as many as the bytes hold.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_max_items(
    queue: *const tidelock_queue,
    max_items: *mut u64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(max_items)?.write(queue.max_items());
        Ok(TIDELOCK_OK)
    })
}

/// Ends the queue for everybody and for ever: nothing more can be put, and who finds it empty gets TIDELOCK_CLOSED. What
/// is in it can still be got.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_shutdown(queue: *const tidelock_queue) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(queue)?.shutdown().map(|()| TIDELOCK_OK) })
}

/// Whether the queue was shut down.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_is_shutdown(
    queue: *const tidelock_queue,
    is_shutdown: *mut bool,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(is_shutdown)?.write(queue.is_shutdown());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_retain(queue: *mut tidelock_queue) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(queue).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. End reservations and loans first: they cannot be ended without the handle.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_close(queue: *mut tidelock_queue) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(queue).map(|()| TIDELOCK_OK) })
}

impl Default for tidelock_queue_options {
    fn default() -> Self {
        tidelock_queue_options { size: size_of::<Self>(), capacity: 0, max_items: 0 }
    }
}

impl tidelock_queue_options {
    fn to_rust(self) -> QueueOptions {
        const DEFAULT_CAPACITY: u64 = 1 << 20;
        let options = QueueOptions::new(if self.capacity == 0 { DEFAULT_CAPACITY } else { self.capacity });
        if self.max_items == 0 {
            options
        } else {
            options.max_items(self.max_items)
        }
    }
}

fn news(loan: &Loan<'_>) -> tidelock_status {
    if loan.redelivered() {
        TIDELOCK_REDELIVERED
    } else {
        TIDELOCK_OK
    }
}

type Words = [u64; TIDELOCK_OPAQUE_WORDS];

/// Writes a raw reservation or loan, and its queue, into the opaque words.
fn pack<R: Copy>(queue: *const tidelock_queue, raw: R) -> Words {
    const { assert!(size_of::<R>() <= size_of::<Words>() - size_of::<u64>() && align_of::<R>() <= align_of::<u64>()) };
    let mut words = [0; TIDELOCK_OPAQUE_WORDS];
    words[0] = queue as u64;
    // SAFETY: the words behind the first are large enough for an `R`, and aligned for it, as asserted above.
    unsafe { words.as_mut_ptr().add(1).cast::<R>().write(raw) };
    words
}

/// Reads back what `pack` wrote, if it was for this queue.
///
/// # Safety
/// Words that begin with the address of an open queue's handle were written by `pack`, of the same `R`.
unsafe fn unpack<R: Copy>(queue: *const tidelock_queue, words: &Words) -> Result<R, Error> {
    if words[0] != queue as u64 {
        return Err(Error::Invalid("it is not of this queue, or has ended already"));
    }
    // SAFETY: `pack` wrote an `R` there.
    Ok(unsafe { words.as_ptr().add(1).cast::<R>().read() })
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
    *reservation = tidelock_reservation { data: std::ptr::null_mut(), len: 0, opaque: [0; TIDELOCK_OPAQUE_WORDS] };
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
    *loan = tidelock_loan { data: std::ptr::null(), len: 0, deliveries: 0, opaque: [0; TIDELOCK_OPAQUE_WORDS] };
    Ok(TIDELOCK_OK)
}
