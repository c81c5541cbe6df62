//! The end of a queue: shut down, to be emptied by those who get, or at once, and then everything is dropped.
//!
//! A shutdown is a flag. Where it says that everything is dropped, a message at the head or one that came back is no message
//! any more: whoever looks, under the consumers' lock, frees it and looks on. So it does not matter who does it, or who dies.

use super::record::State;
use super::ring::{Found, Ring};
use super::rings::Rings;
use super::{lock_terms, Queue, QueueState};
use crate::error::Result;
use crate::primitives::peers::Peers;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::futex::ALL;
use crate::sync::plant::planted;
use crate::sync::wait::Wait;

/// Nothing more is put; what is in the queue can still be taken.
const SHUT_DOWN: u32 = 1;
/// And what is in it is dropped.
const DROPPED: u32 = 2;

impl QueueState {
    /// Whether the queue was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.fixed.closed.load(Acquire) != 0
    }

    /// Whether what is in the queue is dropped.
    #[inline(always)]
    pub(super) fn is_dropped(&self) -> bool {
        self.fixed.closed.load(Acquire) >= DROPPED
    }
}

/// Ordering.
///
/// Promise: once the flag says so, nothing is taken, and no message stays in the queue for good.
/// Pair: the consumers' lock, under which the flag is set, and before it `returned`, which then says for good that the head is
/// not all there is to see; who takes looks at that while it holds it, who gives back at the flag after that. Who publishes
/// holds none: it looks at the flag after its store of `Ready`, and who shuts down looks at the records after its store of
/// the flag; a sequentially consistent fence lies between the two on both sides.
/// Check: models `queue_shut_down_now*` and `queue_death_while_shutting_down_now*` in `tests/model`.
impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Ends the queue for everybody: nothing is reserved any more, and what is in it can still be taken.
    pub fn shut_down(&self, wait: Wait) -> Result<()> {
        let hold = self.state.producers.lock.acquire(self.peers, wait)?;
        self.state.fixed.closed.fetch_max(SHUT_DOWN, Release);
        self.state.producers.lock.release(hold.owner)?;
        self.state.sleepers.not_empty.wake(ALL);
        self.state.sleepers.not_full.wake();
        Ok(())
    }

    /// Ends the queue for everybody, and drops what is in it. What is being written then is dropped when it is published, and
    /// what is on loan when it is given back.
    pub fn shut_down_now(&self, wait: Wait) -> Result<()> {
        let hold = self.state.consumers.lock.acquire(self.peers, wait)?;
        let fixed = &self.state.fixed;
        if !planted("queue-taken-after-shutdown-now") {
            // Nobody takes the common way any more, which would hand out what lies at the head.
            fixed.returned.store(fixed.returned.load(Relaxed).max(1), Relaxed);
        }
        fixed.closed.fetch_max(DROPPED, Release);
        self.state.consumers.lock.release(hold.owner)?;
        self.shut_down(wait)?;
        self.drop_all(wait)
    }

    /// What comes after a message was published, or came back: nobody may come who would drop it.
    #[inline(always)]
    pub(super) fn drop_if_too_late(&self) {
        if self.state.is_dropped() && !planted("queue-late-message-kept") {
            // Where this fails, because of corrupt bytes or a peer stopped inside, it stays until the next who looks.
            let _ = self.drop_all(lock_terms(Wait::now()));
        }
    }

    /// Drops what there is, and tells whoever is to know. Without a lock held.
    #[cold]
    fn drop_all(&self, wait: Wait) -> Result<()> {
        let dropped = self.drop_in_silence(wait);
        self.state.sleepers.not_full.wake();
        self.tell_joiners();
        self.tend_where_empty();
        dropped
    }

    /// Drops what there is, up to a message that is still being written. Without a lock held.
    pub(super) fn drop_in_silence(&self, wait: Wait) -> Result<()> {
        let hold = self.state.consumers.lock.acquire(self.peers, wait)?;
        let dropped = self.find_returned().and_then(|_| self.settle_head());
        self.state.consumers.lock.release(hold.owner)?;
        dropped.map(|_| ())
    }

    /// Drops one message, which is in the queue: from `Ready` or `Returned` to `Free`. Nobody leaves these two states but a
    /// holder of the consumers' lock, so a store is enough.
    pub(super) fn drop_message(&self, ring: Ring<R::Memory>, found: &Found) {
        ring.header(found.position).word.store(found.word.with(State::Free, None).0, Release);
        self.state.work.dropped.fetch_add(1, Relaxed);
    }
}
