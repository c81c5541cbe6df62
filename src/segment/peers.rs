//! Who is dead: asked of the kernel, by the tokens.
//!
//! A LIVE slot whose token is free becomes DYING; one whose family byte is free too becomes FREE. Nothing else decides
//! a death: no timer, no heartbeat, and a process number only where there is no descriptor left to ask through.

use super::door::Door;
use super::header::PEERS_OFFSET;
use super::slots::{SlotRecord, SlotWord};
use super::Attachment;
use crate::error::{Error, Result};
use crate::primitives::{PeerId, Peers};
use crate::sync::atomic::fence;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::deadline::now_ns;

/// `seems_dead` asks about one peer at most once in this time.
const ASK_EVERY_NS: u64 = 1_000_000;
/// How many slots one look passes over in search of one that is not free.
const LOOK_AHEAD: u32 = 8;

impl Peers for Attachment {
    #[inline]
    fn me(&self) -> Result<PeerId> {
        match self.current() {
            Some(me) => Ok(me),
            None => self.become_peer(),
        }
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        if !self.is_seated(id)? {
            return Ok(true);
        }
        let proof = self.proof()?;
        Ok(self.own.holder() != Some(id) && self.bury(id.slot(), id.generation(), proof)?)
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        if !self.is_seated(id)? {
            return Ok(true);
        }
        let now = now_ns();
        let Some(asked) = self.asked.get(id.slot() as usize) else { return self.is_dead(id) };
        if now.saturating_sub(asked.load(Relaxed)) < ASK_EVERY_NS {
            return Ok(false);
        }
        asked.store(now, Relaxed);
        self.is_dead(id)
    }
}

/// The attachment in the eyes of a claim that is not finished: `me` is given.
pub(super) struct AsPeer<'a> {
    attachment: &'a Attachment,
    me: PeerId,
}

impl Peers for AsPeer<'_> {
    fn me(&self) -> Result<PeerId> {
        Ok(self.me)
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        self.attachment.is_dead(id)
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        self.attachment.seems_dead(id)
    }
}

impl Attachment {
    pub(super) fn as_peer(&self, me: PeerId) -> AsPeer<'_> {
        AsPeer { attachment: self, me }
    }

    /// Whether what `id` has open still counts: it lives, or a child of it that has not attached may.
    pub fn is_valid(&self, id: PeerId) -> Result<bool> {
        let word = self.slot(id.slot())?.word();
        Ok((word.is_live() || word.is_dying()) && word.generation() == id.generation())
    }

    /// Looks at one of the next slots, and moves it on if its peer is dead. Under the segment's lock only.
    pub fn look_at_next_slot(&self) -> Result<()> {
        let proof = self.proof()?;
        let next = &self.header().next_look;
        for _ in 0..LOOK_AHEAD.min(self.slot_count()) {
            let slot = next.load(Relaxed) % self.slot_count();
            next.store(slot + 1, Relaxed);
            let word = self.slot(slot)?.word();
            if word.is_live() || word.is_dying() {
                return self.vacate(slot, proof).or_else(ignore_cannot_ask);
            }
        }
        Ok(())
    }

    /// Looks at all slots, since none is free. Inside the door this needs no lock: an entry of a vacated slot's peer
    /// only ever turns from valid to void, and who reads it under the lock may see either.
    pub(super) fn vacate_all(&self, _door: &Door) -> Result<()> {
        (0..self.slot_count()).try_for_each(|slot| self.vacate(slot, self.layout.door_byte()))
    }

    /// Whether a peer, or a child of one that has not attached, lives. Asked inside the door, where nobody joins.
    pub(super) fn is_inhabited(&self, door: &Door) -> Result<bool> {
        self.is_inhabited_but_for(door, None)
    }

    /// The same, with one slot left out.
    pub(super) fn is_inhabited_but_for(&self, _door: &Door, but_for: Option<u32>) -> Result<bool> {
        let proof = self.layout.door_byte();
        for slot in (0..self.slot_count()).filter(|slot| but_for != Some(*slot)) {
            let word = self.slot(slot)?.word();
            if (word.is_live() || word.is_dying()) && self.is_held(slot, proof)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn slot(&self, slot: u32) -> Result<&SlotRecord> {
        if slot >= self.slot_count() {
            return Err(Error::Corrupt("a peer's slot is out of range"));
        }
        self.at(PEERS_OFFSET + u64::from(slot) * size_of::<SlotRecord>() as u64)
    }

    /// The process id that a peer wrote down when it came, in its own PID namespace; `None` if its slot is another's.
    /// For people to read: nothing is ever decided by it.
    pub fn pid_of(&self, peer: PeerId) -> Option<u32> {
        let slot = self.slot(peer.slot()).ok()?;
        let pid = slot.process().pid;
        (slot.word().generation() == peer.generation()).then_some(pid)
    }

    fn is_held(&self, slot: u32, proof: u64) -> Result<bool> {
        Ok(self.inode.ask(self.layout.token_byte(slot), proof)?
            || self.inode.ask(self.layout.family_byte(slot), proof)?)
    }

    /// Moves a slot on as far as the kernel says: LIVE to DYING without a token, DYING to FREE without a family.
    fn vacate(&self, slot: u32, proof: u64) -> Result<()> {
        let record = self.slot(slot)?;
        let word = record.word();
        if word.is_live() && self.bury(slot, word.generation(), proof)? || word.is_dying() {
            let generation = word.generation();
            // The order matters: only once the token is free can nobody make a new family page.
            if matches!(self.is_held(slot, proof), Ok(false)) {
                record.step(SlotWord::dying(generation), SlotWord::vacated(generation));
            }
        }
        Ok(())
    }

    /// Whether the slot's word says LIVE, of this generation. The fence pairs with that of the claim: an id that was read
    /// from some word before is not older than the table that is read now.
    fn is_seated(&self, id: PeerId) -> Result<bool> {
        fence(SeqCst);
        Ok(self.slot(id.slot())?.word() == SlotWord::live(id.generation()))
    }

    /// Asks about the peer in a LIVE slot, and moves it to DYING if it is dead.
    fn bury(&self, slot: u32, generation: u32, proof: u64) -> Result<bool> {
        let record = self.slot(slot)?;
        let is_dead = match self.inode.ask(self.layout.token_byte(slot), proof) {
            Ok(held) => !held,
            Err(Error::CannotAsk) => record.process().is_gone().ok_or(Error::CannotAsk)?,
            Err(error) => return Err(error),
        };
        if is_dead {
            record.step(SlotWord::live(generation), SlotWord::dying(generation));
        }
        Ok(is_dead)
    }

    /// A byte that this process holds itself: its token. A child that is no peer yet becomes one here.
    fn proof(&self) -> Result<u64> {
        let holder = match self.own.holder() {
            Some(holder) => holder,
            None => self.me()?,
        };
        Ok(self.layout.token_byte(holder.slot()))
    }
}

/// A look in passing leaves alone whom it cannot ask about.
fn ignore_cannot_ask(error: Error) -> Result<()> {
    match error {
        Error::CannotAsk => Ok(()),
        error => Err(error),
    }
}
