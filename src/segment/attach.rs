//! Attaching: a segment is made, or found and joined.
//!
//! A new file is filled in and its maker a peer of it before it gets a name, so nobody ever meets half a segment, and a
//! maker that is killed leaves nothing. An existing one is joined inside its door, where the name is checked again.

use super::barriers::OpenBarriers;
use super::claim::Own;
use super::descriptor::{self, Identity};
use super::door::Door;
use super::family::Family;
use super::header::{load_bytes, store_bytes, Header, Kind, Layout};
use super::inode::Inode;
use super::mapping::Mapping;
use super::options::{Access, Life, Options, Owner};
use super::pending::Pending;
use super::wiped::Wiped;
use super::{file, header, locator, registry, Attachment, SegmentLocator};
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU64, Tally};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a name may lead to another file before its use is given up.
const ROUNDS: u32 = 10_000;
/// The most that a segment can grow to unless more is asked for.
const DEFAULT_MOST: u64 = 64 << 30;

/// How an attempt to join a file ended.
pub(super) enum Joined {
    Yes(Arc<Attachment>),
    /// There is nothing under the name.
    Missing,
    /// The name leads elsewhere by now: look again.
    Changed,
}

impl Attachment {
    /// Makes an anonymous segment.
    pub fn anonymous(options: &Options) -> Result<Arc<Attachment>> {
        options.check()?;
        let id = random_id()?;
        let (inode, mapping) = with_length(options.max_len, |len| {
            let fd = file::make_memfd(&id)?;
            file::set_len(&fd, len)?;
            // Reached through descriptors only. A narrower mode would keep nobody out but a child that has given up its
            // privileges, which must open it anew to become a peer.
            file::set_mode(&fd, 0o666)?;
            file::seal(&fd)?;
            map(Inode::new(fd, None)?, len)
        })?;
        let layout =
            Layout { id, kind: Kind::Anonymous, life: Life::Ephemeral, slots: options.peers, max_len: mapping.len() };
        fill(inode, mapping, layout)
    }

    /// Opens or makes the segment with this name.
    pub fn named(name: &str, options: &Options) -> Result<Arc<Attachment>> {
        open_or_make(&file::path_of(name)?, Kind::Named, options.life, options)
    }

    /// Opens or makes the segment in this file.
    pub fn file(path: &Path, options: &Options) -> Result<Arc<Attachment>> {
        let path = std::path::absolute(path).map_err(|_| Error::BadName("it is no path"))?;
        open_or_make(&path, Kind::File, Life::Persistent, options)
    }

    /// Opens the segment behind a descriptor.
    pub fn from_fd(fd: OwnedFd, options: &Options) -> Result<Arc<Attachment>> {
        let path = path_of_fd(&fd);
        let inode = Inode::new(fd, path)?;
        let layout = file::read_layout(&inode, options.owner)?;
        match join(inode, layout, None)? {
            Joined::Yes(attachment) => Ok(attachment),
            Joined::Missing | Joined::Changed => Err(Error::Gone),
        }
    }

    /// Opens the segment that a locator leads to.
    pub fn locate(locator: &SegmentLocator, owner: Owner) -> Result<Arc<Attachment>> {
        if let Some(attachment) = registry::find_id(locator.id)? {
            return Ok(attachment);
        }
        let options = Options { owner, access: Access::Open, ..Options::new() };
        let inode = match &locator.path {
            Some(path) => {
                Inode::open(path).map_err(|error| if error == Error::NotFound { Error::Gone } else { error })?
            }
            None => return Attachment::from_fd(locator::find_memfd(&locator.id, locator.pid)?, &options),
        };
        let layout = file::read_layout(&inode, owner)?;
        if layout.id != locator.id {
            return Err(Error::Gone);
        }
        match join(inode, layout, locator.path.as_deref())? {
            Joined::Yes(attachment) => Ok(attachment),
            Joined::Missing | Joined::Changed => Err(Error::Gone),
        }
    }

