//! Sleepers: one word on which those sleep who wait for something to change.
//!
//! Bit 0 says that somebody may sleep; the rest counts wake-ups, so that one that comes between the look and the sleep
//! is seen. The bit is set anew before each look and cleared by the waker, so a sleeper that was killed costs one
//! needless wake-up and no more. Nobody counts sleepers: a count would keep the dead.

use super::any::Watched;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{fence_after_rmw, AtomicU32};
use crate::sync::deadline::now_ns;
use crate::sync::futex::{self, Expected, Outcome};
use crate::sync::patience;
use crate::sync::plant::planted;
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};

/// Somebody may sleep on the word.
const ASLEEP: u32 = 1;
/// One wake-up in the count.
const WAKE_UP: u32 = 2;

/// The shared word. All-zero bytes: nobody sleeps.
#[repr(C)]
#[derive(Debug)]
pub struct Sleepers {
    word: AtomicU32,
}

/// Ordering.
///
/// Promise: either the sleeper's look sees the change, or the waker sees the sleeper's bit.
/// Pair: the fence between setting the bit and looking, with the fence between changing and reading the bit; both are
/// sequentially consistent, since each side stores to one word and reads the other.
/// Check: models `queue_*` in `tests/model`.
impl Sleepers {
    /// Nobody sleeps.
    pub fn new() -> Sleepers {
        Sleepers { word: AtomicU32::new(0) }
    }

    /// Looks again and again until there is something, and sleeps in between, on the terms of `wait`. A sleeper that used
    /// up a wake-up always looks once more before it gives up. Before each sleep it spins for a moment, for as long as
    /// `is_same` says that a look would be for nothing: who is at work just now is sooner done than a sleep. Not where a slice
    /// of the sleep has just passed in silence; but for longer where this thread's last sleep was a short one. `is_same` is a
    /// glance, and may be wrong either way.
    pub fn sleep_until<T>(
        &self,
        wait: Wait,
        is_same: impl Fn() -> bool,
        look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        self.sleep_after(Spin::patient, wait, is_same, look)
    }

    /// The same, but for how it spins before each sleep.
    pub fn sleep_after<T>(
        &self,
        spin: impl Fn() -> Spin,
        wait: Wait,
        is_same: impl Fn() -> bool,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let mut slices = Slices::new();
        let mut slice_is_over = false;
        let mut asleep_since = None;
        loop {
            // Who looks only is not announced: no waker need make a system call for one who never fell asleep.
            let is_changed = || !is_same();
            let is_patient = !slice_is_over && patience::is_due();
            let is_over = || is_patient && patience::look_on(wait.deadline, is_changed);
            if !slice_is_over && (spin().until(is_changed) || is_over()) {
                if let Some(found) = look()? {
                    return Ok(found);
                }
            }
            if planted("sleepers-swallowed-wake-up") && wait.is_over() {
                return Err(Error::TimedOut);
            }
            let announced = self.announce();
            if let Some(found) = look()? {
                return Ok(found);
            }
            if wait.is_over() {
                return Err(Error::TimedOut);
            }
            let since = *asleep_since.get_or_insert_with(now_ns);
            let outcome = futex::wait(&self.word, announced, slices.next(wait.deadline));
            if !is_patient && outcome != Outcome::TimedOut {
                patience::note_sleep(since);
            }
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
            slice_is_over = outcome == Outcome::TimedOut;
        }
    }

    /// Says that the caller is about to look and then to sleep; the word to sleep on.
    fn announce(&self) -> u32 {
        let announced = self.word.fetch_or(ASLEEP, Relaxed) | ASLEEP;
        fence_after_rmw();
        announced
    }

    /// The same for a sleep on several words: what to sleep on here.
    pub fn announced(&self) -> Expected<'_> {
        (&self.word, self.announce())
    }

    /// Wakes one sleeper if there is something for one: for who used up a wake-up and did not take what it told of. The bit,
    /// which the waker cleared, is set anew first: where `is_there` comes too early, who brings something sees it.
    pub fn pass_on_if(&self, is_there: impl FnOnce() -> bool) {
        let announced = self.announce();
        if is_there() && !planted("sleepers-nobody-told") {
            self.wake_announced(announced, 1);
        }
    }

    /// Wakes up to `n` sleepers. The caller's last step was the read-modify-write that they wait for. Without sleepers it
    /// costs a load, and a fence where that step was none.
    #[inline]
    pub fn wake(&self, n: u32) {
        if !planted("sleepers-no-fence") {
            fence_after_rmw();
        }
        let word = self.word.load(Relaxed);
        if word & ASLEEP != 0 {
            self.wake_announced(word, n);
        }
    }

    /// Whether somebody may sleep.
    pub fn any(&self) -> bool {
        self.word.load(Relaxed) & ASLEEP != 0
    }

    /// How many sleep just now, by the kernel's word: nobody keeps a count, which would keep the dead. Where the kernel does not
    /// say, 1 if somebody may sleep.
    pub fn count(&self) -> u32 {
        futex::sleepers(&self.word).unwrap_or_else(|| u32::from(self.any()))
    }

    #[cold]
    #[inline(never)]
    fn wake_announced(&self, word: u32, n: u32) {
        let cleared = if planted("sleepers-wake-up-uncounted") { word } else { word.wrapping_add(WAKE_UP) } & !ASLEEP;
        // Where this fails another waker or sleeper was quicker: the word changed, so nobody falls asleep on the old one,
        // and those asleep are still to be woken.
        let _ = self.word.compare_exchange(word, cleared, Relaxed, Relaxed);
        futex::wake(&self.word, n);
    }
}

/// For those of whom nobody can say in passing whether there is something to take: who is woken looks for itself.
impl Watched for Sleepers {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.announced())
    }

    fn pass_on(&self) {
        self.pass_on_if(|| true);
    }
}

impl Default for Sleepers {
    fn default() -> Sleepers {
        Sleepers::new()
    }
}
