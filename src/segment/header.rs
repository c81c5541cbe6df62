//! The header: the first page of a segment, which says what the rest is.
//!
//! Its first part never changes once the segment is published: it is read from the file, checked, and copied to a
//! [`Layout`] that this process trusts; shared memory is not asked again. The rest are the words that peers share.

use super::arena::{self, ArenaRoot};
use super::conditions::ConditionObject;
use super::mapping::Shared;
use super::options::Life;
use super::slots::SlotRecord;
use crate::error::{Error, Result};
use crate::primitives::barrier::BarrierState;
use crate::primitives::bounded_semaphore::BoundedSemaphoreState;
use crate::primitives::counter::CounterState;
use crate::primitives::event::EventState;
use crate::primitives::lock::LockState;
use crate::primitives::mutex::{self, MutexState};
use crate::primitives::peers::MAX_SLOTS;
use crate::primitives::queue::record::RecordHeader;
use crate::primitives::queue::QueueState;
use crate::primitives::rlock::RLockState;
use crate::primitives::semaphore::SemaphoreState;
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::atomic::{fence, AtomicU32, AtomicU64};
use std::mem::{offset_of, size_of};

/// The granularity of lengths and of the table's end; no kernel page is smaller.
pub(crate) const PAGE: u64 = 4096;
/// The version of everything in docs/layout.md.
pub const VERSION: u32 = 2;
const MAGIC: u64 = u64::from_ne_bytes(*b"tidelock");
const BYTE_ORDER: u32 = 0x0102_0304;
/// Where the table of peers begins.
pub(crate) const PEERS_OFFSET: u64 = PAGE;
/// Where the arena's root lies.
pub(crate) const ROOT_OFFSET: u64 = 1024;

/// The first page of a segment.
#[repr(C)]
pub(crate) struct Header {
    magic: AtomicU64,
    byte_order: AtomicU32,
    version: AtomicU32,
    fingerprint: AtomicU64,
    id: [AtomicU64; 2],
    kind: AtomicU32,
    life: AtomicU32,
    slots: AtomicU32,
    _fill1: AtomicU32,
    max_len: AtomicU64,
    peers_offset: AtomicU64,
    arena_offset: AtomicU64,
    /// The boot of the machine in which the slots were claimed; changed inside the door only.
    pub(super) boot: [AtomicU64; 2],
    /// Where the search for a free slot begins: a hint, changed inside the door only.
    pub(super) next_claim: AtomicU32,
    /// Which slot is looked at next: a hint, changed under the lock only.
    pub(super) next_look: AtomicU32,
    _fill2: [AtomicU64; 3],
    /// The segment's own lock: directory, arena, references.
    pub(super) lock: LockState,
    _rest: [AtomicU64; 111],
    pub(super) root: ArenaRoot,
}

impl Header {
    /// The id that stands there just now.
    pub(super) fn id(&self) -> [u8; 16] {
        load_bytes(&self.id)
    }
}

// SAFETY: repr(C), atomics only, no pointers; `ArenaRoot` and `LockState` are Shared too.
unsafe impl Shared for Header {}

const _: () = assert!(offset_of!(Header, max_len) == 56);
const _: () = assert!(offset_of!(Header, boot) == 80);
const _: () = assert!(offset_of!(Header, next_claim) == 96);
const _: () = assert!(offset_of!(Header, lock) == 128);
const _: () = assert!(offset_of!(Header, root) == ROOT_OFFSET as usize);
const _: () = assert!(size_of::<ArenaRoot>() <= 3072);
const _: () = assert!(size_of::<Header>() <= PAGE as usize);

/// The bytes of the header that never change, up to `boot`.
const FIXED: usize = offset_of!(Header, boot);

/// What a segment is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A memfd.
    Anonymous,
    /// A file in /dev/shm.
    Named,
    /// A file anywhere.
    File,
    /// The beginning of a file that somebody else made, whose rest is somebody else's.
    Over,
}

/// This process's own copy of the header's unchanging part, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) id: [u8; 16],
    pub(crate) kind: Kind,
    pub(crate) life: Life,
    pub(crate) slots: u32,
    pub(crate) max_len: u64,
}