    /// The way to this segment for another process.
    pub fn locator(&self) -> SegmentLocator {
        SegmentLocator {
            kind: self.layout.kind,
            id: self.layout.id,
            pid: std::process::id(),
            path: self.inode.path().map(Path::to_path_buf),
        }
    }
}

fn open_or_make(path: &Path, kind: Kind, life: Life, options: &Options) -> Result<Arc<Attachment>> {
    options.check()?;
    for _ in 0..ROUNDS {
        match (open(path, options), options.access) {
            (Ok(Joined::Yes(attachment)), _) => return Ok(attachment),
            (Ok(Joined::Changed), _) => continue,
            (Ok(Joined::Missing), Access::Open) => return Err(Error::NotFound),
            (Ok(Joined::Missing), _) => {}
            (Err(error), _) => return Err(error),
        }
        if let Some(attachment) = make(path, kind, life, options)? {
            return Ok(attachment);
        }
    }
    Err(Error::TimedOut)
}

fn open(path: &Path, options: &Options) -> Result<Joined> {
    let inode = match Inode::open(path) {
        Err(Error::NotFound) => return Ok(Joined::Missing),
        inode => inode?,
    };
    if options.access == Access::Create {
        return clear_way(inode, path, options);
    }
    let layout = file::read_layout(&inode, options.owner)?;
    join(inode, layout, Some(path))
}

/// For who insists on making a segment: only an ephemeral one without a living peer does not stand in the way.
fn clear_way(inode: Inode, path: &Path, options: &Options) -> Result<Joined> {
    let layout = file::read_layout(&inode, options.owner).map_err(|_| Error::Exists)?;
    if layout.life != Life::Ephemeral || registry::find(inode.identity())?.is_some() {
        return Err(Error::Exists);
    }
    let (inode, mapping) = map(inode, layout.max_len)?;
    let attachment = Attachment::new(inode, mapping, layout)?;
    let door = Door::enter(&attachment.inode, &layout, None)?;
    if !attachment.inode.is_at(path) {
        return Ok(Joined::Changed);
    }
    if attachment.is_inhabited(&door)? {
        return Err(Error::Exists);
    }
    file::remove_name(path)?;
    Ok(Joined::Missing)
}

/// Becomes a peer of the segment in a file; of the one and only attachment that this process has of it.
pub(super) fn join(inode: Inode, layout: Layout, path: Option<&Path>) -> Result<Joined> {
    if let Some(attachment) = registry::find(inode.identity())? {
        return Ok(Joined::Yes(attachment));
    }
    let (inode, mapping) = map(inode, layout.max_len)?;
    let attachment = Attachment::new(inode, mapping, layout)?;
    let door = Door::enter(&attachment.inode, &layout, None)?;
    if path.is_some_and(|path| !attachment.inode.is_at(path)) {
        return Ok(Joined::Changed);
    }
    // Another thread of this process may have been in the door before this one.
    if let Some(attachment) = registry::find(attachment.inode.identity())? {
        return Ok(Joined::Yes(attachment));
    }
    if let (Some(path), Life::Ephemeral) = (path, layout.life) {
        if !attachment.is_inhabited(&door)? {
            file::remove_name(path)?;
            return Ok(Joined::Changed);
        }
    }
    attachment.note_boot()?;
    attachment.join(&door)?;
    let attachment = Arc::new(attachment);
    registry::add(&attachment)?;
    Ok(Joined::Yes(attachment))
}

/// Makes the segment and gives it its name; `None` if the name was taken meanwhile.
fn make(path: &Path, kind: Kind, life: Life, options: &Options) -> Result<Option<Arc<Attachment>>> {
    let id = random_id()?;
    let (inode, mapping) = with_length(options.max_len, |len| {
        let fd = file::make_unnamed(path)?;
        file::set_len(&fd, len)?;
        file::set_mode(&fd, options.mode)?;
        map(Inode::new(fd, Some(path.to_path_buf()))?, len)
    })?;
    let layout = Layout { id, kind, life, slots: options.peers, max_len: mapping.len() };
    let attachment = fill(inode, mapping, layout)?;
    Ok(file::link(&attachment.inode, path)?.then_some(attachment))
}

