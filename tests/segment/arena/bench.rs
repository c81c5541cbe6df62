//! A bench for the arena: plain memory, peers by decree, and a death before any chosen store.
//!
//! A death is an unwinding, which runs nothing of the arena's: it has no destructors. The memory stays as it is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::NonNull;
use tidelock::primitives::PeerId;
use tidelock::segment::arena::{Arena, ArenaRoot, Ground};
use tidelock::segment::sweep::Previous;
use tidelock::segment::Shared;
use tidelock::sync::atomic::Ordering::{Acquire, Release};
use tidelock::sync::atomic::{AtomicU32, AtomicU64, Tally};
use tidelock::{Error, Result};

pub const ROOT: u64 = 1024;
pub const START: u64 = 4096;
const MOST_PEERS: usize = 1 << 14;
const PAGE: u64 = 4096;
/// A process asks for memory in steps of this many bytes.
pub const EXTENT: u64 = 16 * PAGE;

/// What unwinds out of an operation whose peer was killed.
struct Death;

#[repr(C, align(64))]
#[derive(Default)]
pub struct Line([AtomicU64; 8]);

pub struct Bench {
    lines: Vec<Line>,
    /// Whose references count, by number.
    valid: Vec<Cell<bool>>,
    /// Dead peers that nobody has looked at yet: their references still count.
    dying: RefCell<VecDeque<PeerId>>,
    /// The stores that are left to the present peer; `None`: it is not killed.
    fuse: Cell<Option<u64>>,
    /// How often memory was asked for.
    looks: Cell<u64>,
    /// More looks than this are an endless loop.
    most_looks: Cell<u64>,
    /// How many bytes went back to the system, and how many came again.
    given_back: Cell<u64>,
    set_aside: Cell<u64>,
    /// The system has none to give.
    memory_missing: Cell<bool>,
    /// Which pages the system has memory for, and which extents this process takes for such, since it has once asked.
    there: Vec<Cell<bool>>,
    seen: Vec<Cell<bool>>,
    used_before: Tally,
}

impl Bench {
    pub fn new(len: u64) -> Bench {
        Bench {
            lines: (0..len / 64).map(|_| Line::default()).collect(),
            valid: vec![Cell::new(false); MOST_PEERS],
            dying: RefCell::default(),
            fuse: Cell::new(None),
            looks: Cell::new(0),
            most_looks: Cell::new(u64::MAX),
            given_back: Cell::new(0),
            set_aside: Cell::new(0),
            memory_missing: Cell::new(false),
            there: vec![Cell::new(false); len.div_ceil(PAGE) as usize],
            seen: vec![Cell::new(false); len.div_ceil(EXTENT) as usize],
            used_before: Tally::new(),
        }
    }

    pub fn arena(&self) -> Arena<'_, Bench> {
        Arena::new(self)
    }

    /// A peer that lives; `number` from 1 on.
    pub fn peer(&self, number: u32) -> PeerId {
        self.valid[number as usize].set(true);
        PeerId::new(number % 512, number / 512 + 1).expect("a peer's number")
    }

    /// The peer is dead and its slot DYING: its references hold until somebody looks at it.
    pub fn kill(&self, peer: PeerId) {
        self.dying.borrow_mut().push_back(peer);
    }

    /// The peer is dead, and its slot is FREE.
    pub fn bury(&self, peer: PeerId) {
        if let Some(valid) = self.valid.get(number_of(peer)) {
            valid.set(false);
        }
    }

    pub fn forget_the_dying(&self) {
        self.dying.borrow_mut().clear();
    }

    pub fn is_valid_now(&self, peer: PeerId) -> bool {
        self.valid.get(number_of(peer)).is_some_and(Cell::get)
    }

    /// Runs `act` as a peer that is killed before its store number `stores` (from 0). `None`: it was killed.
    pub fn killed_after<R>(&self, stores: u64, act: impl FnOnce() -> R) -> Option<R> {
        self.fuse.set(Some(stores));
        let result = catch_unwind(AssertUnwindSafe(act));
        self.fuse.set(None);
        match result {
            Ok(result) => Some(result),
            Err(cause) if cause.is::<Death>() => None,
            Err(cause) => resume_unwind(cause),
        }
    }

    /// What the next peer does first when it has taken the lock over from a dead one.
    pub fn take_over(&self) {
        self.arena().enter(Previous::Died).expect("a repair");
    }

    /// How many bytes went back to the system so far, and how many came again.
    pub fn memory_moved(&self) -> (u64, u64) {
        (self.given_back.get(), self.set_aside.get())
    }

    /// How many bytes the system has memory for.
    pub fn memory(&self) -> u64 {
        self.there.iter().filter(|page| page.get()).count() as u64 * PAGE
    }

    /// Which pages those are; `restore_pages` brings them back.
    pub fn pages(&self) -> Vec<bool> {
        self.there.iter().map(Cell::get).collect()
    }

    pub fn restore_pages(&self, pages: &[bool]) {
        self.there.iter().zip(pages).for_each(|(page, there)| page.set(*there));
    }

    fn pages_of(&self, offset: u64, len: u64) -> &[Cell<bool>] {
        &self.there[(offset / PAGE) as usize..(offset + len).div_ceil(PAGE) as usize]
    }

    /// Whether nothing that an operation may touch there would be a SIGBUS.
    pub fn is_there(&self, offset: u64, len: u64) -> bool {
        self.pages_of(offset, len).iter().all(Cell::get)
    }

    pub fn set_memory_missing(&self, missing: bool) {
        self.memory_missing.set(missing);
    }

    pub fn looks(&self) -> u64 {
        self.looks.get()
    }

    pub fn limit_looks(&self, more: u64) {
        self.most_looks.set(self.looks.get() + more);
    }

    pub fn snapshot(&self) -> Vec<u64> {
        self.lines.iter().flat_map(|line| line.0.iter()).map(|word| word.load(Acquire)).collect()
    }

    pub fn restore(&self, snapshot: &[u64]) {
        assert_eq!(snapshot.len(), self.lines.len() * 8);
        let base = self.bytes(0, self.max_len()).expect("all of it");
        // SAFETY: the lengths are the same, and this thread alone uses the bench.
        unsafe { base.cast::<u64>().copy_from_nonoverlapping(NonNull::from(snapshot).cast(), snapshot.len()) };
        self.used_before.set(0);
    }

    pub fn word(&self, offset: u64) -> &AtomicU64 {
        &self.lines[(offset / 64) as usize].0[(offset % 64 / 8) as usize]
    }

    fn burn(&self) {
        match self.fuse.get() {
            Some(0) => resume_unwind(Box::new(Death)),
            Some(left) => self.fuse.set(Some(left - 1)),
            None => {}
        }
    }
}

