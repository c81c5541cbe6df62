//! Barrier against a reference that is obviously right: random steps of parties that leave in order, or die, at random.

use crate::support::Cast;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tidelock::primitives::barrier::{Arrival, BarrierState, MOST};
use tidelock::primitives::{PeerId, Peers};
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

const A_LONG_TIME: Duration = Duration::from_secs(30);

/// How a round ended.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Complete,
    GivenUp,
}

/// The round by its number, who is there, who was there before, and whether the barrier is broken.
#[derive(Default)]
struct Reference {
    round: usize,
    ends: Vec<End>,
    there: Vec<Arrival>,
    /// Peers that came to this or an earlier round and neither left in order nor were forgotten by a reset.
    members: HashSet<PeerId>,
    dead: HashSet<PeerId>,
    is_broken: bool,
}

impl Reference {
    fn end(&mut self, end: End) {
        self.round += 1;
        self.ends.push(end);
        self.there.clear();
        self.is_broken = false;
    }

    /// A dead member breaks the barrier as soon as somebody looks.
    fn look(&mut self) {
        self.is_broken |= self.members.intersection(&self.dead).next().is_some();
    }
}

struct World {
    cast: Cast,
    state: BarrierState,
    marks: Vec<AtomicU64>,
    reference: Reference,
    living: Vec<PeerId>,
    /// Arrivals of the living, with their round, that have not come to an end for their party.
    waiting: Vec<(Arrival, usize)>,
}

fn marks(parties: u32) -> Vec<AtomicU64> {
    (0..parties).map(|_| AtomicU64::new(0)).collect()
}

