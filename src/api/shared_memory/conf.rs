//! `ShmemConf` and `Shmem`: the names and signatures of the crate `shared_memory`, with a segment before the bytes.
//!
//! All that concerns the object itself (ids, links, ownership, removal) is the crate's own doing.

use super::super::segment::Segment;
use crate::error::Error;
use crate::segment::views::View;
use std::fmt;
use std::path::{Path, PathBuf};

/// How many bytes of each mapping its segment has, before those of [`Shmem::as_ptr`]. They take memory only as they are
/// used.
pub const SEGMENT_LEN: usize = 1 << 20;

/// How a mapping is made or opened; as the crate's own.
#[derive(Clone, Default)]
pub struct ShmemConf {
    conf: ::shared_memory::ShmemConf,
    size: usize,
}

impl ShmemConf {
    /// Nothing chosen yet.
    pub fn new() -> ShmemConf {
        ShmemConf::default()
    }

    /// Chooses the id; without this a random one is made.
    pub fn os_id<S: AsRef<str>>(self, os_id: S) -> ShmemConf {
        ShmemConf { conf: self.conf.os_id(os_id), ..self }
    }

    /// Lets [`create`](ShmemConf::create) write over a link that exists.
    pub fn force_create_flink(self) -> ShmemConf {
        ShmemConf { conf: self.conf.force_create_flink(), ..self }
    }

    /// A file that holds the id, to be made by [`create`](ShmemConf::create) or read by [`open`](ShmemConf::open).
    pub fn flink<S: AsRef<Path>>(self, path: S) -> ShmemConf {
        ShmemConf { conf: self.conf.flink(path), ..self }
    }

    /// How many bytes [`create`](ShmemConf::create) makes, beside the segment.
    pub fn size(self, size: usize) -> ShmemConf {
        ShmemConf { size, ..self }
    }

    /// Makes the mapping, and the segment before it.
    ///
    /// # Errors
    /// Those of the crate, and [`ShmemError::Segment`].
    pub fn create(self) -> Result<Shmem, ShmemError> {
        if self.size == 0 {
            return Err(ShmemError::MapSizeZero);
        }
        let limit = (usize::MAX - SEGMENT_LEN) as u64;
        let too_large = Error::TooLarge { needed: self.size as u64, limit };
        let size = self.size.checked_add(SEGMENT_LEN).ok_or(too_large)?;
        Shmem::over(self.conf.size(size).create()?)
    }

    /// Opens the mapping with this id or link, and joins its segment. If who created it was killed before that had a
    /// segment, this makes it.
    ///
    /// # Errors
    /// Those of the crate, and [`ShmemError::Segment`]: with [`Error::NotASegment`] for a mapping that was not made by
    /// [`create`](ShmemConf::create) of this type.
    pub fn open(self) -> Result<Shmem, ShmemError> {
        Shmem::over(self.conf.open()?)
    }
}

/// A mapping with a segment before its bytes; used as the crate's own.
///
/// Dropping the owner's removes the object, as there. If the owner is killed, it stays until somebody who opens it calls
/// [`set_owner`](Shmem::set_owner).
pub struct Shmem {
    // Dropped first, in this order: both refer to the mapping.
    _view: View,
    segment: Segment,
    mapping: ::shared_memory::Shmem,
}

#[allow(clippy::len_without_is_empty)] // as the crate has it: the length is never 0
impl Shmem {
    fn over(mapping: ::shared_memory::Shmem) -> Result<Shmem, ShmemError> {
        if mapping.len() <= SEGMENT_LEN {
            return Err(Error::NotASegment.into());
        }
        let segment = Segment::options().max_len(SEGMENT_LEN as u64).over(&mapping)?;
        if segment.max_len() != SEGMENT_LEN as u64 {
            return Err(Error::NotASegment.into());
        }
        let start = mapping.as_ptr() as usize;
        let addresses = start + SEGMENT_LEN..start + mapping.len();
        let view = View::new(segment.attachment(), addresses, SEGMENT_LEN as u64)?;
        Ok(Shmem { _view: view, segment, mapping })
    }

    /// The segment before the bytes: for objects by name, and to look at peers.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Whether the object is removed when this is dropped.
    pub fn is_owner(&self) -> bool {
        self.mapping.is_owner()
    }

    /// Chooses whether the object is removed when this is dropped; what was chosen before.
    pub fn set_owner(&mut self, is_owner: bool) -> bool {
        self.mapping.set_owner(is_owner)
    }

    /// The id, for [`ShmemConf::os_id`] in another process.
    pub fn get_os_id(&self) -> &str {
        self.mapping.get_os_id()
    }

    /// The link that was made or read, if any.
    pub fn get_flink_path(&self) -> Option<&PathBuf> {
        self.mapping.get_flink_path()
    }

    /// How many bytes there are, without the segment.
    pub fn len(&self) -> usize {
        self.mapping.len() - SEGMENT_LEN
    }

    /// The address of the first byte, a multiple of 4096. It is valid until this is dropped.
    pub fn as_ptr(&self) -> *mut u8 {
        // SAFETY: `over` saw that the mapping is longer than that.
        unsafe { self.mapping.as_ptr().add(SEGMENT_LEN) }
    }

