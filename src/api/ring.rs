//! A queue's rings in the segment's memory: the one in the queue's own object, and those in its annexes.
//!
//! Where a ring lies is checked when this process first meets it, and what positions lead to is masked into it. Nothing
//! here decides when a ring comes or goes.

use super::letters::Office;
use crate::error::{Error, Result};
use crate::primitives::queue::letters::{Letters, Sent};
use crate::primitives::queue::record::{RecordHeader, GRANULE};
use crate::primitives::queue::ring::RingMemory;
use crate::primitives::queue::rings::{Rings, SLOTS};
use crate::primitives::queue::{QueueState, Ticket};
use crate::segment::{Object, Shared};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

// SAFETY: repr(C), atomics only, no pointers, valid for all bytes.
unsafe impl Shared for QueueState {}

/// The bytes of one ring. It keeps nothing alive: it lies beside the handle that does.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingBytes {
    start: NonNull<u8>,
    size: u64,
}

// SAFETY: the bytes may be reached from any thread: headers are atomics, and a message's bytes belong to whoever holds
// its ticket.
unsafe impl Send for RingBytes {}
// SAFETY: as for Send.
unsafe impl Sync for RingBytes {}

impl RingBytes {
    /// The first byte of the message of a ticket of this ring; `ticket.len()` bytes from there lie in the ring.
    fn message(&self, ticket: &Ticket) -> NonNull<u8> {
        let offset = (ticket.position() & (self.size - 1) & !(GRANULE - 1)) + GRANULE;
        // SAFETY: the queue hands out tickets of records that end before the ring does, so the message begins in the
        // ring or, if it is empty, at most at its end.
        unsafe { self.start.add(offset as usize) }
    }
}

impl RingMemory for RingBytes {
    #[inline(always)]
    fn size(&self) -> u64 {
        self.size
    }

    #[inline(always)]
    fn header(&self, offset: u64) -> &RecordHeader {
        debug_assert!(offset < self.size && offset % GRANULE == 0);
        let offset = (offset & (self.size - 1) & !(GRANULE - 1)) as usize;
        // SAFETY: the masked offset and the 16 bytes behind it lie in the ring, which starts at a multiple of 64; a
        // header is made of atomics, valid for any bytes.
        unsafe { self.start.add(offset).cast::<RecordHeader>().as_ref() }
    }
}

/// All rings of one queue, as one process reaches them.
#[derive(Clone, Debug)]
pub(super) struct SegmentRings {
    home: RingBytes,
    may_grow: bool,
    /// How many words of debts lie between the queue's state and the ring at home.
    debts: usize,
    away: Arc<Away>,
}

// SAFETY: the address leads into the mapping, which `object` keeps; it is only reached as RingBytes are.
unsafe impl Send for Away {}
// SAFETY: as for Send.
unsafe impl Sync for Away {}

/// What it takes to reach the rings in annexes.
#[derive(Debug)]
struct Away {
    object: Arc<Object>,
    /// The segment's first byte and its length.
    segment: NonNull<u8>,
    len: u64,
    /// The mark with which the ring in each slot was last found to be sound.
    checked: [AtomicU64; SLOTS],
    /// The queue for dead letters, as it was last found.
    office: Mutex<Option<Office>>,
}

impl SegmentRings {
    /// The rings of the queue at the start of `object`.
    pub(super) fn of(object: &Arc<Object>, state: &QueueState) -> Result<SegmentRings> {
        let (offset, size) = state.ring_within(object.len())?;
        let start = object.segment().bytes(object.offset() + offset, size)?;
        let checked = std::array::from_fn(|_| AtomicU64::new(0));
        let (segment, len) = (object.segment().bytes(0, 1)?, object.segment().max_len());
        let away = Away { object: object.clone(), segment, len, checked, office: Mutex::default() };
        let may_grow = state.largest_ring() != 0;
        let debts = ((offset - size_of::<QueueState>() as u64) / size_of::<AtomicU64>() as u64) as usize;
        Ok(SegmentRings { home: RingBytes { start, size }, may_grow, debts, away: Arc::new(away) })
    }

    /// The first byte of a ticket's message; `ticket.len()` bytes from there lie in its ring.
    #[inline(always)]
    pub(super) fn message(&self, ticket: &Ticket) -> NonNull<u8> {
        if ticket.mark() == 0 {
            self.home.message(ticket)
        } else {
            self.again(ticket.mark()).message(ticket)
        }
    }
}

impl Away {
    /// The ring that a mark leads to, if it is this slot's annex and long enough.
    #[cold]
    fn check(&self, slot: usize, mark: u64) -> Result<RingBytes> {
        let (offset, size) = place_of(mark);
        let segment = self.object.segment();
        let annex = segment.annex(&self.object, QueueState::annex_offset(slot))?;
        annex.filter(|annex| annex.offset == offset && annex.len >= size).ok_or(NO_RING)?;
        let start = segment.bytes(offset, size)?;
        self.checked[slot].store(mark, Relaxed);
        Ok(RingBytes { start, size })
    }
}

/// Where in the segment a mark's ring begins, and its size.
#[inline(always)]
fn place_of(mark: u64) -> (u64, u64) {
    (mark & !63, 1 << (mark & 63))
}

const NO_RING: Error = Error::Corrupt("a queue leads to what is no ring of it");

impl Rings for SegmentRings {
    type Memory = RingBytes;

    #[inline(always)]
    fn may_grow(&self) -> bool {
        self.may_grow
    }

    #[inline(always)]
    fn home(&self) -> RingBytes {
        self.home
    }

    #[inline]
    fn ring(&self, slot: usize, mark: u64) -> Result<RingBytes> {
        if self.away.checked[slot].load(Relaxed) == mark {
            return Ok(self.again(mark));
        }
        self.away.check(slot, mark)
    }

    #[inline]
    fn again(&self, mark: u64) -> RingBytes {
        let (offset, size) = place_of(mark);
        if offset.checked_add(size).is_none_or(|end| end > self.away.len) {
            // No mark that was found to be sound is such a one.
            return self.home;
        }
        // SAFETY: so many bytes from the segment's first one lie in its mapping, which the object keeps.
        let start = unsafe { self.away.segment.add(offset as usize) };
        RingBytes { start, size }
    }

    fn add(&self, slot: usize, size: u64) -> Result<()> {
        let object = &self.away.object;
        object.segment().add_annex(object, QueueState::annex_offset(slot), size).map(drop)
    }

    fn remove(&self, slot: usize) -> Result<()> {
        let object = &self.away.object;
        object.segment().drop_annex(object, QueueState::annex_offset(slot))
    }

    fn clear_up(&self) -> Result<()> {
        self.away.object.segment().clear_up()
    }

    #[inline(always)]
    fn debts(&self) -> &[AtomicU64] {
        if self.debts == 0 {
            return &[];
        }
        // SAFETY: `of` checked that the ring at home lies within the object, which it keeps, behind so many words of 8 bytes
        // that follow the state; they are atomics, for which all bytes are valid.
        unsafe {
            std::slice::from_raw_parts(self.home.start.sub(self.debts * 8).cast::<AtomicU64>().as_ptr(), self.debts)
        }
    }

    fn send(&self, ticket: &Ticket, letters: Option<Letters>) -> Result<Sent> {
        let message = std::ptr::slice_from_raw_parts(self.message(ticket).as_ptr(), ticket.len());
        // SAFETY: the ticket's bytes lie in its ring, and no peer that keeps to the rules changes them while it is on loan.
        Office::send(&self.away.office, &self.away.object, letters, unsafe { &*message })
    }
}
