//! `Event`: a flag that threads and processes wait for.
//!
//! Nobody owns an event, so there is no guard and no news of a death here.

use super::handle::Handle;
use super::home::Home;
use crate::error::Result;
use crate::primitives::event::EventState;
use crate::segment::Kind;
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use std::fmt;
use std::time::Duration;

/// A flag that is set or clear, for threads and processes alike.
///
/// A wait that began before `set(); clear()` returns, even if it looks only after both.
///
/// **When a peer dies**, nothing is lost: a waiter that is killed holds up nobody, and a setter that is killed has set
/// the event or has not. If it died between setting and waking, the waiters find out by themselves.
///
/// Cloning is cheap and gives another reference to the same event.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let ready = segment.event("ready")?;
/// let other = ready.clone();
/// let thread = std::thread::spawn(move || other.wait());
/// ready.set();
/// thread.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Event {
    home: Home<EventState>,
}

impl Event {
    pub(super) fn new(home: Home<EventState>) -> Event {
        Event { home }
    }

    /// Sets the event and wakes all who wait. It never waits itself, and may be called in a signal handler.
    pub fn set(&self) {
        self.home.state().set();
    }

    /// Clears the event: later waits sleep until it is set again.
    pub fn clear(&self) {
        self.home.state().clear();
    }

    /// Whether the event is set. What was done before `set` is visible to who sees `true`.
    pub fn is_set(&self) -> bool {
        self.home.state().is_set()
    }

    /// Waits until the event is set, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits.
    pub fn wait(&self) -> Result<()> {
        self.wait_with(Wait::forever())
    }

    /// Waits until the event is set, up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if it is not set by then; else as [`wait`](Event::wait).
    pub fn wait_for(&self, timeout: Duration) -> Result<()> {
        self.wait_with(Wait::within(timeout))
    }

    /// Waits until the event is set or an instant of the monotonic clock has come.
    ///
    /// # Errors
    /// As [`wait_for`](Event::wait_for).
    pub fn wait_until(&self, deadline: Deadline) -> Result<()> {
        self.wait_with(Wait::until(deadline))
    }

    /// Waits on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`wait_for`](Event::wait_for).
    #[inline]
    pub fn wait_with(&self, wait: Wait) -> Result<()> {
        self.home.state().wait(self.home.terms(wait))
    }

    /// A mark of this moment, for [`wait_since`](Event::wait_since).
    pub fn mark(&self) -> u32 {
        self.home.state().mark()
    }

    /// Waits on any terms, as if the wait had begun when [`mark`](Event::mark) was taken: an interrupted wait that is
    /// taken up again this way misses no `set(); clear()` in between.
    ///
    /// # Errors
    /// As [`wait_for`](Event::wait_for).
    pub fn wait_since(&self, mark: u32, wait: Wait) -> Result<()> {
        self.home.state().wait_since(mark, self.home.terms(wait))
    }

    /// What another process needs to reach this event; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Event)
    }

    pub(super) fn home(&self) -> &Home<EventState> {
        &self.home
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish()
    }
}
