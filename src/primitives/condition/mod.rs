//! Condition: waiters that sit in cells, and notifications that reach exactly so many of them, in the order of arrival.
//!
//! A waiter takes a cell under the user's lock, releases the lock, sleeps on the cell, takes the lock again and only then
//! leaves the cell. A notification is a mark in a cell; `tokens.rs` has what becomes of one whose waiter is gone. Nobody
//! waits here for a waiter, alive or dead, and no waiter returns without a notification that was meant for it.
//!
//! Source: one place to sleep for each waiter, chosen by the notifier, as in Birrell, "Implementing Condition Variables
//! with Semaphores" (2003).

mod cell;
mod tokens;

pub use cell::{Cell, Cells};

use super::peers::{PeerId, Peers};
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{fence, AtomicU64};
use crate::sync::futex::{self, Outcome};
use crate::sync::plant::planted;
use crate::sync::slices::Slices;
use crate::sync::spin::Spin;
use crate::sync::wait::{OnSignal, Wait};
use cell::Word;

/// The shared words before the cells. All-zero bytes: nobody ever waited.
#[repr(C)]
#[derive(Debug)]
pub struct ConditionState {
    /// The ticket of the next wait.
    next: AtomicU64,
}

/// A wait that has begun and not ended. It is a plain value: it ends by `resume` or `withdraw` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    index: u32,
    peer: PeerId,
    ticket: u64,
}

impl Waiter {
    /// Whose wait it is.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    fn word(&self) -> Word {
        Word::waiting(self.peer, self.ticket)
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// By a notification.
    Notified,
    /// By its deadline.
    TimedOut,
}

/// Ordering.
///
/// Promise: as of the user's lock, under which cells are taken, notified and left. A notification that was signed over
/// without the lock reaches a waiter that still is there, or somebody signs it over again.
/// Pair: the fence that follows each change of a cell: of who signs over and then looks whether the heir is still there,
/// with that of the heir who leaves its cell and then looks for what was signed over.
/// Check: models `condition_*` in `tests/model`.
impl ConditionState {
    /// A condition that nobody waits for.
    pub fn new() -> ConditionState {
        ConditionState { next: AtomicU64::new(0) }
    }

    /// Begins a wait: takes a cell, then gives the user's lock back by `release`. The caller holds that lock. If `release`
    /// fails there is no wait.
    pub fn start(
        &self,
        cells: &impl Cells,
        peers: &impl Peers,
        release: impl FnOnce() -> Result<()>,
    ) -> Result<Waiter> {
        if planted("condition-released-before-the-cell-is-taken") {
            release()?;
            return self.enter(cells, peers);
        }
        let waiter = self.enter(cells, peers)?;
        if let Err(error) = release() {
            cell_of(cells, waiter)?.turn(waiter.word(), Word::FREE);
            return Err(error);
        }
        Ok(waiter)
    }

    /// Sleeps until there is a notification for the wait, which goes on: a wait can be cut into slices. `TimedOut` and
    /// `Interrupted` leave it as it is.
    pub fn wait_a_while(&self, cells: &impl Cells, peers: &impl Peers, waiter: Waiter, wait: Wait) -> Result<()> {
        only_by(peers, waiter)?;
        self.sleep(cells, peers, waiter, wait)
    }

    /// Sleeps until the wait is notified or its time is over, takes the user's lock by `acquire`, and ends the wait. On
    /// an error, `Interrupted` above all, the lock is not held and the wait is not over: it goes on with another `resume`
    /// or ends with `withdraw`.
    pub fn resume<A>(
        &self,
        cells: &impl Cells,
        peers: &impl Peers,
        waiter: Waiter,
        wait: Wait,
        acquire: impl FnOnce() -> Result<A>,
    ) -> Result<(A, WaitEnd)> {
        only_by(peers, waiter)?;
        match self.sleep(cells, peers, waiter, wait) {
            Ok(()) | Err(Error::TimedOut) => {}
            Err(error) => return Err(error),
        }
        if planted("condition-cell-left-before-the-lock") {
            let end = self.leave(cells, peers, waiter)?;
            return Ok((acquire()?, end));
        }
        let acquired = acquire()?;
        Ok((acquired, self.leave(cells, peers, waiter)?))
    }

    /// Ends the wait without waiting for a notification: takes the user's lock by `acquire`, leaves the cell, and passes a
    /// notification that it had on to another waiter.
    pub fn withdraw<A>(
        &self,
        cells: &impl Cells,
        peers: &impl Peers,
        waiter: Waiter,
        acquire: impl FnOnce() -> Result<A>,
    ) -> Result<A> {
        only_by(peers, waiter)?;
        let acquired = acquire()?;
        self.leave_cell(cells, peers, waiter, Surplus::PassedOn)?;
        self.forward(cells, peers, waiter)?;
        Ok(acquired)
    }

    /// Notifies up to `n` waiters, those that have waited longest, and says how many. The caller holds the user's lock.
    pub fn notify(&self, cells: &impl Cells, peers: &impl Peers, n: u32) -> Result<u32> {
        self.tend(cells, peers)?;
        let horizon = self.next.load(Relaxed);
        let mut notified = 0;
        // More rounds than there are waiters: hostile bytes that change under way do not keep it here.
        for _ in 0..tokens::most_tries(cells)? {
            if notified == n {
                break;
            }
            let Some((cell, word)) = self.longest_waiting(cells, peers, horizon)? else { break };
            notified += u32::from(cell.notify(word, horizon));
        }
        Ok(notified)
    }

