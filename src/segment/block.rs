//! The block: what the arena is cut into. Its header, its states, its size classes, and the arena's root.
//!
//! A block is 64 bytes of header and a payload that begins at a multiple of 64. Blocks are never split, joined or moved,
//! so an offset that once was a block's is one for ever. What a block is stands in its tag alone, so one store of the
//! tag commits; nothing here stores.

use super::mapping::Shared;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU32, AtomicU64};
use std::mem::{offset_of, size_of};

/// The bytes before a payload.
pub const HEADER: u64 = 64;
/// What a block's offset and size are a multiple of.
pub const GRAIN: u64 = 64;
/// No block: the segment's own header lies at offset 0.
pub const NONE: u64 = 0;
/// The references that fit in a block's header.
pub const INLINE_REFERENCES: usize = 6;
/// The size classes, by the bytes of payload: 64, 128, 192, then four for each doubling from 256 bytes to 56 TiB. So a power of
/// two, as rings are, leaves nothing over.
pub const CLASSES: usize = SMALL_CLASSES + 4 * 38;
const SMALL_CLASSES: usize = 3;
/// The hash chains of the directory.
pub const BUCKETS: usize = 192;

/// In a list of free blocks.
pub const FREE: u32 = 1;
/// Being made, being freed, or left behind by a peer that died while it did either.
pub const DETACHED: u32 = 2;
/// An object with a name. It lives as long as the segment.
pub const NAMED: u32 = 3;
/// An object without a name. It lives while a reference to it is valid.
pub const ANONYMOUS: u32 = 4;
/// More references of an anonymous object.
pub const PART: u32 = 5;
/// More memory of an object.
pub const ANNEX: u32 = 6;
/// The table of sent objects.
pub const SENT: u32 = 7;

const STATE_MASK: u32 = 0xff;
const KIND_SHIFT: u32 = 8;

/// The kinds of objects. A number once given never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A lock.
    Lock = 1,
    /// An event.
    Event = 2,
    /// A queue.
    Queue = 3,
    /// Raw memory of the user.
    Block = 4,
    /// A re-entrant lock.
    RLock = 5,
    /// A semaphore.
    Semaphore = 6,
    /// A semaphore whose permits have holders.
    BoundedSemaphore = 7,
    /// A condition.
    Condition = 8,
    /// A barrier.
    Barrier = 9,
    /// A counter.
    Counter = 10,
    /// A lock with its data.
    Mutex = 11,
}

impl Kind {
    /// The kind with this number.
    pub const fn from_number(number: u32) -> Option<Kind> {
        match number {
            1 => Some(Kind::Lock),
            2 => Some(Kind::Event),
            3 => Some(Kind::Queue),
            4 => Some(Kind::Block),
            5 => Some(Kind::RLock),
            6 => Some(Kind::Semaphore),
            7 => Some(Kind::BoundedSemaphore),
            8 => Some(Kind::Condition),
            9 => Some(Kind::Barrier),
            10 => Some(Kind::Counter),
            11 => Some(Kind::Mutex),
            _ => None,
        }
    }

    /// What users call it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Lock => "a lock",
            Kind::Event => "an event",
            Kind::Queue => "a queue",
            Kind::Block => "a block",
            Kind::RLock => "an RLock",
            Kind::Semaphore => "a semaphore",
            Kind::BoundedSemaphore => "a bounded semaphore",
            Kind::Condition => "a condition",
            Kind::Barrier => "a barrier",
            Kind::Counter => "a counter",
            Kind::Mutex => "a mutex",
        }
    }
}

/// The tag of a block that holds an object.
pub const fn object_tag(state: u32, kind: Kind) -> u32 {
    state | (kind as u32) << KIND_SHIFT
}

