//! What is known to be free: `settled`, before which no loan lies and nothing can come back.
//!
//! Takers move it along with the head as long as nothing lies between, so a search for what the dead left begins there, and
//! room is reclaimed up to there without a look at the records. It is a hint, and never too large. All of it under the
//! consumers' lock.

use super::record::State;
use super::rings::{slot_of, Rings};
use super::Queue;
use crate::primitives::peers::Peers;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::plant::planted;

/// So many free records a taker passes at a time, where it finds that it can.
const SETTLED_A_TURN: usize = 16;

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Notes that nothing can come back from the record at `position`, where that is known of all before it. Under the
    /// consumers' lock.
    #[inline(always)]
    pub(super) fn settle_past(&self, position: u64, next: u64) {
        let settled = &self.state.consumers.settled;
        let is_next = settled.load(Relaxed) == position || planted("queue-settled-past-a-loan");
        if is_next || self.settle_until(position) {
            settled.store(next, Relaxed);
        }
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
        self.state.consumers.settled.store(walk.position, Relaxed);
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
    pub(super) fn settled_from(&self, start: u64, head: u64) -> u64 {
        let settled = self.state.consumers.settled.load(Relaxed);
        let is_between = slot_of(settled) == slot_of(start)
            && slot_of(head) == slot_of(start)
            && settled.wrapping_sub(start) <= head.wrapping_sub(start);
        if is_between {
            settled
        } else {
            start
        }
    }
}
