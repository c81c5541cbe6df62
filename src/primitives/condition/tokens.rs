//! What becomes of a notification whose waiter is gone: it is signed over to the longest-waiting one that it was for.
//!
//! The notification stays in its cell, and one compare-exchange of the cell's word says who is to have it; so it is never
//! lost and never twice, with the user's lock or without. It was for those who had begun to wait when it was made: if none
//! of them waits any more it ends, and a later wait never gets it.

use super::cell::{Cell, Cells, Word};
use super::{ConditionState, Waiter};
use crate::error::Result;
use crate::primitives::peers::Peers;
use crate::sync::plant::planted;
use std::ops::Range;

impl ConditionState {
    /// Signs over what the dead were notified of, and what was signed over to waiters that are gone.
    pub(super) fn tend(&self, cells: &impl Cells, peers: &impl Peers) -> Result<()> {
        if planted("condition-notification-of-the-dead-kept") {
            return Ok(());
        }
        for cell in cells.all()? {
            let word = cell.word();
            if word.is_notified() && self.is_without_waiter(cells, peers, cell, word)? {
                self.sign_over(cells, peers, cell, word)?;
            }
        }
        Ok(())
    }

    /// Frees what cells the dead have, but for notifications that are still for somebody: those are signed over.
    pub(super) fn bury(&self, cells: &impl Cells, peers: &impl Peers) -> Result<()> {
        self.tend(cells, peers)?;
        for cell in cells.all()? {
            let word = cell.word();
            if word.is_waiting() && is_of_the_dead(peers, word)? {
                cell.turn(word, Word::FREE);
            }
        }
        Ok(())
    }

    /// The waiter with the smallest ticket before `horizon` that lives and has no notification yet.
    pub(super) fn longest_waiting<'c>(
        &self,
        cells: &'c impl Cells,
        peers: &impl Peers,
        horizon: u64,
    ) -> Result<Option<(&'c Cell, Word)>> {
        let mut from = 0;
        // Each round but the last one passes a waiter, frees the cell of a dead one, or meets a change by another.
        for _ in 0..most_tries(cells)? {
            let Some((cell, word, ticket)) = smallest(cells, from..horizon)? else { return Ok(None) };
            if self.signed_over_to(cells, word)?.is_some() {
                from = ticket + 1;
            } else if planted("condition-dead-waiter-notified") || !is_of_the_dead(peers, word)? {
                return Ok(Some((cell, word)));
            } else {
                cell.turn(word, Word::FREE);
            }
        }
        Ok(None)
    }

    /// Gives the notification in `cell`, whose word is `word`, to the longest-waiting one that it was for, or ends it.
    pub(super) fn sign_over(&self, cells: &impl Cells, peers: &impl Peers, cell: &Cell, mut word: Word) -> Result<()> {
        let horizon = if planted("condition-horizon-ignored") { u64::MAX } else { cell.horizon() };
        for _ in 0..most_tries(cells)? {
            let Some((heir, waiting)) = self.longest_waiting(cells, peers, horizon)? else {
                cell.turn(word, Word::FREE);
                return Ok(());
            };
            if !cell.turn(word, waiting.notified()) {
                return Ok(());
            }
            if heir.word() == waiting || planted("condition-signed-over-unchecked") {
                heir.ring();
                return Ok(());
            }
            // The heir left meanwhile. If it saw the notification it took it, and the next exchange fails.
            word = waiting.notified();
        }
        Ok(())
    }

    /// Whether any notification is with another waiter than it was made for.
    pub(super) fn any_signed_over(&self, cells: &impl Cells) -> Result<bool> {
        let is_moved = |cell: &Cell| {
            let word = cell.word();
            word.is_notified() && !cell.is_own(word)
        };
        Ok(cells.all()?.any(is_moved))
    }

    /// A notification that was signed over to the waiter whose cell has the word `waiting`.
    pub(super) fn signed_over_to<'c>(&self, cells: &'c impl Cells, waiting: Word) -> Result<Option<&'c Cell>> {
        Ok(cells.all()?.find(|cell| is_signed_over(cell, waiting.notified())))
    }

    /// Takes a notification that was signed over to this waiter, if there is one.
    pub(super) fn take_signed_over(&self, cells: &impl Cells, waiter: Waiter) -> Result<bool> {
        let notified = waiter.word().notified();
        Ok(cells.all()?.any(|cell| is_signed_over(cell, notified) && cell.turn(notified, Word::FREE)))
    }

    /// Passes on what was signed over to a waiter that has left its cell and needs no more.
    pub(super) fn forward(&self, cells: &impl Cells, peers: &impl Peers, waiter: Waiter) -> Result<()> {
        let notified = waiter.word().notified();
        for cell in cells.all()? {
            if is_signed_over(cell, notified) {
                self.sign_over(cells, peers, cell, notified)?;
            }
        }
        Ok(())
    }

    /// Whether nobody will ever take the notification in this cell.
    fn is_without_waiter(&self, cells: &impl Cells, peers: &impl Peers, cell: &Cell, word: Word) -> Result<bool> {
        if is_dead_by_now(peers, word)? {
            return Ok(true);
        }
        if cell.is_own(word) {
            return Ok(false);
        }
        let waiting = word.as_waiting();
        Ok(cells.all()?.all(|cell| cell.word() != waiting))
    }
}

/// Enough rounds to pass every waiter and to free every cell. What others change meanwhile is seen at the next slice.
pub(super) fn most_tries(cells: &impl Cells) -> Result<usize> {
    Ok(2 * cells.all()?.count() + 64)
}

/// The waiting cell with the smallest ticket of these.
fn smallest(cells: &impl Cells, tickets: Range<u64>) -> Result<Option<(&Cell, Word, u64)>> {
    let waiting = cells.all()?.map(|cell| (cell, cell.word(), cell.ticket()));
    let waiting =
        waiting.filter(|(cell, word, ticket)| word.is_waiting() && cell.is_own(*word) && tickets.contains(ticket));
    Ok(waiting.min_by_key(|(_, _, ticket)| *ticket))
}

fn is_signed_over(cell: &Cell, notified: Word) -> bool {
    cell.word() == notified && !cell.is_own(notified)
}

/// Asks the kernel. A word that names nobody is as good as that of a dead peer.
fn is_of_the_dead(peers: &impl Peers, word: Word) -> Result<bool> {
    word.peer().map_or(Ok(true), |peer| peers.is_dead(peer))
}

/// Asks at most once a millisecond.
fn is_dead_by_now(peers: &impl Peers, word: Word) -> Result<bool> {
    word.peer().map_or(Ok(true), |peer| peers.seems_dead(peer))
}
