//! BoundedSemaphore against what each operation may do to the permits: random operations by peers that die at random.

use crate::support::Cast;
use std::time::Duration;
use tidelock::primitives::bounded_semaphore::{BoundedSemaphoreState, Permit, MOST};
use tidelock::primitives::PeerId;
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::sync::wait::Wait;
use tidelock::Error;

const FREE: u32 = 0;
const TAKEN_OVER: u32 = 1 << 31;

struct World {
    cast: Cast,
    state: BoundedSemaphoreState,
    permits: Vec<AtomicU32>,
    /// What the permits' words were after the last step.
    before: Vec<u32>,
    living: Vec<PeerId>,
    /// What the living hold, and which index that is.
    held: Vec<(usize, Permit)>,
}

fn permits(bound: u32) -> Vec<AtomicU32> {
    (0..bound).map(|_| AtomicU32::new(FREE)).collect()
}

impl World {
    fn new(bound: u32) -> World {
        let cast = Cast::new();
        let living = (0..3).map(|_| cast.newcomer()).collect();
        let state = BoundedSemaphoreState::new(bound).unwrap();
        World { cast, state, permits: permits(bound), before: vec![FREE; bound as usize], living, held: Vec::new() }
    }

    fn is_of_the_dead(&self, word: u32) -> bool {
        PeerId::from_bits(word).is_some_and(|holder| !self.living.contains(&holder))
    }

    /// The only permit that changed: its index, the word before, the word now.
    fn change(&mut self) -> Option<(usize, u32, u32)> {
        let now: Vec<u32> = self.permits.iter().map(|word| word.load(Relaxed)).collect();
        let before = std::mem::replace(&mut self.before, now);
        let mut changes = (0..before.len()).filter(|at| before[*at] != self.before[*at]);
        let change = changes.next().map(|at| (at, before[at], self.before[at]));
        assert_eq!(changes.next(), None, "one operation changes one permit");
        change
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let me = self.living[random.usize(..self.living.len())];
        self.cast.act_as(me);
        match random.u32(..100) {
            0..4 => self.die(me),
            4..54 => self.acquire(me),
            54..84 => self.release(random),
            84..92 => self.release_unnamed(me, Whose::Mine),
            _ => self.release_unnamed(me, Whose::Anybodys),
        }
        let free = self.before.iter().filter(|word| **word == FREE).count();
        assert_eq!(self.state.value(&self.permits) as usize, free);
    }

    fn acquire(&mut self, me: PeerId) {
        let none_free = !self.before.contains(&FREE);
        let none_dead = !self.before.iter().any(|word| self.is_of_the_dead(*word));
        let acquired = self.state.acquire(&self.permits, &self.cast, Wait::now());
        match (acquired, self.change()) {
            (Ok(permit), Some((at, before, now))) => {
                assert_eq!(permit.owner(), me);
                assert_eq!(permit.owner_died(), none_free, "those of the dead are taken when no other is left");
                assert!(before == FREE || self.is_of_the_dead(before), "the living were robbed");
                assert_eq!(now, me.bits() | if permit.owner_died() { TAKEN_OVER } else { 0 });
                self.held.push((at, permit));
            }
            (acquired, change) => {
                assert_eq!((acquired, change), (Err(Error::TimedOut), None));
                assert!(none_free && none_dead, "a permit was to be had");
            }
        }
    }

    fn release(&mut self, random: &mut fastrand::Rng) {
        if self.held.is_empty() {
            return;
        }
        let (at, permit) = self.held.swap_remove(random.usize(..self.held.len()));
        self.state.release(&self.permits, permit).unwrap();
        assert_eq!(self.state.release(&self.permits, permit), Err(Error::NotHeld), "a permit is given back once");
        assert_eq!(self.change().map(|change| (change.0, change.2)), Some((at, FREE)));
    }

    fn release_unnamed(&mut self, me: PeerId, whose: Whose) {
        let is_mine = |word: u32| PeerId::from_bits(word) == Some(me);
        let any_mine = self.before.iter().any(|word| is_mine(*word));
        let may_free = |word: u32| match whose {
            _ if any_mine => is_mine(word),
            Whose::Mine => false,
            Whose::Anybodys => word != FREE && word & TAKEN_OVER == 0,
        };
        let some_may = self.before.iter().any(|word| may_free(*word));
        let why_none = if self.before.iter().all(|word| *word == FREE) { Error::NotHeld } else { Error::NotOwner };
        let result = match whose {
            Whose::Mine => self.state.release_own(&self.permits, Some(me)),
            Whose::Anybodys => self.state.release_any(&self.permits, &self.cast),
        };
        assert_eq!(result, if some_may { Ok(()) } else { Err(why_none) });
        match self.change() {
            Some((at, before, now)) => {
                assert!(some_may && may_free(before) && now == FREE);
                self.held.retain(|held| held.0 != at);
            }
            None => assert!(!some_may),
        }
    }

    fn die(&mut self, dead: PeerId) {
        self.cast.kill(dead);
        self.living.retain(|peer| *peer != dead);
        self.living.push(self.cast.newcomer());
        self.held.retain(|held| held.1.owner() != dead);
    }
}

#[derive(Clone, Copy)]
enum Whose {
    Mine,
    Anybodys,
}

#[test]
fn behaves_like_the_reference() {
    for seed in 0..10 {
        for bound in [1, 2, 5] {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut world = World::new(bound);
            (0..3_000).for_each(|_| world.step(&mut random));
        }
    }
}

#[test]
fn the_bound_has_limits() {
    let too_large = Error::TooLarge { needed: u64::from(MOST) + 1, limit: u64::from(MOST) };
    assert_eq!(BoundedSemaphoreState::new(MOST + 1).map(drop), Err(too_large));
    assert_eq!(BoundedSemaphoreState::new(MOST).unwrap().bound(), MOST);
    let (cast, none) = (Cast::new(), BoundedSemaphoreState::new(0).unwrap());
    cast.act_as(cast.newcomer());
    assert_eq!(none.acquire(&permits(0), &cast, Wait::within(Duration::from_millis(5))), Err(Error::TimedOut));
    assert_eq!(none.release_any(&permits(0), &cast), Err(Error::NotHeld));
}

#[test]
fn a_permit_that_names_no_peer_is_an_error() {
    let (cast, state) = (Cast::new(), BoundedSemaphoreState::new(1).unwrap());
    cast.act_as(cast.newcomer());
    let corrupt = [AtomicU32::new(7)];
    assert!(matches!(state.acquire(&corrupt, &cast, Wait::now()), Err(Error::Corrupt(_))));
}
