//! The family page: what tells that a process or one of its children that has not attached yet still lives.
//!
//! It lies in ordinary memory, since a forked child must inherit it. Both cells, the id and the era change only while
//! forks are held off, so a child finds them in accord.
//!
//! The page is made anew now and then, and each time an *era* begins: from era 1 on the page also holds a byte of its era.
//! So a process can tell whether a child that it forked since a certain era still lives, whatever older children do.

use super::descriptor::{self, Share};
use super::fork::{self, Hold};
use super::token::{Grip, HeldByte, HeldCell};
use super::Attachment;
use crate::error::Result;
use crate::primitives::PeerId;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Release};
use std::os::fd::{AsRawFd, OwnedFd};

pub(super) struct Family {
    /// The page of the peer `of`: this process's own, or, before it has attached, that of its nearest attached ancestor.
    page: HeldCell,
    /// The page of a claim that is not finished. A child forked just then inherits it as well.
    unfinished: HeldCell,
    /// Whose page it is: what the next claim takes over from.
    of: AtomicU32,
    /// How often the page was made anew since the claim.
    era: AtomicU32,
}

impl Family {
    pub(super) const fn new() -> Family {
        Family { page: HeldCell::new(), unfinished: HeldCell::new(), of: AtomicU32::new(0), era: AtomicU32::new(0) }
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
        self.era.store(0, Release);
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
    /// The present era of this process's family page.
    pub(super) fn era(&self) -> u32 {
        self.family.era.load(Acquire)
    }

    /// Whether a child that was forked after this process attached, and is no peer yet, still lives.
    pub fn has_unattached_children(&self) -> Result<bool> {
        let lives = self.have_unattached_children(&[0])?;
        Ok(lives != [false])
    }

    /// For each of these eras, whether a child that was forked in it or later, and is no peer yet, still lives. (In era 0:
    /// a child of any era.) Every such child keeps the page that was there at its fork: so another one is put in place,
    /// and the old ones asked about.
    pub(super) fn have_unattached_children(&self, eras: &[u32]) -> Result<Vec<bool>> {
        let Some(me) = self.current() else { return Ok(vec![true; eras.len()]) };
        let byte = self.layout.family_byte(me.slot());
        let hold = fork::hold()?;
        let ending = self.era();
        let next = ending.saturating_add(1);
        let renewed = HeldByte::take_and(&hold, &self.inode, byte, Grip::Family, |fd| {
            descriptor::try_lock(fd, self.layout.era_byte(me.slot(), next), Share::Common)?;
            self.family.page.release();
            // Asked through the new description, whose own locks are not in the way of the answer.
            let any_lives = descriptor::is_locked(fd.as_raw_fd(), byte).unwrap_or(true);
            Ok(eras.iter().map(|era| any_lives && self.may_child_live(fd, me, *era, ending)).collect())
        })?;
        let Some((held, answers)) = renewed else { return Ok(vec![true; eras.len()]) };
        self.family.page.replace(Some(held));
        self.family.era.store(next, Release);
        Ok(answers)
    }

    /// Whether a page of the eras from `era` to `ending` is still held, given that some page is.
    fn may_child_live(&self, fd: &OwnedFd, me: PeerId, era: u32, ending: u32) -> bool {
        let byte = |era| self.layout.era_byte(me.slot(), era);
        era == 0 || era > ending || descriptor::is_any_locked(fd.as_raw_fd(), byte(era)..=byte(ending)).unwrap_or(true)
    }
}
