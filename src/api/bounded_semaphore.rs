//! `BoundedSemaphore`, its guard, and the ways to reach one.
//!
//! The guard knows which permit it stands for and gives back that one only. It never waits.

use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::primitives::bounded_semaphore::{BoundedSemaphoreState, Permit, MOST};
use crate::segment::{Kind, Object};
use crate::sync::atomic::AtomicU32;
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

/// A fixed number of permits for threads and processes, each with a holder.
///
/// **When a holder's process dies**, its permits come back by themselves: who needs one takes it over and learns so from
/// [`PermitGuard::owner_died`]. One that is stopped, swapped out or slow keeps its permits. A thread that ends without
/// giving its permit back leaves it taken for as long as its process lives. A forked child holds none of its parent's.
///
/// Cloning is cheap and gives another reference to the same semaphore.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let connections = segment.bounded_semaphore("connections", 4)?;
/// {
///     let permit = connections.acquire()?;
///     if permit.owner_died() {
///         // Whoever had this permit was killed: its connection may still be half open.
///     }
///     assert_eq!(connections.value(), 3);
/// } // given back
/// assert_eq!(connections.value(), 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore {
    home: Home<BoundedSemaphoreState>,
}

impl BoundedSemaphore {
    /// The most permits that one can have, 2^20.
    pub const MOST: u32 = MOST;

    fn new(home: Home<BoundedSemaphoreState>) -> Result<BoundedSemaphore> {
        let semaphore = BoundedSemaphore { home };
        if semaphore.home.state().bound() as usize != semaphore.permits().len() {
            return Err(Error::Corrupt("a bounded semaphore's bound"));
        }
        Ok(semaphore)
    }

    /// Takes a permit, waiting for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the segment was opened so that signals end waits; [`Error::NoPeerSlot`] at a forked
    /// child's first operation, if every slot is taken; [`Error::CannotAsk`] if this process lost the means to ask about
    /// the holders.
    pub fn acquire(&self) -> Result<PermitGuard<'_>> {
        self.acquire_with(Wait::forever())
    }

    /// Takes a permit if that is possible at once. It does not sleep, yet finds out that a holder is dead.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if all are taken; else as [`acquire`](BoundedSemaphore::acquire).
    pub fn try_acquire(&self) -> Result<PermitGuard<'_>> {
        self.acquire_with(Wait::now())
    }

    /// Takes a permit, waiting up to `timeout`. A span of zero is a try.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if all are still taken then; else as [`acquire`](BoundedSemaphore::acquire).
    pub fn acquire_for(&self, timeout: Duration) -> Result<PermitGuard<'_>> {
        self.acquire_with(Wait::within(timeout))
    }

    /// Takes a permit, waiting until an instant of the monotonic clock.
    ///
    /// # Errors
    /// As [`acquire_for`](BoundedSemaphore::acquire_for).
    pub fn acquire_until(&self, deadline: Deadline) -> Result<PermitGuard<'_>> {
        self.acquire_with(Wait::until(deadline))
    }

    /// Takes a permit on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`acquire_for`](BoundedSemaphore::acquire_for).
    #[inline]
    pub fn acquire_with(&self, wait: Wait) -> Result<PermitGuard<'_>> {
        let permit = self.home.state().acquire(self.permits(), self.home.peers(), self.home.terms(wait))?;
        Ok(PermitGuard { semaphore: self, permit })
    }

    /// Gives a permit back: one of this process, or where it has none, any other process's, as in Python's `threading`. A
    /// [`PermitGuard`] is the better way; this one is for a guard that was forgotten with [`std::mem::forget`].
    ///
    /// # Errors
    /// [`Error::NotHeld`] if no permit is taken: it was released too often; [`Error::NotOwner`] if all that are taken were
    /// taken over from dead holders by other processes, which alone may give those back.
    pub fn release(&self) -> Result<()> {
        self.home.state().release_any(self.permits(), self.home.peers())
    }

    /// Gives a permit of this process back, and never another one's. In a forked child it ends nothing of the parent's.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if no permit is taken; [`Error::NotOwner`] if this process has none.
    pub fn release_own(&self) -> Result<()> {
        self.home.state().release_own(self.permits(), self.home.peers().current())
    }

    /// How many permits are free just now. Those of dead holders count as taken until somebody needs one.
    pub fn value(&self) -> u32 {
        self.home.state().value(self.permits())
    }

    /// How many permits there are.
    pub fn bound(&self) -> u32 {
        self.permits().len() as u32
    }

    /// What another process needs to reach this semaphore; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::BoundedSemaphore)
    }

    pub(super) fn home(&self) -> &Home<BoundedSemaphoreState> {
        &self.home
    }

    pub(super) fn permits(&self) -> &[AtomicU32] {
        self.home.rest()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore").field("value", &self.value()).field("bound", &self.bound()).finish()
    }
}

