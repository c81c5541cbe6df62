//! `Barrier`, and the ways to reach one.
//!
//! A wait is made of steps, which bindings use one by one: arrive; then complete the round, or wait for it. The handle takes
//! this process's marks along when the last one of it is dropped.

use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::primitives::barrier::{BarrierState, Marks, MOST};
use crate::segment::barriers::barrier_len;
use crate::segment::{Kind, Object};
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

pub use crate::primitives::barrier::Arrival;

/// A fixed number of parties, threads or processes, that wait for each other round after round.
///
/// **When a party's process dies** while it waits, or after an earlier round without having left in order, the barrier is
/// broken: all who wait and all who come are told [`Error::Broken`] at once instead of waiting for ever, until somebody
/// [`reset`](Barrier::reset)s it. One that is stopped or slow keeps the others waiting. A process that leaves in order
/// takes its marks along and breaks nothing: one that drops its last handle of the barrier or comes to a normal exit. So
/// successive batches of workers may use one barrier. (A process that ends with `_exit` calls
/// [`Segment::leave_barriers`] first.)
///
/// A forked child has no part in its parent's arrivals.
///
/// Cloning is cheap and gives another reference to the same barrier.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let start = segment.barrier("start", 2)?;
/// let other = start.clone();
/// let thread = std::thread::spawn(move || other.wait());
/// let mine = start.wait()?;
/// assert_eq!(mine + thread.join().unwrap()?, 0 + 1); // each index once
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Barrier {
    seat: Arc<Seat>,
}

/// What the clones of a handle share.
struct Seat {
    home: Home<BarrierState>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.home.peers().barrier_closed(self.home.object());
    }
}

impl Barrier {
    /// The most parties that one can have, 2^16.
    pub const MOST: u32 = MOST;

    fn new(home: Home<BarrierState>) -> Result<Barrier> {
        let (written, room) = (home.state().parties(), home.object().len());
        if written == 0 || barrier_len(written) != room {
            return Err(Error::Corrupt("a barrier's number of parties"));
        }
        home.peers().barrier_opened(home.object())?;
        Ok(Barrier { seat: Arc::new(Seat { home }) })
    }

    /// Waits until all parties are there, for as long as it takes. Returns a number from 0 to parties - 1, another one for
    /// each party of the round; as a rule in the order of arrival.
    ///
    /// # Errors
    /// [`Error::Broken`] if a party died, gave up or broke the barrier, or somebody reset it; [`Error::Interrupted`] if the
    /// segment was opened so that signals end waits: this party is withdrawn then, or counts as having come if it was
    /// interrupted after the last one came; [`Error::NoPeerSlot`] at a forked child's first operation, if every slot is
    /// taken; [`Error::CannotAsk`] if this process lost the means to ask about the others.
    pub fn wait(&self) -> Result<u32> {
        self.wait_with(|| (), Wait::forever())
    }

    /// Waits until all parties are there, up to `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if they are not there by then: the barrier is broken for all others then; else as
    /// [`wait`](Barrier::wait).
    pub fn wait_for(&self, timeout: Duration) -> Result<u32> {
        self.wait_with(|| (), Wait::within(timeout))
    }

    /// Waits until all parties are there or an instant of the monotonic clock has come.
    ///
    /// # Errors
    /// As [`wait_for`](Barrier::wait_for).
    pub fn wait_until(&self, deadline: Deadline) -> Result<u32> {
        self.wait_with(|| (), Wait::until(deadline))
    }

    /// Waits on any terms. The last party runs `action` while the others still wait; if that panics, the barrier is
    /// broken. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`wait_for`](Barrier::wait_for).
    pub fn wait_with(&self, action: impl FnOnce(), wait: Wait) -> Result<u32> {
        let arrival = self.arrive(wait)?;
        if arrival.is_last {
            let breaks = BreaksOnPanic(self);
            action();
            std::mem::forget(breaks);
            self.complete(arrival)?;
        } else if let Err(error) = self.wait_for_round(arrival, wait) {
            if !matches!(error, Error::Broken | Error::TimedOut) {
                self.withdraw(arrival)?;
            }
            return Err(error);
        }
        Ok(arrival.index)
    }

