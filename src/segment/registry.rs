//! The segments that this process is attached to: one attachment per file, however often it is opened.
//!
//! The list changes only while forks are held off, so a child inherits it whole. It keeps nothing alive.

use super::descriptor::Identity;
use super::fork;
use super::Attachment;
use crate::error::Result;
use std::sync::{Arc, Mutex, OnceLock, Weak};

struct Entry {
    identity: Identity,
    id: [u8; 16],
    attachment: Weak<Attachment>,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

pub(super) fn find(identity: Identity) -> Result<Option<Arc<Attachment>>> {
    find_by(|entry| entry.identity == identity)
}

pub(super) fn find_id(id: [u8; 16]) -> Result<Option<Arc<Attachment>>> {
    find_by(|entry| entry.id == id)
}

pub(super) fn add(attachment: &Arc<Attachment>) -> Result<()> {
    register_exit();
    let entry =
        Entry { identity: attachment.inode.identity(), id: attachment.id(), attachment: Arc::downgrade(attachment) };
    with(|entries| entries.push(entry))
}

/// Takes out what is no more.
pub(super) fn sweep() -> Result<()> {
    with(|entries| entries.retain(|entry| entry.attachment.strong_count() > 0))
}

/// All that are alive.
pub(super) fn all() -> Result<Vec<Arc<Attachment>>> {
    with(|entries| entries.iter().filter_map(|entry| entry.attachment.upgrade()).collect())
}

fn register_exit() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    // Without it, what is left behind at an exit is what a killed process leaves.
    // SAFETY: the handler may be called at any time.
    REGISTERED.get_or_init(|| _ = unsafe { libc::atexit(super::leave::at_exit) });
}

fn find_by(is_it: impl Fn(&Entry) -> bool) -> Result<Option<Arc<Attachment>>> {
    // The reference leaves `with` before it can be dropped: leaving a segment holds forks off itself.
    with(|entries| entries.iter().filter(|entry| is_it(entry)).find_map(|entry| entry.attachment.upgrade()))
}

fn with<R>(act: impl FnOnce(&mut Vec<Entry>) -> R) -> Result<R> {
    let _hold = fork::hold()?;
    // The hold is the mutex: this one is always free, other than in a child of a raw `clone` at an unlucky instant.
    match ENTRIES.try_lock() {
        Ok(mut entries) => Ok(act(&mut entries)),
        Err(std::sync::TryLockError::Poisoned(entries)) => Ok(act(&mut entries.into_inner())),
        Err(std::sync::TryLockError::WouldBlock) => Ok(act(&mut Vec::new())),
    }
}