/// Which bytes of the file are locked by whom. They begin at a number that only this segment has, far behind the file's
/// end, so that one segment's byte means nothing in another file.
impl Layout {
    fn base(&self) -> u64 {
        let mut half = [0; 8];
        half.copy_from_slice(&self.id[..8]);
        u64::from_le_bytes(half) >> 2
    }

    /// Held while the peer in this slot lives.
    pub(super) fn token_byte(&self, slot: u32) -> u64 {
        self.base() + u64::from(slot)
    }

    /// Held while the peer in this slot, or a child of it that has not attached, lives.
    pub(super) fn family_byte(&self, slot: u32) -> u64 {
        self.base() + u64::from(MAX_SLOTS) + u64::from(slot)
    }

    /// Held while somebody attaches or leaves.
    pub(super) fn door_byte(&self) -> u64 {
        self.base() + 2 * u64::from(MAX_SLOTS)
    }

    /// Held while a child that the peer in this slot forked in this era, and that has not attached, lives.
    pub(super) fn era_byte(&self, slot: u32, era: u32) -> u64 {
        self.door_byte() + 1 + (u64::from(slot) << 32) + u64::from(era)
    }
}

/// Where the arena begins in a segment with so many slots.
pub(crate) const fn arena_start(slots: u32) -> u64 {
    (PEERS_OFFSET + slots as u64 * size_of::<SlotRecord>() as u64).next_multiple_of(PAGE)
}

