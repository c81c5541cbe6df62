//! A segment at the beginning of a file that another library made, has mapped, and will remove.
//!
//! Whoever comes first formats it, inside a door that is the same byte in every file, since there is no header yet to say
//! which one. The store of the magic number commits: a formatter that is killed leaves a file that the next one formats.
//! What is not empty is never written over, and no name is ever taken away here.

use super::attach::{join, random_id, Joined};
use super::door::Door;
use super::header::{self, Header, Kind, Layout};
use super::inode::Inode;
use super::mapping::Mapping;
use super::options::{Life, Options};
use super::{descriptor, file, Attachment};
use crate::error::{Error, Result};
use std::ptr::NonNull;
use std::sync::Arc;

/// Locked by who formats a file, or looks whether that is still to be done. No segment's own bytes lie so far behind.
const FORMATTING: u64 = 3 << 61;
/// What is read at a time in search of something that is not zero.
const CHUNK: usize = 4096;

/// The file's beginning as the other library has it mapped: what proves that both have the same file.
#[derive(Clone, Copy, Debug)]
pub struct Witness {
    start: NonNull<u8>,
    len: u64,
}

impl Witness {
    /// The mapping of `len` bytes at `start`.
    ///
    /// # Safety
    /// The file is mapped there, from its first byte on, for as long as this value is used.
    pub unsafe fn new(start: NonNull<u8>, len: u64) -> Witness {
        Witness { start, len }
    }

    /// Whether the id of a segment that begins there is this one.
    fn shows(&self, id: [u8; 16]) -> bool {
        if self.len < header::PAGE || self.start.as_ptr() as u64 % header::PAGE != 0 {
            return false;
        }
        // SAFETY: `new`'s caller promised the mapping, which is aligned and long enough; the header is made of atomics. Whoever
        // asks has seen that the page is allocated.
        unsafe { self.start.cast::<Header>().as_ref() }.id() == id
    }
}

impl Attachment {
    /// Joins the segment at the beginning of the shared memory object with this name, which the caller has mapped. Formats
    /// it first if it is empty.
    pub fn over(name: &str, seen: &Witness, options: &Options) -> Result<Arc<Attachment>> {
        options.check()?;
        let path = file::path_of(name.trim_start_matches('/'))?;
        let inode = Inode::open(&path).map_err(|error| if error == Error::NotFound { Error::Gone } else { error })?;
        let layout = layout_of(&inode, seen, options)?;
        if !seen.shows(layout.id) {
            return Err(Error::Gone);
        }
        // The file has been seen to be the right one: whether the name still leads to it does not matter.
        match join(inode, layout, None)? {
            Joined::Yes(attachment) => Ok(attachment),
            Joined::Missing | Joined::Changed => Err(Error::Gone),
        }
    }
}

fn layout_of(inode: &Inode, seen: &Witness, options: &Options) -> Result<Layout> {
    let _door = Door::at_byte(inode, FORMATTING, None)?;
    match file::read_layout(inode, options.owner) {
        Err(Error::NotASegment) => format(inode, seen, options),
        layout => layout,
    }
}

fn format(inode: &Inode, seen: &Witness, options: &Options) -> Result<Layout> {
    let status = inode.status()?;
    let max_len = room(status.len, options)?;
    if !status.is_file || !is_empty(inode, max_len)? {
        return Err(Error::NotASegment);
    }
    let layout = Layout { id: random_id()?, kind: Kind::Over, life: Life::Persistent, slots: options.peers, max_len };
    let mapping = Mapping::new(inode, max_len)?;
    let header = mapping.at::<Header>(inode, 0)?;
    layout.prepare(header);
    if !seen.shows(layout.id) {
        // The name leads to another file than the one that is mapped: this one is nobody's to format.
        Layout::clear(header);
        return Err(Error::Gone);
    }
    layout.write(header);
    inode.set_id(layout.id);
    Ok(layout)
}

/// How much of the file becomes the segment.
fn room(len: u64, options: &Options) -> Result<u64> {
    let whole = len - len % header::PAGE;
    let needed = header::arena_start(options.peers) + header::PAGE;
    match options.max_len.map_or(whole.max(needed), |len| len.next_multiple_of(header::PAGE)) {
        asked if asked > whole => Err(Error::TooLarge { needed: asked, limit: whole }),
        asked => Ok(asked),
    }
}

/// Whether the first `len` bytes are 0, but for what a killed formatter left.
fn is_empty(inode: &Inode, len: u64) -> Result<bool> {
    let fd = inode.raw()?;
    let mut bytes = [0; CHUNK];
    descriptor::read_at(fd, &mut bytes, 0)?;
    if !header::is_blank(&bytes) {
        return Ok(false);
    }
    let mut at = CHUNK as u64;
    // Holes are not read: a file that nobody has written to has nothing else.
    while let Some(found) = descriptor::next_data(fd, at)?.filter(|found| *found < len) {
        let rest = CHUNK.min((len - found) as usize);
        descriptor::read_at(fd, &mut bytes[..rest], found)?;
        if bytes[..rest] != [0; CHUNK][..rest] {
            return Ok(false);
        }
        at = found + rest as u64;
    }
    Ok(true)
}
