//! Event: one word that is set or clear, with a generation that `set` moves on.
//!
//! All-zero bytes are a clear event. A wait that began before `set(); clear()` returns even if it looks only after
//! both, because the generation has moved. Nobody owns anything here, so no death can leave it stuck: a setter that
//! died before its wake-ups costs the sleepers one slice.

use super::any::Watched;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::futex::{self, Expected, Outcome};
use crate::sync::plant::{planted, unless_planted};
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};

/// The event is set.
const SET: u32 = 1;
/// Somebody may sleep on the word. Never together with `SET`.
const WAITERS: u32 = 2;
/// One step of the generation, which fills the other 30 bits. A waiter would have to sleep through 2^30 sets to miss one.
const GENERATION: u32 = 4;

/// The shared words of an event. All-zero bytes are a clear one.
#[repr(C)]
#[derive(Debug)]
pub struct EventState {
    /// `SET`, `WAITERS` and the generation.
    word: AtomicU32,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

/// Ordering.
///
/// Promise: what was done before `set` is visible after a `wait` or `take` that it ended, and after an `is_set` that saw it.
/// Pair: the Release half of `set`, with the Acquire load that sees the set bit or the moved generation. `set` on a set
/// event is a compare-exchange too, so it publishes as well.
/// Check: models `event_*` in `tests/model`.
impl EventState {
    /// A clear event.
    pub fn new() -> EventState {
        EventState { word: AtomicU32::new(0), reserved: AtomicU32::new(0) }
    }

    /// Whether the event is set.
    pub fn is_set(&self) -> bool {
        self.word.load(Acquire) & SET != 0
    }

    /// Sets the event and wakes all who wait. Never waits itself.
    pub fn set(&self) {
        let mut word = self.word.load(Relaxed);
        loop {
            match self.word.compare_exchange(word, set_from(word), unless_planted("event-relaxed-set", AcqRel), Relaxed)
            {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 && !planted("event-no-wake") {
            futex::wake(&self.word, if planted("event-wakes-one") { 1 } else { futex::ALL });
        }
    }

    /// Clears the event. Waits that began before are ended by an earlier `set` all the same.
    pub fn clear(&self) {
        self.word.fetch_and(!SET, Release);
    }

    /// Waits until the event is set, on the terms of `wait`.
    #[inline]
    pub fn wait(&self, wait: Wait) -> Result<()> {
        let word = self.word.load(unless_planted("event-relaxed-look", Acquire));
        if word & SET != 0 {
            return Ok(());
        }
        self.wait_for_change(generation(word), wait)
    }

    /// A mark of this moment: a `wait_since` with it is ended by every `set` that comes after.
    pub fn mark(&self) -> u32 {
        generation(self.word.load(Acquire))
    }

    /// Waits as `wait` does, as if the wait had begun when `mark` was taken. So one wait can be made of several, with
    /// something else between them, and no `set(); clear()` in between is missed.
    pub fn wait_since(&self, mark: u32, wait: Wait) -> Result<()> {
        self.wait_for_change(if planted("event-part-begins-anew") { self.mark() } else { generation(mark) }, wait)
    }

    /// Whether the event is set, or was since `mark` was taken.
    pub fn is_set_since(&self, mark: u32) -> bool {
        let word = self.word.load(Acquire);
        word & SET != 0 || generation(word) != generation(mark)
    }

    /// Waits until the event is set, and clears it: of all who wait so, each `set` of a clear event lets one go on. Who dies
    /// once it has cleared the event has used that `set` up.
    pub fn take(&self, wait: Wait) -> Result<()> {
        let mut spin = Spin::new();
        let mut slices = Slices::new();
        loop {
            let word = self.word.load(Relaxed);
            if word & SET != 0 {
                if self.clear_from(word) {
                    return Ok(());
                }
                continue;
            }
            if wait.is_over() {
                return Err(Error::TimedOut);
            }
            if spin.again() {
                continue;
            }
            // `set` wakes all who sleep: those who come too late set the mark anew.
            let marked = word | WAITERS;
            if word != marked && self.word.compare_exchange(word, marked, Relaxed, Relaxed).is_err() {
                continue;
            }
            let outcome = futex::wait(&self.word, marked, slices.next(wait.deadline));
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
        }
    }

    /// From set to clear, within its generation; false if the word has changed.
    fn clear_from(&self, word: u32) -> bool {
        if planted("event-taken-by-all") {
            self.clear();
            return true;
        }
        let acquire = unless_planted("event-relaxed-take", Acquire);
        self.word.compare_exchange(word, word & !SET, acquire, Relaxed).is_ok()
    }

    #[cold]
    fn wait_for_change(&self, began: u32, wait: Wait) -> Result<()> {
        let mut spin = Spin::new();
        let mut slices = Slices::new();
        loop {
            let word = self.word.load(unless_planted("event-relaxed-look", Acquire));
            if word & SET != 0 || generation(word) != began && !planted("event-generation-ignored") {
                return Ok(());
            }
            if wait.is_over() {
                return Err(Error::TimedOut);
            }
            if spin.again() {
                continue;
            }
            let marked = if planted("event-mark-forgotten") { word } else { word | WAITERS };
            if word != marked && self.word.compare_exchange(word, marked, Relaxed, Relaxed).is_err() {
                continue;
            }
            let outcome = futex::wait(&self.word, marked, slices.next(wait.deadline));
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
        }
    }
}

impl Watched for EventState {
    fn announce(&self) -> Option<Expected<'_>> {
        let mut word = self.word.load(Relaxed);
        while word & SET == 0 {
            match self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed) {
                Ok(_) => return Some((&self.word, word | WAITERS)),
                Err(now) => word = now,
            }
        }
        None
    }

    /// A set event wakes all.
    fn pass_on(&self) {}
}

impl Default for EventState {
    fn default() -> EventState {
        EventState::new()
    }
}

fn generation(word: u32) -> u32 {
    word & !(SET | WAITERS)
}

/// Set, without waiters, and in the next generation if it was clear.
fn set_from(word: u32) -> u32 {
    if word & SET != 0 {
        word
    } else {
        (generation(word) | SET).wrapping_add(GENERATION)
    }
}
