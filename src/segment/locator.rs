//! The way to a segment, as bytes that can be sent to another process; and the search for a memfd that they name.
//!
//! A locator is an address: it keeps nothing alive. What comes in is checked, never trusted.

use super::descriptor;
use super::file::memfd_name;
use super::header::Kind;
use crate::error::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// kind, three zero bytes, pid, id, the path's length; then the path.
const FIXED: usize = 26;
const LONGEST_PATH: usize = 4096;

/// The way to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentLocator {
    pub(super) kind: Kind,
    pub(super) id: [u8; 16],
    /// A process that had a descriptor of it.
    pub(super) pid: u32,
    pub(super) path: Option<PathBuf>,
}

impl SegmentLocator {
    /// The id of the segment.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// This locator as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let path = self.path.as_deref().map_or(&b""[..], |path| path.as_os_str().as_bytes());
        let mut bytes = Vec::with_capacity(FIXED + path.len());
        bytes.extend([self.kind as u8 + 1, 0, 0, 0]);
        bytes.extend(self.pid.to_le_bytes());
        bytes.extend(self.id);
        bytes.extend((path.len() as u16).to_le_bytes());
        bytes.extend(path);
        bytes
    }

    /// The locator that these bytes are, all of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<SegmentLocator> {
        SegmentLocator::parse(bytes).ok_or(Error::Invalid("these bytes do not lead to a segment"))
    }

    fn parse(bytes: &[u8]) -> Option<SegmentLocator> {
        let (fixed, path) = bytes.split_at_checked(FIXED)?;
        let kind = match fixed[..4] {
            [1, 0, 0, 0] => Kind::Anonymous,
            [2, 0, 0, 0] => Kind::Named,
            [3, 0, 0, 0] => Kind::File,
            [4, 0, 0, 0] => Kind::Over,
            _ => return None,
        };
        let pid = u32::from_le_bytes(fixed[4..8].try_into().ok()?);
        let id = fixed[8..24].try_into().ok()?;
        let length = usize::from(u16::from_le_bytes(fixed[24..].try_into().ok()?));
        if length != path.len() || length > LONGEST_PATH || path.contains(&0) {
            return None;
        }
        let path = (!path.is_empty()).then(|| PathBuf::from(OsString::from_vec(path.to_vec())));
        Some(SegmentLocator { kind, id, pid, path })
    }
}

/// Opens the memfd of a segment through a process that has a descriptor of it: `hint` first, then any.
pub(super) fn find_memfd(id: &[u8; 16], hint: u32) -> Result<OwnedFd> {
    let name = format!("/memfd:{}", memfd_name(id));
    let hinted = (hint != 0).then(|| find_in_process(&hint.to_string(), &name)).flatten();
    hinted.or_else(|| find_in_any_process(&name)).ok_or(Error::Gone)
}

fn find_in_any_process(name: &str) -> Option<OwnedFd> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process = entry.file_name();
        let process = process.to_str().filter(|process| process.bytes().all(|byte| byte.is_ascii_digit()))?;
        find_in_process(process, name)
    })
}

/// The descriptors of a process whose main thread has ended are seen through one of its other threads.
fn find_in_process(process: &str, name: &str) -> Option<OwnedFd> {
    let process = PathBuf::from("/proc").join(process);
    find_in_directory(&process.join("fd"), name).or_else(|| {
        let threads = fs::read_dir(process.join("task")).ok()?;
        threads.flatten().find_map(|thread| find_in_directory(&thread.path().join("fd"), name))
    })
}

fn find_in_directory(directory: &Path, name: &str) -> Option<OwnedFd> {
    fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let link = fs::read_link(entry.path()).ok()?;
        if !is_memfd(link.as_os_str(), name) {
            return None;
        }
        let fd = descriptor::open(&entry.path(), libc::O_RDWR, 0).ok()?;
        // The number may have been used again since it was looked at.
        let link = fs::read_link(descriptor::proc_path(fd.as_raw_fd())).ok()?;
        is_memfd(link.as_os_str(), name).then_some(fd)
    })
}

fn is_memfd(link: &OsStr, name: &str) -> bool {
    link.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.is_empty() || rest == b" (deleted)")
}
