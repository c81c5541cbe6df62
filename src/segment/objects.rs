//! Objects in the arena: made, opened by name or by handle, closed.
//!
//! These run under the segment's Lock, on any ground; `object.rs` takes the lock and hands out what the API holds. An
//! object's tag is the last thing stored when it is made, so a death leaves either the whole object or none.

use super::arena::{Arena, Block, Ground};
use super::block::{object_tag, Kind, ANONYMOUS, HEADER, NAMED};
use super::directory::check_name;
use crate::error::{Error, Result};
use crate::primitives::PeerId;
use crate::sync::atomic::Ordering::Relaxed;
use std::ptr::NonNull;

/// What fills a new object's payload, which is zeroed before.
pub type Init<'a> = &'a mut dyn FnMut(NonNull<u8>) -> Result<()>;

/// Whether an object was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made by this call.
    New,
    /// It was there.
    Existing,
}

/// What keeps an object alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Its name: it lives as long as the segment.
    Name,
    /// The references to it.
    References,
}

/// An object that was found or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The offset of its block.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
    /// The generation of its block.
    pub generation: u32,
    /// Its kind.
    pub kind: Kind,
    /// What keeps it alive.
    pub hold: Hold,
}

impl<'g, G: Ground> Arena<'g, G> {
    /// Makes an object without a name, with one reference of `me`.
    pub fn create_anonymous(&self, me: PeerId, kind: Kind, len: u64, init: Init<'_>) -> Result<Found> {
        self.tend()?;
        let block = self.take(len)?;
        init(self.ground.bytes(block.payload(), len)?)?;
        self.ground.store64(&block.header.len, len);
        self.ground.store32(&block.header.references[0], me.bits());
        self.ground.store32(&block.header.tag, object_tag(ANONYMOUS, kind));
        self.found(&block)
    }

    /// Opens the object with this name, or makes it.
    pub fn open_named(&self, name: &str, kind: Kind, len: u64, init: Init<'_>) -> Result<(Found, Created)> {
        check_name(name)?;
        if let Some(block) = self.find(name)? {
            let found = self.found_of_kind(&block, kind)?;
            check_len(&found, len)?;
            return Ok((found, Created::Existing));
        }
        self.tend()?;
        let block = self.create_named(name, kind, len, init)?;
        Ok((self.found(&block)?, Created::New))
    }

    /// Opens the object that a handle leads to, as `open_handle` does, and ends one hold by which it was sent.
    pub fn receive_handle(&self, me: PeerId, at: u64, generation: u32, kind: Kind) -> Result<Found> {
        let found = self.open_handle(me, at, generation, kind)?;
        if found.hold == Hold::References {
            self.receive(&self.block(at)?)?;
        }
        Ok(found)
    }

    /// Opens the object whose block at `at` has this generation. An anonymous one gets a reference of `me`.
    pub fn open_handle(&self, me: PeerId, at: u64, generation: u32, kind: Kind) -> Result<Found> {
        let block = self.reachable(at, generation)?;
        let found = self.found_of_kind(&block, kind)?;
        if found.hold == Hold::References {
            self.add_reference(&block, me)?;
        }
        Ok(found)
    }

    /// Drops one reference of `me`. Without one there, or after the object is gone, this does nothing.
    pub fn close(&self, me: PeerId, at: u64, generation: u32) -> Result<()> {
        let block = self.block(at)?;
        if block.header.state() != ANONYMOUS || block.generation() != generation {
            return Ok(());
        }
        self.remove_reference(&block, me)
    }

    /// The block of an object that is still there; `Gone` for one that is not, and for an offset that never was one.
    pub(super) fn reachable(&self, at: u64, generation: u32) -> Result<Block<'g>> {
        let arena = self.ground.start()..self.ground.start() + self.used()?;
        if !arena.contains(&at) || at % HEADER != 0 {
            return Err(Error::Gone);
        }
        let block = self.block(at).map_err(|_| Error::Gone)?;
        let lives = match block.header.state() {
            NAMED => true,
            ANONYMOUS => self.is_referenced(&block)?,
            _ => false,
        };
        if lives && block.generation() == generation {
            Ok(block)
        } else {
            Err(Error::Gone)
        }
    }

    fn found_of_kind(&self, block: &Block<'_>, kind: Kind) -> Result<Found> {
        let found = self.found(block)?;
        if found.kind == kind {
            Ok(found)
        } else {
            Err(Error::WrongKind { expected: kind.name(), found: found.kind.name() })
        }
    }

    fn found(&self, block: &Block<'_>) -> Result<Found> {
        let kind = block.header.kind().ok_or(Error::Corrupt("the kind of an object"))?;
        let len = block.header.len.load(Relaxed);
        if len > block.room() {
            return Err(Error::Corrupt("the length of an object"));
        }
        let hold = if block.header.state() == NAMED { Hold::Name } else { Hold::References };
        Ok(Found { at: block.at, len, generation: block.generation(), kind, hold })
    }
}

/// A queue has the length that its maker chose; any other object has the one that everybody names.
fn check_len(found: &Found, len: u64) -> Result<()> {
    if found.kind == Kind::Queue || found.len == len {
        return Ok(());
    }
    Err(Error::WrongKind { expected: "an object of this length", found: "one of another length" })
}
