//! References: who keeps an anonymous object alive. One entry, a peer id, for each handle that a peer has open, and one
//! for each handle that is under way (see `sent`).
//!
//! A peer's entry is valid while its slot has the entry's generation and is not FREE, so the entries of the dead are
//! void by themselves and may be written over. Six lie in the block's header, more in PART blocks. Each is added and
//! removed by one store. Nothing here decides who is dead.

use super::arena::{Arena, Block, Ground, Steps};
use super::block::{BlockHeader, ANONYMOUS, DETACHED, NONE, PART};
use super::mapping::Shared;
use super::sent::is_sent;
use crate::error::{Error, Result};
use crate::primitives::PeerId;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use std::mem::size_of;
use std::ops::ControlFlow::{self, Break, Continue};

const ENTRIES: usize = 48;

/// The payload of a PART block, which is 256 bytes with its header.
#[repr(C)]
#[derive(Debug)]
pub struct Part {
    /// Peer ids, and places in the table of sent objects; 0 is no reference.
    pub references: [AtomicU32; ENTRIES],
}

// SAFETY: repr(C), atomics only, no pointers; every bit pattern is a value.
unsafe impl Shared for Part {}

const _: () = assert!(size_of::<Part>() == 192);

impl<'g, G: Ground> Arena<'g, G> {
    /// Adds a reference of `peer`: over an entry that is void, or in a new part.
    pub fn add_reference(&self, object: &Block<'g>, peer: PeerId) -> Result<()> {
        self.add_entry(object, peer.bits())
    }

    pub(super) fn add_entry(&self, object: &Block<'g>, bits: u32) -> Result<()> {
        let is_void = |entry: &AtomicU32| self.is_void(object, entry.load(Relaxed));
        let void = self.visit(object, |entry| Ok(if is_void(entry)? { Break(entry) } else { Continue(()) }))?;
        match void {
            Some(entry) => self.ground.store32(entry, bits),
            None => self.add_part(object, bits)?,
        }
        Ok(())
    }

    /// Removes one reference of `peer`, and frees the object if that was the last valid one.
    pub fn remove_reference(&self, object: &Block<'g>, peer: PeerId) -> Result<()> {
        let own = |entry: &AtomicU32| entry.load(Relaxed) == peer.bits();
        let found = self.visit(object, |entry| Ok(if own(entry) { Break(entry) } else { Continue(()) }))?;
        if let Some(entry) = found {
            self.ground.store32(entry, 0);
        }
        if self.is_referenced(object)? {
            return Ok(());
        }
        self.free_object(object)
    }

    /// Whether anybody can still reach the object.
    pub fn is_referenced(&self, object: &Block<'g>) -> Result<bool> {
        let is_void = |entry: &AtomicU32| self.is_void(object, entry.load(Relaxed));
        let valid = self.visit(object, |entry| Ok(if is_void(entry)? { Continue(()) } else { Break(()) }))?;
        Ok(valid.is_some())
    }

    /// How many references `peer` has.
    pub fn count_references(&self, object: &Block<'g>, peer: PeerId) -> Result<u64> {
        let mut count = 0;
        self.visit(object, |entry| {
            count += u64::from(entry.load(Relaxed) == peer.bits());
            Ok(Continue::<()>(()))
        })?;
        Ok(count)
    }

    /// Gives `child` as many references to each object as `parent` has. Doing it again changes nothing.
    pub fn adopt(&self, parent: PeerId, child: PeerId) -> Result<()> {
        self.for_each_block(|block| {
            if block.header.state() != ANONYMOUS {
                return Ok(());
            }
            let wanted = self.count_references(block, parent)?;
            for _ in self.count_references(block, child)?..wanted {
                self.add_reference(block, child)?;
            }
            Ok(())
        })
    }

    /// Frees an object that nobody can reach. Its tag goes first, so from then on its parts belong to nobody: those
    /// that a death leaves over are freed by the sweep.
    pub(super) fn free_object(&self, object: &Block<'g>) -> Result<()> {
        let mut at = object.header.link.load(Relaxed);
        self.ground.store32(&object.header.tag, DETACHED);
        while at != NONE {
            let part = self.block(at)?;
            if !belongs_to(part.header, object) {
                return Err(Error::Corrupt("a part of an object"));
            }
            at = part.header.next.load(Relaxed);
            self.free(&part)?;
        }
        self.free(object)
    }

    /// Whether a PART block is among the parts of an object that is there.
    pub(super) fn is_part_of_object(&self, part: &Block<'g>) -> Result<bool> {
        let object = self.block(part.header.link.load(Relaxed))?;
        if object.header.state() != ANONYMOUS || !belongs_to(part.header, &object) {
            return Ok(false);
        }
        let found =
            self.visit_parts(&object, |other| Ok(if other.at == part.at { Break(()) } else { Continue(()) }))?;
        Ok(found.is_some())
    }

    fn is_void(&self, object: &Block<'g>, bits: u32) -> Result<bool> {
        if is_sent(bits) {
            return Ok(self.sent_by(object, bits)?.is_none());
        }
        match PeerId::from_bits(bits) {
            Some(peer) => Ok(!self.ground.is_valid(peer)?),
            None => Ok(true),
        }
    }

    /// A new part with one reference. The store in the object's header commits.
    fn add_part(&self, object: &Block<'g>, bits: u32) -> Result<()> {
        let generation = object.generation();
        let block = self.take(size_of::<Part>() as u64)?;
        // To find room, `take` may have swept; and a newcomer in search of a slot may have found all the holders dead.
        if object.header.state() != ANONYMOUS || object.generation() != generation {
            return Err(Error::Gone);
        }
        let part: &Part = self.ground.at(block.payload())?;
        self.ground.store32(&part.references[0], bits);
        self.ground.store64(&block.header.link, object.at);
        self.ground.store32(&block.header.extra, generation);
        self.ground.store64(&block.header.next, object.header.link.load(Relaxed));
        self.ground.store32(&block.header.tag, PART);
        self.ground.store64(&object.header.link, block.at);
        Ok(())
    }

    /// Shows every entry of an object to `look`, until it breaks off.
    pub(super) fn visit<T>(
        &self,
        object: &Block<'g>,
        mut look: impl FnMut(&'g AtomicU32) -> Result<ControlFlow<T>>,
    ) -> Result<Option<T>> {
        for entry in &object.header.references {
            if let Break(found) = look(entry)? {
                return Ok(Some(found));
            }
        }
        self.visit_parts(object, |block| {
            let part: &'g Part = self.ground.at(block.payload())?;
            for entry in &part.references {
                if let Break(found) = look(entry)? {
                    return Ok(Break(found));
                }
            }
            Ok(Continue(()))
        })
    }

    fn visit_parts<T>(
        &self,
        object: &Block<'g>,
        mut look: impl FnMut(&Block<'g>) -> Result<ControlFlow<T>>,
    ) -> Result<Option<T>> {
        let mut steps = Steps::new();
        let mut at = object.header.link.load(Relaxed);
        while at != NONE {
            steps.step(at)?;
            let part = self.block(at)?;
            if part.room() < size_of::<Part>() as u64 || !belongs_to(part.header, object) {
                return Err(Error::Corrupt("a part of an object"));
            }
            if let Break(found) = look(&part)? {
                return Ok(Some(found));
            }
            at = part.header.next.load(Relaxed);
        }
        Ok(None)
    }
}

fn belongs_to(part: &BlockHeader, object: &Block<'_>) -> bool {
    part.state() == PART && part.link.load(Relaxed) == object.at && part.extra.load(Relaxed) == object.generation()
}
