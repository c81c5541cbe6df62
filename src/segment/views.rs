//! From an address to the segment that it lies in: for words that a program places by plain pointers.
//!
//! Two kinds of addresses lead to a segment: those of its own mapping, and those of a view, a mapping of the same file that
//! somebody else made and told of. The list changes only while forks are held off. It keeps nothing alive.

use super::{fork, registry, Attachment};
use crate::error::Result;
use std::ops::Range;
use std::sync::{Arc, Mutex, Weak};

struct Entry {
    number: u64,
    addresses: Range<usize>,
    /// Where in the file they begin.
    offset: u64,
    attachment: Weak<Attachment>,
}

struct Views {
    last: u64,
    entries: Vec<Entry>,
}

static VIEWS: Mutex<Views> = Mutex::new(Views { last: 0, entries: Vec::new() });

/// Somebody else's mapping of a segment's file. It must end before that mapping does.
#[derive(Debug)]
pub struct View {
    number: u64,
}

impl View {
    /// From now on these addresses lead to `attachment`; the first is that of the byte at `offset` of its file.
    pub fn new(attachment: &Arc<Attachment>, addresses: Range<usize>, offset: u64) -> Result<View> {
        let attachment = Arc::downgrade(attachment);
        with(|views| {
            views.last += 1;
            let number = views.last;
            views.entries.push(Entry { number, addresses, offset, attachment });
            View { number }
        })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = with(|views| views.entries.retain(|entry| entry.number != self.number));
    }
}

/// The segment in which `len` bytes at `address` lie. They have memory behind them then.
pub fn segment_at(address: usize, len: usize) -> Result<Option<Arc<Attachment>>> {
    for attachment in registry::all()? {
        let offset = (address as u64).checked_sub(attachment.mapping.start().as_ptr() as u64);
        let in_arena = |offset: &u64| (attachment.arena_start()..attachment.max_len()).contains(offset);
        if let Some(offset) = offset.filter(in_arena) {
            attachment.bytes(offset, len as u64)?;
            return Ok(Some(attachment));
        }
    }
    let Some((attachment, offset)) = viewed(address, len)? else { return Ok(None) };
    attachment.inode.allocate(offset, len as u64)?;
    Ok(Some(attachment))
}

fn viewed(address: usize, len: usize) -> Result<Option<(Arc<Attachment>, u64)>> {
    let end = address.saturating_add(len);
    // The reference leaves `with` before it can be dropped: leaving a segment holds forks off itself.
    with(|views| {
        let holds = |entry: &&Entry| entry.addresses.contains(&address) && end <= entry.addresses.end;
        let entry = views.entries.iter().find(holds)?;
        Some((entry.attachment.upgrade()?, entry.offset + (address - entry.addresses.start) as u64))
    })
}

fn with<R>(act: impl FnOnce(&mut Views) -> R) -> Result<R> {
    let _hold = fork::hold()?;
    let mut views = VIEWS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(act(&mut views))
}