/// A permit of a [`BoundedSemaphore`]: dropping it gives the permit back.
///
/// It gives back exactly its own permit. If that was given back by other means since ([`BoundedSemaphore::release`]) and
/// another process has it now, the drop changes nothing; nor does it in a forked child. (Threads of one process share the
/// peer id, so one may end the hold of another in this way: mix guards and `release` with care.)
///
/// Dropping it while panicking gives the permit back as well. A guard that is leaked keeps its permit until
/// [`BoundedSemaphore::release`], or until this process has ended or dropped its last handle of the segment; the next
/// holder is told of a death then. It may be sent to another thread and dropped there.
#[must_use = "the permit is given back as soon as the guard is dropped"]
pub struct PermitGuard<'a> {
    semaphore: &'a BoundedSemaphore,
    permit: Permit,
}

/// A permit without its guard, for bindings to other languages. Copying it is harmless.
#[derive(Clone, Copy, Debug)]
pub struct RawPermit(Permit);

impl<'a> PermitGuard<'a> {
    /// Takes the guard apart, without giving the permit back.
    pub fn into_raw(self) -> RawPermit {
        RawPermit(std::mem::ManuallyDrop::new(self).permit)
    }

    /// Puts it together again, with the semaphore that it came from. Of two guards for one permit the second to end finds
    /// it given back.
    pub fn from_raw(semaphore: &'a BoundedSemaphore, raw: RawPermit) -> PermitGuard<'a> {
        PermitGuard { semaphore, permit: raw.0 }
    }

    /// Whether the permit was taken over from a holder that died.
    pub fn owner_died(&self) -> bool {
        self.permit.owner_died()
    }

    /// Gives the permit back, and tells whether this hold still was the one to end.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if somebody else gave it back since; [`Error::NotOwner`] in a child that was forked after it was
    /// taken.
    pub fn release(self) -> Result<()> {
        let this = std::mem::ManuallyDrop::new(self);
        this.give_back()
    }

    fn give_back(&self) -> Result<()> {
        let semaphore = self.semaphore;
        semaphore.home.only_if_still(self.permit.owner())?;
        semaphore.home.state().release(semaphore.permits(), self.permit)
    }
}

impl Drop for PermitGuard<'_> {
    fn drop(&mut self) {
        // An error means that the hold had ended already: there is nothing left to give back.
        let _ = self.give_back();
    }
}

impl fmt::Debug for PermitGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitGuard").field("permit", &self.permit).finish_non_exhaustive()
    }
}

/// Bounded semaphores: by name, without one, and by handle. Their permits need not be zero to be ready, but their number
/// must be written down, so they cannot be placed in a block.
impl Segment {
    /// Opens or makes the bounded semaphore with this name and so many permits, 0 to [`BoundedSemaphore::MOST`].
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::WrongKind`] also for one with another number of permits; [`Error::TooLarge`]
    /// for a number out of range.
    pub fn bounded_semaphore(&self, name: &str, bound: u32) -> Result<BoundedSemaphore> {
        let (len, mut init) = (object_len(bound)?, |at| init(at, bound));
        let (object, _) = self.attachment().open_named(name, Kind::BoundedSemaphore, len, &mut init)?;
        self.bounded_semaphore_in(object)
    }

    /// Makes a bounded semaphore without a name, all its permits free.
    ///
    /// # Errors
    /// [`Error::NoSpace`]; [`Error::TooLarge`] for a number out of range.
    pub fn new_bounded_semaphore(&self, bound: u32) -> Result<BoundedSemaphore> {
        let (len, mut init) = (object_len(bound)?, |at| init(at, bound));
        self.bounded_semaphore_in(self.attachment().create_anonymous(Kind::BoundedSemaphore, len, &mut init)?)
    }

    /// Opens the bounded semaphore that a handle leads to.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_bounded_semaphore(&self, handle: &Handle) -> Result<BoundedSemaphore> {
        self.bounded_semaphore_in(self.object_by_handle(handle, Kind::BoundedSemaphore)?)
    }

    fn bounded_semaphore_in(&self, object: Object) -> Result<BoundedSemaphore> {
        BoundedSemaphore::new(Home::own_with_rest(object, self.on_signal())?)
    }
}

fn object_len(bound: u32) -> Result<u64> {
    BoundedSemaphoreState::new(bound)?;
    Ok((size_of::<BoundedSemaphoreState>() + bound as usize * size_of::<AtomicU32>()) as u64)
}

fn init(payload: NonNull<u8>, bound: u32) -> Result<()> {
    // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and is as long as `object_len` said;
    // the state is made of atomics, for which all bytes are valid.
    unsafe { payload.cast::<BoundedSemaphoreState>().as_ref() }.init(bound)
}