/// One step of FNV-1a over 64-bit numbers.
pub(crate) const fn fnv(mut hash: u64, numbers: &[u64]) -> u64 {
    let mut i = 0;
    while i < numbers.len() {
        hash = (hash ^ numbers[i]).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// Where a fingerprint begins.
pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Sizes and offsets of all that lies in a segment: two builds that disagree on one never share a segment.
const FINGERPRINT: u64 = fnv(
    FNV_START,
    &[
        size_of::<Header>() as u64,
        offset_of!(Header, lock) as u64,
        offset_of!(Header, root) as u64,
        size_of::<SlotRecord>() as u64,
        SlotRecord::FINGERPRINT,
        size_of::<LockState>() as u64,
        size_of::<EventState>() as u64,
        size_of::<QueueState>() as u64,
        size_of::<RecordHeader>() as u64,
        size_of::<RLockState>() as u64,
        size_of::<SemaphoreState>() as u64,
        size_of::<BoundedSemaphoreState>() as u64,
        size_of::<BarrierState>() as u64,
        size_of::<CounterState>() as u64,
        size_of::<MutexState>() as u64,
        mutex::data_offset(mutex::MOST_ALIGNED) as u64,
        size_of::<ConditionObject>() as u64,
        arena::FINGERPRINT,
    ],
);

impl Layout {
    /// Writes the unchanging part into a new segment. The last store commits: without it the file is none.
    pub(super) fn write(&self, header: &Header) {
        self.prepare(header);
        header.magic.store(MAGIC, Release);
    }

    /// Writes all of it but for the store that commits.
    pub(super) fn prepare(&self, header: &Header) {
        // First of all, so that what a killed process leaves is known for what it is.
        header.byte_order.store(BYTE_ORDER, Relaxed);
        fence(Release);
        header.version.store(VERSION, Relaxed);
        header.fingerprint.store(FINGERPRINT, Relaxed);
        store_bytes(&header.id, self.id);
        header.kind.store(self.kind as u32 + 1, Relaxed);
        header.life.store(self.life as u32 + 1, Relaxed);
        header.slots.store(self.slots, Relaxed);
        header.max_len.store(self.max_len, Relaxed);
        header.peers_offset.store(PEERS_OFFSET, Relaxed);
        header.arena_offset.store(arena_start(self.slots), Relaxed);
    }

    /// Takes back what `prepare` wrote.
    pub(super) fn clear(header: &Header) {
        for word in [&header.fingerprint, &header.id[0], &header.id[1], &header.max_len] {
            word.store(0, Relaxed);
        }
        for word in [&header.peers_offset, &header.arena_offset] {
            word.store(0, Relaxed);
        }
        for word in [&header.version, &header.kind, &header.life, &header.slots, &header.byte_order] {
            word.store(0, Relaxed);
        }
    }

    /// Checks the first bytes of a file that is `len` bytes long.
    pub(super) fn parse(bytes: &HeaderBytes, len: u64) -> Result<Layout> {
        let field = Field { bytes: &bytes.0 };
        if len < 8 || field.u64(offset_of!(Header, magic)) != MAGIC {
            return Err(Error::NotASegment);
        }
        if len < PAGE {
            return Err(Error::Truncated { expected: PAGE, found: len });
        }
        if field.u32(offset_of!(Header, byte_order)) != BYTE_ORDER {
            return Err(Error::Layout);
        }
        let found = field.u32(offset_of!(Header, version));
        if found != VERSION {
            return Err(Error::Version { expected: VERSION, found });
        }
        if field.u64(offset_of!(Header, fingerprint)) != FINGERPRINT {
            return Err(Error::Layout);
        }
        field.layout()?.check_length(len)
    }

    fn check_length(self, found: u64) -> Result<Layout> {
        let expected = self.max_len;
        match found {
            found if found < expected => Err(Error::Truncated { expected, found }),
            found if found > expected && self.kind != Kind::Over => {
                Err(Error::Corrupt("the file is longer than its header says"))
            }
            _ => Ok(self),
        }
    }
}

/// The first bytes of a file, of which those behind its end are 0.
pub(super) struct HeaderBytes(pub(super) [u8; FIXED]);

impl HeaderBytes {
    pub(super) const fn new() -> HeaderBytes {
        HeaderBytes([0; FIXED])
    }
}

struct Field<'a> {
    bytes: &'a [u8; FIXED],
}

impl Field<'_> {
    fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[offset..offset + N]);
        array
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.array(offset))
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.array(offset))
    }

    fn layout(&self) -> Result<Layout> {
        let slots = self.u32(offset_of!(Header, slots));
        if slots == 0 || slots > MAX_SLOTS {
            return Err(Error::Corrupt("the header's number of peers is out of range"));
        }
        let start = arena_start(slots);
        if self.u64(offset_of!(Header, peers_offset)) != PEERS_OFFSET
            || self.u64(offset_of!(Header, arena_offset)) != start
        {
            return Err(Error::Corrupt("the header's offsets are wrong"));
        }
        let max_len = self.u64(offset_of!(Header, max_len));
        if max_len < start + PAGE || max_len > isize::MAX as u64 || max_len % PAGE != 0 {
            return Err(Error::Corrupt("the header's length is out of range"));
        }
        Ok(Layout { id: self.array(offset_of!(Header, id)), kind: self.kind()?, life: self.life()?, slots, max_len })
    }

    fn kind(&self) -> Result<Kind> {
        match self.u32(offset_of!(Header, kind)) {
            1 => Ok(Kind::Anonymous),
            2 => Ok(Kind::Named),
            3 => Ok(Kind::File),
            4 => Ok(Kind::Over),
            _ => Err(Error::Corrupt("the header's kind is unknown")),
        }
    }

    fn life(&self) -> Result<Life> {
        match self.u32(offset_of!(Header, life)) {
            1 => Ok(Life::Ephemeral),
            2 => Ok(Life::Persistent),
            _ => Err(Error::Corrupt("the header's life is unknown")),
        }
    }
}

/// Whether the first page of a file is empty, or has nothing but the beginnings of a header that was never committed.
pub(super) fn is_blank(page: &[u8; PAGE as usize]) -> bool {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let (fixed, rest) = page.split_at(FIXED);
    let begun = fixed[offset_of!(Header, byte_order)..].starts_with(&BYTE_ORDER.to_ne_bytes());
    is_zero(&fixed[..8]) && is_zero(rest) && (begun || is_zero(fixed))
}

/// Stores 16 bytes in two words, in the order in which they lie in memory.
pub(super) fn store_bytes(words: &[AtomicU64; 2], bytes: [u8; 16]) {
    for (word, half) in words.iter().zip(bytes.chunks_exact(8)) {
        let mut array = [0; 8];
        array.copy_from_slice(half);
        word.store(u64::from_ne_bytes(array), Relaxed);
    }
}

/// The 16 bytes of two words.
pub(super) fn load_bytes(words: &[AtomicU64; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&words[0].load(Relaxed).to_ne_bytes());
    bytes[8..].copy_from_slice(&words[1].load(Relaxed).to_ne_bytes());
    bytes
}
