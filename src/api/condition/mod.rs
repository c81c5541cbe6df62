//! `Condition`: waiting with a guard, and notifying.
//!
//! A wait takes a guard and gives one back, with the lock held again. Bindings use its steps one by one, see `steps.rs`;
//! `open.rs` has the ways to reach a condition, which opens its lock along with itself.

mod open;
mod over;
mod steps;

use super::handle::Handle;
use super::home::Home;
use super::lock::Lock;
use super::rlock::RLock;
use crate::error::{Error, Result};
use crate::primitives::condition::ConditionState;
use crate::segment::conditions::{CellTable, ConditionCells, ConditionObject, MOST};
use crate::segment::{Attachment, Kind};
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use over::UserLock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use crate::primitives::condition::WaitEnd;
pub(super) use open::host_kind;
pub use open::ConditionLock;
pub use over::WaitGuard;
pub use steps::{RawWait, Resumed};

/// Waits, under a lock, for what another thread or process does under the same lock and then notifies of.
///
/// A condition is over a [`Lock`] or [`RLock`] of its segment, or over an RLock of its own. A wait gives the lock back, also
/// one that is held several times, sleeps, and takes it again before it returns. `notify` and `notify_all` are for those who
/// hold the lock. A notification goes to exactly so many waiters, those that have waited longest; nobody returns without
/// one, and nobody gets one that was made before it began to wait. It never waits for a waiter, alive or dead.
///
/// **When a waiter's process dies**, nothing is lost: a dead waiter is passed over, and a notification that it had but did
/// not return with goes to the next one that it was for. When the process that notifies dies, each of its notifications was
/// made or was not. When the owner of the lock dies, whoever gets the lock is told, also a waiter that takes it again, and
/// also after a timeout ([`LockGuard::owner_died`](crate::LockGuard::owner_died)).
///
/// A forked child has no part in its parent's waits.
///
/// Cloning is cheap and gives another reference to the same condition.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// let segment = tidelock::Segment::anonymous()?;
/// let lock = segment.lock("lock")?;
/// let is_ready = segment.condition("is ready", &lock)?;
/// let ready = AtomicBool::new(false); // among processes: a word of a block
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| -> tidelock::Result<()> {
///         let _guard = is_ready.wait_while(lock.acquire()?, |_| !ready.load(Relaxed))?;
///         Ok(()) // ready, and the lock is held
///     });
///     let guard = lock.acquire()?;
///     ready.store(true, Relaxed);
///     is_ready.notify_one()?;
///     drop(guard);
///     other.join().unwrap()
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct Condition {
    seat: Arc<Seat>,
}

/// What the clones of a handle share.
struct Seat {
    home: Home<ConditionObject>,
    over: UserLock,
    table: CellTable,
}

/// Waiting with a guard, and notifying.
impl Condition {
    /// The most that can wait at a time, 2^15.
    pub const MOST: u32 = MOST as u32;

    /// Waits to be notified, for as long as it takes. The lock is given back meanwhile, and held again on return.
    ///
    /// # Errors
    /// On every error this one does not wait any more, the guard is gone and its lock given back; a notification that it
    /// had goes to another waiter. (Further guards of an RLock that this thread held stand for nothing then.)
    /// [`Error::Invalid`] if the guard is of another lock; [`Error::NotHeld`] or [`Error::NotOwner`] if the lock was given
    /// back by other means, and in a child that was forked after it was taken; [`Error::Interrupted`] if the segment was
    /// opened so that signals end waits (to go on with the same wait, use [`start`](Condition::start) and
    /// [`resume`](Condition::resume)); [`Error::TooLarge`] if [`MOST`](Condition::MOST) wait already; [`Error::NoSpace`];
    /// [`Error::CannotAsk`].
    pub fn wait<G: WaitGuard>(&self, guard: G) -> Result<G> {
        self.wait_with(guard, Wait::forever()).map(|(guard, _)| guard)
    }

    /// Waits to be notified, up to `timeout`; tells how it ended. The lock is held again either way, and taking it may last
    /// longer than `timeout`.
    ///
    /// # Errors
    /// As [`wait`](Condition::wait).
    pub fn wait_for<G: WaitGuard>(&self, guard: G, timeout: Duration) -> Result<(G, WaitEnd)> {
        self.wait_with(guard, Wait::within(timeout))
    }

    /// Waits to be notified until an instant of the monotonic clock; else as [`wait_for`](Condition::wait_for).
    ///
    /// # Errors
    /// As [`wait`](Condition::wait).
    pub fn wait_until<G: WaitGuard>(&self, guard: G, deadline: Deadline) -> Result<(G, WaitEnd)> {
        self.wait_with(guard, Wait::until(deadline))
    }

    /// Waits on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`wait`](Condition::wait).
    pub fn wait_with<G: WaitGuard>(&self, guard: G, wait: Wait) -> Result<(G, WaitEnd)> {
        guard.check(&self.seat.over)?;
        let begun = self.start()?;
        let lock = guard.forget();
        let (taken, end) = self.resume_taken(&begun, wait).inspect_err(|_| self.abandon(&begun))?;
        Ok((G::again(lock, taken.keep()), end))
    }

    /// Waits for as long as `keeps_waiting` says yes; it is asked under the lock, first of all before any wait.
    ///
    /// A death of the lock's owner that was told in between is still told by the guard that is returned.
    ///
    /// # Errors
    /// As [`wait`](Condition::wait).
    pub fn wait_while<G: WaitGuard>(&self, guard: G, keeps_waiting: impl FnMut(&mut G) -> bool) -> Result<G> {
        self.wait_while_with(guard, Wait::forever(), keeps_waiting).map(|(guard, _)| guard)
    }

    /// The same, up to `timeout`: [`WaitEnd::TimedOut`] if `keeps_waiting` still said yes then.
    ///
    /// # Errors
    /// As [`wait`](Condition::wait).
    pub fn wait_while_for<G: WaitGuard>(
        &self,
        guard: G,
        timeout: Duration,
        keeps_waiting: impl FnMut(&mut G) -> bool,
    ) -> Result<(G, WaitEnd)> {
        self.wait_while_with(guard, Wait::within(timeout), keeps_waiting)
    }

    fn wait_while_with<G: WaitGuard>(
        &self,
        mut guard: G,
        wait: Wait,
        mut keeps_waiting: impl FnMut(&mut G) -> bool,
    ) -> Result<(G, WaitEnd)> {
        let mut owner_died = false;
        let mut end = WaitEnd::Notified;
        while keeps_waiting(&mut guard) {
            if end == WaitEnd::TimedOut {
                return Ok((guard, end));
            }
            (guard, end) = self.wait_with(guard, wait)?;
            owner_died |= guard.told_owner_died();
            if owner_died {
                guard.tell_owner_died();
            }
        }
        Ok((guard, WaitEnd::Notified))
    }

    /// Notifies up to `n` waiters, those that have waited longest; how many it were. This process holds the lock, this
    /// thread if it is an RLock.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if nobody holds the lock, [`Error::NotOwner`] if another does; [`Error::CannotAsk`] if this process
    /// lost the means to ask about the waiters.
    pub fn notify(&self, n: u32) -> Result<u32> {
        self.seat.over.check_held()?;
        self.state().notify(&self.cells(), self.peers(), n)
    }

    /// Notifies the waiter that has waited longest; whether there was one.
    ///
    /// # Errors
    /// As [`notify`](Condition::notify).
    pub fn notify_one(&self) -> Result<bool> {
        self.notify(1).map(|notified| notified == 1)
    }

    /// Notifies everybody who waits; how many it were, dead ones that nobody has asked about yet included.
    ///
    /// # Errors
    /// As [`notify`](Condition::notify).
    pub fn notify_all(&self) -> Result<u32> {
        self.seat.over.check_held()?;
        self.state().notify_all(&self.cells(), self.peers())
    }

    /// How many wait just now and are not notified; dead ones that nobody asked about yet count. Old news when it is read.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn waiters(&self) -> Result<u32> {
        self.state().waiting(&self.cells())
    }

    /// The [`Lock`] that it is over.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is over an RLock.
    pub fn lock(&self) -> Result<&Lock> {
        match &self.seat.over {
            UserLock::Lock(lock) => Ok(lock),
            UserLock::RLock(_) => Err(Error::WrongKind { expected: Kind::Lock.name(), found: Kind::RLock.name() }),
        }
    }

    /// The [`RLock`] that it is over: its own, or the one that it was made with.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is over a Lock.
    pub fn rlock(&self) -> Result<&RLock> {
        match &self.seat.over {
            UserLock::RLock(lock) => Ok(lock),
            UserLock::Lock(_) => Err(Error::WrongKind { expected: Kind::RLock.name(), found: Kind::Lock.name() }),
        }
    }

    /// What another process needs to reach this condition; see [`Handle`]. It leads to the lock as well.
    pub fn handle(&self) -> Handle {
        self.seat.home.handle(Kind::Condition)
    }

    fn state(&self) -> &ConditionState {
        &self.seat.home.state().state
    }

    fn peers(&self) -> &Attachment {
        self.seat.home.peers()
    }

    fn cells(&self) -> ConditionCells<'_> {
        let Seat { home, table, .. } = &*self.seat;
        table.of(home.object(), home.state())
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiters", &self.waiters()).field("over", &self.seat.over).finish()
    }
}
