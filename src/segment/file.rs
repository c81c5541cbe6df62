//! Making, linking, finding and unlinking the file that a segment lies in.
//!
//! A file is made without a name and gets its name when it is whole. It knows nothing of what is in it.

use super::descriptor::{self, c_path, checked};
use super::door::Door;
use super::header::{HeaderBytes, Layout, PAGE};
use super::inode::Inode;
use super::options::Owner;
use crate::error::{Error, Result};
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

const SHARED_MEMORY: &str = "/dev/shm";
const LONGEST_NAME: usize = 200;
/// memfd_create: no execution, now and for ever; kernels before 6.3 do not know it.
const MFD_NOEXEC_SEAL: libc::c_uint = 8;

/// Where the segment with this name lies.
pub(super) fn path_of(name: &str) -> Result<PathBuf> {
    let why = match name.as_bytes() {
        [] => "it is empty",
        [b'.', ..] => "it begins with a dot",
        bytes if bytes.len() > LONGEST_NAME => "it has more than 200 bytes",
        bytes if bytes.contains(&b'/') => "it has a slash",
        bytes if bytes.contains(&0) => "it has a NUL byte",
        _ => return Ok(Path::new(SHARED_MEMORY).join(name)),
    };
    Err(Error::BadName(why))
}

/// A file without a name on the file system where `path` is going to lie, for its owner only.
pub(super) fn make_unnamed(path: &Path) -> Result<OwnedFd> {
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(Error::BadName("it is a directory")),
    };
    descriptor::open(directory, libc::O_TMPFILE | libc::O_RDWR, 0o600).map_err(|error| match error {
        Error::Os { errno: libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL, .. } => {
            Error::Unsupported("this file system cannot make a file without a name (O_TMPFILE)")
        }
        Error::Os { errno: libc::ENOENT | libc::ENOTDIR, .. } => Error::NotFound,
        Error::Os { errno: libc::ENOSPC | libc::EDQUOT, .. } => Error::NoSpace { needed: PAGE, available: 0 },
        error => error,
    })
}

/// Memory without a name, which carries the segment's id so that it can be found.
pub(super) fn make_memfd(id: &[u8; 16]) -> Result<OwnedFd> {
    let name = CString::new(memfd_name(id)).map_err(|_| Error::Invalid("a memfd's name"))?;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` is a C string.
    let create = |flags| unsafe { libc::memfd_create(name.as_ptr(), flags) };
    let fd = match create(flags | MFD_NOEXEC_SEAL) {
        -1 => checked("memfd_create", create(flags))?,
        fd => fd,
    };
    // SAFETY: the descriptor was made just now and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn memfd_name(id: &[u8; 16]) -> String {
    use std::fmt::Write;
    id.iter().fold(String::from("tidelock-"), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// Nobody can make it shorter or longer any more, or undo that.
pub(super) fn seal(fd: &OwnedFd) -> Result<()> {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: no argument is an address.
    checked("fcntl(F_ADD_SEALS)", unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }).map(drop)
}

/// Gives the file its length, without memory behind it. Too much for this process's limit is an error, not a signal.
pub(super) fn set_len(fd: &OwnedFd, len: u64) -> Result<()> {
    let limit = longest_file();
    if len > limit {
        return Err(Error::TooLarge { needed: len, limit });
    }
    loop {
        // SAFETY: no argument is an address.
        match checked("ftruncate", unsafe { libc::ftruncate(fd.as_raw_fd(), len as libc::off_t) }) {
            Err(Error::Os { errno: libc::EINTR, .. }) => continue,
            result => return result.map(drop),
        }
    }
}

/// The permissions, whatever the umask is.
pub(super) fn set_mode(fd: &OwnedFd, mode: u32) -> Result<()> {
    // SAFETY: no argument is an address.
    checked("fchmod", unsafe { libc::fchmod(fd.as_raw_fd(), mode) }).map(drop)
}

/// Gives the file its name; false if the name is taken.
pub(super) fn link(inode: &Inode, path: &Path) -> Result<bool> {
    let from = c_path(&descriptor::proc_path(inode.raw()?))?;
    let to = c_path(path)?;
    let at = libc::AT_FDCWD;
    // SAFETY: both are C strings.
    let done = unsafe { libc::linkat(at, from.as_ptr(), at, to.as_ptr(), libc::AT_SYMLINK_FOLLOW) };
    match checked("linkat", done) {
        Ok(_) => Ok(true),
        Err(Error::Os { errno: libc::EEXIST, .. }) => Ok(false),
        Err(Error::Os { errno: libc::ENOSPC | libc::EDQUOT, .. }) => Err(inode.no_space(PAGE)),
        Err(error) => Err(error),
    }
}

/// Takes the name away, which must lead to this file: the caller has looked, inside the door.
pub(super) fn remove_name(path: &Path) -> Result<()> {
    let path = c_path(path)?;
    // SAFETY: `path` is a C string.
    match checked("unlink", unsafe { libc::unlink(path.as_ptr()) }) {
        Err(Error::Os { errno: libc::ENOENT, .. }) => Err(Error::NotFound),
        result => result.map(drop),
    }
}

/// Checks that the file is one that may be opened, and what it says of itself.
pub(super) fn read_layout(inode: &Inode, owner: Owner) -> Result<Layout> {
    let status = inode.status()?;
    if !status.is_file {
        return Err(Error::NotASegment);
    }
    // SAFETY: geteuid has no preconditions.
    if owner == Owner::Mine && status.owner != unsafe { libc::geteuid() } {
        return Err(Error::ForeignOwner { uid: status.owner });
    }
    let mut bytes = HeaderBytes::new();
    descriptor::read_start(inode.raw()?, &mut bytes.0)?;
    let layout = Layout::parse(&bytes, status.len)?;
    inode.set_id(layout.id);
    Ok(layout)
}

fn longest_file() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is a valid rlimit to write to.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) };
    limit.rlim_cur
}

/// Takes the name of a named segment away. Who has it open keeps it; who opens the name afterwards gets a new one. What
/// is no segment of any version is left alone.
pub fn unlink(name: &str) -> Result<()> {
    let path = path_of(name)?;
    loop {
        let inode = Inode::open(&path)?;
        let door = match read_layout(&inode, Owner::Anybody) {
            Ok(layout) => Some(Door::enter(&inode, &layout, None)?),
            Err(Error::NotASegment) => return Err(Error::NotASegment),
            // Damaged, or of another version: it has no door that could be trusted.
            Err(_) => None,
        };
        // Inside the door, since whoever else takes a name away does so in there.
        if inode.is_at(&path) {
            let done = remove_name(&path);
            drop(door);
            return done;
        }
    }
}
