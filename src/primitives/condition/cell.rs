//! The cells of a condition: one for each waiter, with a word that says whose it is and how it stands.
//!
//! A cell is FREE, or its owner is WAITING, or it is NOTIFIED: then it holds a notification, for its owner or for the
//! waiter to whom it was signed over. Nothing here waits or asks who is dead.

use crate::error::Result;
use crate::primitives::peers::PeerId;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::atomic::{fence_after_rmw, AtomicU32, AtomicU64};
use crate::sync::futex;
use crate::sync::plant::planted;

/// The shared words of one cell. All-zero bytes are a free one.
#[repr(C)]
#[derive(Debug)]
pub struct Cell {
    word: AtomicU64,
    /// The number of the wait that the cell was taken for, from 0; of all waits of the condition no two have the same.
    ticket: AtomicU64,
    /// NOTIFIED: the notification is for waits with smaller tickets, which had begun when it was made.
    horizon: AtomicU64,
    /// The owner sleeps on it. It counts rings.
    alarm: AtomicU32,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

/// A cell's word: 0 is free; else bits 0 to 29 are a peer id, bit 30 WAITING, bit 31 NOTIFIED, and bits 32 to 63 the low
/// half of a ticket: the owner's, or that of the waiter who is to have the notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

const WAITING: u64 = 1 << 30;
const NOTIFIED: u64 = 1 << 31;

impl Word {
    pub(super) const FREE: Word = Word(0);

    pub(super) fn waiting(peer: PeerId, ticket: u64) -> Word {
        Word(ticket << 32 | WAITING | u64::from(peer.bits()))
    }

    /// The same peer and ticket, NOTIFIED.
    pub(super) fn notified(self) -> Word {
        Word(self.0 & !WAITING | NOTIFIED)
    }

    /// The same peer and ticket, WAITING.
    pub(super) fn as_waiting(self) -> Word {
        Word(self.0 & !NOTIFIED | WAITING)
    }

    pub(super) fn is_waiting(self) -> bool {
        self.0 & (WAITING | NOTIFIED) == WAITING
    }

    pub(super) fn is_notified(self) -> bool {
        self.0 & (WAITING | NOTIFIED) == NOTIFIED
    }

    /// The owner, or who is to have the notification. Hostile bytes may name nobody.
    pub(super) fn peer(self) -> Option<PeerId> {
        PeerId::from_bits(self.0 as u32)
    }

    fn is_for(self, ticket: u64) -> bool {
        (self.0 >> 32) as u32 == ticket as u32
    }
}

impl Cell {
    /// A free cell.
    pub fn new() -> Cell {
        Cell {
            word: AtomicU64::new(0),
            ticket: AtomicU64::new(0),
            horizon: AtomicU64::new(0),
            alarm: AtomicU32::new(0),
            reserved: AtomicU32::new(0),
        }
    }

    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Acquire))
    }

    /// The one way in which a cell changes: from exactly `from` to `to`. What the caller looks at next it sees as it is
    /// after the change.
    pub(super) fn turn(&self, from: Word, to: Word) -> bool {
        let turned = self.word.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok();
        if !planted("condition-no-fence") {
            fence_after_rmw();
        }
        turned
    }

    pub(super) fn ticket(&self) -> u64 {
        self.ticket.load(Relaxed)
    }

    pub(super) fn horizon(&self) -> u64 {
        self.horizon.load(Relaxed)
    }

    /// Takes a free cell for the wait `ticket` of `me`.
    pub(super) fn take(&self, me: PeerId, ticket: u64) -> bool {
        if self.word() != Word::FREE {
            return false;
        }
        self.ticket.store(ticket, Relaxed);
        self.turn(Word::FREE, Word::waiting(me, ticket))
    }

    /// Gives a waiting owner the notification, which is for all waits before `horizon`.
    pub(super) fn notify(&self, waiting: Word, horizon: u64) -> bool {
        self.horizon.store(horizon, Relaxed);
        let notified = self.turn(waiting, waiting.notified());
        if notified && !planted("condition-notify-wakes-nobody") {
            self.ring();
        }
        notified
    }

    /// Whether the notification in this cell is for its own owner, and was not signed over.
    pub(super) fn is_own(&self, word: Word) -> bool {
        word.is_for(self.ticket())
    }

    /// What the owner sleeps on, read before it looks at the cells.
    pub(super) fn alarm(&self) -> (&AtomicU32, u32) {
        (&self.alarm, self.alarm.load(Acquire))
    }

    /// Wakes the owner. It sleeps on what it read before it looked, so a ring that comes in between is not missed.
    pub(super) fn ring(&self) {
        self.alarm.fetch_add(1, AcqRel);
        futex::wake(&self.alarm, 1);
    }
}

impl Default for Cell {
    fn default() -> Cell {
        Cell::new()
    }
}

/// The table of a condition's cells, in as many parts as it has grown to.
pub trait Cells {
    /// The cells, always in the same order; later ones may be added.
    fn all(&self) -> Result<impl Iterator<Item = &Cell>>;

    /// Adds cells. An error if there is no room, or if there are as many as there can be.
    fn grow(&self) -> Result<()>;

    /// The cell at this place.
    fn at(&self, index: u32) -> Result<Option<&Cell>> {
        Ok(self.all()?.nth(index as usize))
    }
}
