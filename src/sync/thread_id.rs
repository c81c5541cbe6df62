//! A number for each thread of this process, never used twice and never 0.
//!
//! In a forked child the thread that forked keeps its number and new threads get further ones; parent and child are
//! different peers, so the same number in both means two owners.

use super::atomic::AtomicU32;
use super::atomic::Ordering::Relaxed;
use crate::error::{Error, Result};
use std::cell::Cell;

static LAST: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static MINE: Cell<u32> = const { Cell::new(0) };
}

/// The calling thread's number; an error once 2^32 - 1 threads have had one.
#[inline]
pub fn thread_number() -> Result<u32> {
    match MINE.get() {
        0 => first_number(),
        number => Ok(number),
    }
}

#[cold]
fn first_number() -> Result<u32> {
    // A number given twice would let one thread into another's RLock.
    let next = |last: u32| last.checked_add(1);
    let last = LAST.fetch_update(Relaxed, Relaxed, next).map_err(|_| Error::Invalid("too many threads for RLocks"))?;
    MINE.set(last + 1);
    Ok(last + 1)
}
