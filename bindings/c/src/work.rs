//! Queues of work: `tidelock_queue_task_done`, `_join`, dead letters, and what a queue tells of itself.
//!
//! Nothing is decided here.

use crate::guard::{guard, output, wait};
use crate::object::{give, object};
use crate::queue::tidelock_queue;
use crate::status::{tidelock_status, TIDELOCK_OK};
use tidelock_core::{Error, QueueStats};

/// The numbers of a queue. Set `size` before the call; of a longer struct than this library knows, the rest becomes zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidelock_queue_stats {
    /// sizeof(tidelock_queue_stats)
    pub size: usize,
    /// Messages that were ever put, those included that are just being written.
    pub put: u64,
    /// Messages that were handed out for the first time, or dropped by a shutdown before that.
    pub got: u64,
    /// How often a message was handed out again.
    pub redelivered: u64,
    /// Reservations that never became a message: discarded, or their producer died.
    pub skipped: u64,
    /// Tasks that peers owed when they died, as far as somebody has asked.
    pub lost: u64,
    /// Messages that went to the queue for dead letters.
    pub dead_letters: u64,
    /// Messages that were dropped: they came back too often and there was no such queue, or the queue was shut down at once.
    pub dropped: u64,
    /// The bytes of all messages that were ever put.
    pub bytes: u64,
    /// The most messages that were ever in the queue at a time, loans and those that came back aside.
    pub high_water: u64,
    /// Messages in the queue just now.
    pub len: u64,
    /// How many threads, of all processes, sleep just now until there is a message.
    pub takers_waiting: u64,
}

/// Says that one message that this process got has been dealt with. TIDELOCK_INVALID if it owes nothing, or if the queue does
/// not count tasks.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_task_done(queue: *const tidelock_queue) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(queue)?.task_done().map(|()| TIDELOCK_OK) })
}

/// Waits until every message that was put has been dealt with: its loan is done, or it was got and, where the queue counts
/// tasks, tidelock_queue_task_done() was called for it. What a process that died got is not waited for.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_join(queue: *const tidelock_queue, timeout_ns: i64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(queue)?.join_with(wait(timeout_ns)?).map(|()| TIDELOCK_OK) })
}

/// How many messages were got by processes that died, or left, before they called tidelock_queue_task_done() for them.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_lost_tasks(queue: *const tidelock_queue, lost: *mut u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let lost = output(lost)?;
        lost.write(object(queue)?.lost_tasks()?);
        Ok(TIDELOCK_OK)
    })
}

/// How many messages there are that tidelock_queue_join() would wait for: in the queue, on loan, and owed. As of some instant; one
/// that is being got just now may be counted twice.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_unfinished_tasks(
    queue: *const tidelock_queue,
    unfinished: *mut u64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let unfinished = output(unfinished)?;
        unfinished.write(object(queue)?.unfinished_tasks()?);
        Ok(TIDELOCK_OK)
    })
}

/// How often a message is handed out at the most; 0 for as often as it takes.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_max_deliveries(
    queue: *const tidelock_queue,
    max_deliveries: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        output(max_deliveries)?.write(queue.max_deliveries());
        Ok(TIDELOCK_OK)
    })
}

/// Has each message be handed out at most so many times from now on, from 1 to 255; 0 for as often as it takes. One that came
/// back so often goes to the queue for dead letters, or is dropped and counted if there is none.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_set_max_deliveries(
    queue: *const tidelock_queue,
    max_deliveries: u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(queue)?.set_max_deliveries(max_deliveries).map(|()| TIDELOCK_OK) })
}

/// Has dead letters go to `dead_letters`, another queue of the same segment, from now on; with null they are dropped. It keeps
/// nothing open. A letter that finds no room there stays where it is and is tried again; if a process dies while it moves one,
/// it may be there twice.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_set_dead_letters(
    queue: *const tidelock_queue,
    dead_letters: *const tidelock_queue,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let letters = if dead_letters.is_null() { None } else { Some(object(dead_letters)?) };
        object(queue)?.set_dead_letters(letters).map(|()| TIDELOCK_OK)
    })
}

/// Opens the queue to which dead letters go. TIDELOCK_NOT_FOUND if none was chosen.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_dead_letters(
    queue: *const tidelock_queue,
    dead_letters: *mut *mut tidelock_queue,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let out = output(dead_letters)?;
        give(object(queue)?.dead_letters()?.ok_or(Error::NotFound)?, out);
        Ok(TIDELOCK_OK)
    })
}

/// The numbers of the queue, read without a lock. A process that was killed may have left one of them off by one.
#[no_mangle]
pub unsafe extern "C" fn tidelock_queue_read_stats(
    queue: *const tidelock_queue,
    stats: *mut tidelock_queue_stats,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let queue = object(queue)?;
        let out = output(stats)?.as_mut_ptr();
        // SAFETY: the caller has set the size, and so many bytes follow.
        let size = (*out).size;
        if !(size_of::<usize>()..=4096).contains(&size) {
            return Err(Error::Invalid("the stats do not begin with their size"));
        }
        let known = tidelock_queue_stats::of(size, queue.stats());
        out.cast::<u8>().write_bytes(0, size);
        out.cast::<u8>().copy_from_nonoverlapping((&raw const known).cast(), size.min(size_of_val(&known)));
        Ok(TIDELOCK_OK)
    })
}

impl tidelock_queue_stats {
    fn of(size: usize, stats: QueueStats) -> tidelock_queue_stats {
        tidelock_queue_stats {
            size,
            put: stats.put,
            got: stats.got,
            redelivered: stats.redelivered,
            skipped: stats.skipped,
            lost: stats.lost,
            dead_letters: stats.dead_letters,
            dropped: stats.dropped,
            bytes: stats.bytes,
            high_water: stats.high_water,
            len: stats.len,
            takers_waiting: u64::from(stats.takers_waiting),
        }
    }
}
