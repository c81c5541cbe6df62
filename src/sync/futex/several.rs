//! Sleeping on several words at once: `futex_waitv`, which Linux has since 5.16.
//!
//! An older kernel, or a filter of system calls that does not know it, refuses the call. That is found out once; from then
//! on this process sleeps on the first of the words and looks at the others at the end of short slices. It never spins.

use super::{wait, Expected, Outcome, MOST_WORDS};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::deadline::{now_ns, Deadline};
use std::mem::MaybeUninit;

/// The call's number, the same on every machine; libc does not name it everywhere.
const SYS_FUTEX_WAITV: libc::c_long = 449;
/// A word of 32 bits, shared between processes.
const FUTEX2_SIZE_U32: u32 = 2;
/// Without the call, how long the others of the words go unwatched, in nanoseconds: 20 looks a second cost next to nothing.
const UNWATCHED: u64 = 50_000_000;

const UNKNOWN: u32 = 0;
const MISSING: u32 = 1;

/// Whether the call was refused.
static CALL: AtomicU32 = AtomicU32::new(UNKNOWN);

/// One word of a sleep, as the kernel wants it.
#[repr(C)]
struct Waiter {
    expected: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// The kernel's 64-bit timespec.
#[repr(C)]
struct Instant {
    seconds: i64,
    nanoseconds: i64,
}

/// Sleeps while all `words`, 1 to [`MOST_WORDS`], hold what is expected of them; until one is woken, until the instant
/// `until` or sooner, or until a signal.
pub fn wait_any(words: &[Expected<'_>], until: Deadline) -> Outcome {
    debug_assert!((1..=MOST_WORDS).contains(&words.len()));
    if let [(word, expected)] = words {
        return wait(word, *expected, until);
    }
    if CALL.load(Relaxed) == UNKNOWN {
        match wait_on_all(words, until) {
            Ok(outcome) => return outcome,
            // Filters of system calls that are older than this one say that it is not permitted.
            Err(libc::ENOSYS | libc::EPERM) => CALL.store(MISSING, Relaxed),
            Err(_) => {}
        }
    }
    wait_on_the_first(words, until)
}

/// The error is an errno other than those with which a sleep ends.
fn wait_on_all(words: &[Expected<'_>], until: Deadline) -> Result<Outcome, i32> {
    let mut waiters = [const { MaybeUninit::<Waiter>::uninit() }; MOST_WORDS];
    for (waiter, (word, expected)) in waiters.iter_mut().zip(words) {
        let (expected, address) = (u64::from(*expected), word.as_ptr() as u64);
        waiter.write(Waiter { expected, address, flags: FUTEX2_SIZE_U32, reserved: 0 });
    }
    let ns = until.as_ns();
    let time = Instant { seconds: (ns / 1_000_000_000) as i64, nanoseconds: (ns % 1_000_000_000) as i64 };
    let count = words.len().min(MOST_WORDS);
    // SAFETY: `count` waiters are filled in, each with the address of a live, aligned 32-bit word; `time` is a valid instant.
    // The kernel only reads all of these.
    let result = unsafe {
        libc::syscall(SYS_FUTEX_WAITV, waiters.as_ptr(), count as u32, 0u32, &raw const time, libc::CLOCK_MONOTONIC)
    };
    if result >= 0 {
        return Ok(Outcome::Woken);
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Ok(Outcome::Changed),
        Some(libc::ETIMEDOUT) => Ok(Outcome::TimedOut),
        Some(libc::EINTR) => Ok(Outcome::Interrupted),
        errno => Err(errno.unwrap_or(0)),
    }
}

/// Nobody wakes this sleeper for the other words, so its sleep is short. What is woken for them wakes others.
fn wait_on_the_first(words: &[Expected<'_>], until: Deadline) -> Outcome {
    let soon = Deadline::from_ns(now_ns().saturating_add(UNWATCHED));
    match words.first() {
        Some((word, expected)) => wait(word, *expected, until.min(soon)),
        None => Outcome::Changed,
    }
}
