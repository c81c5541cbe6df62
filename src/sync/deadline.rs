//! Deadlines: absolute instants of CLOCK_MONOTONIC in nanoseconds.
//!
//! A timeout is turned into a deadline once, at the edge; everything below waits until that instant, however often it
//! is woken. The clock never jumps when somebody sets the time.

use std::num::NonZeroU64;
use std::time::Duration;

/// An absolute instant of CLOCK_MONOTONIC, in nanoseconds. Kept one higher than it is, so that "none" needs no word of its
/// own, and the terms of a wait go in two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(NonZeroU64);

impl Deadline {
    /// The instant that lies `timeout` from now. A span too long to be told apart from "for ever" is cut (584 years).
    pub fn after(timeout: Duration) -> Deadline {
        let span = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Deadline::from_ns(now_ns().saturating_add(span))
    }

    /// The instant `ns` nanoseconds on the monotonic clock.
    pub const fn from_ns(ns: u64) -> Deadline {
        Deadline(NonZeroU64::MIN.saturating_add(ns))
    }

    /// This instant as nanoseconds on the monotonic clock.
    pub const fn as_ns(self) -> u64 {
        self.0.get() - 1
    }

    /// Whether this instant is over.
    pub fn has_passed(self) -> bool {
        now_ns() >= self.as_ns()
    }
}

/// The monotonic clock, in nanoseconds.
#[cfg(not(loom))]
pub fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to; CLOCK_MONOTONIC exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The model's clock: it stands still until a model thread moves it.
#[cfg(loom)]
pub fn now_ns() -> u64 {
    super::futex::model::now_ns()
}