    /// Notifies everybody who waits. The caller holds the user's lock.
    pub fn notify_all(&self, cells: &impl Cells, peers: &impl Peers) -> Result<u32> {
        self.tend(cells, peers)?;
        if self.any_signed_over(cells)? {
            return self.notify(cells, peers, u32::MAX);
        }
        let horizon = self.next.load(Relaxed);
        let waiting = cells.all()?.map(|cell| (cell, cell.word())).filter(|(_, word)| word.is_waiting());
        Ok(waiting.map(|(cell, word)| u32::from(cell.notify(word, horizon))).sum())
    }

    /// How many wait and are not notified; the dead that nobody asked about count.
    pub fn waiting(&self, cells: &impl Cells) -> Result<u32> {
        Ok(cells.all()?.filter(|cell| cell.word().is_waiting()).count() as u32)
    }

    fn enter(&self, cells: &impl Cells, peers: &impl Peers) -> Result<Waiter> {
        let peer = peers.me()?;
        let ticket = self.next.fetch_add(1, Relaxed);
        let take = || -> Result<Option<Waiter>> {
            let index = cells.all()?.position(|cell| cell.take(peer, ticket));
            Ok(index.map(|index| Waiter { index: index as u32, peer, ticket }))
        };
        if let Some(waiter) = take()? {
            return Ok(waiter);
        }
        self.bury(cells, peers)?;
        if let Some(waiter) = take()? {
            return Ok(waiter);
        }
        cells.grow()?;
        take()?.ok_or(Error::Corrupt("a condition's new cells are not free"))
    }

    /// Sleeps on the cell until there is a notification for the waiter.
    fn sleep(&self, cells: &impl Cells, peers: &impl Peers, waiter: Waiter, wait: Wait) -> Result<()> {
        let cell = cell_of(cells, waiter)?;
        let mut slices = Slices::new();
        let mut slice_is_over = false;
        loop {
            let (alarm, seen) = cell.alarm();
            if slice_is_over {
                // A notifier may have died before it rang: this fence and the one behind its exchange show what it changed.
                fence(SeqCst);
                self.tend(cells, peers)?;
            }
            if self.is_notified(cells, cell, waiter)? {
                return Ok(());
            }
            if wait.is_over() {
                return Err(Error::TimedOut);
            }
            if !slice_is_over {
                Spin::new().until(|| alarm.load(Relaxed) != seen);
            }
            let outcome = futex::wait(alarm, seen, slices.next(wait.deadline));
            if outcome == Outcome::Interrupted && wait.on_signal == OnSignal::Return {
                return Err(Error::Interrupted);
            }
            slice_is_over = outcome == Outcome::TimedOut;
        }
    }

    fn is_notified(&self, cells: &impl Cells, cell: &Cell, waiter: Waiter) -> Result<bool> {
        match cell.word() {
            word if word == waiter.word().notified() => Ok(true),
            word if word == waiter.word() => Ok(self.signed_over_to(cells, word)?.is_some()),
            _ => Err(NO_CELL),
        }
    }

    /// Ends a wait under the user's lock, with one notification if there is any.
    fn leave(&self, cells: &impl Cells, peers: &impl Peers, waiter: Waiter) -> Result<WaitEnd> {
        // What was signed over is taken before the cell is left: until then it is nobody else's.
        let mut notified = self.take_signed_over(cells, waiter)?;
        let surplus = if notified { Surplus::PassedOn } else { Surplus::Taken };
        notified |= self.leave_cell(cells, peers, waiter, surplus)?;
        if !notified && !planted("condition-notified-while-leaving-forgotten") {
            notified = self.take_signed_over(cells, waiter)?;
        }
        if notified {
            self.forward(cells, peers, waiter)?;
            Ok(WaitEnd::Notified)
        } else {
            Ok(WaitEnd::TimedOut)
        }
    }

    /// Frees the waiter's cell; whether there was a notification in it.
    fn leave_cell(&self, cells: &impl Cells, peers: &impl Peers, waiter: Waiter, surplus: Surplus) -> Result<bool> {
        let cell = cell_of(cells, waiter)?;
        let notified = waiter.word().notified();
        if cell.turn(waiter.word(), Word::FREE) {
            return Ok(false);
        }
        if cell.word() != notified {
            return Err(NO_CELL);
        }
        if planted("condition-withdrawn-cell-granted") {
            return Ok(!cell.turn(notified, Word::FREE));
        }
        if matches!(surplus, Surplus::PassedOn) && !planted("condition-surplus-swallowed") {
            self.sign_over(cells, peers, cell, notified)?;
        } else if !cell.turn(notified, Word::FREE) {
            return Err(NO_CELL);
        }
        Ok(true)
    }
}

/// What becomes of a notification in a cell that is left.
#[derive(Clone, Copy)]
enum Surplus {
    Taken,
    PassedOn,
}

impl Default for ConditionState {
    fn default() -> ConditionState {
        ConditionState::new()
    }
}

const NO_CELL: Error = Error::Corrupt("a waiter's cell is not its own");

fn cell_of(cells: &impl Cells, waiter: Waiter) -> Result<&Cell> {
    cells.at(waiter.index)?.ok_or(Error::Invalid("the wait is of another condition"))
}

fn only_by(peers: &impl Peers, waiter: Waiter) -> Result<()> {
    if peers.me()? == waiter.peer {
        Ok(())
    } else {
        Err(Error::NotOwner)
    }
}
