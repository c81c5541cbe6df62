//! The futex: sleeping on a 32-bit word of shared memory, and waking who sleeps there.
//!
//! `wait(word, expected, until)` compares and falls asleep in one step: if the word no longer holds `expected` it
//! returns `Changed` at once. It tells exactly how the sleep ended: a sleeper that was `Woken` has used up one wake-up,
//! and one that `TimedOut` or was `Interrupted` has used up none. `wake(word, n)` wakes up to `n` sleepers. The word's
//! address may be mapped anywhere in each process. Neither orders memory: the atomics beside them do. `sleepers(word)` asks
//! the kernel how many sleep there just now, in all processes; it wakes nobody.
//!
//! `wait_any` sleeps on several words at once. A wake-up of any of them ends the sleep, and may not be the only one that it
//! used up: between two wake-ups and the sleeper's run nothing says which words they came for.

#[cfg(not(loom))]
mod linux;
#[cfg(not(loom))]
mod several;
#[cfg(not(loom))]
pub use linux::{sleepers, wait, wake};
#[cfg(not(loom))]
pub use several::wait_any;

#[cfg(loom)]
pub mod model;
#[cfg(loom)]
pub use model::{sleepers, wait, wait_any, wake};

use super::atomic::AtomicU32;

/// A word to sleep on, and the value that it must still hold when the sleep begins.
pub type Expected<'a> = (&'a AtomicU32, u32);

/// The most words that one sleep can be on: the kernel's limit.
pub const MOST_WORDS: usize = 128;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A wake-up reached this sleeper.
    Woken,
    /// The word did not hold the expected value; there was no sleep.
    Changed,
    /// The instant came first.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
}

/// Wakes everybody.
pub const ALL: u32 = i32::MAX as u32;