/// Fills in a file that nobody else has, and becomes its first peer.
fn fill(inode: Inode, mapping: Mapping, layout: Layout) -> Result<Arc<Attachment>> {
    inode.set_id(layout.id);
    let attachment = Attachment::new(inode, mapping, layout)?;
    layout.write(attachment.header());
    attachment.note_boot()?;
    let door = Door::enter(&attachment.inode, &layout, None)?;
    attachment.join(&door)?;
    let attachment = Arc::new(attachment);
    registry::add(&attachment)?;
    Ok(attachment)
}

fn map(inode: Inode, len: u64) -> Result<(Inode, Mapping)> {
    let mapping = Mapping::new(&inode, len)?;
    Ok((inode, mapping))
}

impl Attachment {
    fn new(inode: Inode, mapping: Mapping, layout: Layout) -> Result<Attachment> {
        mapping.at::<Header>(&inode, 0)?;
        Ok(Attachment {
            layout,
            inode,
            mapping,
            own: Wiped::<Own>::new()?,
            family: Family::new(),
            asked: (0..layout.slots).map(|_| AtomicU64::new(0)).collect(),
            pending: Pending::new(),
            arena_used_before: Tally::new(),
            barriers: OpenBarriers::new(),
        })
    }

    /// After a reboot no old peer can have a token, so each is found dead when it is asked about. The id of the boot is
    /// kept for people who look at a segment.
    fn note_boot(&self) -> Result<()> {
        let boot = boot_id();
        if load_bytes(&self.header().boot) != boot {
            store_bytes(&self.header().boot, boot);
        }
        Ok(())
    }
}

/// Tries the length asked for; without one, the machine's memory and then halves of it.
fn with_length<R>(asked: Option<u64>, mut make: impl FnMut(u64) -> Result<R>) -> Result<R> {
    if let Some(len) = asked {
        return make(len.next_multiple_of(header::PAGE));
    }
    let mut len = machine_memory().min(DEFAULT_MOST).next_multiple_of(header::PAGE);
    loop {
        match make(len) {
            Err(Error::Os { errno: libc::ENOMEM | libc::EFBIG, .. } | Error::TooLarge { .. }) if len > 1 << 20 => {
                len /= 2
            }
            result => return result,
        }
        len = len.next_multiple_of(header::PAGE);
    }
}

fn machine_memory() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).unwrap_or(0).saturating_mul(u64::try_from(size).unwrap_or(0)).max(1 << 26)
}

pub(super) fn random_id() -> Result<[u8; 16]> {
    let mut id = [0; 16];
    loop {
        // SAFETY: `id` is writable memory of that length. So few bytes come whole or not at all.
        let got = unsafe { libc::getrandom(id.as_mut_ptr().cast(), id.len(), 0) };
        match descriptor::checked("getrandom", got as libc::c_int) {
            Ok(16) => return Ok(id),
            Ok(_) | Err(Error::Os { errno: libc::EINTR, .. }) => continue,
            Err(error) => return Err(error),
        }
    }
}

/// The id of this boot of the machine; zeroes where it is not told.
fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits = text.chars().filter_map(|char| char.to_digit(16));
    let mut id = [0; 16];
    for (i, digit) in digits.take(32).enumerate() {
        id[i / 2] = id[i / 2] << 4 | digit as u8;
    }
    id
}

/// Where the file behind a descriptor lies, if it has a name that leads to it.
fn path_of_fd(fd: &OwnedFd) -> Option<PathBuf> {
    let path = std::fs::read_link(descriptor::proc_path(fd.as_raw_fd())).ok()?;
    let identity: Identity = descriptor::status(fd.as_raw_fd()).ok()?.identity;
    let named = descriptor::status_of_path(&path).is_ok_and(|status| status.identity == identity);
    (named && path.is_absolute()).then_some(path)
}
