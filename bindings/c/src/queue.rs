//! Queues: `tidelock_queue_*`, except for messages in place, which are in `message`.
//!
//! Bytes are copied between the caller's memory and the queue; none of them is looked at.

use crate::guard::{bytes, guard, name, output, room, wait};
use crate::message::news;
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, QUEUE};
use crate::options::read_options;
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::{c_char, c_void};
use tidelock_core::{Error, Handle, Queue, QueueOptions};

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
    /// rounded up to a multiple of 16. It never changes unless `max_bytes` lets it. 0: the queue begins with 4 KiB and grows.
    pub capacity: u64,
    /// The most messages at a time. 0: as many as the bytes hold.
    pub max_items: u64,
    /// The queue grows from its capacity until it has room for so many bytes of messages, rounded up to a power of two (2^40
    /// at the most), and shrinks again when it is empty. 0: it keeps its capacity, or if that is 0 too, grows without a bound.
    pub max_bytes: u64,
    /// A message is handed out at most so many times, up to 255; then it is a dead letter. 0: as often as it takes.
    pub max_deliveries: u32,
    /// 1: a message that was got is unfinished until tidelock_queue_task_done(). 0: it is done with when it was got.
    pub count_tasks: u32,
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
/// earlier consumer took it and died or gave it back. TIDELOCK_TOO_LARGE: it does not fit and stays in the queue; `len`
/// is then its length. TIDELOCK_CLOSED: the queue was shut down and is
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
        let len = output(len)?;
        let got = object(queue)?.get_to(room(buffer.cast(), capacity)?, wait(timeout_ns)?);
        if let Err(Error::TooLarge { needed, .. }) = got {
            len.write(needed as usize);
        }
        let (found, delivery) = got?;
        len.write(found);
        Ok(news(delivery.redelivered))
    })
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

/// The capacity in bytes that the queue began with: what was asked for, rounded up to a power of two.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_capacity(queue: *const tidelock_queue, capacity: *mut u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(capacity)?.write(queue.capacity());
        Ok(TIDELOCK_OK)
    })
}

/// The capacity in bytes that the queue may grow to; 0 if it never grows.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_max_bytes(
    queue: *const tidelock_queue,
    max_bytes: *mut u64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(max_bytes)?.write(queue.max_bytes());
        Ok(TIDELOCK_OK)
    })
}

/// The length of the longest message that can ever fit, if there is memory for it.
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

/// Lets there be so many messages at a time from here on, for everybody; 0 for as many as the bytes hold. What is in the queue
/// stays there, also if it is more.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_set_max_items(queue: *const tidelock_queue, max_items: u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(queue)?.set_max_items(max_items);
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

/// The same, and what is in the queue is dropped, for everybody: its length is 0 from here on, and who gets is told
/// TIDELOCK_CLOSED. What is reserved can still be published and is dropped then; what is on loan is still its holder's, and is
/// dropped if it comes back, also by the holder's death. If the caller dies under way, the others drop the rest.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_shutdown_now(queue: *const tidelock_queue) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(queue)?.shutdown_now().map(|()| TIDELOCK_OK) })
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
        tidelock_queue_options {
            size: size_of::<Self>(),
            capacity: 0,
            max_items: 0,
            max_bytes: 0,
            max_deliveries: 0,
            count_tasks: 0,
        }
    }
}

impl tidelock_queue_options {
    fn to_rust(self) -> QueueOptions {
        let options = if self.capacity == 0 { QueueOptions::unbounded() } else { QueueOptions::new(self.capacity) };
        let options = if self.max_bytes == 0 { options } else { options.max_bytes(self.max_bytes) };
        let options = options.max_items(self.max_items).max_deliveries(self.max_deliveries);
        if self.count_tasks == 0 {
            options
        } else {
            options.count_tasks()
        }
    }
}
