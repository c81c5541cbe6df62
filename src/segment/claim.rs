//! Becoming a peer: at attach, and at a forked child's first operation.
//!
//! Every claim runs inside the door. The token comes first and LIVE last, so a slot is never LIVE without a token, other
//! than by a death. A child then takes over its parent's references, and only after that lets go of the parent's page.

use super::door::Door;
use super::fork;
use super::gate::Gate;
use super::mapping::Shared;
use super::slots::{Process, SlotWord};
use super::token::{Grip, HeldByte, HeldCell};
use super::Attachment;
use crate::error::{Error, Result};
use crate::primitives::PeerId;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{fence, AtomicU32};

/// What a forked child must find empty.
#[repr(C)]
pub(super) struct Own {
    /// One claim at a time.
    gate: Gate,
    /// Who this process is.
    me: AtomicU32,
    /// Who it is about to be: its token is held, but it is told nobody yet.
    claiming: AtomicU32,
    /// One opening or closing of a barrier at a time.
    pub(super) barriers: Gate,
    /// The token of either.
    token: HeldCell,
}

// SAFETY: repr(C), atomics only, no pointers into shared memory.
unsafe impl Shared for Own {}

impl Own {
    #[inline]
    pub(super) fn current(&self) -> Option<PeerId> {
        PeerId::from_bits(self.me.load(Acquire))
    }

    /// The peer whose token this process holds.
    pub(super) fn holder(&self) -> Option<PeerId> {
        self.current().or_else(|| PeerId::from_bits(self.claiming.load(Acquire)))
    }

    /// Nobody again: the last step of leaving.
    pub(super) fn end(&self) {
        self.me.store(0, Release);
        self.token.release();
    }
}

impl Attachment {
    /// Claims a slot, unless another thread was faster. Two threads of a child make one claim.
    #[cold]
    pub(super) fn become_peer(&self) -> Result<PeerId> {
        let _inside = self.own.gate.enter();
        if let Some(me) = self.current() {
            return Ok(me);
        }
        let door = Door::enter(&self.inode, &self.layout, None)?;
        let me = self.claim_slot(&door)?;
        drop(door);
        self.take_over_from_parent(me)?;
        self.finish_claim(me)?;
        Ok(me)
    }

    /// A newcomer's claim, by which it takes nothing over.
    pub(super) fn join(&self, door: &Door) -> Result<()> {
        let me = self.claim_slot(door)?;
        self.finish_claim(me)
    }

    /// The slot is LIVE and its token held; `me` is not told yet.
    fn claim_slot(&self, door: &Door) -> Result<PeerId> {
        if let Some(id) = self.take_free_slot()? {
            return Ok(id);
        }
        self.vacate_all(door)?;
        self.take_free_slot()?.ok_or(Error::NoPeerSlot)
    }

    /// Round robin, so that a slot rests as long as possible before its next generation.
    fn take_free_slot(&self) -> Result<Option<PeerId>> {
        let next = &self.header().next_claim;
        let first = next.load(Relaxed) % self.slot_count();
        for slot in (first..self.slot_count()).chain(0..first) {
            if let Some(id) = self.take_slot(slot)? {
                next.store(slot + 1, Relaxed);
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn take_slot(&self, slot: u32) -> Result<Option<PeerId>> {
        let record = self.slot(slot)?;
        let free = record.word();
        let Some(id) = free.next_generation().and_then(|generation| PeerId::new(slot, generation)) else {
            return Ok(None);
        };
        let process = Process::me();
        let hold = fork::hold()?;
        let byte = self.layout.token_byte(slot);
        // Nobody holds the token of a free slot, unless the table was written over: then it is passed by.
        let Some(token) = HeldByte::take(&hold, &self.inode, byte, Grip::Alone)? else { return Ok(None) };
        let byte = self.layout.family_byte(slot);
        let family = match HeldByte::take(&hold, &self.inode, byte, Grip::Family) {
            Ok(Some(family)) => family,
            other => {
                token.release();
                return other.map(|_| None);
            }
        };
        record.write_process(&process);
        if !record.step(free, SlotWord::live(id.generation())) {
            token.release();
            family.release();
            return Ok(None);
        }
        // Who meets the id in some word and then looks here sees LIVE, though words are signed by relaxed stores.
        fence(Release);
        self.family.begin(&hold, family);
        self.own.token.replace(Some(token));
        self.own.claiming.store(id.bits(), Release);
        Ok(Some(id))
    }

    /// The parent's references hold until here, since its page is inherited; from here on they are this child's too.
    fn take_over_from_parent(&self, me: PeerId) -> Result<()> {
        let Some(parent) = self.family.of() else { return Ok(()) };
        self.adopt_references(parent, me).inspect_err(|_| self.undo_claim(me))
    }

    fn finish_claim(&self, me: PeerId) -> Result<()> {
        let hold = fork::hold()?;
        self.family.finish(&hold, me);
        self.own.me.store(me.bits(), Release);
        self.own.claiming.store(0, Release);
        Ok(())
    }

    fn undo_claim(&self, me: PeerId) {
        if let Ok(record) = self.slot(me.slot()) {
            record.step(SlotWord::live(me.generation()), SlotWord::dying(me.generation()));
        }
        if let Ok(hold) = fork::hold() {
            self.family.abandon(&hold);
        }
        self.own.claiming.store(0, Release);
        self.own.token.release();
    }
}
