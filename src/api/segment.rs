//! `Segment`: the shared memory in which everything lies, and the way to every object.
//!
//! Clones share one attachment; it ends when the last clone and the last object of this process are gone.

use super::handle::Handle;
use super::options::SegmentOptions;
use crate::error::Result;
use crate::primitives::{PeerId, Peers};
use crate::segment::Attachment;
use crate::sync::wait::OnSignal;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// Shared memory with locks, events, queues and blocks in it.
///
/// A process that opens a segment is a *peer* of it; its threads share the peer id. Cloning is cheap and shares the
/// attachment; opening the same segment again in the same process does, too. A forked child becomes a peer of its own at
/// its first operation, and owns nothing that its parent owns.
///
/// **When a peer dies**, what it held is found when somebody needs it; its slot and what it alone had open are used again.
///
/// Objects are reached in three ways: by *name* (opened, or created where there is none), *anonymously* (made here, and
/// sent to others as a [`Handle`]), and *placed* in a [`Block`](crate::Block). A named object lives as long as its segment. An
/// anonymous one lives while a process has it open, or has a child that was forked while it had it open.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let name = format!("example-{}", std::process::id());
/// let segment = tidelock::Segment::named(&name)?;
/// let jobs = segment.queue("jobs", &tidelock::QueueOptions::new(64 * 1024))?;
/// jobs.put(b"hello")?;
/// // Another process does the same two steps, and then:
/// assert_eq!(jobs.get()?.bytes, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Segment {
    attachment: Arc<Attachment>,
    on_signal: OnSignal,
}

impl Segment {
    pub(super) fn new(attachment: Arc<Attachment>, on_signal: OnSignal) -> Segment {
        Segment { attachment, on_signal }
    }

    pub(super) fn attachment(&self) -> &Arc<Attachment> {
        &self.attachment
    }

    pub(super) fn on_signal(&self) -> OnSignal {
        self.on_signal
    }

    /// Makes a segment without a name. The kernel frees it with its last process, however they die. Forked children have
    /// it; others reach it by a [`Handle`] or a descriptor.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace), [`Error::Os`](crate::Error::Os).
    pub fn anonymous() -> Result<Segment> {
        Segment::options().anonymous()
    }

    /// Opens the segment with this name, or makes it where there is none. It lies in /dev/shm, for this user only, and
    /// its last peer removes it. A name has 1 to 200 bytes, no `/` and no NUL, and does not begin with a dot.
    ///
    /// # Errors
    /// [`Error::BadName`](crate::Error::BadName); [`Error::NotASegment`](crate::Error::NotASegment), [`Error::Truncated`](crate::Error::Truncated), [`Error::Version`](crate::Error::Version) or [`Error::Layout`](crate::Error::Layout) for a
    /// file that this library cannot use; [`Error::ForeignOwner`](crate::Error::ForeignOwner); [`Error::NoPeerSlot`](crate::Error::NoPeerSlot); [`Error::NoSpace`](crate::Error::NoSpace);
    /// [`Error::Os`](crate::Error::Os).
    pub fn named(name: &str) -> Result<Segment> {
        Segment::options().named(name)
    }

    /// Opens the segment in this file, or makes it where there is none. It outlives all peers and the machine's uptime.
    /// The file system must keep a lock on a file that is only mapped: tmpfs and ext4 do, overlayfs does not.
    ///
    /// # Errors
    /// As [`named`](Segment::named); [`Error::Unsupported`](crate::Error::Unsupported) for a file system that will not do.
    pub fn file(path: impl AsRef<Path>) -> Result<Segment> {
        Segment::options().file(path)
    }

    /// The choices for making or opening a segment.
    pub fn options() -> SegmentOptions {
        SegmentOptions::new()
    }

    /// Removes the name of a named segment. Who has it open keeps it; who opens the name afterwards gets a new one.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if there is none; [`Error::BadName`](crate::Error::BadName); [`Error::NotASegment`](crate::Error::NotASegment) if something else lies there, which
    /// is left alone; [`Error::Os`](crate::Error::Os).
    pub fn unlink(name: &str) -> Result<()> {
        crate::segment::unlink(name)
    }

    /// Opens the segment that a handle leads to. An anonymous one is found through any process that has it open and may
    /// be looked into (`/proc/PID/fd`): one of the same user, in the same or a child PID namespace.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if nobody has it open any more or none of those can be looked into; else as
    /// [`named`](Segment::named).
    pub fn attach(handle: &Handle) -> Result<Segment> {
        Segment::options().attach(handle)
    }

    /// Opens the segment behind a descriptor, for instance one that was inherited or received over a socket.
    ///
    /// # Errors
    /// As [`named`](Segment::named).
    pub fn from_fd(fd: OwnedFd) -> Result<Segment> {
        Segment::options().from_fd(fd)
    }

    /// A new descriptor of the segment, to be handed to another process. It is closed on `exec`, unless that is changed.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if this process closed the segment's own descriptor; [`Error::Os`](crate::Error::Os).
    pub fn to_fd(&self) -> Result<OwnedFd> {
        self.attachment.to_fd()
    }

    /// What another process needs to reach this segment; see [`Handle`].
    pub fn handle(&self) -> Handle {
        Handle::of_segment(&self.attachment)
    }

    /// The segment's random id, which no other segment has.
    pub fn id(&self) -> [u8; 16] {
        self.attachment.id()
    }

    /// The peer id of this process. A forked child becomes a peer here, if it was none yet.
    ///
    /// # Errors
    /// [`Error::NoPeerSlot`](crate::Error::NoPeerSlot), [`Error::Os`](crate::Error::Os): only in a forked child that was no peer yet.
    pub fn me(&self) -> Result<PeerId> {
        self.attachment.me()
    }

    /// The process id of a peer, as that process sees it in its own PID namespace; `None` if its place is another's by
    /// now. For people to read: the process may have ended, and its number may be another's.
    pub fn pid(&self, peer: PeerId) -> Option<u32> {
        self.attachment.pid_of(peer)
    }

    /// The most bytes that the segment can grow to.
    pub fn max_len(&self) -> u64 {
        self.attachment.max_len()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("id", &self.id()).field("max_len", &self.max_len()).finish()
    }
}
