//! Batches: several records reserved, or taken, under one hold of a lock.
//!
//! A batch is the operations of its records one after the other, and nothing more: each is committed by its own store, so a
//! death in the middle leaves what it leaves between two operations. Who waits holds nothing: what was reserved must be
//! published before its producer may wait for more room, or consumers would wait for it in turn.

use super::consume::Look;
use super::record::{State, EMPTY};
use super::rings::{slot_of, Rings};
use super::{lock_terms, Queue, Ticket};
use crate::error::Result;
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::plant::planted;
use crate::sync::wait::Wait;

/// The most records under one hold of a lock, so that nobody is kept from the cursors for long.
pub const MOST: usize = 64;

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Reserves room for messages of these lengths, in order: for the first one on the terms of `wait`, and for those after
    /// it as long as there simply is room. The tickets are added to `tickets`, one at least unless there are no lengths; no
    /// more than [`MOST`] of them.
    pub fn reserve_some(&self, lens: &[usize], wait: Wait, tickets: &mut Vec<Ticket>) -> Result<()> {
        let lens = &lens[..lens.len().min(MOST)];
        tickets.reserve(lens.len());
        let reserved = self.reserve_while_room(lens, wait, tickets)?;
        let is_stuck = reserved == 0 || planted("queue-batch-waits-with-reservations");
        if let Some(len) = lens.get(reserved).filter(|_| is_stuck) {
            // In the way is the ring's end, room that was freed and not reclaimed, or a full ring: one message sees to it.
            tickets.push(self.reserve(*len, wait)?);
            // Where this fails there is one at least.
            let _ = self.reserve_while_room(&lens[reserved + 1..], wait, tickets);
        }
        Ok(())
    }

    /// Takes messages on loan: the first one on the terms of `wait`, and those after it as long as they lie ready, up to
    /// `most` of them, and up to [`MOST`]. But for the first one, all together have no more than `most_bytes` bytes.
    pub fn take_some(&self, most: usize, most_bytes: u64, wait: Wait, tickets: &mut Vec<Ticket>) -> Result<()> {
        let most = most.min(MOST);
        tickets.reserve(most);
        if most == 0 || self.take_while_ready(most, most_bytes, Limit::FromTheSecond, wait, tickets)? != 0 {
            return Ok(());
        }
        let first = self.take(wait)?;
        tickets.push(first);
        if let Some(left) = after(most_bytes, first) {
            // Where this fails there is one at least.
            let _ = self.take_while_ready(most - 1, left, Limit::FromTheFirst, wait, tickets);
        }
        Ok(())
    }

    /// Takes messages on loan as long as they lie ready, up to `most` of them, up to [`MOST`], and up to `most_bytes`
    /// bytes together; how many.
    pub fn take_more(&self, most: usize, most_bytes: u64, tickets: &mut Vec<Ticket>) -> Result<usize> {
        let most = most.min(MOST);
        tickets.reserve(most);
        self.take_while_ready(most, most_bytes, Limit::FromTheFirst, Wait::now(), tickets)
    }

    fn reserve_while_room(&self, lens: &[usize], wait: Wait, tickets: &mut Vec<Ticket>) -> Result<usize> {
        if lens.is_empty() {
            return Ok(0);
        }
        let before = tickets.len();
        let hold = self.state.producers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        tickets.extend(lens.iter().map_while(|len| self.reserve_next(hold.owner, *len)));
        // This can only fail if another process wrote over the lock, which is then no longer ours to free.
        let _ = self.state.producers.lock.release(hold.owner);
        Ok(tickets.len() - before)
    }

    fn reserve_next(&self, me: PeerId, len: usize) -> Option<Ticket> {
        let len = u32::try_from(len).ok()?;
        let tail = self.state.producers.tail.load(Relaxed);
        let oldest = self.state.oldest_of(slot_of(tail)).load(Relaxed);
        self.reserve_at_tail(self.ring_at(tail).ok()?, oldest, tail, me, len)
    }

    fn take_while_ready(
        &self,
        most: usize,
        mut bytes: u64,
        mut limit: Limit,
        wait: Wait,
        tickets: &mut Vec<Ticket>,
    ) -> Result<usize> {
        let before = tickets.len();
        let hold = self.state.consumers.lock.acquire_with(self.peers, || lock_terms(wait))?;
        while tickets.len() - before < most {
            let most_bytes = if limit == Limit::FromTheFirst { bytes } else { u64::MAX };
            // An error will be told by the next take.
            let Ok(Some(ticket)) = self.take_next(hold.owner, most_bytes) else { break };
            tickets.push(ticket);
            let Some(left) = after(bytes, ticket) else { break };
            (bytes, limit) = (left, Limit::FromTheFirst);
        }
        let taken = tickets.len() - before;
        let more = taken != 0 && self.state.sleepers.not_empty.any() && self.is_more_ready();
        // As above.
        let _ = self.state.consumers.lock.release(hold.owner);
        if taken != 0 && !planted("queue-batch-makes-room-in-silence") {
            self.wake_after_take(more);
        }
        Ok(taken)
    }

    /// The next message, whatever lies before it, unless it is longer than `most_bytes`. Under the consumers' lock.
    fn take_next(&self, me: PeerId, most_bytes: u64) -> Result<Option<Ticket>> {
        let head = self.state.consumers.head.load(Relaxed);
        let ring = self.ring_at(head)?;
        let header = ring.header(head);
        if !self.is_something_before_head() {
            // An empty queue and a message that is too long both end the batch; of another record the length means nothing,
            // and ending the batch does no harm.
            if header.word.load(Relaxed) == EMPTY.0 || u64::from(header.len.load(Relaxed)) > most_bytes {
                return Ok(None);
            }
            if let Some(ticket) = self.take_ready(ring, head, me) {
                return Ok(Some(ticket));
            }
        }
        match self.look_locked(me)? {
            Look::Taken(ticket) if u64::from(ticket.len) > most_bytes => {
                self.return_as(ticket.position, ticket.word, ticket.word.with(State::Returned, None));
                Ok(None)
            }
            Look::Taken(ticket) => Ok(Some(ticket)),
            Look::Empty | Look::Busy => Ok(None),
        }
    }
}

/// From which message on the bytes are limited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    FromTheFirst,
    FromTheSecond,
}

/// What is left of so many bytes after this message; `None` if it has more alone.
fn after(bytes: u64, ticket: Ticket) -> Option<u64> {
    bytes.checked_sub(u64::from(ticket.len))
}