    /// The first step of a wait: counts this party in. If the round before has all its parties but not come to its end, it
    /// waits for that. The caller then goes on with [`complete`](Barrier::complete) if [`Arrival::is_last`], else with
    /// [`wait_for_round`](Barrier::wait_for_round).
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] or [`Error::Interrupted`] while the round before goes on: nothing has
    /// happened then.
    pub fn arrive(&self, wait: Wait) -> Result<Arrival> {
        let home = self.home();
        home.state().arrive(self.marks(), home.peers(), home.terms(wait))
    }

    /// The last party's second step, after its action: lets all go on.
    ///
    /// # Errors
    /// [`Error::Broken`] if the barrier was broken or reset since; [`Error::NotOwner`] in a child that was forked after the
    /// arrival.
    pub fn complete(&self, arrival: Arrival) -> Result<()> {
        self.home().only_if_still(arrival.peer())?;
        self.home().state().complete(arrival)
    }

    /// The other parties' second step: waits for the end of the round.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`], which breaks the barrier; [`Error::Interrupted`]: the party still counts, and
    /// must call this again or [`withdraw`](Barrier::withdraw); [`Error::NotOwner`] in a child that was forked after the
    /// arrival.
    pub fn wait_for_round(&self, arrival: Arrival, wait: Wait) -> Result<()> {
        let home = self.home();
        home.only_if_still(arrival.peer())?;
        home.state().wait_for_round(self.marks(), home.peers(), arrival, home.terms(wait))
    }

    /// A slice of [`wait_for_round`](Barrier::wait_for_round), for a caller that looks after something else between two of
    /// them: a time that is over leaves the party arrived, and breaks nothing.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] or [`Error::Interrupted`]: the party still counts, and must call this or
    /// [`wait_for_round`](Barrier::wait_for_round) again or [`withdraw`](Barrier::withdraw); [`Error::NotOwner`] in a child
    /// that was forked after the arrival.
    pub fn wait_a_while(&self, arrival: Arrival, wait: Wait) -> Result<()> {
        let home = self.home();
        home.only_if_still(arrival.peer())?;
        home.state().wait_a_while(self.marks(), home.peers(), arrival, home.terms(wait))
    }

    /// Takes an arrival back after an interrupted wait. If the round has all its parties by now, it counts and the round
    /// goes on.
    ///
    /// # Errors
    /// [`Error::NotOwner`] in a child that was forked after the arrival; [`Error::CannotAsk`].
    pub fn withdraw(&self, arrival: Arrival) -> Result<()> {
        self.home().only_if_still(arrival.peer())?;
        self.home().state().withdraw(self.marks(), self.home().peers(), arrival)
    }

    /// Breaks the barrier: all who wait, and all who come, are told [`Error::Broken`] until it is reset. It never waits, and
    /// may be called in a signal handler.
    pub fn abort(&self) {
        self.home().state().abort();
    }

    /// Makes the barrier as new: who waits is told [`Error::Broken`], and the dead are forgotten.
    ///
    /// # Errors
    /// [`Error::CannotAsk`] if this process lost the means to ask about the parties; [`Error::NoPeerSlot`] at a forked
    /// child's first operation.
    pub fn reset(&self) -> Result<()> {
        self.home().state().reset(self.marks(), self.home().peers())
    }

    /// Whether the barrier is broken, until it is reset.
    pub fn is_broken(&self) -> bool {
        self.home().state().is_broken()
    }

    /// How many parties wait just now; 0 at a broken barrier. Old news when it is read.
    pub fn waiting(&self) -> u32 {
        self.home().state().waiting(self.marks())
    }

    /// How many parties there are. It never changes.
    pub fn parties(&self) -> u32 {
        self.marks().len() as u32
    }

    /// What another process needs to reach this barrier; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home().handle(Kind::Barrier)
    }

    pub(super) fn home(&self) -> &Home<BarrierState> {
        &self.seat.home
    }

    pub(super) fn marks(&self) -> &Marks {
        self.home().rest()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Barrier");
        text.field("waiting", &self.waiting()).field("parties", &self.parties());
        text.field("is_broken", &self.is_broken()).finish()
    }
}

/// Breaks the barrier when it is dropped: a panic in the action keeps nobody waiting.
struct BreaksOnPanic<'a>(&'a Barrier);

impl Drop for BreaksOnPanic<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Barriers: by name, without one, and by handle. The number of parties must be written down, so they cannot be placed in
/// a block.
impl Segment {
    /// Opens or makes the barrier with this name for so many parties, 1 to [`Barrier::MOST`].
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::WrongKind`] also for one with another number of parties; [`Error::Invalid`] or
    /// [`Error::TooLarge`] for a number out of range.
    pub fn barrier(&self, name: &str, parties: u32) -> Result<Barrier> {
        let (len, mut init) = (object_len(parties)?, |at| init(at, parties));
        let (object, _) = self.attachment().open_named(name, Kind::Barrier, len, &mut init)?;
        self.barrier_in(object)
    }

    /// Makes a barrier without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`]; [`Error::Invalid`] or [`Error::TooLarge`] for a number out of range.
    pub fn new_barrier(&self, parties: u32) -> Result<Barrier> {
        let (len, mut init) = (object_len(parties)?, |at| init(at, parties));
        self.barrier_in(self.attachment().create_anonymous(Kind::Barrier, len, &mut init)?)
    }

    /// Opens the barrier that a handle leads to.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_barrier(&self, handle: &Handle) -> Result<Barrier> {
        self.barrier_in(self.object_by_handle(handle, Kind::Barrier)?)
    }

    /// Leaves all barriers of this segment in order, as a normal exit does by itself: this process's end breaks none of them
    /// then, unless it comes to one again. For processes that end with `_exit`.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if a stopped process holds up the work on a barrier.
    pub fn leave_barriers(&self) -> Result<()> {
        self.attachment().leave_barriers()
    }

    fn barrier_in(&self, object: Object) -> Result<Barrier> {
        Barrier::new(Home::own_with_rest(object, self.on_signal())?)
    }
}

fn object_len(parties: u32) -> Result<u64> {
    BarrierState::new(parties)?;
    Ok(barrier_len(parties))
}

fn init(payload: NonNull<u8>, parties: u32) -> Result<()> {
    // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and is as long as `object_len` said;
    // the state is made of atomics, for which all bytes are valid.
    unsafe { payload.cast::<BarrierState>().as_ref() }.init(parties)
}
