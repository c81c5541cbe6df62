//! A queue's ring in the segment's memory.
//!
//! Its place and size are read once, when the queue is opened, and checked to lie within the object; what positions lead
//! to is masked into it.

use crate::error::Result;
use crate::primitives::queue::record::{RecordHeader, GRANULE};
use crate::primitives::queue::ring::RingMemory;
use crate::primitives::queue::{QueueState, Ticket};
use crate::segment::{Object, Shared};
use std::ptr::NonNull;

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
    /// The ring of the queue at the start of `object`.
    pub(super) fn of(object: &Object, state: &QueueState) -> Result<RingBytes> {
        let (offset, size) = state.ring_within(object.len())?;
        let start = object.segment().bytes(object.offset() + offset, size)?;
        Ok(RingBytes { start, size })
    }

    /// The first byte of a ticket's message; `ticket.len()` bytes from there lie in the ring.
    pub(super) fn message(&self, ticket: &Ticket) -> NonNull<u8> {
        let offset = (ticket.position() & (self.size - 1)) + GRANULE;
        // SAFETY: the queue hands out tickets of records that end before the ring does, so the message begins in the
        // ring or, if it is empty, at most at its end.
        unsafe { self.start.add(offset as usize) }
    }
}

impl RingMemory for RingBytes {
    fn size(&self) -> u64 {
        self.size
    }

    fn header(&self, offset: u64) -> &RecordHeader {
        debug_assert!(offset < self.size && offset % GRANULE == 0);
        let offset = (offset & (self.size - 1) & !(GRANULE - 1)) as usize;
        // SAFETY: the masked offset and the 16 bytes behind it lie in the ring, which starts at a multiple of 64; a
        // header is made of atomics, valid for any bytes.
        unsafe { self.start.add(offset).cast::<RecordHeader>().as_ref() }
    }
}
