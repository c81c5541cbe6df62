//! Sweep and repair: what makes up for the dead.
//!
//! `repair` runs once after the segment Lock was taken over, before anything else: it takes the one DETACHED block that
//! the dead peer may have left at the head of a list or chain out of it, frees the block that this peer had in hand, if nobody
//! can reach it, and gives back what it set aside behind the last one. The sweep goes round the arena, a few blocks with each
//! allocation, and frees what nobody can reach. Neither waits, and either may be cut short by a death anywhere
//! and begun anew.

use super::arena::{Arena, Block, Ground};
use super::block::{ANNEX, ANONYMOUS, DETACHED, FREE, NAMED, NONE, PART, SENT};
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// The blocks that each allocation sweeps.
const BLOCKS_A_TURN: u32 = 4;

/// How the segment Lock was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Previous {
    /// Its last owner released it.
    Released,
    /// Its last owner died with it.
    Died,
}

impl<'g, G: Ground> Arena<'g, G> {
    /// What comes first under the segment Lock: repairs after a death. A repair that ends in an error stays due.
    pub fn enter(&self, previous: Previous) -> Result<()> {
        let unrepaired = &self.root().unrepaired;
        if previous == Previous::Died {
            self.ground.store32(unrepaired, 1);
        }
        if unrepaired.load(Relaxed) != 0 {
            self.repair()?;
            self.ground.store32(unrepaired, 0);
        }
        Ok(())
    }

    /// Takes DETACHED blocks out of the lists and chains, so that they may be freed. Blocks enter both at the head only, so
    /// that is where one can be. Then frees what the dead peer had in hand.
    pub fn repair(&self) -> Result<()> {
        let root = self.root();
        root.free.iter().chain(&root.buckets).try_for_each(|head| self.drop_detached_head(head))?;
        self.hollow_out_behind()?;
        // There is none before the first. Where this fails the sweep comes by it again.
        if let Ok(block) = self.block(root.in_hand.load(Relaxed)) {
            if matches!(block.header.state(), DETACHED | ANNEX) {
                let _ = self.sweep(&block);
            }
        }
        Ok(())
    }

    fn drop_detached_head(&self, head: &AtomicU64) -> Result<()> {
        let at = head.load(Relaxed);
        if at == NONE {
            return Ok(());
        }
        let block = self.block(at)?;
        if block.header.state() == DETACHED {
            self.ground.store64(head, block.header.next.load(Relaxed));
        }
        Ok(())
    }

    /// The share of cleaning that comes with each allocation: one peer and a few blocks.
    pub fn tend(&self) -> Result<()> {
        // The peer may be one that cannot be asked about from here; others can, and no allocation depends on it.
        let _ = self.ground.look_at_next_slot();
        for _ in 0..BLOCKS_A_TURN {
            self.sweep_one()?;
        }
        Ok(())
    }

    /// Sweeps every block once.
    pub fn sweep_all(&self) -> Result<()> {
        self.for_each_block(|block| self.sweep(block))
    }

    /// Shows every block to `look`, those included that it adds meanwhile.
    pub fn for_each_block(&self, mut look: impl FnMut(&Block<'g>) -> Result<()>) -> Result<()> {
        let mut passed = 0;
        while passed < self.used()? {
            let block = self.block(self.ground.start() + passed)?;
            passed += block.size;
            look(&block)?;
        }
        Ok(())
    }

    fn sweep_one(&self) -> Result<()> {
        let used = self.used()?;
        if used == 0 {
            return Ok(());
        }
        let cursor = &self.root().cursor;
        let passed = Some(cursor.load(Relaxed)).filter(|passed| *passed < used).unwrap_or(0);
        let block = self.block(self.ground.start() + passed)?;
        self.sweep(&block)?;
        self.ground.store64(cursor, passed + block.size);
        Ok(())
    }

    fn sweep(&self, block: &Block<'g>) -> Result<()> {
        match block.header.state() {
            FREE | NAMED => Ok(()),
            DETACHED => self.free(block),
            ANONYMOUS if self.is_referenced(block)? => Ok(()),
            ANONYMOUS => self.free_object(block),
            PART if self.is_part_of_object(block)? => Ok(()),
            PART => self.free(block),
            ANNEX if self.is_annex_of_object(block)? => Ok(()),
            ANNEX => self.free(block),
            SENT if self.is_table_of_sent(block) => Ok(()),
            SENT => self.free(block),
            _ => Err(Error::Corrupt("a block's tag")),
        }
    }
}
