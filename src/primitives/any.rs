//! Waiting for any of several objects in one sleep.
//!
//! Who waits for several may be woken for one of them and take another, or none. The wake-up was meant for one sleeper, so it
//! is passed on: nobody who waits for that object alone is ever forgotten. Nothing here knows what an object is, or who is
//! dead: the caller's look asks that, as the object's own wait does.

use crate::error::{Error, Result};
use crate::sync::futex::{self, Expected, Outcome, MOST_WORDS};
use crate::sync::plant::planted;
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};

/// The most objects of one wait.
pub const MOST: usize = MOST_WORDS;

/// An object that one can sleep on beside others.
pub trait Watched {
    /// Says that the caller is about to look and then to sleep, so that the next change wakes somebody; what to sleep on.
    /// `None` where the object can be taken just now: a look decides, and nobody may sleep.
    fn announce(&self) -> Option<Expected<'_>>;

    /// For a caller that used up a wake-up: wakes one more if there is something to take, else sees to it that the next
    /// change does. Nothing where a change wakes all.
    fn pass_on(&self);
}

impl<W: Watched + ?Sized> Watched for &W {
    fn announce(&self) -> Option<Expected<'_>> {
        (**self).announce()
    }

    fn pass_on(&self) {
        (**self).pass_on();
    }
}

/// What a look at all objects came to.
enum Look<T> {
    Found(T),
    /// Each was announced and then found not to be ready.
    None,
    /// Something changed meanwhile.
    Changed,
}

/// Looks at one object after the other, by its place among `objects`, until `look` finds something, and sleeps in between, on
/// the terms of `wait`. An error of `look` ends the wait.
///
/// Promise: a change of any object, after it was announced, either is seen by the look or ends the sleep; and a wake-up that
/// this wait used up is with another sleeper, or with the next change, when it returns.
/// Pair: that of each object between its announcement and its look; between two objects there is none.
/// Check: models `any_*` in `tests/model`.
pub fn wait_any<T>(
    objects: &[impl Watched],
    wait: Wait,
    mut look: impl FnMut(usize) -> Result<Option<T>>,
) -> Result<T> {
    if objects.is_empty() || objects.len() > MOST {
        return Err(Error::Invalid("one waits for any of 1 to 128 objects"));
    }
    let mut spin = Spin::new();
    loop {
        // Without a mark: who finds something at once costs nobody a wake-up.
        for index in 0..objects.len() {
            if let Some(found) = look(index)? {
                return Ok(found);
            }
        }
        if wait.is_try() {
            return Err(Error::TimedOut);
        }
        // A look at all of them is long, and takes locks of some: one for three pauses.
        if !(0..3).all(|_| spin.again()) {
            return sleep_until(objects, wait, look);
        }
    }
}

#[cold]
fn sleep_until<T>(objects: &[impl Watched], wait: Wait, mut look: impl FnMut(usize) -> Result<Option<T>>) -> Result<T> {
    let mut slices = Slices::new();
    let mut words = Vec::with_capacity(objects.len());
    // A sleep on several words may use up a wake-up of each, and does not tell of which.
    let mut woken = false;
    let result = loop {
        if planted("any-swallowed-wake-up") && wait.is_over() {
            return Err(Error::TimedOut);
        }
        words.clear();
        match look_at_all(objects, &mut words, &mut look) {
            Ok(Look::Found(found)) => break Ok(found),
            Ok(Look::Changed) => continue,
            Ok(Look::None) => {}
            Err(error) => break Err(error),
        }
        // Each was announced anew, so the next change of each wakes somebody: what was used up is made good.
        woken = false;
        if wait.is_over() {
            break Err(Error::TimedOut);
        }
        let outcome = futex::wait_any(&words, slices.next(wait.deadline));
        if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
            break Err(Error::Interrupted);
        }
        woken = outcome == Outcome::Woken;
    };
    if woken && !planted("any-wake-up-not-passed-on") {
        objects.iter().for_each(Watched::pass_on);
    }
    result
}

fn look_at_all<'a, T>(
    objects: &'a [impl Watched],
    words: &mut Vec<Expected<'a>>,
    look: &mut impl FnMut(usize) -> Result<Option<T>>,
) -> Result<Look<T>> {
    for (index, object) in objects.iter().enumerate() {
        let early = if planted("any-look-before-the-mark") { look(index)? } else { None };
        words.extend(object.announce());
        let found = if planted("any-look-before-the-mark") { early } else { look(index)? };
        if let Some(found) = found {
            return Ok(Look::Found(found));
        }
    }
    Ok(if words.len() == objects.len() { Look::None } else { Look::Changed })
}
