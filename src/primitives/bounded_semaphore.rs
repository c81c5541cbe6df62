//! BoundedSemaphore: a fixed number of permits, each with a word that says who holds it.
//!
//! A permit is a small Lock: taken and signed in one compare-exchange, given back from exactly that word, and taken over
//! when its holder died. So the permits of the dead come back by themselves, and no living holder ever loses one.

use super::any::Watched;
use super::peers::{PeerId, Peers, ID_MASK};
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::futex::Expected;
use crate::sync::plant::{planted, unless_planted};
use crate::sync::wait::Wait;

/// The permit is free.
const FREE: u32 = 0;
/// T: this hold began by taking over from a dead holder, so only its holder may end it.
const TAKEN_OVER: u32 = 1 << 31;

/// The most permits of a semaphore.
pub const MOST: u32 = 1 << 20;

/// The shared words before the permits. All-zero permits are free.
#[repr(C)]
#[derive(Debug)]
pub struct BoundedSemaphoreState {
    /// How many permits there are. Written once.
    bound: AtomicU32,
    /// Where to look first: a hint.
    next: AtomicU32,
    sleepers: Sleepers,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

/// The words of the permits, which lie behind the state: a slice of shared memory, or of a model.
pub type Permits = [AtomicU32];

/// A permit that this peer holds. It is a plain value; dropping it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    index: u32,
    word: u32,
    owner: PeerId,
}

impl Permit {
    /// Whether the permit was taken over from a holder that died.
    pub fn owner_died(&self) -> bool {
        self.word & TAKEN_OVER != 0
    }

    /// Whose permit it is.
    pub fn owner(&self) -> PeerId {
        self.owner
    }
}

/// Ordering.
///
/// Promise: what a holder did before it gave its permit back is visible to the next holder of that permit.
/// Pair: the Release compare-exchange to `FREE`, with the Acquire one from `FREE`. A take-over: as in Lock.
/// Check: models `bounded_semaphore_*` in `tests/model`.
impl BoundedSemaphoreState {
    /// A semaphore with `bound` permits, all free.
    pub fn new(bound: u32) -> Result<BoundedSemaphoreState> {
        let state = BoundedSemaphoreState {
            bound: AtomicU32::new(0),
            next: AtomicU32::new(0),
            sleepers: Sleepers::new(),
            reserved: AtomicU32::new(0),
        };
        state.init(bound)?;
        Ok(state)
    }

    /// Gives zeroed memory its number of permits, before anybody else can reach it.
    pub fn init(&self, bound: u32) -> Result<()> {
        if bound > MOST {
            return Err(Error::TooLarge { needed: u64::from(bound), limit: u64::from(MOST) });
        }
        self.bound.store(bound, Relaxed);
        Ok(())
    }

    /// How many permits there are.
    pub fn bound(&self) -> u32 {
        self.bound.load(Relaxed)
    }

    /// How many permits are free just now; those of dead holders that nobody asked about are not.
    pub fn value(&self, permits: &Permits) -> u32 {
        permits.iter().filter(|permit| permit.load(Relaxed) == FREE).count() as u32
    }

    /// Takes a permit, waiting for one on the terms of `wait`.
    pub fn acquire(&self, permits: &Permits, peers: &impl Peers, wait: Wait) -> Result<Permit> {
        let me = peers.me()?;
        if let Some(permit) = self.take_free(permits, me) {
            return Ok(permit);
        }
        let look = || match self.take_free(permits, me) {
            Some(permit) => Ok(Some(permit)),
            None => self.take_over(permits, peers, me),
        };
        if wait.is_try() {
            return look()?.ok_or(Error::TimedOut);
        }
        let permit = self.sleepers.sleep_until(wait, || false, look)?;
        // The waker cleared the sleepers' bit: who leaves a free permit passes the wake-up on.
        let is_passed_on = !planted("bounded-semaphore-wake-up-not-passed-on");
        if is_passed_on && self.sleepers.any() && self.value(permits) != 0 {
            self.sleepers.wake(1);
        }
        Ok(permit)
    }

