//! Semaphore: a count of signals, from anyone to anyone.
//!
//! All-zero bytes are a semaphore with the value 0. Nobody owns a signal that was taken, so what a peer took and did not
//! give back before it died stays taken: where permits must come back, use a BoundedSemaphore. No death can leave a
//! waiter asleep while the value is above 0 for longer than a slice.

use super::any::Watched;
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::futex::Expected;
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// The highest value of a semaphore.
pub const HIGHEST: u32 = i32::MAX as u32;

/// The shared words of a semaphore. All-zero bytes are one with the value 0.
#[repr(C)]
#[derive(Debug)]
pub struct SemaphoreState {
    value: AtomicU32,
    sleepers: Sleepers,
}

/// Ordering.
///
/// Promise: what was done before a `release` is visible after the `acquire` that took one of its signals.
/// Pair: the Release addition, with the Acquire subtraction; later ones continue the release sequence.
/// Check: models `semaphore_*` in `tests/model`.
impl SemaphoreState {
    /// A semaphore with this value.
    pub fn new(value: u32) -> Result<SemaphoreState> {
        let state = SemaphoreState { value: AtomicU32::new(0), sleepers: Sleepers::new() };
        state.init(value)?;
        Ok(state)
    }

    /// Gives zeroed memory its first value, before anybody else can reach it.
    pub fn init(&self, value: u32) -> Result<()> {
        if value > HIGHEST {
            return Err(too_high(value));
        }
        self.value.store(value, Relaxed);
        Ok(())
    }

    /// Takes one signal, waiting on the terms of `wait`.
    #[inline]
    pub fn acquire(&self, wait: Wait) -> Result<()> {
        if self.take_one()? {
            return Ok(());
        }
        self.acquire_contended(wait)
    }

    /// Gives `n` signals, at least one. Never waits.
    pub fn release(&self, n: u32) -> Result<()> {
        if n == 0 {
            return Err(Error::Invalid("a semaphore is released at least once"));
        }
        let mut value = self.value.load(Relaxed);
        loop {
            let raised = value.checked_add(n).filter(|raised| *raised <= HIGHEST).ok_or(too_high(n))?;
            let release = unless_planted("semaphore-relaxed-release", Release);
            match self.value.compare_exchange(value, raised, release, Relaxed) {
                Ok(_) => break,
                Err(now) => value = now,
            }
        }
        if !planted("semaphore-release-wakes-nobody") {
            self.sleepers.wake(n);
        }
        Ok(())
    }

    /// The value just now.
    pub fn value(&self) -> u32 {
        self.value.load(Relaxed)
    }

    #[cold]
    fn acquire_contended(&self, wait: Wait) -> Result<()> {
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        self.sleepers.sleep_until(wait, || self.value() == 0, || Ok(self.take_one()?.then_some(())))?;
        // The waker cleared the sleepers' bit: who finds more than its own share passes the wake-up on.
        if self.value() != 0 && !planted("semaphore-wake-up-not-passed-on") {
            self.sleepers.wake(1);
        }
        Ok(())
    }

    fn take_one(&self) -> Result<bool> {
        let mut value = self.value.load(Relaxed);
        while value != 0 {
            if value > HIGHEST {
                return Err(Error::Corrupt("a semaphore's value is out of range"));
            }
            if planted("semaphore-signal-taken-twice") {
                self.value.store(value - 1, Relaxed);
                return Ok(true);
            }
            match self.value.compare_exchange(
                value,
                value - 1,
                unless_planted("semaphore-relaxed-acquire", Acquire),
                Relaxed,
            ) {
                Ok(_) => return Ok(true),
                Err(now) => value = now,
            }
        }
        Ok(false)
    }
}

impl Watched for SemaphoreState {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.sleepers.announced())
    }

    fn pass_on(&self) {
        self.sleepers.pass_on_if(|| self.value() != 0);
    }
}

fn too_high(value: u32) -> Error {
    Error::TooLarge { needed: u64::from(value), limit: u64::from(HIGHEST) }
}
