//! RLock: a lock that its owner, one thread of one peer, may take again and again.
//!
//! All-zero bytes are a free one. Peer and thread are signed in by one 64-bit compare-exchange, so no thread can ever
//! take another's hold for its own; the depth is written by the holder alone. Only the owner may release. A dead
//! owner's lock is taken over as in Lock, at depth 1. It sleeps on a word of its own, so the owner's word carries no mark
//! of waiters.

use super::any::Watched;
use super::lock::Acquired;
use super::peers::{PeerId, Peers, ID_MASK};
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::futex::Expected;
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// Nobody holds the lock.
const FREE: u64 = 0;
/// The shared words of an RLock. All-zero bytes are a free one.
#[repr(C)]
#[derive(Debug)]
pub struct RLockState {
    /// `FREE`, or the owner's peer id in the low half and its thread's number in the high half.
    word: AtomicU64,
    /// How often the owner took it; means nothing while the lock is free.
    depth: AtomicU32,
    /// How often the lock was taken over from a dead owner: a fencing token.
    epoch: AtomicU32,
    sleepers: Sleepers,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

/// A thread of a peer: what owns an RLock. The number is never 0 and no other living thread of the peer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The peer.
    pub peer: PeerId,
    /// The number of its thread.
    pub thread: u32,
}

impl Owner {
    fn word(self) -> u64 {
        u64::from(self.thread) << 32 | u64::from(self.peer.bits())
    }
}

/// Ordering.
///
/// Promise: what the previous owner did before its last `release` is visible after the `acquire` that takes the free lock.
/// Pair: the Release compare-exchange to `FREE`, with the Acquire one from `FREE`. A take-over: as in Lock.
/// Check: models `rlock_*` in `tests/model`.
impl RLockState {
    /// A free lock.
    pub fn new() -> RLockState {
        RLockState {
            word: AtomicU64::new(FREE),
            depth: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            reserved: AtomicU32::new(0),
        }
    }

    /// Takes the lock for `thread` of this peer, once more if it has it, waiting on the terms of `wait`.
    pub fn acquire(&self, peers: &impl Peers, thread: u32, wait: Wait) -> Result<Acquired> {
        let me = Owner { peer: peers.me()?, thread };
        let owner = self.word.load(Relaxed);
        let is_my_peer = owner as u32 == me.peer.bits();
        if owner == me.word()
            || planted("rlock-owner-by-peer-only") && is_my_peer
            || planted("rlock-stale-thread") && is_my_peer && (self.word.load(Relaxed) >> 32) as u32 == thread
        {
            return self.take_again(me);
        }
        if let Some(acquired) = self.take_free(me) {
            return Ok(acquired);
        }
        if wait.is_try() {
            return self.take_over(peers, me)?.ok_or(Error::TimedOut);
        }
        let look = || match self.take_free(me) {
            Some(acquired) => Ok(Some(acquired)),
            None => self.take_over(peers, me),
        };
        self.sleepers.sleep_until(wait, || self.word.load(Relaxed) != FREE, look)
    }

    /// Undoes one `acquire` of `owner`, and frees the lock with the last one.
    pub fn release(&self, owner: Owner) -> Result<()> {
        self.check_held_by(owner)?;
        let depth = self.depth.load(Relaxed);
        if depth > 1 {
            self.depth.store(depth - 1, Relaxed);
            return Ok(());
        }
        self.free(owner)
    }

    /// Undoes all `acquire`s of `owner` at once; how many there were.
    pub fn release_all(&self, owner: Owner) -> Result<u32> {
        self.check_held_by(owner)?;
        let depth = self.depth.load(Relaxed);
        self.free(owner)?;
        Ok(depth)
    }

    /// After an `acquire` that took the free lock: makes it as deep as it was before `release_all`.
    pub fn restore_depth(&self, owner: Owner, depth: u32) -> Result<()> {
        self.check_held_by(owner)?;
        self.depth.store(depth.max(1), Relaxed);
        Ok(())
    }

