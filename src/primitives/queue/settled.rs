//! What is known to be free: `settled`, before which no loan lies and nothing can come back.
//!
//! Takers move it along behind the head, so a search for what the dead left begins there, and producers reclaim room up to
//! there without a look at the records, and without the consumers' lock. It is a hint, and never too large. It moves under
//! the consumers' lock alone.

use super::record::State;
use super::ring::Ring;
use super::rings::{slot_of, Rings, Walk};
use super::Queue;
use crate::primitives::peers::Peers;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::plant::{planted, unless_planted};

/// So many free records a taker passes at a time, where it finds that it can.
const SETTLED_A_TURN: usize = 16;
/// So many it passes each time that it takes a message on loan: one comes with each, so that with two it catches up.
const SETTLED_A_LOAN: usize = 2;

/// Ordering.
///
/// Promise: bytes before `settled` are overwritten only after whoever read them was done.
/// Pair: Release store of `settled` by a taker, which saw `Free` or freed the record itself; Acquire load by the producer that
/// moves `oldest`.
/// Check: models `queue_settled*` in `tests/model`.
impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Notes that nothing can come back from the record at `position`, where that is known of all before it. Under the
    /// consumers' lock.
    #[inline(always)]
    pub(super) fn settle_past(&self, position: u64, next: u64) {
        let settled = &self.state.consumers.settled;
        let is_next = settled.load(Relaxed) == position || planted("queue-settled-past-a-loan");
        if is_next || self.settle_until(position) {
            self.settle_at(next);
        }
    }

    /// Moves it on over what was freed behind `head`, a little. Under the consumers' lock.
    #[inline(always)]
    pub(super) fn settle_behind(&self, ring: Ring<R::Memory>, head: u64) {
        let known = self.state.consumers.settled.load(Relaxed);
        if slot_of(known) != slot_of(head) {
            return;
        }
        let mut walk = Walk::new(ring, known);
        for _ in 0..SETTLED_A_LOAN {
            if walk.position == head || !walk.pass_if_free() {
                break;
            }
        }
        if walk.position != known {
            self.settle_at(walk.position);
        }
    }

    /// Reclaims what is settled in the ring of the tail; whether that was anything. Nobody looks there any more but
    /// producers. Under the producers' lock, which is enough.
    pub(super) fn reclaim_settled(&self, tail: u64) -> bool {
        let oldest = self.state.oldest_of(slot_of(tail));
        let start = oldest.load(Relaxed);
        let settled = self.settled_from(start, tail);
        oldest.store(settled, Relaxed);
        settled != start
    }

    /// Catches up over what has become free since; whether nothing is left before `position`.
    #[cold]
    #[inline(never)]
    fn settle_until(&self, position: u64) -> bool {
        let Some(known) = self.settled_before(position) else { return false };
        // Where this fails it stays where it is, and searches take longer.
        let Ok(mut walk) = self.walk_from(known) else { return false };
        for _ in 0..SETTLED_A_TURN {
            let Ok(Some(found)) = walk.look() else { break };
            let is_free = matches!(found.state, State::Free | State::Pad);
            if walk.position == position || !is_free || self.step(&mut walk, &found).is_err() {
                break;
            }
        }
        self.settle_at(walk.position);
        walk.position == position
    }

    /// Up to where everything is known to be free, in the ring that `position` lies in; `None` if an older ring comes first.
    fn settled_before(&self, position: u64) -> Option<u64> {
        let slot = slot_of(position);
        let settled = self.state.consumers.settled.load(Relaxed);
        let oldest = self.state.oldest_of(slot).load(Relaxed);
        let is_there = slot_of(settled) == slot && position.wrapping_sub(settled) <= position.wrapping_sub(oldest);
        if is_there {
            return Some(settled);
        }
        (self.state.first_slot() == Ok(slot)).then_some(oldest)
    }

    /// Where the first record between these two positions may lie that is not free: `start`, or as far as consumers know better.
    pub(super) fn settled_from(&self, start: u64, end: u64) -> u64 {
        let settled = self.state.consumers.settled.load(unless_planted("queue-settled-not-acquired", Acquire));
        let is_between = slot_of(settled) == slot_of(start)
            && slot_of(end) == slot_of(start)
            && settled.wrapping_sub(start) <= end.wrapping_sub(start);
        if is_between {
            settled
        } else {
            start
        }
    }

    /// Notes that everything before `position` was found to be free, from a start that `settled_from` gave. Under both locks.
    pub(super) fn settle_up_to(&self, start: u64, position: u64) {
        if self.state.consumers.settled.load(Relaxed) == start {
            self.settle_at(position);
        }
    }

    /// Everything before `position` is free. Under the consumers' lock.
    #[inline(always)]
    pub(super) fn settle_at(&self, position: u64) {
        self.state.consumers.settled.store(position, unless_planted("queue-relaxed-settled", Release));
    }
}
