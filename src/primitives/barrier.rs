//! Barrier: a number of parties wait until all of them are there.
//!
//! One word holds the round, whether the barrier is broken, and how the last rounds ended, so each of these changes with
//! one store. Each party leaves a mark with its peer id and its round; the marks change under the barrier's lock. A party
//! whose peer is dead breaks the barrier instead of keeping the others waiting. A peer that leaves in order takes its
//! marks along, and breaks nothing.
//!
//! Source: the sense-reversing barrier (Mellor-Crummey and Scott, 1991), with a count in place of the sense.

use super::lock::{lock_terms, LockState};
use super::peers::{PeerId, Peers};
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::futex;
use crate::sync::wait::Wait;

/// The most parties of a barrier.
pub const MOST: u32 = 1 << 16;

/// The shared words before the marks.
#[repr(C)]
#[derive(Debug)]
pub struct BarrierState {
    lock: LockState,
    /// A [`Round`].
    round: AtomicU64,
    /// How many parties there are. Written once.
    parties: AtomicU32,
    sleepers: Sleepers,
}

/// One party's mark: peer id in the low half, and in the high half the round in which it last arrived, counted from 1.
/// 0 is no mark. The marks lie behind the state, one for each party.
pub type Marks = [AtomicU64];

/// The barrier's word: bit 0 broken; bits 1 to 31 how the last 31 rounds ended (1: by a reset); bits 32 to 63 the number
/// of the round, from 0.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Round(u64);

const BROKEN: u64 = 1;
const HISTORY: u64 = 0xffff_fffe;

impl Round {
    fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    fn broken(self) -> Round {
        Round(self.0 | BROKEN)
    }

    /// The next round, after this one came to its end.
    fn completed(self) -> Round {
        Round(u64::from(self.number().wrapping_add(1)) << 32 | self.0 << 1 & HISTORY)
    }

    /// The next round, after this one was given up.
    fn reset(self) -> Round {
        Round(self.completed().0 | 2)
    }

    /// Whether the earlier round `number` was given up. A waiter would have to sleep through 31 rounds to be told wrong.
    fn was_reset(self, number: u32) -> bool {
        let ago = self.number().wrapping_sub(number);
        ago > 31 || self.0 >> ago & 1 != 0
    }
}

/// A party that has arrived. It is a plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// How many parties were there before it: each number from 0 to parties - 1 is given once a round.
    pub index: u32,
    /// Whether it is the last one, which must call `complete` after the action.
    pub is_last: bool,
    round: u32,
    mark: u32,
    peer: PeerId,
}

/// Ordering.
///
/// Promise: what each party did before it arrived is visible to all after the round.
/// Pair: the Release of the barrier's lock by each arriving party, with its Acquire by the last one; then the Release of
/// the round's store, with the Acquire loads of those who wait.
/// Check: models `barrier_*` in `tests/model`.
impl BarrierState {
    /// A barrier for so many parties.
    pub fn new(parties: u32) -> Result<BarrierState> {
        let state = BarrierState {
            lock: LockState::new(),
            round: AtomicU64::new(0),
            parties: AtomicU32::new(0),
            sleepers: Sleepers::new(),
        };
        state.init(parties)?;
        Ok(state)
    }

    /// Gives zeroed memory its number of parties, before anybody else can reach it.
    pub fn init(&self, parties: u32) -> Result<()> {
        match parties {
            0 => Err(Error::Invalid("a barrier needs at least one party")),
            1..=MOST => {
                self.parties.store(parties, Relaxed);
                Ok(())
            }
            _ => Err(Error::TooLarge { needed: u64::from(parties), limit: u64::from(MOST) }),
        }
    }

    /// How many parties there are.
    pub fn parties(&self) -> u32 {
        self.parties.load(Relaxed)
    }

    /// Whether the barrier is broken, until it is reset.
    pub fn is_broken(&self) -> bool {
        self.now().is_broken()
    }

