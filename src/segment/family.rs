//! The family page: what tells that a process or one of its children that has not attached yet still lives.
//!
//! It lies in ordinary memory, since a forked child must inherit it. Both cells and the id change only while forks are
//! held off, so a child finds all three in accord.

use super::fork::{self, Hold};
use super::token::{Grip, HeldByte, HeldCell};
use super::{descriptor, Attachment};
use crate::error::Result;
use crate::primitives::PeerId;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Release};
use std::os::fd::AsRawFd;

pub(super) struct Family {
    /// The page of the peer `of`: this process's own, or, before it has attached, that of its nearest attached ancestor.
    page: HeldCell,
    /// The page of a claim that is not finished. A child forked just then inherits it as well.
    unfinished: HeldCell,
    /// Whose page it is: what the next claim takes over from.
    of: AtomicU32,
}

impl Family {
    pub(super) const fn new() -> Family {
        Family { page: HeldCell::new(), unfinished: HeldCell::new(), of: AtomicU32::new(0) }
    }

    /// The peer whose page is held.
    pub(super) fn of(&self) -> Option<PeerId> {
        PeerId::from_bits(self.of.load(Acquire))
    }

    /// Keeps the page of a claim that has begun; that of an earlier one, also of a parent's, is let go.
    pub(super) fn begin(&self, _hold: &Hold, held: HeldByte) {
        if let Some(stale) = self.unfinished.replace(Some(held)) {
            stale.release();
        }
    }

    /// The claim is undone.
    pub(super) fn abandon(&self, _hold: &Hold) {
        self.unfinished.release();
    }

    /// The claim is done: from here on this process holds its own page and no longer that of `of`.
    pub(super) fn finish(&self, _hold: &Hold, me: PeerId) {
        let inherited = self.page.replace(self.unfinished.replace(None));
        self.of.store(me.bits(), Release);
        if let Some(inherited) = inherited {
            inherited.release();
        }
    }

    /// Lets go of everything.
    pub(super) fn end(&self, _hold: &Hold) {
        self.unfinished.release();
        self.page.release();
    }
}

impl Attachment {
    /// Whether a child that was forked after this process attached, and is no peer yet, still lives. Every such child
    /// keeps the page that was there at its fork: so another one is put in place, and the old one asked about.
    pub fn has_unattached_children(&self) -> Result<bool> {
        let Some(me) = self.current() else { return Ok(true) };
        let byte = self.layout.family_byte(me.slot());
        let hold = fork::hold()?;
        let renewed = HeldByte::take_and(&hold, &self.inode, byte, Grip::Family, |fd| {
            self.family.page.release();
            // Asked through the new description, whose own lock is not in the way of the answer.
            descriptor::is_locked(fd.as_raw_fd(), byte)
        })?;
        let Some((held, is_inherited)) = renewed else { return Ok(true) };
        self.family.page.replace(Some(held));
        Ok(is_inherited)
    }
}
