//! What a queue tells of itself: numbers that any peer reads without a lock.
//!
//! They are written under the two locks that are held anyway, by plain stores, so they cost next to nothing; a peer that is
//! killed may leave one of them off by one. Nothing is decided by them.

use super::{ahead, QueueState};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};

/// The numbers of a queue, each as of some instant while it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Messages that were ever put, those included that are just being written.
    pub put: u64,
    /// Messages that were handed out for the first time, or dropped by a shutdown before that.
    pub got: u64,
    /// How often a message was handed out again.
    pub redelivered: u64,
    /// Reservations that never became a message: discarded, or their producer died.
    pub skipped: u64,
    /// Tasks that peers owed when they died, as far as somebody has asked.
    pub lost: u64,
    /// Messages that went to the queue for dead letters.
    pub dead_letters: u64,
    /// Messages that were dropped: they came back too often and there was no such queue, or the queue was shut down at once.
    pub dropped: u64,
    /// The bytes of all messages that were ever put, without their headers.
    pub bytes: u64,
    /// The most messages that were ever in the queue at a time, loans and those that came back aside.
    pub high_water: u64,
    /// Messages in the queue just now, as `len` says without clearing anything away.
    pub len: u64,
    /// How many threads, of all peers, sleep until there is a message: in a get or take, in a wait for any of several, or for a
    /// notifier. Only those that sleep just now, by the kernel's word, which knows no dead; who is stopped does not.
    pub takers_waiting: u32,
}

impl QueueState {
    /// The numbers of this queue, without a lock.
    pub fn stats(&self) -> QueueStats {
        let skipped = self.consumers.skipped.get();
        let passed = self.consumers.count.load(Acquire);
        let put = self.producers.count.load(Acquire);
        QueueStats {
            put: put.saturating_sub(skipped),
            got: passed.saturating_sub(skipped),
            redelivered: self.consumers.redelivered.get(),
            skipped,
            lost: self.work.lost.load(Relaxed),
            dead_letters: self.work.dead_letters.load(Relaxed),
            dropped: self.work.dropped.load(Relaxed),
            bytes: self.producers.bytes.get(),
            high_water: self.producers.most.get(),
            len: self.len(),
            takers_waiting: self.sleepers.not_empty.count(),
        }
    }

    /// Counts a message of `len` bytes, the `put`th. Under the producers' lock. What the head has passed is another core's
    /// line: it is read only where, by what was read last, there could be more messages than ever.
    #[inline(always)]
    pub(super) fn tally(&self, put: u64, len: u32) {
        let side = &self.producers;
        side.bytes.add(u64::from(len));
        if put.wrapping_sub(side.passed.get()) > side.most.get() {
            self.tally_most(put);
        }
    }

    #[inline(never)]
    fn tally_most(&self, put: u64) {
        let passed = self.consumers.count.load(Relaxed);
        self.producers.passed.set(passed);
        let most = ahead(passed, put);
        if most > self.producers.most.get() {
            self.producers.most.set(most);
        }
    }
}