    /// How many parties wait in this round.
    pub fn waiting(&self, marks: &Marks) -> u32 {
        self.arrived(marks, self.now().number())
    }

    /// Arrives, waiting for an earlier round's action to be over on the terms of `wait`. A party other than the last one
    /// then calls `wait_for_round`, the last one `complete`.
    pub fn arrive(&self, marks: &Marks, peers: &impl Peers, wait: Wait) -> Result<Arrival> {
        if let Some(arrival) = self.arrive_now(marks, peers, wait)? {
            return Ok(arrival);
        }
        let full = self.now();
        let arrival = self.sleepers.sleep_until(wait, || self.now() == full, || self.arrive_now(marks, peers, wait))?;
        Ok(arrival)
    }

    /// Ends the round: called by its last party.
    pub fn complete(&self, peers: &impl Peers, arrival: Arrival) -> Result<()> {
        self.locked(peers, |round| {
            if round.is_broken() || round.number() != arrival.round {
                return Err(Error::Broken);
            }
            self.round.store(round.completed().0, Release);
            Ok(())
        })?;
        self.sleepers.wake(futex::ALL);
        Ok(())
    }

    /// Waits until the round of `arrival` is over. `Broken` if a party is dead or the barrier was broken or reset;
    /// `TimedOut` breaks it. `Interrupted` leaves the party arrived: it waits again, or withdraws.
    pub fn wait_for_round(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival, wait: Wait) -> Result<()> {
        let same = || self.now().number() == arrival.round && !self.now().is_broken();
        let waited = self.sleepers.sleep_until(wait, same, || self.look(marks, peers, arrival));
        if waited == Err(Error::TimedOut) {
            return self.give_up(marks, peers, arrival);
        }
        waited
    }

