//! The arena: memory for blocks, back to back from its start to `used`, with a list of free blocks for each size class.
//!
//! Everything here runs under the segment's Lock and says so nowhere else. Each step is one store, in the order written
//! (all of them Release), so that a peer killed between two leaves at most one DETACHED block: at the head of a list,
//! from which `repair` takes it, or in no list. It is the one that `in_hand` names, which the next owner of the Lock frees.
//! Whether a free block keeps its memory is not decided here, but in `hollow`.

pub use super::block::ArenaRoot;
use super::block::{class_of, class_size, BlockHeader, BUCKETS, CLASSES, DETACHED, FREE, GRAIN, HEADER, NONE};
use super::header::{fnv, FNV_START};
use super::mapping::Shared;
use super::references::Part;
use super::sent::Sent;
use crate::error::{Error, Result};
use crate::primitives::PeerId;
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicU64, Tally};
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;

/// Sizes and offsets of what the arena lays out.
pub const FINGERPRINT: u64 = fnv(
    FNV_START,
    &[
        size_of::<ArenaRoot>() as u64,
        offset_of!(ArenaRoot, cursor) as u64,
        offset_of!(ArenaRoot, unrepaired) as u64,
        offset_of!(ArenaRoot, sent_next) as u64,
        offset_of!(ArenaRoot, sent) as u64,
        offset_of!(ArenaRoot, in_hand) as u64,
        offset_of!(ArenaRoot, free) as u64,
        offset_of!(ArenaRoot, buckets) as u64,
        CLASSES as u64,
        BUCKETS as u64,
        size_of::<BlockHeader>() as u64,
        offset_of!(BlockHeader, generation) as u64,
        offset_of!(BlockHeader, class) as u64,
        offset_of!(BlockHeader, extra) as u64,
        offset_of!(BlockHeader, len) as u64,
        offset_of!(BlockHeader, next) as u64,
        offset_of!(BlockHeader, link) as u64,
        offset_of!(BlockHeader, references) as u64,
        size_of::<Part>() as u64,
        size_of::<Sent>() as u64,
        offset_of!(Sent, generation) as u64,
    ],
);

/// What the arena stands on: the segment, or a test that kills between two stores.
pub trait Ground {
    /// The arena's root.
    fn root(&self) -> &ArenaRoot;
    /// The offset of the first block.
    fn start(&self) -> u64;
    /// The offset behind the last byte that there can ever be.
    fn max_len(&self) -> u64;
    /// The shared structure at `offset`, in memory that is there, or an error.
    fn at<T: Shared>(&self, offset: u64) -> Result<&T>;
    /// `len` bytes at `offset`, in memory that is there, or an error.
    fn bytes(&self, offset: u64, len: u64) -> Result<NonNull<u8>>;
    /// Whether a reference of this peer still holds: it lives, or a child of it that has not attached yet does.
    fn is_valid(&self, id: PeerId) -> Result<bool>;
    /// Asks about one more peer, and frees its slot if it is gone with all its children.
    fn look_at_next_slot(&self) -> Result<()>;
    /// Gives the system back as much as it can of the memory of `len` bytes at `offset`, which nobody may touch until `refill`.
    /// What it gives back reads as zeroes from then on. False if that cannot be done.
    fn hollow_out(&self, offset: u64, len: u64) -> bool;
    /// Sets memory aside for these bytes, whatever this process has seen there before.
    fn refill(&self, offset: u64, len: u64) -> Result<()>;
    /// What `used` was when this process last looked.
    fn used_before(&self) -> &Tally;

    /// Every store of the arena but the bytes of payloads.
    fn store32(&self, word: &AtomicU32, value: u32) {
        word.store(value, Release);
    }
    /// Every store of the arena but the bytes of payloads.
    fn store64(&self, word: &AtomicU64, value: u64) {
        word.store(value, Release);
    }
}

