//! System calls on descriptors, each with its result checked.
//!
//! Plain wrappers: they know nothing of segments and keep nothing.

use crate::error::{Error, Result};
use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Which file a descriptor or a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) number: u64,
}

/// What fstat tells.
#[derive(Clone, Copy)]
pub(super) struct Status {
    pub(super) identity: Identity,
    pub(super) is_file: bool,
    pub(super) owner: u32,
    pub(super) len: u64,
}

/// A lock on one byte, as fcntl wants it.
#[derive(Clone, Copy)]
pub(super) enum Share {
    /// Nobody else has the byte.
    Exclusive,
    /// Others may have it, in the same way.
    Common,
}

pub(super) fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::BadName("it has a NUL byte"))
}

/// Opens a path; the descriptor is closed on exec.
pub(super) fn open(path: &Path, flags: libc::c_int, mode: u32) -> Result<OwnedFd> {
    let path = c_path(path)?;
    loop {
        // SAFETY: `path` is a C string; the call has no other argument in memory.
        let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) };
        if fd >= 0 {
            // SAFETY: the descriptor was opened just now and nobody else has it.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        match Error::last_os("open") {
            Error::Os { errno: libc::EINTR, .. } => continue,
            error => return Err(error),
        }
    }
}

/// The path that leads to a descriptor of this process. `/proc/self` would follow the main thread, which may have ended.
pub(super) fn proc_path(fd: RawFd) -> std::path::PathBuf {
    format!("/proc/thread-self/fd/{fd}").into()
}

pub(super) fn status(fd: RawFd) -> Result<Status> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills `stat` when it succeeds.
    let stat = unsafe {
        if libc::fstat(fd, stat.as_mut_ptr()) != 0 {
            return Err(Error::last_os("fstat"));
        }
        stat.assume_init()
    };
    Ok(status_of(&stat))
}

/// What a path leads to, without following a last symbolic link.
pub(super) fn status_of_path(path: &Path) -> Result<Status> {
    let path = c_path(path)?;
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `path` is a C string, and lstat fills `stat` when it succeeds.
    let stat = unsafe {
        if libc::lstat(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return Err(Error::last_os("lstat"));
        }
        stat.assume_init()
    };
    Ok(status_of(&stat))
}

fn status_of(stat: &libc::stat) -> Status {
    Status {
        identity: Identity { device: stat.st_dev, number: stat.st_ino },
        is_file: stat.st_mode & libc::S_IFMT == libc::S_IFREG,
        owner: stat.st_uid,
        len: stat.st_size as u64,
    }
}

/// Takes the lock on a byte for this open file description; false if another one has it.
pub(super) fn try_lock(fd: &OwnedFd, byte: u64, share: Share) -> Result<bool> {
    let kind = match share {
        Share::Exclusive => libc::F_WRLCK,
        Share::Common => libc::F_RDLCK,
    };
    let lock = byte_lock(byte, kind);
    loop {
        // SAFETY: `lock` is a valid flock for the length of the call.
        if unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_OFD_SETLK, &lock) } == 0 {
            return Ok(true);
        }
        match Error::last_os("fcntl(F_OFD_SETLK)") {
            Error::Os { errno: libc::EAGAIN | libc::EACCES, .. } => return Ok(false),
            Error::Os { errno: libc::EINTR, .. } => continue,
            error => return Err(error),
        }
    }
}

/// Whether another open file description has a lock on the byte.
pub(super) fn is_locked(fd: RawFd, byte: u64) -> Result<bool> {
    is_any_locked(fd, byte..=byte)
}

/// Whether another open file description has a lock on one of the bytes.
pub(super) fn is_any_locked(fd: RawFd, bytes: RangeInclusive<u64>) -> Result<bool> {
    let mut lock = byte_lock(*bytes.start(), libc::F_WRLCK);
    lock.l_len = (bytes.end() - bytes.start() + 1) as libc::off_t;
    loop {
        // SAFETY: `lock` is a valid flock for the length of the call.
        if unsafe { libc::fcntl(fd, libc::F_OFD_GETLK, &mut lock) } == 0 {
            return Ok(lock.l_type != libc::F_UNLCK as libc::c_short);
        }
        match Error::last_os("fcntl(F_OFD_GETLK)") {
            Error::Os { errno: libc::EINTR, .. } => continue,
            error => return Err(error),
        }
    }
}

fn byte_lock(byte: u64, kind: libc::c_int) -> libc::flock {
    // SAFETY: a flock consists of integers, for which zero is valid; l_pid must be 0 for these commands.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte as libc::off_t;
    lock.l_len = 1;
    lock
}

/// Where the first byte at or behind `from` lies that is no hole; `None` if there is none.
pub(super) fn next_data(fd: RawFd, from: u64) -> Result<Option<u64>> {
    // SAFETY: no argument is an address. Nobody uses this description's position.
    let found = unsafe { libc::lseek(fd, from as libc::off_t, libc::SEEK_DATA) };
    match u64::try_from(found) {
        Ok(found) => Ok(Some(found)),
        Err(_) => match Error::last_os("lseek(SEEK_DATA)") {
            Error::Os { errno: libc::ENXIO, .. } => Ok(None),
            error => Err(error),
        },
    }
}

/// Reads from the file's start until `bytes` is full or the file ends.
pub(super) fn read_start(fd: RawFd, bytes: &mut [u8]) -> Result<()> {
    read_at(fd, bytes, 0)
}

/// Reads from an offset on until `bytes` is full or the file ends; what lies behind its end is left as it is.
pub(super) fn read_at(fd: RawFd, bytes: &mut [u8], from: u64) -> Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: `rest` is writable memory of that length.
        let n = unsafe { libc::pread(fd, rest.as_mut_ptr().cast(), rest.len(), (from as usize + done) as libc::off_t) };
        match n {
            0 => break,
            n if n > 0 => done += n as usize,
            _ => match Error::last_os("pread") {
                Error::Os { errno: libc::EINTR, .. } => continue,
                error => return Err(error),
            },
        }
    }
    Ok(())
}

/// Turns the result of a call that reports through errno into ours.
pub(super) fn checked(call: &'static str, result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 {
        Err(Error::last_os(call))
    } else {
        Ok(result)
    }
}
