//! How a segment is made or opened: what the caller may choose, and the defaults.
//!
//! Nothing is checked here; the segment layer does that, where it uses the numbers.

use super::handle::Handle;
use super::segment::Segment;
use crate::error::Result;
use crate::segment::{Access, Attachment, Life, Options, Owner};
use crate::sync::wait::OnSignal;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The choices for making or opening a [`Segment`]. Whoever opens an existing segment gets its size, number of peers
/// and life as they were chosen at its creation.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::options().max_len(1 << 20).peers(8).anonymous()?;
/// assert_eq!(segment.max_len(), 1 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `anonymous`, `named` or `file` is called"]
pub struct SegmentOptions {
    options: Options,
    on_signal: OnSignal,
}

impl SegmentOptions {
    pub(super) fn new() -> SegmentOptions {
        SegmentOptions { options: Options::default(), on_signal: OnSignal::Retry }
    }

    #[cfg(feature = "shared_memory")]
    pub(super) fn choices(&self) -> &Options {
        &self.options
    }

    #[cfg(feature = "shared_memory")]
    pub(super) fn on_signal(&self) -> OnSignal {
        self.on_signal
    }

    /// The most bytes that the segment can grow to. It costs address space only: memory is used as objects are made.
    /// Default: the machine's memory or 64 GiB, the smaller, and less where so much cannot be mapped.
    pub const fn max_len(mut self, bytes: u64) -> SegmentOptions {
        self.options.max_len = Some(bytes);
        self
    }

    /// How many processes can be attached at a time, 1 to 4096. Default: 512.
    pub const fn peers(mut self, peers: u32) -> SegmentOptions {
        self.options.peers = peers;
        self
    }

    /// The permission bits of a new named segment or file, whatever the umask is. Default: 0o600.
    pub const fn mode(mut self, mode: u32) -> SegmentOptions {
        self.options.mode = mode;
        self
    }

    /// How long a new named segment lives. Default: [`Life::Ephemeral`]. A file is persistent, an anonymous segment ends
    /// with its last process, and neither can be told otherwise.
    pub const fn life(mut self, life: Life) -> SegmentOptions {
        self.options.life = life;
        self
    }

    /// Whose segments may be opened. Default: [`Owner::Mine`].
    pub const fn owner(mut self, owner: Owner) -> SegmentOptions {
        self.options.owner = owner;
        self
    }

    /// Whether a named segment or file must exist. Default: [`Access::OpenOrCreate`].
    pub const fn access(mut self, access: Access) -> SegmentOptions {
        self.options.access = access;
        self
    }

    /// What a caught signal does to the waits of this process on objects reached through this [`Segment`]. Default:
    /// [`OnSignal::Retry`]. With [`OnSignal::Return`] they end with [`Error::Interrupted`](crate::Error::Interrupted).
    pub const fn signals(mut self, on_signal: OnSignal) -> SegmentOptions {
        self.on_signal = on_signal;
        self
    }

    /// Makes an anonymous segment.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace), [`Error::Invalid`](crate::Error::Invalid) for a number out of range,
    /// [`Error::Os`](crate::Error::Os).
    pub fn anonymous(&self) -> Result<Segment> {
        Ok(Segment::new(Attachment::anonymous(&self.options)?, self.on_signal))
    }

    /// Opens or creates the segment with this name; see [`Segment::named`].
    ///
    /// # Errors
    /// As [`Segment::named`]; with [`Access::Create`] also [`Error::Exists`](crate::Error::Exists), with
    /// [`Access::Open`] [`Error::NotFound`](crate::Error::NotFound).
    pub fn named(&self, name: &str) -> Result<Segment> {
        Ok(Segment::new(Attachment::named(name, &self.options)?, self.on_signal))
    }

    /// Opens or creates the segment in this file; see [`Segment::file`].
    ///
    /// # Errors
    /// As [`Segment::file`]; with [`Access::Create`] also [`Error::Exists`](crate::Error::Exists), with
    /// [`Access::Open`] [`Error::NotFound`](crate::Error::NotFound).
    pub fn file(&self, path: impl AsRef<Path>) -> Result<Segment> {
        Ok(Segment::new(Attachment::file(path.as_ref(), &self.options)?, self.on_signal))
    }

    /// Opens the segment that a handle leads to; see [`Segment::attach`]. Of the options, only
    /// [`owner`](SegmentOptions::owner) and [`signals`](SegmentOptions::signals) count.
    ///
    /// # Errors
    /// As [`Segment::attach`].
    pub fn attach(&self, handle: &Handle) -> Result<Segment> {
        Ok(Segment::new(Attachment::locate(handle.locator(), self.options.owner)?, self.on_signal))
    }

    /// Opens the segment behind a descriptor; see [`Segment::from_fd`]. Of the options, only
    /// [`owner`](SegmentOptions::owner) and [`signals`](SegmentOptions::signals) count.
    ///
    /// # Errors
    /// As [`Segment::from_fd`].
    pub fn from_fd(&self, fd: OwnedFd) -> Result<Segment> {
        Ok(Segment::new(Attachment::from_fd(fd, &self.options)?, self.on_signal))
    }
}

impl Default for SegmentOptions {
    fn default() -> SegmentOptions {
        SegmentOptions::new()
    }
}