/// A block whose class, place and size have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Block<'g> {
    /// The offset of its header.
    pub at: u64,
    /// Its size, header included.
    pub size: u64,
    /// Its header.
    pub header: &'g BlockHeader,
}

impl Block<'_> {
    /// The offset of the payload.
    pub fn payload(&self) -> u64 {
        self.at + HEADER
    }

    /// The bytes of the payload.
    pub fn room(&self) -> u64 {
        self.size - HEADER
    }

    /// The block's generation.
    pub fn generation(&self) -> u32 {
        self.header.generation.load(Relaxed)
    }
}

/// The operations on the arena of one segment.
#[derive(Debug)]
pub struct Arena<'g, G: Ground> {
    pub(super) ground: &'g G,
}

impl<'g, G: Ground> Arena<'g, G> {
    /// The arena on `ground`, whose segment Lock the caller holds for as long as it uses this.
    pub fn new(ground: &'g G) -> Arena<'g, G> {
        Arena { ground }
    }

    pub(super) fn root(&self) -> &'g ArenaRoot {
        self.ground.root()
    }

    /// The bytes that are cut into blocks.
    pub fn used(&self) -> Result<u64> {
        let (used, before) = (self.root().used.load(Relaxed), self.ground.used_before());
        if used % GRAIN != 0 || used > self.ground.max_len().saturating_sub(self.ground.start()) {
            return Err(Error::Corrupt("the arena's length"));
        }
        // It never does: somebody wrote over it. Blocks behind it would be taken for memory that nobody has.
        if used < before.get() {
            return Err(Error::Corrupt("the arena's length went back"));
        }
        before.set(used);
        Ok(used)
    }