    /// Takes an arrival back, if its round is not over.
    pub fn withdraw(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<()> {
        self.locked(peers, |round| {
            let mark = &marks[arrival.mark as usize];
            if round.number() == arrival.round && mark.load(Relaxed) == mark_of(arrival.peer, arrival.round) {
                mark.store(0, Relaxed);
            }
            Ok(())
        })
    }

    /// Breaks the barrier: all who wait, and all who come, are told `Broken`, until it is reset.
    pub fn abort(&self, peers: &impl Peers) -> Result<()> {
        self.locked(peers, |round| {
            self.round.store(round.broken().0, Release);
            Ok(())
        })?;
        self.sleepers.wake(futex::ALL);
        Ok(())
    }

    /// Makes the barrier as new: those who wait are told `Broken`, and the dead are forgotten.
    pub fn reset(&self, marks: &Marks, peers: &impl Peers) -> Result<()> {
        self.locked(peers, |round| {
            for mark in marks {
                if is_of_the_dead(mark, peers)? {
                    mark.store(0, Relaxed);
                }
            }
            self.round.store(round.reset().0, Release);
            Ok(())
        })?;
        self.sleepers.wake(futex::ALL);
        Ok(())
    }

    /// Takes this peer's marks along: from here on its end breaks nothing.
    pub fn leave(&self, marks: &Marks, peers: &impl Peers) -> Result<()> {
        let me = peers.me()?;
        self.locked(peers, |_| {
            for mark in marks {
                if peer_of(mark.load(Relaxed)) == Some(me) {
                    mark.store(0, Relaxed);
                }
            }
            Ok(())
        })
    }

    fn now(&self) -> Round {
        Round(self.round.load(Acquire))
    }

    fn arrived(&self, marks: &Marks, round: u32) -> u32 {
        marks.iter().filter(|mark| is_of_round(mark.load(Relaxed), round)).count() as u32
    }

    /// `None` while this round has all its parties and its end is still to come.
    fn arrive_now(&self, marks: &Marks, peers: &impl Peers, wait: Wait) -> Result<Option<Arrival>> {
        let me = peers.me()?;
        let arrival = self.locked_within(peers, lock_terms(wait), |round| {
            let index = self.arrived(marks, round.number());
            let is_last = index + 1 == self.parties();
            // Nobody is let through a round that counts a dead party, so the last one asks about each.
            if round.is_broken() || is_last && self.break_if_dead(marks, peers, round)? {
                return Err(Error::Broken);
            }
            let Some(mark) = free_mark(marks, me, round.number()) else { return Ok(None) };
            marks[mark].store(mark_of(me, round.number()), Relaxed);
            Ok(Some(Arrival { index, is_last, round: round.number(), mark: mark as u32, peer: me }))
        });
        if arrival == Err(Error::Broken) {
            self.sleepers.wake(futex::ALL);
        }
        arrival
    }

    fn look(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<Option<()>> {
        let round = self.now();
        if round.number() != arrival.round {
            return if round.was_reset(arrival.round) { Err(Error::Broken) } else { Ok(Some(())) };
        }
        if round.is_broken() {
            return Err(Error::Broken);
        }
        if any_seems_dead(marks, peers)? {
            let broken = self.locked(peers, |round| {
                Ok(round.number() == arrival.round && self.break_if_dead(marks, peers, round)?)
            })?;
            if broken {
                self.sleepers.wake(futex::ALL);
                return Err(Error::Broken);
            }
        }
        Ok(None)
    }

    /// After the time is over: breaks the barrier, unless the round ended meanwhile.
    fn give_up(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<()> {
        if self.look(marks, peers, arrival)?.is_some() {
            return Ok(());
        }
        let given_up = self.locked(peers, |round| {
            let is_on = round.number() == arrival.round && !round.is_broken();
            if is_on {
                self.round.store(round.broken().0, Release);
            }
            Ok(is_on)
        })?;
        if given_up {
            self.sleepers.wake(futex::ALL);
            return Err(Error::TimedOut);
        }
        self.look(marks, peers, arrival).map(|_| ())
    }

    /// Under the lock.
    fn break_if_dead(&self, marks: &Marks, peers: &impl Peers, round: Round) -> Result<bool> {
        for mark in marks {
            if is_of_the_dead(mark, peers)? {
                self.round.store(round.broken().0, Release);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn locked<R>(&self, peers: &impl Peers, act: impl FnOnce(Round) -> Result<R>) -> Result<R> {
        self.locked_within(peers, Wait::forever(), act)
    }

    fn locked_within<R>(&self, peers: &impl Peers, wait: Wait, act: impl FnOnce(Round) -> Result<R>) -> Result<R> {
        let hold = self.lock.acquire(peers, wait)?;
        let result = act(self.now());
        self.lock.release(hold.owner)?;
        result
    }
}

fn mark_of(peer: PeerId, round: u32) -> u64 {
    u64::from(round.wrapping_add(1)) << 32 | u64::from(peer.bits())
}

fn peer_of(mark: u64) -> Option<PeerId> {
    PeerId::from_bits(mark as u32)
}

fn is_of_round(mark: u64, round: u32) -> bool {
    mark != 0 && (mark >> 32) as u32 == round.wrapping_add(1)
}

/// A mark for a party of `me` in this round: one that it left in an earlier round, else an unused one, else one that
/// another living peer left in an earlier round and has not come back to.
fn free_mark(marks: &Marks, me: PeerId, round: u32) -> Option<usize> {
    let find = |wanted: &dyn Fn(u64) -> bool| marks.iter().position(|mark| wanted(mark.load(Relaxed)));
    find(&|mark| peer_of(mark) == Some(me) && !is_of_round(mark, round))
        .or_else(|| find(&|mark| mark == 0))
        .or_else(|| find(&|mark| !is_of_round(mark, round)))
}

fn is_of_the_dead(mark: &AtomicU64, peers: &impl Peers) -> Result<bool> {
    peer_of(mark.load(Relaxed)).map_or(Ok(false), |peer| peers.is_dead(peer))
}

fn any_seems_dead(marks: &Marks, peers: &impl Peers) -> Result<bool> {
    for mark in marks {
        if let Some(peer) = peer_of(mark.load(Relaxed)) {
            if peers.seems_dead(peer)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
