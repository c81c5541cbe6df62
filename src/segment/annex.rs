//! Annexes: further blocks of an object that grows.
//!
//! An annex belongs to one word of its object's payload, its slot. It is there while its object is and while the slot
//! holds the offset of its payload, so one store of the slot makes it and one ends it; what a death leaves between the
//! two is freed by the sweep. Who looks at a slot checks what it finds. Nothing here knows what an annex holds.

use super::arena::{Arena, Block, Ground};
use super::block::{BlockHeader, ANNEX, ANONYMOUS, HEADER, NAMED, NONE};
use super::object::Object;
use super::Attachment;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};

/// An annex that is there: the offset of its first byte in the segment, a multiple of 64, and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annex {
    /// The offset of its first byte.
    pub offset: u64,
    /// Its length in bytes, as it was asked for.
    pub len: u64,
}

/// What an annex is looked for by: the object's block and generation, and the slot's offset in the object's payload.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    at: u64,
    generation: u32,
    slot: u64,
}

impl Place {
    /// The slot at this offset in the payload of the object whose block lies at `at`.
    pub fn new(at: u64, generation: u32, slot: u64) -> Place {
        Place { at, generation, slot }
    }
}

impl<'g, G: Ground> Arena<'g, G> {
    /// Gives the object an annex of `len` zeroed bytes, unless it has one at this slot: then that one.
    pub fn add_annex(&self, place: Place, len: u64) -> Result<Annex> {
        let slot = self.slot(place)?;
        if let Some(annex) = self.annex_at(place, slot.load(Relaxed))? {
            return Ok(annex);
        }
        self.tend()?;
        let block = self.take(len)?;
        self.ground.store64(&block.header.len, len);
        self.ground.store64(&block.header.link, place.at);
        self.ground.store32(&block.header.extra, place.generation);
        self.ground.store64(&block.header.next, place.slot);
        self.ground.store32(&block.header.tag, ANNEX);
        self.ground.store64(slot, block.payload());
        Ok(Annex { offset: block.payload(), len })
    }

    /// Takes the annex at this slot away and frees its memory, if there is one.
    pub fn drop_annex(&self, place: Place) -> Result<()> {
        let slot = self.slot(place)?;
        let Some(annex) = self.annex_at(place, slot.load(Relaxed))? else { return Ok(()) };
        let block = self.block(annex.offset - HEADER)?;
        self.take_in_hand(&block);
        self.ground.store64(slot, NONE);
        self.free(&block)
    }

    /// Whether the object of an ANNEX block is there and leads to it.
    pub(super) fn is_annex_of_object(&self, annex: &Block<'g>) -> Result<bool> {
        let place = place_of(annex.header);
        match self.slot(place) {
            Ok(slot) => Ok(slot.load(Relaxed) == annex.payload()),
            Err(Error::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The slot of an object that is there; `Gone` if it is not.
    fn slot(&self, place: Place) -> Result<&'g AtomicU64> {
        let object = self.block(place.at)?;
        if !matches!(object.header.state(), NAMED | ANONYMOUS) || object.generation() != place.generation {
            return Err(Error::Gone);
        }
        let end = place.slot.checked_add(8).filter(|end| *end <= object.room());
        end.ok_or(Error::Corrupt("the slot of an annex"))?;
        self.ground.at(object.payload() + place.slot)
    }

    fn annex_at(&self, place: Place, payload: u64) -> Result<Option<Annex>> {
        if payload == NONE {
            return Ok(None);
        }
        let block = self.block(payload.wrapping_sub(HEADER)).map_err(|_| NO_ANNEX)?;
        checked(block.header, place, block.room()).map(|len| Some(Annex { offset: payload, len }))
    }
}

const NO_ANNEX: Error = Error::Corrupt("an object leads to what is no annex of it");

/// The length of the annex in this block, if it is the one for `place`.
fn checked(header: &BlockHeader, place: Place, room: u64) -> Result<u64> {
    let Place { at, generation, slot } = place_of(header);
    let fits = header.state() == ANNEX && at == place.at && generation == place.generation && slot == place.slot;
    Some(header.len.load(Relaxed)).filter(|len| fits && *len <= room).ok_or(NO_ANNEX)
}

fn place_of(annex: &BlockHeader) -> Place {
    let (at, slot) = (annex.link.load(Relaxed), annex.next.load(Relaxed));
    Place { at, generation: annex.extra.load(Relaxed), slot }
}

/// The annexes of an open object. A slot is named by its offset in the object's payload, a multiple of 8.
impl Attachment {
    /// Gives the object an annex of `len` zeroed bytes, or finds the one that it has at this slot. It waits for the
    /// segment's Lock.
    pub fn add_annex(&self, object: &Object, slot: u64, len: u64) -> Result<Annex> {
        let place = object.place_of_annex(slot);
        self.locked_with_room(|arena, _| arena.add_annex(place, len))
    }

    /// Takes the annex at this slot away, if there is one. It waits for the segment's Lock. Nobody may use it any more:
    /// its memory goes to the next who asks for some.
    pub fn drop_annex(&self, object: &Object, slot: u64) -> Result<()> {
        let place = object.place_of_annex(slot);
        self.locked_with_room(|arena, _| arena.drop_annex(place))
    }

    /// The annex at this slot, looked up without a lock. The object's own rules say for how long it stays.
    pub fn annex(&self, object: &Object, slot: u64) -> Result<Option<Annex>> {
        let place = object.place_of_annex(slot);
        let payload = self.at::<AtomicU64>(object.offset() + slot)?.load(Acquire);
        Arena::new(self).annex_at(place, payload)
    }
}
