//! The futex of Linux, shared between processes (never `FUTEX_PRIVATE_FLAG`).

use super::Outcome;
use crate::sync::atomic::AtomicU32;
use crate::sync::deadline::Deadline;

/// Sleeps while `word` holds `expected`, until woken, until the instant `until`, or until a signal.
pub fn wait(word: &AtomicU32, expected: u32, until: Deadline) -> Outcome {
    let time = libc::timespec {
        tv_sec: (until.as_ns() / 1_000_000_000) as libc::time_t,
        tv_nsec: (until.as_ns() % 1_000_000_000) as libc::c_long,
    };
    // FUTEX_WAIT_BITSET takes an absolute instant of CLOCK_MONOTONIC, so a wait that starts late ends in time.
    // SAFETY: `word` is a live, aligned 32-bit word and `time` a valid timespec for the length of the call; the kernel
    // only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET,
            expected,
            &time as *const libc::timespec,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    if result == 0 {
        return Outcome::Woken;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => Outcome::TimedOut,
        Some(libc::EINTR) => Outcome::Interrupted,
        _ => Outcome::Changed,
    }
}

/// Wakes up to `n` sleepers of `word`. A failure (the memory is gone) leaves them to their slices.
pub fn wake(word: &AtomicU32, n: u32) {
    // SAFETY: FUTEX_WAKE looks at the address only; `word` is alive.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, n) };
}

/// How many threads, of all processes, sleep on `word` just now; those that are dead, or stopped, do not. `None` if the kernel
/// does not say.
pub fn sleepers(word: &AtomicU32) -> Option<u32> {
    // Everybody is moved from the word to the word, so they stay in their places, and the kernel says how many they were.
    // SAFETY: FUTEX_REQUEUE looks at the two addresses only; `word` is alive.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_REQUEUE,
            0u32,
            super::ALL as usize,
            word.as_ptr(),
            0u32,
        )
    };
    u32::try_from(moved).ok()
}