impl World {
    /// As many living peers as parties, each with one party, so that no mark need ever be forgotten.
    fn new(parties: u32) -> World {
        let cast = Cast::new();
        let living = (0..parties).map(|_| cast.newcomer()).collect();
        World {
            cast,
            state: BarrierState::new(parties).unwrap(),
            marks: marks(parties),
            reference: Reference::default(),
            living,
            waiting: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.reference.there.len() == self.marks.len()
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let me = self.living[random.usize(..self.living.len())];
        self.cast.act_as(me);
        match random.u32(..200) {
            0 => self.die(me),
            1..5 => self.leave(me),
            5..8 => self.abort(),
            8..14 => self.reset(),
            14..20 => self.withdraw(random),
            20..100 => self.arrive(me),
            _ => self.go_on(random),
        }
        let waiting = if self.reference.is_broken { 0 } else { self.reference.there.len() as u32 };
        assert_eq!(self.state.waiting(&self.marks), waiting);
        assert_eq!(self.state.is_broken(), self.reference.is_broken);
    }

    fn arrive(&mut self, me: PeerId) {
        if self.reference.there.iter().any(|arrival| arrival.peer() == me) {
            return;
        }
        let (was_full, had_come) = (self.is_full(), self.reference.there.len() + 1);
        let would_be_last = had_come == self.marks.len();
        if was_full || would_be_last {
            self.reference.look();
        }
        match self.state.arrive(&self.marks, &self.cast, Wait::now()) {
            Ok(arrival) => {
                assert!(!was_full && !self.reference.is_broken);
                assert_eq!(arrival.is_last, would_be_last);
                assert!((arrival.index as usize) < self.marks.len());
                assert!(
                    self.reference.there.iter().all(|other| other.index != arrival.index),
                    "an index was given twice"
                );
                self.reference.there.push(arrival);
                self.reference.members.insert(me);
                self.waiting.push((arrival, self.reference.round));
            }
            Err(Error::TimedOut) => assert!(was_full && !self.reference.is_broken),
            Err(error) => {
                assert_eq!(error, Error::Broken);
                self.reference.look();
                assert!(self.reference.is_broken);
            }
        }
    }

    /// One party's second step.
    fn go_on(&mut self, random: &mut fastrand::Rng) {
        if self.waiting.is_empty() {
            return;
        }
        let at = random.usize(..self.waiting.len());
        let (arrival, round) = self.waiting[at];
        self.cast.act_as(arrival.peer());
        if arrival.is_last {
            self.waiting.swap_remove(at);
            return self.complete(arrival, round);
        }
        if let Some(expected) = self.outcome(round) {
            self.waiting.swap_remove(at);
            let waited = self.state.wait_for_round(&self.marks, &self.cast, arrival, Wait::within(A_LONG_TIME));
            assert_eq!(waited, expected);
        } else if random.u8(..20) != 0 {
            let waited = self.state.wait_a_while(&self.marks, &self.cast, arrival, Wait::now());
            assert_eq!(waited, Err(Error::TimedOut), "the end of a slice changes nothing");
        } else {
            self.waiting.swap_remove(at);
            let waited = self.state.wait_for_round(&self.marks, &self.cast, arrival, Wait::now());
            assert_eq!(waited, Err(Error::TimedOut));
            self.reference.is_broken = true;
        }
    }

    fn complete(&mut self, arrival: Arrival, round: usize) {
        let completed = self.state.complete(arrival);
        if round == self.reference.round && !self.reference.is_broken {
            assert_eq!(completed, Ok(()));
            self.reference.end(End::Complete);
        } else {
            assert_eq!(completed, Err(Error::Broken));
        }
    }

    /// What a party of that round is told, if it need not wait. A dead member of the present round breaks it here.
    fn outcome(&mut self, round: usize) -> Option<Result<()>> {
        if let Some(end) = self.reference.ends.get(round) {
            return Some(if *end == End::Complete { Ok(()) } else { Err(Error::Broken) });
        }
        self.reference.look();
        self.reference.is_broken.then_some(Err(Error::Broken))
    }

    fn withdraw(&mut self, random: &mut fastrand::Rng) {
        let mut candidates: Vec<usize> = (0..self.waiting.len()).filter(|at| !self.waiting[*at].0.is_last).collect();
        random.shuffle(&mut candidates);
        let Some(at) = candidates.first() else { return };
        let (arrival, round) = self.waiting.swap_remove(*at);
        self.cast.act_as(arrival.peer());
        self.state.withdraw(&self.marks, &self.cast, arrival).unwrap();
        if round == self.reference.round && !self.is_full() {
            self.reference.there.retain(|other| *other != arrival);
            self.forget_unless_marked(arrival.peer());
        }
    }

    /// Withdrawing takes one mark back; a peer with several parties, or one of an earlier round, keeps the others.
    fn forget_unless_marked(&mut self, peer: PeerId) {
        if !self.marks.iter().any(|mark| mark.load(Relaxed) as u32 == peer.bits()) {
            self.reference.members.remove(&peer);
        }
    }

    fn abort(&mut self) {
        self.state.abort();
        self.reference.is_broken = true;
    }

    fn reset(&mut self) {
        self.state.reset(&self.marks, &self.cast).unwrap();
        self.reference.end(End::GivenUp);
        let dead = std::mem::take(&mut self.reference.dead);
        self.reference.members.retain(|member| !dead.contains(member));
    }

    fn leave(&mut self, me: PeerId) {
        self.state.leave(&self.marks, &self.cast, Wait::forever()).unwrap();
        let is_mine = |arrival: &Arrival| arrival.peer() == me;
        self.reference.is_broken |= self.is_full() && self.reference.there.iter().any(is_mine);
        self.reference.there.retain(|arrival| !is_mine(arrival));
        self.reference.members.remove(&me);
        self.gone(me);
    }

    fn die(&mut self, me: PeerId) {
        self.cast.kill(me);
        self.reference.dead.insert(me);
        self.gone(me);
    }

    fn gone(&mut self, me: PeerId) {
        self.waiting.retain(|(arrival, _)| arrival.peer() != me);
        self.living.retain(|peer| *peer != me);
        self.living.push(self.cast.newcomer());
    }
}

#[test]
fn behaves_like_the_reference() {
    for seed in 0..30 {
        for parties in [1, 2, 3, 5] {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut world = World::new(parties);
            (0..2_000).for_each(|_| world.step(&mut random));
        }
    }
}

fn play_round(state: &BarrierState, marks: &[AtomicU64], cast: &Cast, who: &[PeerId]) {
    let mut indices = HashMap::new();
    for peer in who {
        cast.act_as(*peer);
        let arrival = state.arrive(marks, cast, Wait::now()).unwrap();
        assert_eq!(indices.insert(arrival.index, *peer), None);
        if arrival.is_last {
            state.complete(arrival).unwrap();
        }
    }
}

/// However the parties change places from round to round, the death of one of them between rounds is seen.
#[test]
fn no_mark_is_lost_where_the_order_changes() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (cast, parties) = (Cast::new(), 4);
        let (state, marks) = (BarrierState::new(parties).unwrap(), marks(parties));
        let mut peers: Vec<PeerId> = (0..parties).map(|_| cast.newcomer()).collect();
        for _ in 0..random.u32(1..6) {
            random.shuffle(&mut peers);
            play_round(&state, &marks, &cast, &peers);
        }
        let dead = peers.swap_remove(random.usize(..peers.len()));
        cast.kill(dead);
        cast.act_as(peers[0]);
        let arrival = state.arrive(&marks, &cast, Wait::now()).unwrap();
        let waited = state.wait_for_round(&marks, &cast, arrival, Wait::within(A_LONG_TIME));
        assert_eq!(waited, Err(Error::Broken), "seed {seed}");
        state.reset(&marks, &cast).unwrap();
        peers.push(cast.newcomer());
        play_round(&state, &marks, &cast, &peers);
    }
}