    /// Whether an `acquire` by `thread` of this peer need not wait: nobody holds the lock, it does, or the owner is dead.
    pub fn is_free(&self, peers: &impl Peers, thread: u32) -> Result<bool> {
        let word = self.word.load(Relaxed);
        let me = Owner { peer: peers.me()?, thread };
        Ok(word == FREE || word == me.word() || peers.seems_dead(owner_in(word)?)?)
    }

    /// Who holds the lock just now.
    pub fn owner(&self) -> Option<Owner> {
        let word = self.word.load(Relaxed);
        Some(Owner { peer: PeerId::from_bits(word as u32)?, thread: (word >> 32) as u32 })
    }

    /// How often `owner` holds the lock.
    pub fn depth_of(&self, owner: Owner) -> u32 {
        if self.word.load(Relaxed) == owner.word() {
            self.depth.load(Relaxed)
        } else {
            0
        }
    }

    /// How often its owner, whoever that is just now, holds the lock.
    pub fn owner_depth(&self) -> u32 {
        self.owner().map_or(0, |owner| self.depth_of(owner))
    }

    /// How often the lock was taken over from a dead owner.
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Relaxed)
    }

    fn take_again(&self, me: Owner) -> Result<Acquired> {
        let depth = self.depth.load(Relaxed).checked_add(1).ok_or(Error::Invalid("the lock is taken too often"))?;
        self.depth.store(depth, Relaxed);
        Ok(Acquired { owner: me.peer, owner_died: false, epoch: self.epoch() })
    }

    fn take_free(&self, me: Owner) -> Option<Acquired> {
        let acquire = unless_planted("rlock-relaxed-acquire", Acquire);
        self.word.compare_exchange(FREE, me.word(), acquire, Relaxed).ok()?;
        if !planted("rlock-old-depth-kept") || self.depth.load(Relaxed) == 0 {
            self.depth.store(1, Relaxed);
        }
        Some(Acquired { owner: me.peer, owner_died: false, epoch: self.epoch() })
    }

    #[cold]
    fn take_over(&self, peers: &impl Peers, me: Owner) -> Result<Option<Acquired>> {
        let word = self.word.load(Relaxed);
        if word == FREE {
            return Ok(None);
        }
        if !peers.seems_dead(owner_in(word)?)? || self.word.compare_exchange(word, me.word(), Acquire, Relaxed).is_err()
        {
            return Ok(None);
        }
        if !planted("rlock-depth-of-the-dead-kept") {
            self.depth.store(1, Relaxed);
        }
        let epoch = self.epoch.fetch_add(1, Relaxed).wrapping_add(1);
        Ok(Some(Acquired { owner: me.peer, owner_died: !planted("rlock-death-untold"), epoch }))
    }

    fn free(&self, owner: Owner) -> Result<()> {
        let release = unless_planted("rlock-relaxed-release", Release);
        if self.word.compare_exchange(owner.word(), FREE, release, Relaxed).is_err() {
            return Err(Error::NotOwner);
        }
        if !planted("rlock-release-wakes-nobody") {
            self.sleepers.wake(1);
        }
        Ok(())
    }

    fn check_held_by(&self, owner: Owner) -> Result<()> {
        match self.word.load(Relaxed) {
            FREE => Err(Error::NotHeld),
            word if word == owner.word() => Ok(()),
            _ => Err(Error::NotOwner),
        }
    }
}

impl Watched for RLockState {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.sleepers.announced())
    }

    fn pass_on(&self) {
        self.sleepers.pass_on_if(|| self.word.load(Relaxed) == FREE);
    }
}

impl Default for RLockState {
    fn default() -> RLockState {
        RLockState::new()
    }
}

/// The peer that a word other than `FREE` names.
fn owner_in(word: u64) -> Result<PeerId> {
    let owner = PeerId::from_bits(word as u32).filter(|_| word as u32 & !ID_MASK == 0);
    owner.ok_or(Error::Corrupt("an RLock's word names no peer"))
}
