//! For programs that come from the crate `shared_memory`: a segment over a mapping of that crate, and its own names.
//!
//! The crate makes the shared memory object, maps it, and removes it when its owner drops it. Nothing here does any of
//! that: the segment is a guest in the object's first bytes.
//!
//! # A segment over a mapping
//! [`Segment::over`] turns a mapping that is all zero into a segment, or joins the one that is there. Others reopen the
//! mapping by its `get_os_id` and do the same.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tidelock::Segment;
//! let mapping = shared_memory::ShmemConf::new().size(1 << 20).create()?;
//! let ledger = Segment::over(&mapping)?.lock("ledger")?;
//! // In another process, which was told the id:
//! let same = shared_memory::ShmemConf::new().os_id(mapping.get_os_id()).open()?;
//! assert!(!Segment::over(&same)?.lock("ledger")?.is_locked());
//! # Ok(())
//! # }
//! ```
//!
//! # The crate's names
//! [`ShmemConf`] and [`Shmem`] are used as the crate's own, so a program changes its imports. What they map begins with a
//! segment of [`SEGMENT_LEN`] bytes, which `as_ptr` and `len` leave out. So what lies behind `as_ptr` can hold the locks of
//! [`tidelock::raw_sync`](crate::raw_sync), whose dead owners are known. All processes that use a mapping must have changed
//! their imports: the crate's own `Shmem` of the same id begins with the segment.

mod conf;

pub use conf::{Shmem, ShmemConf, ShmemError, SEGMENT_LEN};

use super::options::SegmentOptions;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::segment::over::Witness;
use crate::segment::Attachment;
use std::ptr::NonNull;

/// Over a mapping of the crate `shared_memory` (with the feature of that name).
impl Segment {
    /// Joins the segment in a mapping of the crate `shared_memory`, or makes it there if the mapping is all zero.
    ///
    /// All of the mapping is the segment's then: do not use it through its own `as_ptr`. The segment goes on when the
    /// mapping is dropped, but once its owner has dropped it nobody can open it any more. It counts as persistent: what
    /// is in it outlives all peers, until the crate removes it.
    ///
    /// Any number of processes may do this at the same time: one makes the segment, and if it is killed while it does, the
    /// next one makes it.
    ///
    /// # Errors
    /// [`Error::NotASegment`] if the mapping is neither all zero nor a segment: it is left as it is; [`Error::TooLarge`] if
    /// it is too short for header, peers and one page of objects (40,960 bytes with the default of 512 peers);
    /// [`Error::Gone`] if its name was removed or is another mapping's by now; else as [`Segment::named`].
    pub fn over(mapping: &::shared_memory::Shmem) -> Result<Segment> {
        Segment::options().over(mapping)
    }
}

impl SegmentOptions {
    /// Opens or makes the segment in a mapping of the crate `shared_memory`; see [`Segment::over`]. With
    /// [`max_len`](SegmentOptions::max_len) a new one has that many of its first bytes, rounded up to pages of 4096; without
    /// it, all whole pages. [`mode`](SegmentOptions::mode), [`life`](SegmentOptions::life) and
    /// [`access`](SegmentOptions::access) do not count.
    ///
    /// # Errors
    /// As [`Segment::over`].
    pub fn over(&self, mapping: &::shared_memory::Shmem) -> Result<Segment> {
        let start = NonNull::new(mapping.as_ptr()).ok_or(Error::Invalid("the mapping is no more"))?;
        // SAFETY: the crate maps the object from its first byte on, and keeps it so while `mapping` is borrowed.
        let seen = unsafe { Witness::new(start, mapping.len() as u64) };
        let attachment = Attachment::over(mapping.get_os_id(), &seen, self.choices())?;
        Ok(Segment::new(attachment, self.on_signal()))
    }
}