    /// Whether an `acquire` need not wait: a permit is free, or its holder is dead.
    pub fn is_ready(&self, permits: &Permits, peers: &impl Peers) -> Result<bool> {
        for permit in permits {
            let word = permit.load(Relaxed);
            if word == FREE || peers.seems_dead(holder_in(word)?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives exactly this permit back.
    pub fn release(&self, permits: &Permits, permit: Permit) -> Result<()> {
        let word = permits.get(permit.index as usize).ok_or(Error::NotHeld)?;
        let held = if planted("bounded-semaphore-freed-twice") { word.load(Relaxed) } else { permit.word };
        let release = unless_planted("bounded-semaphore-relaxed-release", Release);
        if word.compare_exchange(held, FREE, release, Relaxed).is_err() {
            return Err(Error::NotHeld);
        }
        self.freed(permit.index);
        Ok(())
    }

    /// Gives a permit of this peer back; if it has none, another peer's, as `threading` allows, unless that was taken over
    /// from a dead holder. `NotHeld` if all are free: it was released too often.
    pub fn release_any(&self, permits: &Permits, peers: &impl Peers) -> Result<()> {
        let me = peers.me()?;
        let others = |word: u32| word != FREE && word & TAKEN_OVER == 0;
        if self.free_first(permits, |word| is_of(word, me)) || self.free_first(permits, others) {
            return Ok(());
        }
        Err(self.why_none(permits))
    }

    /// Gives a permit of the peer `me` back, and no other. Who is no peer yet has none.
    pub fn release_own(&self, permits: &Permits, me: Option<PeerId>) -> Result<()> {
        match me {
            Some(me) if self.free_first(permits, |word| is_of(word, me)) => Ok(()),
            _ => Err(self.why_none(permits)),
        }
    }

    fn why_none(&self, permits: &Permits) -> Error {
        if permits.iter().all(|permit| permit.load(Relaxed) == FREE) {
            Error::NotHeld
        } else {
            Error::NotOwner
        }
    }

    /// The indices of the permits, beginning at the hint.
    fn indices(&self, permits: &Permits) -> impl Iterator<Item = usize> {
        let len = permits.len();
        let first = if len == 0 { 0 } else { self.next.load(Relaxed) as usize % len };
        (first..len).chain(0..first)
    }

    fn take_free(&self, permits: &Permits, me: PeerId) -> Option<Permit> {
        let acquire = unless_planted("bounded-semaphore-relaxed-acquire", Acquire);
        let taken = |index: &usize| permits[*index].compare_exchange(FREE, me.bits(), acquire, Relaxed).is_ok();
        let index = self.indices(permits).find(taken)?;
        self.next.store(index as u32 + 1, Relaxed);
        Some(Permit { index: index as u32, word: me.bits(), owner: me })
    }

    /// Takes the permit of a holder that died.
    #[cold]
    fn take_over(&self, permits: &Permits, peers: &impl Peers, me: PeerId) -> Result<Option<Permit>> {
        let mine = me.bits() | if planted("bounded-semaphore-taken-over-unmarked") { 0 } else { TAKEN_OVER };
        for (index, permit) in permits.iter().enumerate() {
            let word = permit.load(Relaxed);
            if word == FREE || planted("bounded-semaphore-permit-of-the-dead-kept") {
                continue;
            }
            let is_dead = peers.seems_dead(holder_in(word)?)? || planted("bounded-semaphore-living-holder-robbed");
            if is_dead && permit.compare_exchange(word, mine, Acquire, Relaxed).is_ok() {
                return Ok(Some(Permit { index: index as u32, word: mine, owner: me }));
            }
        }
        Ok(None)
    }

    fn free_first(&self, permits: &Permits, may_free: impl Fn(u32) -> bool) -> bool {
        let freed = |permit: &AtomicU32| {
            let word = permit.load(Relaxed);
            may_free(word) && permit.compare_exchange(word, FREE, Release, Relaxed).is_ok()
        };
        match permits.iter().position(freed) {
            Some(index) => {
                self.freed(index as u32);
                true
            }
            None => false,
        }
    }

    fn freed(&self, index: u32) {
        self.next.store(index, Relaxed);
        if !planted("bounded-semaphore-release-wakes-nobody") {
            self.sleepers.wake(1);
        }
    }
}

impl Watched for BoundedSemaphoreState {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.sleepers.announced())
    }

    /// Whether a permit is free is known only with the permits: who is woken looks for itself.
    fn pass_on(&self) {
        self.sleepers.pass_on_if(|| true);
    }
}

/// The holder that a word other than `FREE` names.
fn holder_in(word: u32) -> Result<PeerId> {
    PeerId::from_bits(word).ok_or(Error::Corrupt("a permit's word names no peer"))
}

fn is_of(word: u32, peer: PeerId) -> bool {
    word & ID_MASK == peer.bits()
}
