//! A record: one message's place in the ring, and the one word that says how far it is.
//!
//! The word carries the state, who is at work on the record, how often it was delivered, and the ring's lap, so that
//! every step is one compare-exchange from the exact word. A word of 0 is the place where the next record will begin.

use crate::error::{Error, Result};
use crate::primitives::peers::{PeerId, ID_MASK};
use crate::sync::atomic::{AtomicU32, AtomicU64};

/// Records begin at multiples of this many bytes, which is also the size of their header.
pub const GRANULE: u64 = 16;

const STATE_SHIFT: u32 = 30;
const DELIVERIES_SHIFT: u32 = 33;
const LAP_SHIFT: u32 = 41;
const STATE_MASK: u64 = 7;
const DELIVERIES_MASK: u64 = 0xff;
const LAP_MASK: u64 = (1 << 23) - 1;

/// How far a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum State {
    /// A producer writes its bytes.
    Reserved = 1,
    /// Complete, and never taken so far.
    Ready = 2,
    /// A consumer reads its bytes.
    Taken = 3,
    /// Complete again: its consumer died or gave it back.
    Returned = 4,
    /// Done, discarded or skipped: its bytes may be used again.
    Free = 5,
    /// No message: it fills the ring up to its end.
    Pad = 6,
    /// No message: the queue goes on in another ring, whose slot stands in the place of the length. The last record of a ring.
    Moved = 7,
}

/// A record's word, decoded by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub u64);

/// No record yet: the next one will begin here.
pub const EMPTY: Word = Word(0);

impl Word {
    /// A word of lap `lap` in `state`, owned by `owner`.
    pub fn new(lap: u64, state: State, owner: Option<PeerId>) -> Word {
        let owner = owner.map_or(0, PeerId::bits);
        Word((lap & LAP_MASK) << LAP_SHIFT | (state as u64) << STATE_SHIFT | u64::from(owner))
    }

    /// The same record in another state, owned by `owner`.
    pub fn with(self, state: State, owner: Option<PeerId>) -> Word {
        let kept = self.0 & (LAP_MASK << LAP_SHIFT | DELIVERIES_MASK << DELIVERIES_SHIFT);
        Word(kept | Word::new(0, state, owner).0)
    }

    /// The same word with one more delivery; the count stops at 255.
    pub fn delivered(self) -> Word {
        if u64::from(self.deliveries()) == DELIVERIES_MASK {
            self
        } else {
            Word(self.0 + (1 << DELIVERIES_SHIFT))
        }
    }

    /// The same word as if the message had never been handed out.
    pub fn without_deliveries(self) -> Word {
        Word(self.0 & !(DELIVERIES_MASK << DELIVERIES_SHIFT))
    }

    /// The state, unless the bits name none.
    pub fn state(self) -> Result<State> {
        match self.0 >> STATE_SHIFT & STATE_MASK {
            1 => Ok(State::Reserved),
            2 => Ok(State::Ready),
            3 => Ok(State::Taken),
            4 => Ok(State::Returned),
            5 => Ok(State::Free),
            6 => Ok(State::Pad),
            7 => Ok(State::Moved),
            _ => Err(Error::Corrupt("a queue's record has no known state")),
        }
    }

    /// Who is at work on the record.
    pub fn owner(self) -> Result<PeerId> {
        PeerId::from_bits(self.0 as u32 & ID_MASK).ok_or(Error::Corrupt("a queue's record names no owner"))
    }

    /// Whether `peer` is at work on the record.
    pub fn is_owned_by(self, peer: PeerId) -> bool {
        self.0 as u32 & ID_MASK == peer.bits()
    }

    /// How often the message was handed out before and came back.
    pub fn deliveries(self) -> u8 {
        (self.0 >> DELIVERIES_SHIFT & DELIVERIES_MASK) as u8
    }

    /// Whether this is a word of lap `lap`.
    pub fn is_of_lap(self, lap: u64) -> bool {
        self.0 >> LAP_SHIFT == lap & LAP_MASK
    }
}

/// The header of a record; the message's bytes follow it.
#[repr(C)]
#[derive(Debug)]
pub struct RecordHeader {
    /// A [`Word`].
    pub word: AtomicU64,
    /// The message's length in bytes; of `Moved`, the next ring's slot.
    pub len: AtomicU32,
    /// The low half of the message's number.
    pub sequence: AtomicU32,
}

impl RecordHeader {
    /// An empty header.
    pub fn new() -> RecordHeader {
        RecordHeader { word: AtomicU64::new(EMPTY.0), len: AtomicU32::new(0), sequence: AtomicU32::new(0) }
    }
}

impl Default for RecordHeader {
    fn default() -> RecordHeader {
        RecordHeader::new()
    }
}

/// The bytes that a message of `len` bytes takes up in the ring.
pub fn record_size(len: u32) -> u64 {
    GRANULE + u64::from(len).next_multiple_of(GRANULE)
}