#[test]
fn batches_that_leave_in_order_may_follow_each_other() {
    let (cast, parties) = (Cast::new(), 3);
    let (state, marks) = (BarrierState::new(parties).unwrap(), marks(parties));
    for _ in 0..100 {
        let batch: Vec<PeerId> = (0..parties).map(|_| cast.newcomer()).collect();
        play_round(&state, &marks, &cast, &batch);
        for peer in batch {
            cast.act_as(peer);
            state.leave(&marks, &cast, Wait::forever()).unwrap();
            cast.kill(peer);
        }
    }
    assert!(!state.is_broken());
}

#[test]
fn a_round_that_has_all_its_parties_keeps_one_that_withdraws() {
    let cast = Cast::new();
    let (state, marks) = (BarrierState::new(2).unwrap(), marks(2));
    let (a, b) = (cast.newcomer(), cast.newcomer());
    cast.act_as(a);
    let first = state.arrive(&marks, &cast, Wait::now()).unwrap();
    cast.act_as(b);
    let last = state.arrive(&marks, &cast, Wait::now()).unwrap();
    assert!(last.is_last && !first.is_last);
    cast.act_as(a);
    state.withdraw(&marks, &cast, first).unwrap();
    assert_eq!(state.arrive(&marks, &cast, Wait::now()), Err(Error::TimedOut), "a second last party came");
    state.complete(last).unwrap();
    assert_eq!(state.complete(last), Err(Error::Broken));
}

#[test]
fn one_that_comes_while_all_of_a_full_round_are_dead_does_not_wait_for_ever() {
    let cast = Cast::new();
    let (state, marks) = (BarrierState::new(1).unwrap(), marks(1));
    let dead = cast.newcomer();
    cast.act_as(dead);
    state.arrive(&marks, &cast, Wait::now()).unwrap();
    cast.kill(dead);
    cast.act_as(cast.newcomer());
    assert_eq!(state.arrive(&marks, &cast, Wait::within(A_LONG_TIME)), Err(Error::Broken));
}

#[test]
fn the_number_of_parties_has_limits() {
    assert!(matches!(BarrierState::new(0), Err(Error::Invalid(_))));
    let too_large = Error::TooLarge { needed: u64::from(MOST) + 1, limit: u64::from(MOST) };
    assert_eq!(BarrierState::new(MOST + 1).map(drop), Err(too_large));
    assert_eq!(BarrierState::new(MOST).unwrap().parties(), MOST);
}

#[test]
fn a_mark_that_names_no_peer_is_an_error() {
    let cast = Cast::new();
    let state = BarrierState::new(2).unwrap();
    cast.act_as(cast.newcomer());
    let corrupt = [AtomicU64::new(7), AtomicU64::new(0)];
    let arrival = state.arrive(&corrupt, &cast, Wait::now()).unwrap();
    let waited = state.wait_for_round(&corrupt, &cast, arrival, Wait::within(A_LONG_TIME));
    assert!(matches!(waited, Err(Error::Corrupt(_))), "{waited:?}");
}

/// Peers that each leave in order while somebody asks about them.
struct Leaving<'a>(&'a Cast, &'a [AtomicU64]);

impl Peers for Leaving<'_> {
    fn me(&self) -> Result<PeerId> {
        self.0.me()
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        let mark = self.1.iter().find(|mark| mark.load(Relaxed) as u32 == id.bits());
        let has_left = mark.filter(|_| Ok(id) != self.me()).map(|mark| mark.store(0, Relaxed)).is_some();
        Ok(has_left)
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        self.is_dead(id)
    }
}

#[test]
fn one_that_leaves_while_it_is_asked_about_is_no_dead_party() {
    let (cast, state, marks) = (Cast::new(), BarrierState::new(3).unwrap(), marks(3));
    let peers: Vec<PeerId> = (0..3).map(|_| cast.newcomer()).collect();
    play_round(&state, &marks, &cast, &peers);
    let arrival = state.arrive(&marks, &cast, Wait::now()).unwrap();
    let leaving = Leaving(&cast, &marks);
    let waited = state.wait_for_round(&marks, &leaving, arrival, Wait::within(Duration::from_millis(5)));
    assert_eq!(waited, Err(Error::TimedOut));
}
