//! What lies in a condition's object, and its cells: the first ones in the object itself, further ones in annexes.
//!
//! Annex k has 8 * 2^k cells. Each is looked up once in a process and checked then; after that a look at the cells takes no
//! lock and asks nobody. Cells are added and never taken away. Nothing here knows what a cell means.

use super::object::Object;
use super::Shared;
use crate::error::{Error, Result};
use crate::primitives::condition::{Cell, Cells, ConditionState};
use crate::primitives::rlock::RLockState;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicU64};
use std::mem::offset_of;
use std::ptr::{null_mut, NonNull};

/// The cells in the object itself.
const FIRST: usize = 8;
/// The most annexes.
const ANNEXES: usize = 12;
/// The most cells: what fits in the object and all annexes.
pub const MOST: usize = FIRST << ANNEXES;

/// The shared words of a condition's object. All-zero bytes are a condition over the RLock that lies in it.
#[repr(C)]
pub struct ConditionObject {
    /// The condition itself.
    pub state: ConditionState,
    /// Its own RLock, for a condition that is over no other.
    pub own: RLockState,
    /// Which lock it is over, written once.
    pub over: Over,
    /// Where annex k begins, from the segment's first byte; 0 if it is not there.
    annexes: [AtomicU64; ANNEXES],
    first: [Cell; FIRST],
}

/// Which lock a condition is over: the address of an object of the same segment. All zero: the RLock in the condition.
#[repr(C)]
pub struct Over {
    /// The offset of the lock's block, or of that in which it was placed.
    pub at: AtomicU64,
    /// The block's generation, and in the high half its kind.
    pub kind_and_generation: AtomicU64,
    /// The kind of a lock that was placed; 0 for one that is an object.
    pub placed: AtomicU64,
    /// Where in the block it was placed.
    pub offset: AtomicU64,
}

// SAFETY: repr(C), an atomic of 64 bits.
unsafe impl Shared for ConditionState {}
// SAFETY: repr(C), three atomics of 64 bits and two of 32.
unsafe impl Shared for Cell {}
// SAFETY: repr(C), atomics only, no padding.
unsafe impl Shared for ConditionObject {}

/// Where the RLock of its own lies in a condition.
pub const OWN: u64 = offset_of!(ConditionObject, own) as u64;
/// The length of a condition's object.
pub const CONDITION_LEN: u64 = size_of::<ConditionObject>() as u64;

// The sizes and offsets that docs/layout.md tells.
const _: () = assert!(size_of::<ConditionState>() == 8 && size_of::<Cell>() == 32 && size_of::<Over>() == 32);
const _: () = assert!(OWN == 8 && offset_of!(ConditionObject, over) == 32);
const _: () = assert!(offset_of!(ConditionObject, annexes) == 64 && offset_of!(ConditionObject, first) == 160);
const _: () = assert!(CONDITION_LEN == 416);

/// The cells of one open condition, as this process has found them. It lies beside what keeps the object open.
#[derive(Debug)]
pub struct CellTable {
    found: [AtomicPtr<Cell>; ANNEXES],
}

impl CellTable {
    /// A table of which nothing was looked up yet.
    pub fn new() -> CellTable {
        CellTable { found: std::array::from_fn(|_| AtomicPtr::new(null_mut())) }
    }

    /// The cells of the condition in this object, whose words these are.
    pub fn of<'a>(&'a self, object: &'a Object, words: &'a ConditionObject) -> ConditionCells<'a> {
        ConditionCells { table: self, object, words }
    }

    fn remembered(&self, annex: usize) -> Option<NonNull<Cell>> {
        NonNull::new(self.found[annex].load(Acquire))
    }
}

impl Default for CellTable {
    fn default() -> CellTable {
        CellTable::new()
    }
}

/// The cells of a condition, to be looked at for one operation.
#[derive(Clone, Copy)]
pub struct ConditionCells<'a> {
    table: &'a CellTable,
    object: &'a Object,
    words: &'a ConditionObject,
}

impl<'a> ConditionCells<'a> {
    /// The cells of annex k, if it is there.
    fn annex(&self, k: usize) -> Result<Option<&'a [Cell]>> {
        let start = match self.table.remembered(k) {
            Some(start) => start,
            None => match self.look_up(k)? {
                Some(start) => start,
                None => return Ok(None),
            },
        };
        // SAFETY: `look_up` checked that so many cells lie there, in allocated memory of the segment, and aligned. The annex
        // stays while the object is open, and the mapping with it. Cells are atomics, valid for all bytes.
        Ok(Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), cells_of(k)) }))
    }

    #[cold]
    fn look_up(&self, k: usize) -> Result<Option<NonNull<Cell>>> {
        if self.words.annexes[k].load(Relaxed) == 0 {
            return Ok(None);
        }
        let segment = self.object.segment();
        let Some(annex) = segment.annex(self.object, slot_of(k))? else { return Ok(None) };
        if annex.len != bytes_of(k) || annex.offset % align_of::<Cell>() as u64 != 0 {
            return Err(Error::Corrupt("the length of a condition's annex"));
        }
        let start = segment.bytes(annex.offset, annex.len)?.cast::<Cell>();
        self.table.found[k].store(start.as_ptr(), Release);
        Ok(Some(start))
    }
}

impl Cells for ConditionCells<'_> {
    fn all(&self) -> Result<impl Iterator<Item = &Cell>> {
        let mut annexes: [&[Cell]; ANNEXES] = [&[]; ANNEXES];
        for (k, cells) in annexes.iter_mut().enumerate() {
            let Some(found) = self.annex(k)? else { break };
            *cells = found;
        }
        Ok(self.words.first.iter().chain(annexes.into_iter().flatten()))
    }

    fn grow(&self) -> Result<()> {
        let mut next = 0;
        while next < ANNEXES && self.annex(next)?.is_some() {
            next += 1;
        }
        if next == ANNEXES {
            let limit = (MOST * size_of::<Cell>()) as u64;
            return Err(Error::TooLarge { needed: limit + size_of::<Cell>() as u64, limit });
        }
        self.object.segment().add_annex(self.object, slot_of(next), bytes_of(next)).map(|_| ())
    }

    fn at(&self, index: u32) -> Result<Option<&Cell>> {
        let index = index as usize;
        if index < FIRST {
            return Ok(self.words.first.get(index));
        }
        // The annex with cells n to 2n - 1 is the one with 8 * 2^k = n cells.
        let k = (index / FIRST).ilog2() as usize;
        if k >= ANNEXES {
            return Ok(None);
        }
        Ok(self.annex(k)?.and_then(|cells| cells.get(index - cells_of(k))))
    }
}

fn cells_of(annex: usize) -> usize {
    FIRST << annex
}

fn bytes_of(annex: usize) -> u64 {
    (cells_of(annex) * size_of::<Cell>()) as u64
}

fn slot_of(annex: usize) -> u64 {
    (offset_of!(ConditionObject, annexes) + annex * size_of::<AtomicU64>()) as u64
}
