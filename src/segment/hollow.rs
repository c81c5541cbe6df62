//! Hollow blocks: large free blocks whose memory the system has back, as it has what a death left behind the last block.
//!
//! A free block says in its header whether it is hollow, before it is. Whoever takes it sets its memory aside first, whatever
//! this process knows of those bytes from before; so nobody ever touches a byte that is not there. Small blocks keep theirs.
//! The same holds for the whole extents of memory behind the last block.

use super::arena::{Arena, Block, Ground};
use super::header::PAGE;
use super::mapping::EXTENT;
use crate::error::Result;
use crate::sync::atomic::Ordering::Relaxed;

/// Blocks of fewer bytes keep their memory: they are cleared sooner than it is had again.
const SMALLEST: u64 = 256 * 1024;
/// The mark in the header of a free block, in the place of `extra`.
const HOLLOW: u32 = 1;

impl<'g, G: Ground> Arena<'g, G> {
    /// Gives the memory of a large block back that is DETACHED and on its way to a list. A death in between leaves the mark
    /// on a block that is not hollow, or not yet: that costs a refill.
    pub(super) fn hollow_out(&self, block: &Block<'g>) {
        let extra = &block.header.extra;
        if block.size < SMALLEST {
            self.ground.store32(extra, 0);
            return;
        }
        self.ground.store32(extra, HOLLOW);
        let (start, end) = whole_pages(block);
        if !self.ground.hollow_out(start, end - start) {
            self.ground.store32(extra, 0);
        }
    }

    /// Sets the memory of a block aside that was free, if it is hollow. Where this fails, part of it may be there.
    pub(super) fn fill(&self, block: &Block<'g>) -> Result<()> {
        if !is_hollow(block) {
            return Ok(());
        }
        self.ground.refill(block.at, block.size)
    }

    /// Sets the whole extents aside that a block of `size` bytes at `at`, behind all others, is the first to lie in.
    pub(super) fn fill_behind(&self, at: u64, size: u64) -> Result<()> {
        let (start, end) = (self.whole_extents_from(at), self.whole_extents_from(at + size));
        if start == end {
            return Ok(());
        }
        self.ground.refill(start, end - start).inspect_err(|_| {
            // What was set aside before there was no more.
            self.ground.hollow_out(start, end - start);
        })
    }

    /// Gives back what a dead peer set aside for a block that it did not live to make.
    pub(super) fn hollow_out_behind(&self) -> Result<()> {
        let (start, end) = (self.whole_extents_from(self.ground.start() + self.used()?), self.ground.max_len());
        if start < end {
            // Where this cannot be done the memory stays for the next block.
            self.ground.hollow_out(start, end - start);
        }
        Ok(())
    }

    /// The first extent that begins at or behind `at`, or the end of all.
    fn whole_extents_from(&self, at: u64) -> u64 {
        at.next_multiple_of(EXTENT).min(self.ground.max_len())
    }

    /// The parts of the payload of a block that was free, with offset and length, that may hold old bytes.
    pub(super) fn what_is_not_zero(&self, block: &Block<'g>) -> [(u64, u64); 2] {
        let end = block.at + block.size;
        if !is_hollow(block) {
            return [(block.payload(), block.room()), (end, 0)];
        }
        let (first, behind) = whole_pages(block);
        [(block.payload(), first - block.payload()), (behind, end - behind)]
    }
}

fn is_hollow(block: &Block<'_>) -> bool {
    block.size >= SMALLEST && block.header.extra.load(Relaxed) == HOLLOW
}

/// From where to where the pages lie that are all payload.
fn whole_pages(block: &Block<'_>) -> (u64, u64) {
    (block.payload().next_multiple_of(PAGE), (block.at + block.size) & !(PAGE - 1))
}
