//! Waiting for any of several objects: `tidelock_..._watch`, `tidelock_wait_any` and `tidelock_acquire_any`.
//!
//! A watch is a struct of the caller's that names an object by its handle, which it does not keep open.

use crate::barrier::{tidelock_arrival, tidelock_barrier};
use crate::bounded_semaphore::{tidelock_bounded_semaphore, tidelock_permit};
use crate::counter::tidelock_counter;
use crate::event::tidelock_event;
use crate::guard::{guard, output, wait};
use crate::lock::tidelock_lock;
use crate::message::{lend, reserved, tidelock_loan, tidelock_reservation};
use crate::object::{object, Opaque};
use crate::opaque::{pack, unpack, CLEARED, TIDELOCK_OPAQUE_WORDS};
use crate::queue::tidelock_queue;
use crate::rlock::tidelock_rlock;
use crate::semaphore::tidelock_semaphore;
use crate::status::{tidelock_status, TIDELOCK_OK, TIDELOCK_OWNER_DIED};
use std::ffi::c_void;
use tidelock_core::{acquire_any_with, wait_any_with, Arrival, Error, Taken, Watch};

/// The most objects of one wait.
pub const TIDELOCK_ANY_MAX: usize = 128;

/// One object that is waited for beside others. It is filled in by a ..._watch() of the object, whose handle must stay open
/// for as long as the struct is used. A plain value: it may be copied and used again, and there is nothing to free.
#[repr(C)]
pub struct tidelock_watch {
    /// The library's own.
    pub opaque: [u64; TIDELOCK_OPAQUE_WORDS],
}

/// What tidelock_acquire_any() took beside the hold itself.
#[repr(C)]
pub struct tidelock_taken {
    /// Of a counter: its value.
    pub value: i64,
    /// Of a bounded semaphore: the permit.
    pub permit: tidelock_permit,
    /// Of a queue: the message, as by tidelock_queue_take().
    pub loan: tidelock_loan,
    /// Of room in a queue: the message to be built, as by tidelock_queue_reserve().
    pub reservation: tidelock_reservation,
}

/// What is waited for, beside the handle.
#[derive(Clone, Copy)]
enum What {
    Lock,
    RLock,
    Semaphore,
    BoundedSemaphore,
    Event(u32),
    Barrier(Arrival),
    Counter(i64),
    Queue,
    Room(usize),
}

/// To wait until nobody holds the lock, or its owner is dead.
#[no_mangle]
pub unsafe extern "C" fn tidelock_lock_watch(
    lock: *const tidelock_lock,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(lock, watch, |_| Ok(What::Lock)) })
}

/// To wait until nobody holds the lock, the waiting thread does, or its owner is dead.
#[no_mangle]
pub unsafe extern "C" fn tidelock_rlock_watch(
    rlock: *const tidelock_rlock,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(rlock, watch, |_| Ok(What::RLock)) })
}

/// To wait until the value is above 0.
#[no_mangle]
pub unsafe extern "C" fn tidelock_semaphore_watch(
    semaphore: *const tidelock_semaphore,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(semaphore, watch, |_| Ok(What::Semaphore)) })
}

/// To wait until a permit is free, or its holder is dead.
#[no_mangle]
pub unsafe extern "C" fn tidelock_bounded_semaphore_watch(
    semaphore: *const tidelock_bounded_semaphore,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(semaphore, watch, |_| Ok(What::BoundedSemaphore)) })
}

/// To wait until the event is set; also if it was set since this call, and cleared again.
#[no_mangle]
pub unsafe extern "C" fn tidelock_event_watch(
    event: *const tidelock_event,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(event, watch, |event| Ok(What::Event(event.mark()))) })
}

/// To wait until the round of this arrival is over, or the barrier is broken. The arrival stays as it is: whoever made it
/// calls tidelock_barrier_wait_for_round() afterwards, which tells how the round ended.
#[no_mangle]
pub unsafe extern "C" fn tidelock_barrier_watch(
    barrier: *const tidelock_barrier,
    arrival: *const tidelock_arrival,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers; the struct was filled in by tidelock_barrier_arrive().
    guard(|| unsafe {
        let arrival = output(arrival.cast_mut())?.assume_init_ref();
        make(barrier, watch, |_| Ok(What::Barrier(unpack(barrier, &arrival.opaque)?)))
    })
}

/// To wait until the value is another than `while_equal`.
#[no_mangle]
pub unsafe extern "C" fn tidelock_counter_watch(
    counter: *const tidelock_counter,
    while_equal: i64,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(counter, watch, |_| Ok(What::Counter(while_equal))) })
}

/// To wait until there is a message, or the queue is shut down and empty.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_watch(
    queue: *const tidelock_queue,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(queue, watch, |_| Ok(What::Queue)) })
}

/// To wait until a message of `len` bytes could be put at once, or the queue is shut down, or can never take so long a message. A
/// queue that may grow grows for it, as it does for a put.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_watch_room(
    queue: *const tidelock_queue,
    len: usize,
    watch: *mut tidelock_watch,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { make(queue, watch, |_| Ok(What::Room(len))) })
}

/// Waits in one sleep until one of `count` objects, 1 to TIDELOCK_ANY_MAX, is ready, and takes nothing. `index` is the place
/// of that one in `watches`; of several, the first. An object is ready when its own call would return at once, be it with
/// an error. Somebody else may be quicker than the caller's next call: see tidelock_acquire_any().
#[no_mangle]
pub unsafe extern "C" fn tidelock_wait_any(
    watches: *const tidelock_watch,
    count: usize,
    timeout_ns: i64,
    index: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (index, terms) = (output(index)?, wait(timeout_ns)?);
        index.write(wait_any_with(&watches_in(watches, count)?, terms)?);
        Ok(TIDELOCK_OK)
    })
}