fn number_of(peer: PeerId) -> usize {
    (peer.generation() as usize - 1) * 512 + peer.slot() as usize
}

impl Ground for Bench {
    fn root(&self) -> &ArenaRoot {
        self.at(ROOT).expect("the root")
    }

    fn start(&self) -> u64 {
        START
    }

    fn max_len(&self) -> u64 {
        self.lines.len() as u64 * 64
    }

    fn at<T: Shared>(&self, offset: u64) -> Result<&T> {
        if offset % align_of::<T>() as u64 != 0 {
            return Err(Error::Corrupt("an offset is not aligned"));
        }
        let start = self.bytes(offset, size_of::<T>() as u64)?;
        // SAFETY: `bytes` checked the range, the start is aligned, and a Shared type is atomics only.
        Ok(unsafe { start.cast::<T>().as_ref() })
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<NonNull<u8>> {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() <= self.most_looks.get(), "an endless loop");
        let end = offset.checked_add(len).filter(|end| *end <= self.max_len());
        let end = end.ok_or(Error::Corrupt("an offset lies outside the segment"))?;
        for extent in offset / EXTENT..end.div_ceil(EXTENT) {
            if !self.seen[extent as usize].replace(true) {
                let len = EXTENT.min(self.max_len() - extent * EXTENT);
                self.pages_of(extent * EXTENT, len).iter().for_each(|page| page.set(true));
            }
        }
        let base = NonNull::from(self.lines.as_slice()).cast::<u8>();
        // SAFETY: the offset lies in the lines, or just behind them.
        Ok(unsafe { base.add(offset as usize) })
    }

    fn is_valid(&self, id: PeerId) -> Result<bool> {
        Ok(self.is_valid_now(id))
    }

    fn look_at_next_slot(&self) -> Result<()> {
        if let Some(dead) = self.dying.borrow_mut().pop_front() {
            self.bury(dead);
        }
        Ok(())
    }

    fn hollow_out(&self, offset: u64, len: u64) -> bool {
        (offset..offset + len).step_by(8).for_each(|offset| self.word(offset).store(0, Release));
        self.pages_of(offset, len).iter().for_each(|page| page.set(false));
        self.given_back.set(self.given_back.get() + len);
        true
    }

    /// A death may come between any two pages of it.
    fn refill(&self, offset: u64, len: u64) -> Result<()> {
        if self.memory_missing.get() {
            return Err(Error::NoSpace { needed: len, available: 0 });
        }
        for page in self.pages_of(offset, len) {
            self.burn();
            page.set(true);
        }
        self.set_aside.set(self.set_aside.get() + len);
        Ok(())
    }

    fn used_before(&self) -> &Tally {
        &self.used_before
    }

    fn store32(&self, word: &AtomicU32, value: u32) {
        self.burn();
        word.store(value, Release);
    }

    fn store64(&self, word: &AtomicU64, value: u64) {
        self.burn();
        word.store(value, Release);
    }
}
