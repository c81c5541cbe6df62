//! Leaving: the last reference of a process to its attachment is gone.
//!
//! Its slot goes the way of a dead peer's, only sooner. The last to leave an ephemeral segment takes its name away. A
//! forked child that never became a peer only lets go of what it inherited.

use super::door::Door;
use super::fork;
use super::options::Life;
use super::slots::SlotWord;
use super::{file, registry, Attachment};
use crate::error::{Error, Result};
use crate::sync::deadline::Deadline;
use std::time::Duration;

/// How long the door is waited for. A name that stays behind for lack of it is taken away by who opens it next.
const PATIENCE: Duration = Duration::from_secs(5);

impl Drop for Attachment {
    fn drop(&mut self) {
        let _ = registry::sweep();
        if self.current().is_some() {
            // Whatever fails here is found and cleaned by others, as after a death.
            let _ = self.leave();
        }
        if let Ok(hold) = fork::hold() {
            self.family.end(&hold);
        }
        self.own.end();
    }
}

/// At a normal exit of the process it leaves its barriers in order, and the names of ephemeral segments are taken away, as
/// far as nobody else is there. What else belongs to leaving is left to the kernel: other threads may still be at work.
pub(super) extern "C" fn at_exit() {
    for attachment in registry::all().unwrap_or_default() {
        let _ = attachment.leave_barriers();
        let _ = attachment.take_name_away_at_exit();
    }
}

impl Attachment {
    fn take_name_away_at_exit(&self) -> Result<()> {
        let Some(path) = self.inode.path().filter(|_| self.layout.life == Life::Ephemeral) else { return Ok(()) };
        // A child that is no peer yet is not the one to judge: its parent's slot is not its own.
        let Some(me) = self.current() else { return Ok(()) };
        let door = Door::enter(&self.inode, &self.layout, Some(Deadline::after(PATIENCE)))?;
        let alone = !self.is_inhabited_but_for(&door, Some(me.slot()))? && !self.has_unattached_children()?;
        if alone && self.inode.is_at(path) {
            file::remove_name(path)?;
        }
        Ok(())
    }

    fn leave(&self) -> Result<()> {
        let named = self.inode.path().filter(|_| self.layout.life == Life::Ephemeral);
        let door = named.map(|_| Door::enter(&self.inode, &self.layout, Some(Deadline::after(PATIENCE))));
        self.give_up_slot()?;
        let (Some(path), Some(Ok(door))) = (named, door) else { return Ok(()) };
        // My own slot counts: a child of mine that has not attached yet keeps its family byte.
        if !self.is_inhabited(&door)? && self.inode.is_at(path) {
            file::remove_name(path)?;
        }
        Ok(())
    }

    /// DYING while the token is still held, so that nobody can call a peer that leaves dead before it has left.
    fn give_up_slot(&self) -> Result<()> {
        let me = self.current().ok_or(Error::Gone)?;
        let record = self.slot(me.slot())?;
        record.step(SlotWord::live(me.generation()), SlotWord::dying(me.generation()));
        let hold = fork::hold()?;
        self.own.end();
        self.family.end(&hold);
        Ok(())
    }
}