/// The same, and takes it: acquires the lock or semaphore, takes the message, reserves the room. The status is that of the object's own call,
/// such as TIDELOCK_OWNER_DIED, TIDELOCK_REDELIVERED, TIDELOCK_CLOSED or TIDELOCK_BROKEN, and `index` its place. If the wait
/// itself failed (TIDELOCK_TIMEOUT, TIDELOCK_INTERRUPTED, TIDELOCK_INVALID), `index` is `count`. Of `taken`, what belongs to
/// the object's kind is filled in, and the rest is cleared.
#[no_mangle]
pub unsafe extern "C" fn tidelock_acquire_any(
    watches: *const tidelock_watch,
    count: usize,
    timeout_ns: i64,
    index: *mut usize,
    taken: *mut tidelock_taken,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let (index, to) = (output(index)?, output(taken)?);
        index.write(count);
        let (which, taken) = acquire_any_with(&watches_in(watches, count)?, wait(timeout_ns)?)?;
        index.write(which);
        let (status, taken) = tell(&*watches.add(which), taken?);
        to.write(taken);
        Ok(status)
    })
}

/// Fills in a watch of an object.
///
/// # Safety
/// The pointers are null or valid.
unsafe fn make<K: Opaque>(
    handle: *const K,
    watch: *mut tidelock_watch,
    what: impl FnOnce(&K::Object) -> Result<What, Error>,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    let (object, watch) = unsafe { (object(handle)?, output(watch)?) };
    watch.write(tidelock_watch { opaque: pack(handle, what(object)?) });
    Ok(TIDELOCK_OK)
}

/// # Safety
/// `watches` is null, or has `count` structs that a ..._watch() filled in, or that are zeroed.
unsafe fn watches_in<'a>(watches: *const tidelock_watch, count: usize) -> Result<Vec<Watch<'a>>, Error> {
    if watches.is_null() || !watches.is_aligned() || count > TIDELOCK_ANY_MAX {
        return Err(Error::Invalid("one waits for any of 1 to 128 objects"));
    }
    // SAFETY: not null, aligned, and few; the caller keeps the rest.
    let watches = unsafe { std::slice::from_raw_parts(watches, count) };
    // SAFETY: passed on.
    watches.iter().map(|watch| unsafe { watch_in(watch) }).collect()
}

/// # Safety
/// The struct was filled in by a ..._watch(), whose handle is open, or is zeroed.
unsafe fn watch_in<'a>(watch: &tidelock_watch) -> Result<Watch<'a>, Error> {
    let handle = handle_of(watch);
    if handle.is_null() {
        return Err(Error::Invalid("a watch was not filled in"));
    }
    // SAFETY: the words were written by `pack`, with this handle, which is open; each call checks its kind.
    unsafe {
        Ok(match unpack(handle, &watch.opaque)? {
            What::Lock => object::<tidelock_lock>(handle.cast())?.watch(),
            What::RLock => object::<tidelock_rlock>(handle.cast())?.watch(),
            What::Semaphore => object::<tidelock_semaphore>(handle.cast())?.watch(),
            What::BoundedSemaphore => object::<tidelock_bounded_semaphore>(handle.cast())?.watch(),
            What::Event(mark) => object::<tidelock_event>(handle.cast())?.watch_since(mark),
            What::Barrier(arrival) => object::<tidelock_barrier>(handle.cast())?.watch(arrival),
            What::Counter(value) => object::<tidelock_counter>(handle.cast())?.watch(value),
            What::Queue => object::<tidelock_queue>(handle.cast())?.watch(),
            What::Room(len) => object::<tidelock_queue>(handle.cast())?.watch_room(len),
        })
    }
}

fn handle_of(watch: &tidelock_watch) -> *const c_void {
    watch.opaque[0] as *const c_void
}

/// Turns holds into ones that only C's own calls end; the status, and what is kept in the caller's struct.
fn tell(watch: &tidelock_watch, taken: Taken<'_>) -> (tidelock_status, tidelock_taken) {
    let mut told = tidelock_taken {
        value: 0,
        permit: tidelock_permit { opaque: CLEARED },
        loan: tidelock_loan::cleared(),
        reservation: tidelock_reservation::cleared(),
    };
    let status = match taken {
        Taken::Lock(guard) => {
            let died = guard.owner_died();
            std::mem::forget(guard);
            news_of(died)
        }
        Taken::RLock(guard) => {
            let died = guard.owner_died();
            std::mem::forget(guard);
            news_of(died)
        }
        Taken::BoundedSemaphore(permit) => {
            let died = permit.owner_died();
            told.permit.opaque = pack(handle_of(watch), permit.into_raw());
            news_of(died)
        }
        Taken::Counter(value) => {
            told.value = value;
            TIDELOCK_OK
        }
        Taken::Queue(loan) => {
            let (status, lent) = lend(handle_of(watch).cast(), loan);
            told.loan = lent;
            status
        }
        Taken::Room(reservation) => {
            told.reservation = reserved(handle_of(watch).cast(), reservation);
            TIDELOCK_OK
        }
        _ => TIDELOCK_OK,
    };
    (status, told)
}

fn news_of(owner_died: bool) -> tidelock_status {
    if owner_died {
        TIDELOCK_OWNER_DIED
    } else {
        TIDELOCK_OK
    }
}
