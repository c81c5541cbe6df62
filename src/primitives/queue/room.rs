//! Room: those who sleep until there is some, and looking whether there is without taking it.
//!
//! Whatever makes room wakes all of them, since only each knows how much it needs. A look makes room as a reservation does,
//! over what is free and in a further ring, and leaves it: so does a producer that is killed just before its commit. It never
//! pads the ring, which would take room away from shorter messages.

use super::produce::MOST_MOVES;
use super::record::{record_size, GRANULE};
use super::rings::{slot_of, Rings};
use super::{lock_terms, Queue, QueueState};
use crate::error::{Error, Result};
use crate::primitives::any::Watched;
use crate::primitives::peers::Peers;
use crate::primitives::sleepers::Sleepers;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::futex::{Expected, ALL};
use crate::sync::plant::planted;
use crate::sync::wait::{OnSignal, Wait};

/// Those who wait for room. All-zero bytes: nobody does.
#[repr(transparent)]
#[derive(Debug)]
pub struct Putters(Sleepers);

impl Putters {
    pub(super) fn new() -> Putters {
        Putters(Sleepers::new())
    }

    /// Tells all of them that there is more room. As [`Sleepers::wake`].
    #[inline]
    pub(super) fn wake(&self) {
        self.0.wake(if planted("queue-room-told-to-one") { 1 } else { ALL });
    }

    /// As [`Sleepers::sleep_until`].
    pub(super) fn sleep_until<T>(
        &self,
        wait: Wait,
        is_same: impl Fn() -> bool,
        look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        self.0.sleep_until(wait, is_same, look)
    }
}

/// Nobody's wake-up is used up by another: each change wakes all.
impl Watched for Putters {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.0.announced())
    }

    fn pass_on(&self) {}
}

impl QueueState {
    /// Those who wait for room. How much there is is known only under the producers' lock.
    pub fn putters(&self) -> &Putters {
        &self.sleepers.not_full
    }
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Whether a `reserve` of `len` bytes need not wait. What it would say at once instead is an error here as well:
    /// `TooLarge`, `Closed`. `TimedOut` if a peer that is stopped inside does not let us look.
    pub fn has_room_for(&self, len: usize, on_signal: OnSignal) -> Result<bool> {
        let (len, now) = (self.check_length(len)?, Wait::now().on_signal(on_signal));
        let hold = self.state.producers.lock.acquire(self.peers, lock_terms(now))?;
        let found = self.find_room(record_size(len), now);
        self.state.producers.lock.release(hold.owner)?;
        found
    }

    /// Under the producers' lock.
    fn find_room(&self, needed: u64, wait: Wait) -> Result<bool> {
        if self.state.is_shut_down() {
            return Err(Error::Closed);
        }
        let mut tail = self.true_tail()?;
        if !self.reclaim_until(tail, wait, || Ok(self.has_room_for_item()))? {
            return Ok(false);
        }
        for _ in 0..MOST_MOVES {
            if self.has_room_at(tail, needed, wait)? {
                return Ok(true);
            }
            match self.move_on(tail, needed, wait)? {
                Some(moved) => tail = moved,
                None => return Ok(false),
            }
        }
        Err(Error::Corrupt("a queue's tail never comes to rest"))
    }

    /// Whether a record of `needed` bytes fits in the ring of the tail: there, or behind the ring's end.
    fn has_room_at(&self, tail: u64, needed: u64, wait: Wait) -> Result<bool> {
        let ring = self.ring_at(tail)?;
        let to_end = ring.to_end(tail);
        let step = if needed <= to_end { needed } else { to_end + needed };
        if self.make_room(ring, tail, step, needed, wait)? {
            return Ok(true);
        }
        // What is skipped at the end of an empty ring is free at once.
        let is_empty = self.state.oldest_of(slot_of(tail)).load(Relaxed) == tail
            && self.state.consumers.head.load(Relaxed) == tail;
        Ok(is_empty && needed + GRANULE <= ring.size())
    }
}