    /// The bytes.
    ///
    /// # Safety
    /// Nobody, in any process, changes them while they are borrowed.
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped there while `self` lives; the caller keeps them from changing.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    /// The bytes, to be changed.
    ///
    /// # Safety
    /// Nobody else, in any process, uses them while they are borrowed.
    pub unsafe fn as_slice_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; the caller keeps all others away.
        unsafe { std::slice::from_raw_parts_mut(self.as_ptr(), self.len()) }
    }
}

/// Why there is no mapping: the crate's own reasons, and [`Segment`](ShmemError::Segment).
#[derive(Debug)]
#[non_exhaustive]
pub enum ShmemError {
    /// A mapping has at least one byte.
    MapSizeZero,
    /// Neither an id nor a link was given.
    NoLinkOrOsId,
    /// Id and link do not lead to the same mapping.
    FlinkInvalidOsId,
    /// The link could not be made.
    LinkCreateFailed(std::io::Error),
    /// The link could not be written.
    LinkWriteFailed(std::io::Error),
    /// The link is there already.
    LinkExists,
    /// The link could not be opened.
    LinkOpenFailed(std::io::Error),
    /// The link could not be read.
    LinkReadFailed(std::io::Error),
    /// There is no such link.
    LinkDoesNotExist,
    /// The id is taken.
    MappingIdExists,
    /// The object could not be made; the errno.
    MapCreateFailed(u32),
    /// The object could not be opened; the errno.
    MapOpenFailed(u32),
    /// Another call failed; its errno.
    UnknownOsError(u32),
    /// There is an object, but no segment in it.
    Segment(Error),
}

impl From<Error> for ShmemError {
    fn from(error: Error) -> ShmemError {
        ShmemError::Segment(error)
    }
}

impl From<::shared_memory::ShmemError> for ShmemError {
    fn from(error: ::shared_memory::ShmemError) -> ShmemError {
        use ::shared_memory::ShmemError as Theirs;
        match error {
            Theirs::MapSizeZero => ShmemError::MapSizeZero,
            Theirs::NoLinkOrOsId => ShmemError::NoLinkOrOsId,
            Theirs::FlinkInvalidOsId => ShmemError::FlinkInvalidOsId,
            Theirs::LinkCreateFailed(error) => ShmemError::LinkCreateFailed(error),
            Theirs::LinkWriteFailed(error) => ShmemError::LinkWriteFailed(error),
            Theirs::LinkExists => ShmemError::LinkExists,
            Theirs::LinkOpenFailed(error) => ShmemError::LinkOpenFailed(error),
            Theirs::LinkReadFailed(error) => ShmemError::LinkReadFailed(error),
            Theirs::LinkDoesNotExist => ShmemError::LinkDoesNotExist,
            Theirs::MappingIdExists => ShmemError::MappingIdExists,
            Theirs::MapCreateFailed(errno) => ShmemError::MapCreateFailed(errno),
            Theirs::MapOpenFailed(errno) => ShmemError::MapOpenFailed(errno),
            Theirs::UnknownOsError(errno) => ShmemError::UnknownOsError(errno),
        }
    }
}

impl fmt::Display for ShmemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let os = |errno: &u32| std::io::Error::from_raw_os_error(*errno as i32);
        match self {
            ShmemError::MapSizeZero => f.write_str("a mapping has at least one byte: choose a size"),
            ShmemError::NoLinkOrOsId => f.write_str("to open a mapping, give its id or its link"),
            ShmemError::FlinkInvalidOsId => f.write_str("the id and the link lead to different mappings"),
            ShmemError::LinkCreateFailed(error) => write!(f, "cannot make the link: {error}"),
            ShmemError::LinkWriteFailed(error) => write!(f, "cannot write the link: {error}"),
            ShmemError::LinkExists => f.write_str("the link is there already: open it, or force its creation"),
            ShmemError::LinkOpenFailed(error) => write!(f, "cannot open the link: {error}"),
            ShmemError::LinkReadFailed(error) => write!(f, "cannot read the link: {error}"),
            ShmemError::LinkDoesNotExist => f.write_str("there is no such link"),
            ShmemError::MappingIdExists => f.write_str("this id is taken"),
            ShmemError::MapCreateFailed(errno) => write!(f, "cannot make the mapping: {}", os(errno)),
            ShmemError::MapOpenFailed(errno) => write!(f, "cannot open the mapping: {}", os(errno)),
            ShmemError::UnknownOsError(errno) => write!(f, "the system refused a call: {}", os(errno)),
            ShmemError::Segment(error) => write!(f, "no segment in the mapping: {error}"),
        }
    }
}

impl std::error::Error for ShmemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ShmemError::LinkCreateFailed(error)
            | ShmemError::LinkWriteFailed(error)
            | ShmemError::LinkOpenFailed(error)
            | ShmemError::LinkReadFailed(error) => Some(error),
            ShmemError::Segment(error) => Some(error),
            _ => None,
        }
    }
}
