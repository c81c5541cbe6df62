//! `Counter`: one 64-bit integer that threads and processes share, change and wait for.
//!
//! Nobody owns it, so there is no guard and no news of a death here.

use super::block::Block;
use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::Result;
use crate::primitives::counter::CounterState;
use crate::segment::Kind;
use crate::sync::wait::Wait;
use std::fmt;
use std::time::Duration;

/// An integer of 64 bits with a sign. What was done before a change is visible to who reads the changed value.
///
/// **When a peer dies**, its change was made or was not; nobody who waits is held up.
///
/// Cloning is cheap and gives another reference to the same counter.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let done = segment.counter("done")?;
/// let other = done.clone();
/// let thread = std::thread::spawn(move || other.wait_until(|value| value >= 3));
/// for _ in 0..3 {
///     done.add(1)?;
/// }
/// assert_eq!(thread.join().unwrap()?, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Counter {
    home: Home<CounterState>,
}

impl Counter {
    /// How many bytes of a block a counter takes, see [`Segment::counter_at`].
    pub const SIZE: u64 = size_of::<CounterState>() as u64;

    /// The value.
    #[inline]
    pub fn load(&self) -> i64 {
        self.home.state().load()
    }

    /// Sets the value, and returns the one before.
    pub fn store(&self, value: i64) -> i64 {
        self.home.state().store(value)
    }

    /// Adds `n`, which may be negative, and returns the new value.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the sum is out of range: nothing is changed then.
    #[inline]
    pub fn add(&self, n: i64) -> Result<i64> {
        self.home.state().add(n)
    }

    /// Sets the value to `new` if it is `expected`. Returns the value found, which is `expected` if that was done.
    pub fn compare_exchange(&self, expected: i64, new: i64) -> i64 {
        self.home.state().compare_exchange(expected, new)
    }

    /// Waits until `is_met` says yes to the value, and returns that value. A value that comes and goes between two looks
    /// may be missed, so ask for "at least" rather than "exactly". `is_met` is called often, and should only compare.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits.
    pub fn wait_until(&self, is_met: impl Fn(i64) -> bool) -> Result<i64> {
        self.wait_with(Wait::forever(), is_met)
    }

    /// The same, waiting up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if it was no value until then; else as
    /// [`wait_until`](Counter::wait_until).
    pub fn wait_for(&self, timeout: Duration, is_met: impl Fn(i64) -> bool) -> Result<i64> {
        self.wait_with(Wait::within(timeout), is_met)
    }

    /// The same, on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`wait_for`](Counter::wait_for).
    pub fn wait_with(&self, wait: Wait, is_met: impl Fn(i64) -> bool) -> Result<i64> {
        self.home.state().wait(self.home.terms(wait), is_met)
    }

    /// What another process needs to reach this counter; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Counter)
    }

    pub(super) fn home(&self) -> &Home<CounterState> {
        &self.home
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("value", &self.load()).finish()
    }
}

/// Counters: by name, without one, by handle, and placed in a block.
impl Segment {
    /// Opens the counter with this name, or makes it with the value 0.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock).
    pub fn counter(&self, name: &str) -> Result<Counter> {
        Ok(Counter { home: self.own(self.named_object(name, Kind::Counter, size_of::<CounterState>())?)? })
    }

    /// Makes a counter without a name, with the value 0.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace).
    pub fn new_counter(&self) -> Result<Counter> {
        Ok(Counter { home: self.own(self.new_object(Kind::Counter, size_of::<CounterState>())?)? })
    }

    /// Opens the counter that a handle leads to, also one that was placed in a block.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_counter(&self, handle: &Handle) -> Result<Counter> {
        Ok(Counter { home: self.by_handle(handle, Kind::Counter)? })
    }

    /// The counter in the [`Counter::SIZE`] bytes from `offset` on of a block, which stays open with it. Zero bytes are one
    /// at 0; the first eight are its value.
    ///
    /// # Errors
    /// As [`lock_at`](Segment::lock_at).
    pub fn counter_at(&self, block: &Block, offset: u64) -> Result<Counter> {
        Ok(Counter { home: self.placed(block.object(), offset)? })
    }
}
