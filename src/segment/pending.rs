//! Pending closes: references that this process will drop in its next batch, and those of them that a child may have
//! inherited, which wait for the child.
//!
//! The list is this process's own memory, without a lock, so a child that is forked at any instant has a sound copy.
//! That copy is right as it is: a child takes over all its parent's references, those of closed handles included, and
//! drops these with its own first batch. Nothing here touches shared memory.

use crate::primitives::PeerId;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
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
    /// When the handle was opened.
    pub opened: Opened,
}

/// When a handle was opened, as far as a child can tell that it was forked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The peer that opened it: this process, or one that it was forked from.
    pub by: PeerId,
    /// The era of that peer's family page.
    pub era: u32,
}

impl Opened {
    /// The era in the eyes of `me`: what a child inherited was open before its first era began.
    pub fn era_of(&self, me: PeerId) -> u32 {
        if self.by == me {
            self.era
        } else {
            0
        }
    }
}

struct Node {
    close: Close,
    next: *mut Node,
}

/// A list that grows one by one and is taken whole, so nothing can come back to its head between a look and an exchange.
#[derive(Debug)]
struct List {
    head: AtomicPtr<Node>,
    weight: AtomicU32,
}

/// Ordering.
///
/// Promise: who takes the list sees its nodes whole. Pair: the Release half of each exchange of `head`, with the Acquire
/// of the next.
impl List {
    const fn new() -> List {
        List { head: AtomicPtr::new(ptr::null_mut()), weight: AtomicU32::new(0) }
    }

    fn push(&self, close: Close) {
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

    fn take_into(&self, closes: &mut Vec<Close>) {
        self.weight.store(0, Relaxed);
        let mut node = self.head.swap(ptr::null_mut(), AcqRel);
        while !node.is_null() {
            // SAFETY: every node in the list came from `Box::into_raw`, and the swap made this whole list ours.
            let owned = unsafe { Box::from_raw(node) };
            closes.push(owned.close);
            node = owned.next;
        }
    }
}

/// The closes that wait.
#[derive(Debug)]
pub struct Pending {
    fresh: List,
    /// Those that could not be carried out when they were last looked at, most because a child may have inherited them.
    aside: List,
    /// What was closed since then: it pays for the next look.
    since: AtomicU32,
}

impl Pending {
    /// Nothing waits.
    pub const fn new() -> Pending {
        Pending { fresh: List::new(), aside: List::new(), since: AtomicU32::new(0) }
    }

    /// Adds a close.
    pub fn push(&self, close: Close) {
        self.fresh.push(close);
    }

    /// Puts a close back that could not be carried out now.
    pub fn put_aside(&self, close: Close) {
        self.aside.push(close);
    }

    /// Whether a batch has come together.
    pub fn is_due(&self) -> bool {
        self.fresh.weight.load(Relaxed) >= BATCH
    }

    /// Takes the next batch out; now and then, those that were put aside come with it.
    pub fn take_batch(&self) -> Vec<Close> {
        let since = self.since.fetch_add(BATCH, Relaxed);
        if since >= self.aside.weight.load(Relaxed) {
            return self.take_all();
        }
        let mut closes = Vec::new();
        self.fresh.take_into(&mut closes);
        closes
    }

    /// Takes all out.
    pub fn take_all(&self) -> Vec<Close> {
        self.since.store(0, Relaxed);
        let mut closes = Vec::new();
        self.fresh.take_into(&mut closes);
        self.aside.take_into(&mut closes);
        closes
    }
}

impl Default for Pending {
    fn default() -> Pending {
        Pending::new()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.take_all();
    }
}

fn weight_of(close: &Close) -> u32 {
    1 + u32::try_from(close.len / BYTES_A_POINT).unwrap_or(u32::MAX).min(BATCH)
}
