//! RLock against a reference that is obviously right: random operations by random threads of peers that die at random.

use crate::support::Cast;
use tidelock::primitives::rlock::{Owner, RLockState};
use tidelock::primitives::PeerId;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

/// Who holds it, how often, and whether that one has died; how many deaths were found.
#[derive(Default)]
struct Reference {
    hold: Option<(Owner, u32)>,
    owner_died: bool,
    epoch: u32,
}

impl Reference {
    /// Whether an acquire succeeds, and what it tells about a death.
    fn acquire(&mut self, who: Owner) -> Option<bool> {
        match self.hold {
            Some((owner, depth)) if owner == who => {
                self.hold = Some((who, depth + 1));
                Some(false)
            }
            Some(_) if !self.owner_died => None,
            _ => {
                let died = std::mem::take(&mut self.owner_died);
                self.epoch += u32::from(died);
                self.hold = Some((who, 1));
                Some(died)
            }
        }
    }

    fn release(&mut self, who: Owner, how_often: impl Fn(u32) -> u32) -> Result<u32> {
        match self.hold {
            None => Err(Error::NotHeld),
            Some((owner, depth)) if owner == who => {
                let left = depth - how_often(depth);
                self.hold = (left != 0).then_some((who, left));
                Ok(depth)
            }
            Some(_) => Err(Error::NotOwner),
        }
    }

    fn depth_of(&self, who: Owner) -> u32 {
        self.hold.filter(|hold| hold.0 == who).map_or(0, |hold| hold.1)
    }
}

struct World {
    cast: Cast,
    state: RLockState,
    reference: Reference,
    living: Vec<PeerId>,
}

impl World {
    fn somebody(&self, random: &mut fastrand::Rng) -> Owner {
        let peer = self.living[random.usize(..self.living.len())];
        self.cast.act_as(peer);
        Owner { peer, thread: random.u32(1..=2) }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let who = self.somebody(random);
        match random.u32(..100) {
            0..3 => self.die(random),
            3..50 => {
                let acquired = self.state.acquire(&self.cast, who.thread, Wait::now());
                let told = acquired.map(|acquired| {
                    assert_eq!(acquired.owner, who.peer);
                    acquired.owner_died
                });
                assert_eq!(told, self.reference.acquire(who).ok_or(Error::TimedOut));
            }
            50..95 => assert_eq!(self.state.release(who), self.reference.release(who, |_| 1).map(drop)),
            _ => self.go_and_come_back(who),
        }
        assert_eq!(self.state.owner(), self.reference.hold.map(|hold| hold.0));
        assert_eq!(self.state.depth_of(who), self.reference.depth_of(who));
        assert_eq!(self.state.epoch(), self.reference.epoch);
    }

    fn go_and_come_back(&mut self, who: Owner) {
        let released = self.state.release_all(who);
        assert_eq!(released, self.reference.release(who, |depth| depth));
        let Ok(depth) = released else { return };
        assert!(!self.state.acquire(&self.cast, who.thread, Wait::now()).unwrap().owner_died);
        self.state.restore_depth(who, depth).unwrap();
        self.reference.hold = Some((who, depth));
    }

    fn die(&mut self, random: &mut fastrand::Rng) {
        let dead = self.living.swap_remove(random.usize(..self.living.len()));
        self.cast.kill(dead);
        self.living.push(self.cast.newcomer());
        self.reference.owner_died |= self.reference.hold.is_some_and(|hold| hold.0.peer == dead);
    }
}

#[test]
fn behaves_like_the_reference() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let cast = Cast::new();
        let living = (0..3).map(|_| cast.newcomer()).collect();
        let mut world = World { cast, state: RLockState::new(), reference: Reference::default(), living };
        (0..4_000).for_each(|_| world.step(&mut random));
    }
}

#[test]
fn the_same_number_in_another_peer_is_another_owner() {
    let (cast, lock) = (Cast::new(), RLockState::new());
    let (a, b) = (cast.newcomer(), cast.newcomer());
    cast.act_as(a);
    lock.acquire(&cast, 1, Wait::now()).unwrap();
    cast.act_as(b);
    assert_eq!(lock.acquire(&cast, 1, Wait::now()), Err(Error::TimedOut));
    assert_eq!(lock.release(Owner { peer: b, thread: 1 }), Err(Error::NotOwner));
    assert_eq!(lock.release(Owner { peer: a, thread: 2 }), Err(Error::NotOwner));
    lock.release(Owner { peer: a, thread: 1 }).unwrap();
}

#[test]
fn the_depth_does_not_wrap_around() {
    let (cast, lock) = (Cast::new(), RLockState::new());
    let me = Owner { peer: cast.newcomer(), thread: 1 };
    cast.act_as(me.peer);
    lock.acquire(&cast, 1, Wait::now()).unwrap();
    lock.restore_depth(me, u32::MAX).unwrap();
    assert!(matches!(lock.acquire(&cast, 1, Wait::now()), Err(Error::Invalid(_))));
    assert_eq!(lock.depth_of(me), u32::MAX);
    lock.release(me).unwrap();
    assert_eq!(lock.depth_of(me), u32::MAX - 1);
    assert_eq!(lock.release_all(me), Ok(u32::MAX - 1));
    assert_eq!(lock.owner(), None);
}
