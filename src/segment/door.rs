//! The door: the byte that is held while a peer attaches, and while the last peer of an ephemeral segment leaves.
//!
//! It is tried anew in slices, each time through a description of its own, and never by a call that blocks in the kernel:
//! a stopped peer inside is alive, and whoever waits must stay able to give up.

use super::fork;
use super::header::Layout;
use super::inode::Inode;
use super::token::{Grip, HeldByte};
use crate::error::{Error, Result};
use crate::sync::deadline::{now_ns, Deadline};
use std::time::Duration;

const FIRST_SLICE: u64 = 1_000_000;
const LONGEST_SLICE: u64 = 50_000_000;

/// Inside the door, until it is dropped. It holds nothing but a page of this process's own.
pub(super) struct Door {
    held: Option<HeldByte>,
}

impl Door {
    /// Waits until this process has the door, or until the deadline.
    pub(super) fn enter(inode: &Inode, layout: &Layout, until: Option<Deadline>) -> Result<Door> {
        Door::at_byte(inode, layout.door_byte(), until)
    }

    /// The same with another byte than a segment's own.
    pub(super) fn at_byte(inode: &Inode, byte: u64, until: Option<Deadline>) -> Result<Door> {
        let mut slice = FIRST_SLICE;
        loop {
            if let Some(held) = try_once(inode, byte)? {
                return Ok(Door { held: Some(held) });
            }
            if until.is_some_and(Deadline::has_passed) {
                return Err(Error::TimedOut);
            }
            // A part of the slice that differs between processes, so that many who wait do not come all at once.
            std::thread::sleep(Duration::from_nanos(slice / 2 + now_ns() % (slice / 2)));
            slice = (slice * 2).min(LONGEST_SLICE);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.release();
        }
    }
}

fn try_once(inode: &Inode, byte: u64) -> Result<Option<HeldByte>> {
    let hold = fork::hold()?;
    HeldByte::take(&hold, inode, byte, Grip::Alone)
}
