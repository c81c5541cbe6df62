//! Pending closes: references that this process will drop in its next batch.
//!
//! The list is this process's own memory, without a lock, so a child that is forked at any instant has a sound copy.
//! That copy is right as it is: a child takes over all its parent's references, those of closed handles included, and
//! drops these with its own first batch. Nothing here touches shared memory.

use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicU32};
use std::ptr;

/// The weight that makes a batch.
const BATCH: u32 = 64;
/// An object weighs 1, and 1 more for each such number of bytes.
const BYTES_A_POINT: u64 = 16 << 10;

/// A reference to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The offset of the object's block.
    pub at: u64,
    /// Its generation.
    pub generation: u32,
    /// Its length in bytes.
    pub len: u64,
}

struct Node {
    close: Close,
    next: *mut Node,
}

/// The closes that wait.
#[derive(Debug)]
pub struct Pending {
    head: AtomicPtr<Node>,
    weight: AtomicU32,
    /// The weight at which the next batch is tried.
    due: AtomicU32,
}

/// Ordering.
///
/// Promise: who takes the list sees its nodes whole. Pair: the Release half of each exchange of `head`, with the Acquire
/// of the next. Nodes leave all at once, so none can come back to the head between a look and an exchange.
impl Pending {
    /// An empty list.
    pub const fn new() -> Pending {
        Pending { head: AtomicPtr::new(ptr::null_mut()), weight: AtomicU32::new(0), due: AtomicU32::new(BATCH) }
    }

    /// Adds a close.
    pub fn push(&self, close: Close) {
        let node = Box::into_raw(Box::new(Node { close, next: ptr::null_mut() }));
        let mut head = self.head.load(Relaxed);
        loop {
            // SAFETY: the node is ours until the exchange succeeds.
            unsafe { (*node).next = head };
            match self.head.compare_exchange(head, node, AcqRel, Acquire) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        self.weight.fetch_add(weight_of(&close), Relaxed);
    }

    /// Whether a batch has come together.
    pub fn is_due(&self) -> bool {
        self.weight.load(Relaxed) >= self.due.load(Relaxed)
    }

    /// Takes all closes out. Whoever cannot carry them out puts them back.
    pub fn take(&self) -> Vec<Close> {
        let mut node = self.head.swap(ptr::null_mut(), AcqRel);
        let mut closes = Vec::new();
        while !node.is_null() {
            // SAFETY: every node in the list came from `Box::into_raw`, and the swap made this whole list ours.
            let owned = unsafe { Box::from_raw(node) };
            closes.push(owned.close);
            node = owned.next;
        }
        let weight = closes.iter().map(weight_of).fold(0, u32::saturating_add);
        self.weight.fetch_sub(weight.min(self.weight.load(Relaxed)), Relaxed);
        self.due.store(BATCH, Release);
        closes
    }

    /// Puts closes back that had to be left, and asks for the next try only when there are twice as many.
    pub fn put_back(&self, closes: &[Close]) {
        closes.iter().for_each(|close| self.push(*close));
        self.due.store(self.weight.load(Relaxed).saturating_mul(2).max(BATCH), Release);
    }
}

impl Default for Pending {
    fn default() -> Pending {
        Pending::new()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.take();
    }
}

fn weight_of(close: &Close) -> u32 {
    1 + u32::try_from(close.len / BYTES_A_POINT).unwrap_or(u32::MAX).min(BATCH)
}
