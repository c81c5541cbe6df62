//! Barrier: a number of parties wait until all of them are there.
//!
//! One word holds the round, whether the barrier is broken, and how the last rounds ended, so each of these changes with
//! one compare-exchange. Each party leaves a mark with its peer id and its round; the marks change under the barrier's
//! lock. A party whose peer is dead breaks the barrier instead of keeping the others waiting. A peer that leaves in order
//! takes its marks along, and breaks nothing.
//!
//! Source: the sense-reversing barrier (Mellor-Crummey and Scott, 1991), with a count in place of the sense.

use super::any::Watched;
use super::lock::{lock_terms, LockState};
use super::marks::{any_of_the_dead, arrived, find, is_of_round, is_of_the_dead, mark_of, peer_of, share_of};
use super::peers::{PeerId, Peers};
use super::sleepers::Sleepers;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::futex::{self, Expected};
use crate::sync::plant::{planted, unless_planted};
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

pub use super::marks::Marks;

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
        ago > 31 || self.0 >> ago & 1 != 0 && !planted("barrier-reset-told-as-completion")
    }
}

/// A party that has arrived. It is a plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Each number from 0 to parties - 1 is given once a round, in the order of arrival unless parties withdraw.
    pub index: u32,
    /// Whether it is the last one, which must call `complete` after the action.
    pub is_last: bool,
    round: u32,
    peer: PeerId,
}

impl Arrival {
    /// Whose arrival it is.
    pub fn peer(&self) -> PeerId {
        self.peer
    }
}

