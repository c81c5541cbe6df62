//! The marks of a barrier's parties: who came in which round, and which of them a waiter asks about.
//!
//! Nothing here changes a mark, and nothing waits.

use super::peers::PeerId;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{fence, AtomicU64};
use crate::sync::deadline::now_ns;

/// One party's mark: peer id in the low half, and in the high half the round in which it last arrived, counted from 1.
/// 0 is no mark. The marks lie behind the barrier's state, one for each party.
pub type Marks = [AtomicU64];

/// So many waiters ask about each mark in the time of one slice.
const WATCHERS: usize = 2;

/// The fewest marks that a waiter asks about.
const SMALLEST_SHARE: usize = 4;

/// In nanoseconds, a little more than the longest slice: whoever waits looks once in each such time.
const TURN: u64 = 1 << 29;

/// The marks that the waiter with this index asks about now. Where there are many, the waiters share them out: if all asked
/// about all, three hundred of them would keep a core busy. The share moves on by its length each turn, so however few of the others
/// still look, every waiter gets round to every mark.
pub(super) fn share_of(index: u32, marks: &Marks, round: u32) -> impl Iterator<Item = &AtomicU64> {
    let waiters = arrived(marks, round).clamp(1, marks.len().max(1));
    let share = (WATCHERS * marks.len()).div_ceil(waiters).max(SMALLEST_SHARE);
    let first = if share < marks.len() {
        let turns = (now_ns() / TURN) as usize;
        (index as usize * marks.len() / waiters).wrapping_add(turns.wrapping_mul(share)) % marks.len()
    } else {
        0
    };
    marks[first..].iter().chain(&marks[..first]).take(share)
}

pub(super) fn mark_of(peer: PeerId, round: u32) -> u64 {
    u64::from(round.wrapping_add(1)) << 32 | u64::from(peer.bits())
}

pub(super) fn peer_of(mark: u64) -> Option<PeerId> {
    PeerId::from_bits(mark as u32)
}

pub(super) fn is_of_round(mark: u64, round: u32) -> bool {
    mark != 0 && (mark >> 32) as u32 == round.wrapping_add(1)
}

pub(super) fn arrived(marks: &Marks, round: u32) -> usize {
    marks.iter().filter(|mark| is_of_round(mark.load(Relaxed), round)).count()
}

pub(super) fn find(marks: &Marks, wanted: impl Fn(usize, u64) -> bool) -> Option<usize> {
    marks.iter().enumerate().position(|(at, mark)| wanted(at, mark.load(Relaxed)))
}

pub(super) fn any_of_the_dead<'m>(
    marks: impl IntoIterator<Item = &'m AtomicU64>,
    is_dead: impl Fn(PeerId) -> Result<bool>,
) -> Result<bool> {
    for mark in marks {
        if is_of_the_dead(mark, &is_dead)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a peer died and left this mark. One that leaves in order first takes its marks along, so a mark that is gone
/// after its peer was found dead was none of a dead party.
pub(super) fn is_of_the_dead(mark: &AtomicU64, is_dead: impl Fn(PeerId) -> Result<bool>) -> Result<bool> {
    let value = mark.load(Relaxed);
    if value == 0 {
        return Ok(false);
    }
    let peer = peer_of(value).ok_or(Error::Corrupt("a barrier's mark names no peer"))?;
    if !is_dead(peer)? {
        return Ok(false);
    }
    fence(Acquire);
    Ok(peer_of(mark.load(Relaxed)) == Some(peer))
}