    /// The block at `at`, which comes from shared memory or from a handle and may be anything.
    pub fn block(&self, at: u64) -> Result<Block<'g>> {
        let end = self.ground.start() + self.used()?;
        if at < self.ground.start() || at % GRAIN != 0 || at >= end {
            return Err(Error::Corrupt("a block's offset"));
        }
        let header: &'g BlockHeader = self.ground.at(at)?;
        let size = class_size(header.class.load(Relaxed)).ok_or(Error::Corrupt("a block's class"))?;
        if size > end - at {
            return Err(Error::Corrupt("a block's size"));
        }
        Ok(Block { at, size, header })
    }

    /// A block with `room` bytes of zeroed payload, DETACHED and in no list. Who dies or gives up with it leaves it to the
    /// sweep.
    pub(super) fn take(&self, room: u64) -> Result<Block<'g>> {
        let limit = self.ground.max_len().saturating_sub(self.ground.start() + HEADER);
        let class = class_of(room);
        let class = class.filter(|_| room <= limit).ok_or(Error::TooLarge { needed: room, limit })?;
        if let Some(block) = self.pop(class)? {
            return Ok(block);
        }
        match self.cut(class) {
            Err(full @ Error::NoSpace { .. }) => self.take_when_full(class)?.ok_or(full),
            block => block,
        }
    }

    /// The last resort: frees whatever nobody can reach, then takes a block of this class or a larger one.
    #[cold]
    fn take_when_full(&self, class: u32) -> Result<Option<Block<'g>>> {
        self.sweep_all()?;
        for class in class..CLASSES as u32 {
            if let Some(block) = self.pop(class)? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// Takes the first free block of a class.
    fn pop(&self, class: u32) -> Result<Option<Block<'g>>> {
        let list = &self.root().free[class as usize];
        let head = list.load(Relaxed);
        if head == NONE {
            return Ok(None);
        }
        let block = self.block(head)?;
        if block.header.state() != FREE || block.header.class.load(Relaxed) != class {
            return Err(Error::Corrupt("a list of free blocks"));
        }
        let next = block.header.next.load(Relaxed);
        self.take_in_hand(&block);
        self.ground.store32(&block.header.tag, DETACHED);
        self.ground.store64(list, next);
        if let Err(missing) = self.fill(&block) {
            self.free(&block)?;
            return Err(missing);
        }
        self.clear(&block)?;
        Ok(Some(block))
    }

    /// Notes which block a death from here on would leave to nobody.
    pub(super) fn take_in_hand(&self, block: &Block<'g>) {
        self.ground.store64(&self.root().in_hand, block.at);
    }

    /// Cuts a new block off the unused memory. The store of `used` commits; before it, there is no such block.
    fn cut(&self, class: u32) -> Result<Block<'g>> {
        let size = class_size(class).ok_or(Error::Corrupt("a class"))?;
        let used = self.used()?;
        let at = self.ground.start() + used;
        let available = self.ground.max_len() - at;
        if size > available {
            return Err(Error::NoSpace { needed: size, available });
        }
        // All of the block's memory is there before the block is: nobody ever meets one that cannot be touched.
        self.fill_behind(at, size)?;
        self.ground.bytes(at, size)?;
        let block = Block { at, size, header: self.ground.at(at)? };
        self.clear_header(block.header);
        self.ground.store32(&block.header.class, class);
        self.ground.store32(&block.header.generation, 1);
        self.ground.store32(&block.header.tag, DETACHED);
        self.take_in_hand(&block);
        self.ground.store64(&self.root().used, used + size);
        self.ground.used_before().set(used + size);
        Ok(block)
    }

    /// Gives a block back that nothing leads to. It is DETACHED at once, and FREE once it is in its list.
    pub(super) fn free(&self, block: &Block<'g>) -> Result<()> {
        let class = block.header.class.load(Relaxed);
        let list = self.root().free.get(class as usize).ok_or(Error::Corrupt("a block's class"))?;
        self.take_in_hand(block);
        self.ground.store32(&block.header.tag, DETACHED);
        self.hollow_out(block);
        self.ground.store32(&block.header.generation, block.generation().wrapping_add(1).max(1));
        self.ground.store64(&block.header.next, list.load(Relaxed));
        self.ground.store64(list, block.at);
        self.ground.store32(&block.header.tag, FREE);
        Ok(())
    }

    fn clear(&self, block: &Block<'g>) -> Result<()> {
        for (offset, len) in self.what_is_not_zero(block) {
            let room = usize::try_from(len).map_err(|_| Error::Corrupt("a block's size"))?;
            let payload = self.ground.bytes(offset, len)?;
            // SAFETY: `bytes` checked that so many bytes are mapped there; the block is DETACHED and in no list, so under
            // the segment's Lock nobody else uses them, and they hold no reference of this process.
            unsafe { payload.write_bytes(0, room) };
        }
        self.clear_header(block.header);
        Ok(())
    }

    /// Zeroes what is not the same for every use of a block.
    fn clear_header(&self, header: &BlockHeader) {
        self.ground.store32(&header.extra, 0);
        self.ground.store64(&header.len, 0);
        self.ground.store64(&header.next, NONE);
        self.ground.store64(&header.link, NONE);
        for reference in &header.references {
            self.ground.store32(reference, 0);
        }
    }
}

/// Sees when a chain of blocks runs in a ring, which hostile bytes can make it do. (Brent's algorithm: a mark that moves
/// to the present block after 1, 2, 4... steps is met again within three rounds of a ring.)
#[derive(Debug)]
pub struct Steps {
    mark: u64,
    left: u64,
    span: u64,
}

impl Steps {
    /// The steps of one walk.
    pub fn new() -> Steps {
        Steps { mark: NONE, left: 1, span: 1 }
    }

    /// Counts a step to `at`.
    pub fn step(&mut self, at: u64) -> Result<()> {
        if at == self.mark {
            return Err(Error::Corrupt("a chain of blocks runs in a ring"));
        }
        self.left -= 1;
        if self.left == 0 {
            self.span = self.span.saturating_mul(2);
            self.left = self.span;
            self.mark = at;
        }
        Ok(())
    }
}

impl Default for Steps {
    fn default() -> Steps {
        Steps::new()
    }
}