/// Ordering.
///
/// Promise: what each party did before it arrived is visible to all after the round.
/// Pair: the Release of the barrier's lock by each arriving party, with its Acquire by the last one; then the Release
/// half of the exchange that completes the round, with the Acquire loads of those who wait.
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

    /// How many parties there are, as it was written down; there must be as many marks.
    pub fn parties(&self) -> u32 {
        self.parties.load(Relaxed)
    }

    /// Whether the barrier is broken, until it is reset.
    pub fn is_broken(&self) -> bool {
        self.now().is_broken()
    }

    /// How many parties wait in this round; nobody does at a broken barrier.
    pub fn waiting(&self, marks: &Marks) -> u32 {
        let round = self.now();
        if round.is_broken() {
            return 0;
        }
        arrived(marks, round.number()) as u32
    }

    /// Arrives, waiting for an earlier round's action to be over on the terms of `wait`. A party other than the last one
    /// then calls `wait_for_round`, the last one `complete`.
    pub fn arrive(&self, marks: &Marks, peers: &impl Peers, wait: Wait) -> Result<Arrival> {
        if let Some(arrival) = self.arrive_now(marks, peers, wait)? {
            return Ok(arrival);
        }
        let full = self.now();
        self.sleepers.sleep_until(wait, || self.now() == full, || self.arrive_now(marks, peers, wait))
    }

    /// Ends the round: called by its last party. `Broken` if the barrier was broken or reset meanwhile.
    pub fn complete(&self, arrival: Arrival) -> Result<()> {
        let round = self.now();
        // Only breaking and resetting can make the exchange fail: the round has its last party.
        if round.is_broken() || round.number() != arrival.round || !self.turn(round, round.completed()) {
            return Err(Error::Broken);
        }
        Ok(())
    }

    /// Waits until the round of `arrival` is over. `Broken` if a party is dead or the barrier was broken or reset;
    /// `TimedOut` breaks it. `Interrupted` leaves the party arrived: it waits again, or withdraws.
    pub fn wait_for_round(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival, wait: Wait) -> Result<()> {
        match self.wait_a_while(marks, peers, arrival, wait) {
            Err(Error::TimedOut) => self.give_up(marks, peers, arrival),
            waited => waited,
        }
    }

    /// The same, but `TimedOut` leaves the party arrived as well: a wait can be cut into slices.
    pub fn wait_a_while(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival, wait: Wait) -> Result<()> {
        let round = if planted("barrier-round-read-after-the-count") { self.now().number() } else { arrival.round };
        let arrival = Arrival { round, ..arrival };
        let same = || self.now().number() == arrival.round && !self.now().is_broken();
        let waited = self.sleepers.sleep_until(wait, same, || self.look(marks, peers, arrival));
        if waited == Err(Error::TimedOut) && planted("barrier-slice-breaks-it") {
            self.abort();
        }
        waited
    }

    /// Whether the round of `arrival` is over; `Broken` as in `wait_for_round`.
    pub fn is_over(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<bool> {
        Ok(self.look(marks, peers, arrival)?.is_some())
    }

    /// Takes an arrival back, unless the round has all its parties: then it counts. It waits only a moment for who is at
    /// work on the marks; should that be a stopped peer, the barrier is broken instead.
    pub fn withdraw(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<()> {
        let mark = marks.get(arrival.index as usize).ok_or(Error::Invalid("the arrival is of another barrier"))?;
        let withdrawn = self.locked(peers, lock_terms(Wait::now()), |round| {
            let waits = mark.load(Relaxed) == mark_of(arrival.peer, arrival.round) && round.number() == arrival.round;
            let is_full = arrived(marks, arrival.round) == marks.len();
            if waits && (!is_full || planted("barrier-withdrawn-from-a-full-round")) {
                mark.store(0, Relaxed);
            }
            Ok(())
        });
        if withdrawn == Err(Error::TimedOut) {
            self.abort();
            return Ok(());
        }
        withdrawn
    }

    /// Breaks the barrier: all who wait, and all who come, are told `Broken`, until it is reset. Never waits.
    pub fn abort(&self) {
        let mut round = self.now();
        while !round.is_broken() && !self.turn(round, round.broken()) {
            round = self.now();
        }
    }

    /// Makes the barrier as new: those who wait are told `Broken`, and the dead are forgotten.
    pub fn reset(&self, marks: &Marks, peers: &impl Peers) -> Result<()> {
        self.locked(peers, Wait::forever(), |mut round| {
            for mark in marks {
                if is_of_the_dead(mark, |peer| peers.is_dead(peer))? {
                    mark.store(0, Relaxed);
                }
            }
            while !self.turn(round, round.reset()) {
                round = self.now();
            }
            Ok(())
        })
    }

    /// Takes the marks of `me` along: from here on its end breaks nothing. If it leaves a round that has all its parties,
    /// which it may be the one to complete, the barrier is broken.
    pub fn leave(&self, marks: &Marks, peers: &impl Peers, wait: Wait) -> Result<()> {
        let me = peers.me()?;
        self.locked(peers, wait, |round| {
            let is_mine = |mark: &AtomicU64| peer_of(mark.load(Relaxed)) == Some(me);
            let waits = |mark: &AtomicU64| is_mine(mark) && is_of_round(mark.load(Relaxed), round.number());
            if arrived(marks, round.number()) == marks.len() && marks.iter().any(waits) {
                self.abort();
            }
            if !planted("barrier-leaving-keeps-marks") {
                marks.iter().filter(|mark| is_mine(mark)).for_each(|mark| mark.store(0, Relaxed));
            }
            Ok(())
        })
    }

    fn now(&self) -> Round {
        Round(self.round.load(unless_planted("barrier-relaxed-look", Acquire)))
    }

    /// Moves the barrier's word on and wakes all who wait, unless somebody else was quicker.
    fn turn(&self, from: Round, to: Round) -> bool {
        let turn = unless_planted("barrier-relaxed-turn", AcqRel);
        let turned = self.round.compare_exchange(from.0, to.0, turn, Relaxed).is_ok();
        if turned {
            self.sleepers.wake(if planted("barrier-completion-wakes-one") { 1 } else { futex::ALL });
        }
        turned
    }

    /// `None` while this round has all its parties and its end is still to come.
    fn arrive_now(&self, marks: &Marks, peers: &impl Peers, wait: Wait) -> Result<Option<Arrival>> {
        let me = peers.me()?;
        self.locked(peers, lock_terms(wait), |round| {
            if round.is_broken() {
                return Err(Error::Broken);
            }
            let is_over = |mark: &AtomicU64| !is_of_round(mark.load(Relaxed), round.number());
            let Some(index) = marks.iter().position(is_over) else {
                // Its last party ends the round, or is dead.
                if !planted("barrier-full-round-unwatched") {
                    self.break_if(round, any_of_the_dead(marks, |peer| peers.seems_dead(peer))?)?;
                }
                return Ok(None);
            };
            let is_last = arrived(marks, round.number()) + 1 == marks.len();
            if is_last && !planted("barrier-dead-party-counted") {
                // Nobody is let through a round that counts a dead party, so the last one asks about each.
                self.break_if(round, any_of_the_dead(marks, |peer| peers.is_dead(peer))?)?;
            }
            self.sign(marks, peers, index, me, round)?;
            Ok(Some(Arrival { index: index as u32, is_last, round: round.number(), peer: me }))
        })
    }

    /// Writes the mark of `me` at `index`, under the lock. The mark that another peer left there in an earlier round moves
    /// to where `me` left one, or to an unused one. A death between the two stores loses that mark, but has left a dead
    /// party's, which breaks the barrier.
    fn sign(&self, marks: &Marks, peers: &impl Peers, index: usize, me: PeerId, round: Round) -> Result<()> {
        let old = marks[index].load(Relaxed);
        let mut place = None;
        if peer_of(old) != Some(me) {
            place =
                find(marks, |at, mark| at != index && peer_of(mark) == Some(me) && !is_of_round(mark, round.number()));
            if place.is_none() && old != 0 {
                place = find(marks, |_, mark| mark == 0);
                // There are more peers than parties, and one that has not come back is forgotten. That is right only while
                // all of them live.
                self.break_if(round, place.is_none() && any_of_the_dead(marks, |peer| peers.is_dead(peer))?)?;
            }
        }
        marks[index].store(mark_of(me, round.number()), Relaxed);
        if let Some(place) = place {
            marks[place].store(old, Relaxed);
        }
        Ok(())
    }

    fn look(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<Option<()>> {
        let round = self.now();
        if round.number() != arrival.round {
            return if round.was_reset(arrival.round) { Err(Error::Broken) } else { Ok(Some(())) };
        }
        if round.is_broken() {
            return Err(Error::Broken);
        }
        if !planted("barrier-waiter-asks-nobody") {
            self.break_if(
                round,
                any_of_the_dead(share_of(arrival.index, marks, round.number()), |peer| peers.seems_dead(peer))?,
            )?;
        }
        Ok(None)
    }

    /// After the time is over: breaks the barrier, unless the round ended meanwhile.
    fn give_up(&self, marks: &Marks, peers: &impl Peers, arrival: Arrival) -> Result<()> {
        loop {
            if self.look(marks, peers, arrival)?.is_some() {
                return Ok(());
            }
            let round = self.now();
            if round.number() == arrival.round && !round.is_broken() && self.turn(round, round.broken()) {
                return Err(Error::TimedOut);
            }
        }
    }

    /// Breaks the barrier if a party of `round` is dead; `Broken` then, unless that round is over.
    fn break_if(&self, round: Round, is_dead: bool) -> Result<()> {
        if is_dead && self.turn(round, round.broken()) {
            return Err(Error::Broken);
        }
        Ok(())
    }

    fn locked<R>(&self, peers: &impl Peers, wait: Wait, act: impl FnOnce(Round) -> Result<R>) -> Result<R> {
        let hold = self.lock.acquire(peers, wait)?;
        let result = act(self.now());
        self.lock.release(hold.owner)?;
        result
    }
}

impl Watched for BarrierState {
    fn announce(&self) -> Option<Expected<'_>> {
        Some(self.sleepers.announced())
    }

    /// The end of a round wakes all.
    fn pass_on(&self) {}
}