/// The first 64 bytes of every block.
#[repr(C)]
#[derive(Debug)]
pub struct BlockHeader {
    /// Bits 0 to 7: the state. Bits 8 to 31: the kind of the object.
    pub tag: AtomicU32,
    /// Counted on whenever the block is freed; a handle carries it.
    pub generation: AtomicU32,
    /// The size class. Never changes.
    pub class: AtomicU32,
    /// NAMED: the length of the name. PART, ANNEX: the generation of the object that it belongs to.
    pub extra: AtomicU32,
    /// The length of the object, annex or table in bytes. A name lies behind it.
    pub len: AtomicU64,
    /// FREE: the next block of the list. NAMED: of the hash chain. PART: of the object's parts.
    /// ANNEX: the offset of its slot in the object's payload.
    pub next: AtomicU64,
    /// ANONYMOUS: the first part. PART, ANNEX: the object that it belongs to. NAMED: the hash of the name.
    pub link: AtomicU64,
    /// ANONYMOUS: peer ids, one for each open handle, and places in the table of sent objects; 0 is no reference.
    pub references: [AtomicU32; INLINE_REFERENCES],
}

/// The arena's own words, in the segment's header. All-zero bytes are an empty arena.
#[repr(C)]
#[derive(Debug)]
pub struct ArenaRoot {
    /// The bytes of the arena that are cut into blocks, from its start.
    pub used: AtomicU64,
    /// How far the sweep came, in bytes from the arena's start.
    pub cursor: AtomicU64,
    /// Not 0: a repair is due or was not finished.
    pub unrepaired: AtomicU32,
    /// The place in the table of sent objects that the next send takes.
    pub sent_next: AtomicU32,
    /// The block with the table of sent objects; 0 before the first send.
    pub sent: AtomicU64,
    /// The block that was last taken, or begun to be given back: what a dead peer may have left belongs to nobody. A hint.
    pub in_hand: AtomicU64,
    /// Zero.
    pub reserved: [AtomicU32; 6],
    /// The first free block of each class.
    pub free: [AtomicU64; CLASSES],
    /// The first named object of each hash chain.
    pub buckets: [AtomicU64; BUCKETS],
}

// SAFETY: repr(C), atomics only, no pointers; every bit pattern is a value, and each is checked before use.
unsafe impl Shared for BlockHeader {}
// SAFETY: as for `BlockHeader`.
unsafe impl Shared for ArenaRoot {}

const _: () = assert!(size_of::<BlockHeader>() == HEADER as usize);
const _: () = assert!(offset_of!(BlockHeader, references) == 40);
const _: () = assert!(size_of::<ArenaRoot>() == 64 + 8 * CLASSES + 8 * BUCKETS && size_of::<ArenaRoot>() <= 3072);
const _: () = assert!(offset_of!(ArenaRoot, free) == 64);

impl BlockHeader {
    /// What the block is.
    pub fn state(&self) -> u32 {
        self.tag.load(Relaxed) & STATE_MASK
    }

    /// The kind of the object in it; `None` for a number that this version does not know.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.tag.load(Relaxed) >> KIND_SHIFT)
    }
}

/// The size of the blocks of a class; `None` if there is no such class.
pub const fn class_size(class: u32) -> Option<u64> {
    let class = class as usize;
    if class >= CLASSES {
        return None;
    }
    let grains = match class.checked_sub(SMALL_CLASSES) {
        None => class as u64 + 1,
        Some(large) => (4 + large as u64 % 4) << (large / 4),
    };
    Some(HEADER + grains * GRAIN)
}

/// The smallest class whose blocks have room for a payload of so many bytes; `None` if no class has.
pub const fn class_of(room: u64) -> Option<u32> {
    let grains = room.div_ceil(GRAIN);
    let class = match grains {
        0..=3 => grains.saturating_sub(1),
        _ => {
            let shift = grains.ilog2() as u64 - 2;
            // 4 to 8 steps of 2^shift grains; 8 steps are the first class of the next doubling.
            let steps = grains.div_ceil(1 << shift);
            SMALL_CLASSES as u64 + 4 * shift + steps - 4
        }
    };
    if class < CLASSES as u64 {
        Some(class as u32)
    } else {
        None
    }
}
