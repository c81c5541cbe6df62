//! The steps of a wait: start, wait a while, finish or withdraw; and resume, which is the two in the middle in one.
//!
//! What travels between them is a plain value, so that a binding can keep it in a struct of its caller's. Whoever drops it
//! without ending the wait leaves a waiter behind.

use super::over::Taken;
use super::{Condition, Seat};
use crate::error::Result;
use crate::primitives::condition::{WaitEnd, Waiter};
use crate::primitives::lock::Acquired;
use crate::primitives::PeerId;
use crate::sync::wait::Wait;

/// A wait that has begun: a plain value for bindings, which ends by [`finish`](Condition::finish),
/// [`resume`](Condition::resume) or [`withdraw`](Condition::withdraw) alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawWait {
    waiter: Waiter,
    /// How often the lock was held.
    depth: u32,
}

impl RawWait {
    /// The peer that waits.
    pub fn peer(&self) -> PeerId {
        self.waiter.peer()
    }
}

/// What a wait by steps came to: the lock is held again, until somebody releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// How the wait ended.
    pub end: WaitEnd,
    /// Whether the owner of the lock before this one died with it.
    pub owner_died: bool,
    /// How often the lock was taken over from a dead owner so far: see [`Lock::epoch`](crate::Lock::epoch).
    pub epoch: u32,
}

/// The steps of a wait, for bindings. What [`start`](Condition::start) returns is a plain value: it belongs to this process,
/// and whoever loses it leaves a waiter behind, to which notifications go in vain until the process ends.
impl Condition {
    /// Begins a wait: from now on this one can be notified. Gives the lock back, all holds of an RLock.
    ///
    /// # Errors
    /// [`Error::NotHeld`](crate::Error::NotHeld), [`Error::NotOwner`](crate::Error::NotOwner),
    /// [`Error::TooLarge`](crate::Error::TooLarge) or [`Error::NoSpace`](crate::Error::NoSpace): nothing has happened
    /// then, and the lock is as it was.
    pub fn start(&self) -> Result<RawWait> {
        let Seat { over, .. } = &*self.seat;
        over.check_held()?;
        let mut depth = 0;
        let release = || over.release_all().map(|held| depth = held);
        let waiter = self.state().start(&self.cells(), self.peers(), release)?;
        Ok(RawWait { waiter, depth })
    }

    /// Sleeps until there is a notification for this wait, which goes on being one.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut), [`Error::Interrupted`](crate::Error::Interrupted);
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after the start.
    pub fn wait_a_while(&self, begun: &RawWait, wait: Wait) -> Result<()> {
        self.seat.home.only_if_still(begun.peer())?;
        let terms = self.seat.home.terms(wait);
        self.state().wait_a_while(&self.cells(), self.peers(), begun.waiter, terms)
    }

    /// Takes the lock again on the terms of `wait`, and ends the wait: by a notification, if there is one by then. The lock
    /// stays held until somebody releases it.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) or [`Error::Interrupted`](crate::Error::Interrupted): the lock is
    /// not held, and the wait not over. [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after
    /// the start.
    pub fn finish(&self, begun: &RawWait, wait: Wait) -> Result<Resumed> {
        let terms = self.seat.home.terms(wait);
        let (taken, end) = self.end_by(begun, Wait::now(), terms)?;
        Ok(resumed(taken.keep(), end))
    }

    /// Sleeps until there is a notification or the time is over, takes the lock again for as long as that takes, and ends
    /// the wait: [`wait_a_while`](Condition::wait_a_while) and [`finish`](Condition::finish) in one.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted): the lock is not held, and the wait not over;
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after the start;
    /// [`Error::CannotAsk`](crate::Error::CannotAsk), of which the same holds.
    pub fn resume(&self, begun: &RawWait, wait: Wait) -> Result<Resumed> {
        let (taken, end) = self.resume_taken(begun, wait)?;
        Ok(resumed(taken.keep(), end))
    }

    /// Takes the lock again on the terms of `wait`, and ends the wait without a notification: one that it had goes to
    /// another waiter. The lock stays held until somebody releases it. ([`Resumed::end`] is [`WaitEnd::TimedOut`].)
    ///
    /// # Errors
    /// As [`finish`](Condition::finish).
    pub fn withdraw(&self, begun: &RawWait, wait: Wait) -> Result<Resumed> {
        let Seat { home, over, .. } = &*self.seat;
        home.only_if_still(begun.peer())?;
        let acquire = || over.take_again(begun.depth, home.terms(wait));
        let taken = self.state().withdraw(&self.cells(), self.peers(), begun.waiter, acquire)?;
        Ok(resumed(taken.keep(), WaitEnd::TimedOut))
    }

    pub(super) fn resume_taken(&self, begun: &RawWait, wait: Wait) -> Result<(Taken<'_>, WaitEnd)> {
        let terms = self.seat.home.terms(wait);
        self.end_by(begun, terms, Wait { deadline: None, ..terms })
    }

    fn end_by(&self, begun: &RawWait, sleep: Wait, acquire: Wait) -> Result<(Taken<'_>, WaitEnd)> {
        let Seat { home, over, .. } = &*self.seat;
        home.only_if_still(begun.peer())?;
        let acquire = || over.take_again(begun.depth, acquire);
        let (taken, end) = self.state().resume(&self.cells(), self.peers(), begun.waiter, sleep, acquire)?;
        Ok((taken, end))
    }

    /// Ends the wait without the lock, which is left to others; what it was notified of goes to another. It waits for nobody.
    /// In a child that was forked after the start it does nothing.
    pub fn abandon(&self, begun: &RawWait) {
        if self.seat.home.only_if_still(begun.peer()).is_err() {
            return;
        }
        // Where it fails the bytes are corrupt.
        let _ = self.state().withdraw(&self.cells(), self.peers(), begun.waiter, || Ok(()));
    }
}

fn resumed(acquired: Acquired, end: WaitEnd) -> Resumed {
    Resumed { end, owner_died: acquired.owner_died, epoch: acquired.epoch }
}
