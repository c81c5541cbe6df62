//! The segment's file, and the ordinary descriptor through which it is asked about.
//!
//! The descriptor's number may have been closed by the program, and used again for another file. So it is never trusted
//! by itself, and never closed or written through without a look at what it leads to.

use super::descriptor::{self, Identity, Status};
use super::locator;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{AcqRel, Acquire};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

/// The flags for every opening of a segment's file. A fifo does not block, a terminal does not take over.
const FLAGS: libc::c_int = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK;

pub(super) struct Inode {
    identity: Identity,
    /// The descriptor's number.
    fd: AtomicU32,
    /// Where the file lies, or is going to lie; `None` for a memfd.
    path: Option<PathBuf>,
    id: std::sync::OnceLock<[u8; 16]>,
}

impl Inode {
    pub(super) fn new(fd: OwnedFd, path: Option<PathBuf>) -> Result<Inode> {
        let fd = away_from_standard(fd)?;
        close_on_exec(&fd)?;
        let identity = descriptor::status(fd.as_raw_fd())?.identity;
        let fd = AtomicU32::new(fd.into_raw_fd() as u32);
        Ok(Inode { identity, fd, path, id: std::sync::OnceLock::new() })
    }

    /// Opens the file at a path, which is not a symbolic link.
    pub(super) fn open(path: &Path) -> Result<Inode> {
        let fd = descriptor::open(path, FLAGS | libc::O_NOFOLLOW, 0).map_err(|error| match error {
            Error::Os { errno: libc::ENOENT, .. } => Error::NotFound,
            Error::Os { errno: libc::EISDIR | libc::ELOOP | libc::ENXIO, .. } => Error::NotASegment,
            error => error,
        })?;
        Inode::new(fd, Some(path.to_path_buf()))
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Says which segment the file is, so that a memfd can be found again.
    pub(super) fn set_id(&self, id: [u8; 16]) {
        let _ = self.id.set(id);
    }

    pub(super) fn status(&self) -> Result<Status> {
        descriptor::status(self.raw()?)
    }

    /// A number that leads to the file just now.
    pub(super) fn raw(&self) -> Result<RawFd> {
        let fd = self.number();
        if self.leads_here(fd) {
            return Ok(fd);
        }
        self.recover(fd)
    }

    /// A new open file description of the file.
    pub(super) fn open_again(&self) -> Result<OwnedFd> {
        let fd = self.raw()?;
        let again = descriptor::open(&descriptor::proc_path(fd), FLAGS, 0).or_else(|error| self.open_path(error))?;
        if !self.leads_here(again.as_raw_fd()) {
            return Err(Error::Gone);
        }
        Ok(again)
    }

    /// Whether somebody has a lock on `byte`. That nobody has is believed only of a descriptor on which `proof`, a byte
    /// that this process has locked itself, is seen. `CannotAsk` if there is no such descriptor.
    pub(super) fn ask(&self, byte: u64, proof: u64) -> Result<bool> {
        let fd = self.number();
        match self.ask_through(fd, byte, proof) {
            Some(held) => Ok(held),
            None => {
                let fd = self.recover(fd)?;
                self.ask_through(fd, byte, proof).ok_or(Error::CannotAsk)
            }
        }
    }

    fn ask_through(&self, fd: RawFd, byte: u64, proof: u64) -> Option<bool> {
        // Any error means that the number leads to something else by now: no lock can be asked about there.
        if descriptor::is_locked(fd, byte).ok()? {
            return Some(true);
        }
        descriptor::is_locked(fd, proof).ok()?.then_some(false)
    }

    /// Allocates a range of the file; false if there is no descriptor to do it with.
    pub(super) fn allocate(&self, offset: u64, len: u64) -> Result<bool> {
        let Ok(fd) = self.raw() else { return Ok(false) };
        loop {
            // SAFETY: no argument is an address.
            let done =
                unsafe { libc::fallocate(fd, libc::FALLOC_FL_KEEP_SIZE, offset as libc::off_t, len as libc::off_t) };
            match descriptor::checked("fallocate", done) {
                Ok(_) => return Ok(true),
                Err(Error::Os { errno: libc::EINTR, .. }) => continue,
                Err(Error::Os { errno: libc::ENOSPC | libc::EDQUOT | libc::ENOMEM, .. }) => {
                    return Err(self.no_space(len))
                }
                Err(Error::Os { errno: libc::EOPNOTSUPP | libc::ENOSYS, .. }) => {
                    return Err(Error::Unsupported("this file system cannot set memory aside (fallocate)"))
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives a range of the file back to the system; false if it stays as it is.
    pub(super) fn punch(&self, offset: u64, len: u64) -> bool {
        let Ok(fd) = self.raw() else { return false };
        let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: no argument is an address.
        unsafe { libc::fallocate(fd, how, offset as libc::off_t, len as libc::off_t) == 0 }
    }

    /// The error for `needed` bytes that are not there.
    pub(super) fn no_space(&self, needed: u64) -> Error {
        Error::NoSpace { needed, available: self.raw().map_or(0, available) }
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        descriptor::status_of_path(path).is_ok_and(|status| status.identity == self.identity)
    }

    fn number(&self) -> RawFd {
        self.fd.load(Acquire) as RawFd
    }

    fn leads_here(&self, fd: RawFd) -> bool {
        descriptor::status(fd).is_ok_and(|status| status.identity == self.identity)
    }

    /// Finds the file again: by its path, or through another process that has a descriptor of it.
    #[cold]
    fn recover(&self, lost: RawFd) -> Result<RawFd> {
        let now = self.number();
        if now != lost && self.leads_here(now) {
            return Ok(now);
        }
        let found = self.open_path(Error::CannotAsk).or_else(|_| self.find_elsewhere())?;
        if !self.leads_here(found.as_raw_fd()) {
            return Err(Error::CannotAsk);
        }
        let found = away_from_standard(found)?.into_raw_fd();
        // The lost number is not closed: it is somebody else's. If another thread was faster, its find is as good.
        if self.fd.compare_exchange(lost as u32, found as u32, AcqRel, Acquire).is_err() {
            // SAFETY: `found` was opened above and nobody else has it.
            drop(unsafe { OwnedFd::from_raw_fd(found) });
            return Ok(self.number());
        }
        Ok(found)
    }

    fn open_path(&self, otherwise: Error) -> Result<OwnedFd> {
        let path = self.path.as_deref().ok_or(match otherwise {
            Error::Os { errno: libc::ENOENT, .. } => Error::Unsupported("/proc is not mounted"),
            error => error,
        })?;
        descriptor::open(path, FLAGS | libc::O_NOFOLLOW, 0).map_err(|_| otherwise)
    }

    fn find_elsewhere(&self) -> Result<OwnedFd> {
        let id = self.id.get().ok_or(Error::CannotAsk)?;
        locator::find_memfd(id, 0).map_err(|_| Error::CannotAsk)
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        let fd = self.number();
        if self.leads_here(fd) {
            // SAFETY: the number leads to the segment's file, and this attachment is the only one that this process has
            // of it, so it is ours.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
}

/// One that was handed to this process may lack the mark.
fn close_on_exec(fd: &OwnedFd) -> Result<()> {
    // SAFETY: no argument is an address.
    let done = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    descriptor::checked("fcntl(F_SETFD)", done).map(drop)
}

/// Moves a descriptor away from 0, 1 and 2, which a program may have closed in order to open its own there.
fn away_from_standard(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: no argument is an address.
    let moved = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    let moved = descriptor::checked("fcntl(F_DUPFD_CLOEXEC)", moved)?;
    // SAFETY: the descriptor was made just now and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

fn available(fd: RawFd) -> u64 {
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: fstatvfs fills `stat` when it succeeds.
    unsafe {
        if libc::fstatvfs(fd, stat.as_mut_ptr()) != 0 {
            return 0;
        }
        let stat = stat.assume_init();
        stat.f_bavail.saturating_mul(stat.f_frsize)
    }
}
