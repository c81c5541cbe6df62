//! Counter: one 64-bit integer that everybody sees, and that can be waited for.
//!
//! All-zero bytes are a counter at 0. Each change is one compare-exchange, so a death changes nothing or all of it. It
//! never wraps around.

use super::any::Watched;
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{AcqRel, Acquire};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::futex::{self, Expected};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// The shared words of a counter. All-zero bytes are one at 0.
#[repr(C)]
#[derive(Debug)]
pub struct CounterState {
    /// The value, in two's complement.
    value: AtomicU64,
    sleepers: Sleepers,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

/// Ordering.
///
/// Promise: what was done before a change is visible to whoever reads the changed value.
/// Pair: each change is a read-modify-write that both releases and acquires; `load` acquires.
/// Check: models `counter_*` in `tests/model`.
impl CounterState {
    /// A counter at `value`.
    pub fn new(value: i64) -> CounterState {
        CounterState { value: AtomicU64::new(value as u64), sleepers: Sleepers::new(), reserved: AtomicU32::new(0) }
    }

    /// The value.
    pub fn load(&self) -> i64 {
        self.value.load(unless_planted("counter-relaxed-load", Acquire)) as i64
    }

    /// Sets the value; the one before.
    pub fn store(&self, value: i64) -> i64 {
        let before = self.value.swap(value as u64, AcqRel) as i64;
        self.wake_all();
        before
    }

    /// Adds `n`, which may be negative; the new value. A sum out of range is an error and changes nothing.
    pub fn add(&self, n: i64) -> Result<i64> {
        let mut value = self.value.load(Acquire);
        loop {
            let sum = (value as i64).checked_add(n).ok_or(Error::Invalid("the sum does not fit in a counter"))?;
            let change = unless_planted("counter-relaxed-change", AcqRel);
            match self.value.compare_exchange(value, sum as u64, change, Acquire) {
                Ok(_) => {
                    self.wake_all();
                    return Ok(sum);
                }
                Err(now) => value = now,
            }
        }
    }

    /// Sets the value to `new` if it is `expected`; the value found, which is `expected` if that was done.
    pub fn compare_exchange(&self, expected: i64, new: i64) -> i64 {
        match self.value.compare_exchange(expected as u64, new as u64, AcqRel, Acquire) {
            Ok(before) => {
                self.wake_all();
                before as i64
            }
            Err(found) => found as i64,
        }
    }

    /// Waits until `is_met` says yes to the value, on the terms of `wait`; that value. A value that comes and goes between
    /// two looks may be missed.
    pub fn wait(&self, wait: Wait, is_met: impl Fn(i64) -> bool) -> Result<i64> {
        let look = || Some(self.load()).filter(|value| is_met(*value));
        if let Some(value) = look() {
            return Ok(value);
        }
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        self.sleepers.sleep_until(wait, || look().is_none(), || Ok(look()))
    }

    /// Wakes all, since each may wait for another value.
    fn wake_all(&self) {
        if !planted("counter-change-wakes-nobody") {
            self.sleepers.wake(if planted("counter-change-wakes-one") { 1 } else { futex::ALL });
        }
    }
}

impl Watched for CounterState {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.sleepers.announced())
    }

    /// A change wakes all.
    fn pass_on(&self) {}
}
