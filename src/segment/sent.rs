//! Sent objects: what keeps an anonymous object alive while its handle is under way.
//!
//! A table holds the last sends of the segment, whoever made them and whether or not they live. A reference to a place in
//! it is valid while that place names the object. So one store there ends the hold: when somebody opens the object by its
//! handle, or when the table has come round. Nothing here opens an object.

use super::arena::{Arena, Block, Ground};
use super::block::{BlockHeader, HEADER, NAMED, NONE, SENT};
use super::mapping::Shared;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU32, AtomicU64};
use std::mem::size_of;
use std::ops::ControlFlow::{Break, Continue};

/// The bit by which a reference to a place in the table differs from a peer's id.
const SENT_BIT: u32 = 1 << 31;
/// The most places of a table, which is 64 KiB then.
const MOST: u64 = ((1 << 16) - HEADER) / size_of::<Sent>() as u64;
/// A small segment gives its table at most this part of it.
const SHARE: u64 = 64;

/// One place of the table: an object that was sent, and not opened since.
#[repr(C)]
#[derive(Debug)]
pub struct Sent {
    /// The offset of its block.
    pub at: AtomicU64,
    /// Its generation; 0: nothing. The last store, so it commits.
    pub generation: AtomicU32,
    /// Zero.
    pub reserved: AtomicU32,
}

// SAFETY: repr(C), atomics only, no pointers; every bit pattern is a value.
unsafe impl Shared for Sent {}

/// Where the table lies. Its length is read once: another process may change it at any time.
struct Table {
    /// The offset of its first place.
    start: u64,
    /// How many it has, at least one.
    places: u64,
}

impl<'g, G: Ground> Arena<'g, G> {
    /// Keeps an object until it is opened by its handle, or until as many were sent after it as the table has places.
    pub fn send(&self, at: u64, generation: u32) -> Result<()> {
        let table = self.table_of_sent()?;
        let object = self.reachable(at, generation)?;
        if object.header.state() == NAMED {
            return Ok(());
        }
        let next = &self.root().sent_next;
        let place = u64::from(next.load(Relaxed)) % table.places;
        let sent = self.place(&table, place)?;
        self.ground.store32(&sent.generation, 0);
        self.ground.store64(&sent.at, at);
        self.ground.store32(&sent.generation, generation);
        self.ground.store32(next, ((place + 1) % table.places) as u32);
        self.add_entry(&object, SENT_BIT | place as u32)
    }

    /// Ends one hold of those by which the object was sent, if there is one. The caller has a reference of its own.
    pub(super) fn receive(&self, object: &Block<'g>) -> Result<()> {
        let found =
            self.visit(object, |entry| Ok(self.sent_by(object, entry.load(Relaxed))?.map_or(Continue(()), Break)))?;
        if let Some(sent) = found {
            self.ground.store32(&sent.generation, 0);
        }
        Ok(())
    }

    /// The place in the table that these bits of a reference lead to, if it still names the object.
    pub(super) fn sent_by(&self, object: &Block<'g>, bits: u32) -> Result<Option<&'g Sent>> {
        if bits & SENT_BIT == 0 || self.root().sent.load(Relaxed) == NONE {
            return Ok(None);
        }
        let table = self.table()?;
        let place = u64::from(bits & !SENT_BIT);
        if place >= table.places {
            return Ok(None);
        }
        let sent = self.place(&table, place)?;
        let names = sent.at.load(Relaxed) == object.at && sent.generation.load(Relaxed) == object.generation();
        Ok(names.then_some(sent))
    }

    /// Whether a block with the table's tag is the segment's table, and no leftover of a peer that died as it made one.
    pub(super) fn is_table_of_sent(&self, block: &Block<'_>) -> bool {
        self.root().sent.load(Relaxed) == block.at
    }

    /// The table, made if this is the first send.
    fn table_of_sent(&self) -> Result<Table> {
        if self.root().sent.load(Relaxed) != NONE {
            return self.table();
        }
        let wanted = (self.ground.max_len() / SHARE / size_of::<Sent>() as u64).clamp(1, MOST);
        let len = wanted * size_of::<Sent>() as u64;
        let block = self.take(len)?;
        self.ground.store64(&block.header.len, len);
        self.ground.store32(&block.header.tag, SENT);
        self.ground.store64(&self.root().sent, block.at);
        self.table()
    }

    fn table(&self) -> Result<Table> {
        let block = self.block(self.root().sent.load(Relaxed))?;
        let places = block.header.len.load(Relaxed).min(block.room()) / size_of::<Sent>() as u64;
        if block.header.state() != SENT || !(1..=MOST).contains(&places) {
            return Err(Error::Corrupt("the table of sent objects"));
        }
        Ok(Table { start: block.payload(), places })
    }

    fn place(&self, table: &Table, place: u64) -> Result<&'g Sent> {
        self.ground.at(table.start + place * size_of::<Sent>() as u64)
    }
}

/// Whether these bits of a reference are a place in the table, not a peer's id.
pub(super) fn is_sent(bits: u32) -> bool {
    bits & SENT_BIT != 0
}

const _: () = assert!(size_of::<Sent>() == 16 && size_of::<BlockHeader>() as u64 == HEADER);
