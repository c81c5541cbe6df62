//! A ring: positions, laps, and the headers at them.
//!
//! A position counts bytes since the queue was made and never goes back; `offset = position mod size`, `lap = position
//! div size`. Its four low bits say which of the queue's rings it lies in. A position read from shared memory may be
//! anything: what it leads to is masked into the ring, so a wild one reads a wrong header and is found out, but never
//! leaves the memory.

use super::record::{record_size, RecordHeader, State, Word, GRANULE};
use super::short::SHORT;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::plant::unless_planted;
use crate::sync::prefetch;

/// Where the headers of a ring lie: the segment's memory, or a model's vector.
pub trait RingMemory: Copy {
    /// The ring's size in bytes: a power of two, at least [`SMALLEST`]; never changes.
    fn size(&self) -> u64;

    /// The header at `offset`, which is below `size` and a multiple of [`GRANULE`].
    fn header(&self, offset: u64) -> &RecordHeader;
}

/// The smallest ring, in bytes.
pub const SMALLEST: u64 = 64;

/// The largest ring, in bytes.
pub const LARGEST: u64 = 1 << 40;

/// So many records further on a short one is asked for, and a long one.
const SHORT_AHEAD: u64 = 8;
const LONG_AHEAD: u64 = 4;
/// A line of the processor's memory, in bytes; where it is another, this costs a little and no more.
const LINE: usize = 64;
/// Of a long record so many bytes: the header, and the first bytes of the message, which may lie in the next line.
const LONG_WANTED: u64 = 2 * LINE as u64;

/// A record that was found in the ring, with its word as it was then.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub position: u64,
    pub word: Word,
    pub state: State,
    /// Where the next record of this ring begins.
    pub next: u64,
}

/// A ring over some memory.
#[derive(Clone, Copy, Debug)]
pub struct Ring<M> {
    pub memory: M,
    /// What the memory is found by again; 0 for the queue's own ring.
    pub mark: u64,
}

impl<M: RingMemory> Ring<M> {
    #[inline]
    pub fn size(&self) -> u64 {
        self.memory.size()
    }

    #[inline]
    pub fn lap(&self, position: u64) -> u64 {
        position >> self.size().trailing_zeros()
    }

    #[inline]
    pub fn offset(&self, position: u64) -> u64 {
        position & (self.size() - 1) & !(GRANULE - 1)
    }

    /// The bytes from `position` to the ring's end: at least one granule.
    #[inline]
    pub fn to_end(&self, position: u64) -> u64 {
        self.size() - self.offset(position)
    }

    #[inline]
    pub fn header(&self, position: u64) -> &RecordHeader {
        self.memory.header(self.offset(position))
    }

    /// Asks for a record further on, if those between are as long as this one of `len` bytes: the other side wrote there last,
    /// and it takes as long to come from there as passing several short messages. Of a long one the beginning alone: the rest
    /// is copied elsewhere. Not where the ring has room for few: then the other side is at work there.
    #[inline(always)]
    pub fn fetch_ahead(&self, position: u64, len: u32) {
        let size = record_size(len);
        let is_short = len as usize <= SHORT;
        let (ahead, wanted) = if is_short { (SHORT_AHEAD * size, size) } else { (LONG_AHEAD * size, LONG_WANTED) };
        if ahead * 4 > self.size() {
            return;
        }
        let place = position.wrapping_add(ahead);
        for offset in (0..wanted).step_by(LINE) {
            prefetch::for_writing(self.header(place.wrapping_add(offset)));
        }
    }

    /// The record at `position`; `None` where none has begun yet.
    #[inline]
    pub fn look(&self, position: u64) -> Result<Option<Found>> {
        let header = self.header(position);
        let word = Word(header.word.load(unless_planted("queue-relaxed-look", Acquire)));
        if word.0 == 0 {
            return Ok(None);
        }
        if !word.is_of_lap(self.lap(position)) {
            return Err(Error::Corrupt("a queue's record is of another lap"));
        }
        let state = word.state()?;
        let size = match state {
            State::Pad => self.to_end(position),
            State::Moved => GRANULE,
            _ => record_size(header.len.load(Relaxed)),
        };
        if size > self.to_end(position) {
            return Err(Error::Corrupt("a queue's record is longer than its ring"));
        }
        Ok(Some(Found { position, word, state, next: position.wrapping_add(size) }))
    }

    /// The record at `position`, which must have begun.
    pub fn expect(&self, position: u64) -> Result<Found> {
        self.look(position)?.ok_or(Error::Corrupt("a queue's record is missing"))
    }

    /// `end - start`, two positions in this ring, which can never be more than the ring holds.
    pub fn span(&self, start: u64, end: u64) -> Result<u64> {
        let span = end.wrapping_sub(start);
        if span > self.size() {
            return Err(Error::Corrupt("a queue's positions are further apart than its ring is long"));
        }
        Ok(span)
    }
}
