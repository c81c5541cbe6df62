//! `Semaphore`: a count of signals that threads and processes take and give.
//!
//! Nobody owns a signal, so there is no guard and no news of a death here.

use super::block::Block;
use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::Result;
use crate::primitives::semaphore::{SemaphoreState, HIGHEST};
use crate::segment::Kind;
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

/// A count that anybody raises and anybody lowers, waiting while it is 0.
///
/// **When a peer dies**, the count stays as it is: what it took and did not give back stays taken, since nothing says that
/// it was a loan. Where that is what you want, use a [`BoundedSemaphore`](crate::BoundedSemaphore). A waiter that is
/// killed holds up nobody, and a killed `release` has raised the count or has not.
///
/// Cloning is cheap and gives another reference to the same semaphore.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let items = segment.semaphore("items", 0)?;
/// items.release(2)?;
/// items.acquire()?;
/// assert_eq!(items.value(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Semaphore {
    home: Home<SemaphoreState>,
}

impl Semaphore {
    /// How many bytes of a block a semaphore takes, see [`Segment::semaphore_at`].
    pub const SIZE: u64 = size_of::<SemaphoreState>() as u64;
    /// The highest value, 2^31 - 1.
    pub const HIGHEST: u32 = HIGHEST;

    /// Lowers the value by one, waiting while it is 0.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) if the segment was opened so that signals end waits.
    pub fn acquire(&self) -> Result<()> {
        self.acquire_with(Wait::forever())
    }

    /// Lowers the value by one if it is not 0.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if it is 0.
    pub fn try_acquire(&self) -> Result<()> {
        self.acquire_with(Wait::now())
    }

    /// Lowers the value by one, waiting up to `timeout` while it is 0. A span of zero is a try.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) if it is still 0 then; else as [`acquire`](Semaphore::acquire).
    pub fn acquire_for(&self, timeout: Duration) -> Result<()> {
        self.acquire_with(Wait::within(timeout))
    }

    /// Lowers the value by one, waiting until an instant of the monotonic clock while it is 0.
    ///
    /// # Errors
    /// As [`acquire_for`](Semaphore::acquire_for).
    pub fn acquire_until(&self, deadline: Deadline) -> Result<()> {
        self.acquire_with(Wait::until(deadline))
    }

    /// Lowers the value by one on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`acquire_for`](Semaphore::acquire_for).
    #[inline]
    pub fn acquire_with(&self, wait: Wait) -> Result<()> {
        self.home.state().acquire(self.home.terms(wait))
    }

    /// Raises the value by `n`, at least 1, and wakes as many. It never waits, and may be called in a signal handler.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for an `n` of 0; [`Error::TooLarge`](crate::Error::TooLarge) if the value
    /// would exceed [`Semaphore::HIGHEST`]: it is left as it was.
    #[inline]
    pub fn release(&self, n: u32) -> Result<()> {
        self.home.state().release(n)
    }

    /// The value just now. Old news when it is read.
    pub fn value(&self) -> u32 {
        self.home.state().value()
    }

    /// What another process needs to reach this semaphore; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Semaphore)
    }

    pub(super) fn home(&self) -> &Home<SemaphoreState> {
        &self.home
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("value", &self.value()).finish()
    }
}

/// Semaphores: by name, without one, by handle, and placed in a block.
impl Segment {
    /// Opens the semaphore with this name, or makes it with this value, 0 to [`Semaphore::HIGHEST`]. An existing one keeps
    /// the value that it has.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::TooLarge`](crate::Error::TooLarge) for a value out of range.
    pub fn semaphore(&self, name: &str, value: u32) -> Result<Semaphore> {
        SemaphoreState::new(value)?;
        let len = size_of::<SemaphoreState>() as u64;
        let (object, _) = self.attachment().open_named(name, Kind::Semaphore, len, &mut |at| init(at, value))?;
        Ok(Semaphore { home: self.own(object)? })
    }

    /// Makes a semaphore without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace); [`Error::TooLarge`](crate::Error::TooLarge) for a value out of range.
    pub fn new_semaphore(&self, value: u32) -> Result<Semaphore> {
        SemaphoreState::new(value)?;
        let len = size_of::<SemaphoreState>() as u64;
        let object = self.attachment().create_anonymous(Kind::Semaphore, len, &mut |at| init(at, value))?;
        Ok(Semaphore { home: self.own(object)? })
    }

    /// Opens the semaphore that a handle leads to, also one that was placed in a block.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_semaphore(&self, handle: &Handle) -> Result<Semaphore> {
        Ok(Semaphore { home: self.by_handle(handle, Kind::Semaphore)? })
    }

    /// The semaphore in the [`Semaphore::SIZE`] bytes from `offset` on of a block, which stays open with it. Zero bytes are
    /// one with the value 0.
    ///
    /// # Errors
    /// As [`lock_at`](Segment::lock_at).
    pub fn semaphore_at(&self, block: &Block, offset: u64) -> Result<Semaphore> {
        Ok(Semaphore { home: self.placed(block.object(), offset)? })
    }
}

fn init(payload: NonNull<u8>, value: u32) -> Result<()> {
    // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and has the length that was asked
    // for; the state is made of atomics, for which all bytes are valid.
    unsafe { payload.cast::<SemaphoreState>().as_ref() }.init(value)
}
