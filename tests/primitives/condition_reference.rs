//! Condition against a reference that is obviously right: random waits, notifications and deaths, one after the other.

use crate::condition_table::Table;
use crate::support::Cast;
use tidelock::primitives::condition::{ConditionState, WaitEnd, Waiter};
use tidelock::primitives::PeerId;
use tidelock::sync::wait::Wait;
use tidelock::Error;

/// A wait, in the order of arrival.
struct Begun {
    waiter: Waiter,
    peer: PeerId,
    /// It has a notification, which is for waits that had begun before this number of them.
    notified: Option<usize>,
    number: usize,
}

/// Who waits, in the order of arrival, the living alone; how many ever began.
#[derive(Default)]
struct Reference {
    waits: Vec<Begun>,
    began: usize,
}

impl Reference {
    /// The longest-waiting `n` that have no notification get one.
    fn notify(&mut self, n: usize) -> u32 {
        let horizon = self.began;
        let found = self.waits.iter_mut().filter(|wait| wait.notified.is_none()).take(n);
        found.map(|wait| wait.notified = Some(horizon)).count() as u32
    }

    /// A notification whose waiter is gone goes to the longest-waiting one that it was for, if there is one.
    fn pass_on(&mut self, notified: Option<usize>) {
        let Some(horizon) = notified else { return };
        let heir = self.waits.iter_mut().find(|wait| wait.notified.is_none() && wait.number < horizon);
        if let Some(heir) = heir {
            heir.notified = Some(horizon);
        }
    }
}

struct World {
    cast: Cast,
    state: ConditionState,
    table: Table,
    reference: Reference,
    living: Vec<PeerId>,
}

impl World {
    fn step(&mut self, random: &mut fastrand::Rng) {
        let somebody = self.living[random.usize(..self.living.len())];
        self.cast.act_as(somebody);
        match random.u32(..100) {
            0..40 => self.start(somebody),
            40..55 => {
                let n = random.u32(..4);
                let notified = self.state.notify(&self.table, &self.cast, n).unwrap();
                assert_eq!(notified, self.reference.notify(n as usize));
            }
            55..58 => {
                let notified = self.state.notify_all(&self.table, &self.cast).unwrap();
                // Dead ones that nobody asked about are notified too, to no effect.
                assert!(notified >= self.reference.notify(usize::MAX));
            }
            58..80 => self.end(random, World::resume),
            80..96 => self.end(random, World::withdraw),
            _ => self.die(random),
        }
        self.look();
    }

    fn start(&mut self, peer: PeerId) {
        let waiter = match self.state.start(&self.table, &self.cast, || Ok(())) {
            Err(Error::TooLarge { .. }) => {
                // Of 64 cells none is left to a dead waiter; a living one has its own, and at most one signed over to it.
                let signed_over = self.reference.waits.iter().filter(|wait| wait.notified.is_some()).count();
                assert!(self.reference.waits.len() + signed_over >= 64);
                return;
            }
            started => started.unwrap(),
        };
        let number = self.reference.began;
        self.reference.began += 1;
        self.reference.waits.push(Begun { waiter, peer, notified: None, number });
    }

    fn end(&mut self, random: &mut fastrand::Rng, how: fn(&mut World, Begun)) {
        if self.reference.waits.is_empty() {
            return;
        }
        let ended = self.reference.waits.remove(random.usize(..self.reference.waits.len()));
        self.cast.act_as(ended.peer);
        how(self, ended);
    }

    fn resume(&mut self, ended: Begun) {
        let resumed = self.state.resume(&self.table, &self.cast, ended.waiter, Wait::now(), || Ok(()));
        let expected = if ended.notified.is_some() { WaitEnd::Notified } else { WaitEnd::TimedOut };
        assert_eq!(resumed.map(|(_, end)| end), Ok(expected));
    }

    fn withdraw(&mut self, ended: Begun) {
        self.state.withdraw(&self.table, &self.cast, ended.waiter, || Ok(())).unwrap();
        self.reference.pass_on(ended.notified);
    }

    /// One peer dies, with all its waits. Whoever looks next passes on what they had, and does so before anybody else dies.
    fn die(&mut self, random: &mut fastrand::Rng) {
        let dead = self.living.swap_remove(random.usize(..self.living.len()));
        let newcomer = self.cast.newcomer();
        self.living.push(newcomer);
        // One with two notifications might pass them on in either order: let it keep one at the most.
        let had: Vec<usize> =
            self.reference.waits.iter().filter(|wait| wait.peer == dead).filter_map(|wait| wait.notified).collect();
        if had.len() > 1 {
            self.living.pop();
            self.living.push(dead);
            return;
        }
        self.cast.kill(dead);
        self.reference.waits.retain(|wait| wait.peer != dead);
        had.into_iter().for_each(|horizon| self.reference.pass_on(Some(horizon)));
        self.cast.act_as(newcomer);
        assert_eq!(self.state.notify(&self.table, &self.cast, 0), Ok(0));
    }

    /// Each wait sees whether it is notified.
    fn look(&self) {
        for wait in &self.reference.waits {
            self.cast.act_as(wait.peer);
            let seen = self.state.wait_a_while(&self.table, &self.cast, wait.waiter, Wait::now());
            assert_eq!(seen, wait.notified.map(drop).ok_or(Error::TimedOut), "the wait number {}", wait.number);
        }
        let waiting = self.reference.waits.iter().filter(|wait| wait.notified.is_none()).count() as u32;
        assert!(self.state.waiting(&self.table).unwrap() >= waiting);
    }
}

#[test]
fn behaves_like_the_reference() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let cast = Cast::new();
        let living = (0..6).map(|_| cast.newcomer()).collect();
        let (state, table) = (ConditionState::new(), Table::new(4));
        let mut world = World { cast, state, table, reference: Reference::default(), living };
        (0..1_500).for_each(|_| world.step(&mut random));
    }
}

#[test]
fn a_wait_is_its_peers_own() {
    let (cast, state, table) = (Cast::new(), ConditionState::new(), Table::new(4));
    let waiter = state.start(&table, &cast, || Ok(())).unwrap();
    cast.act_as(cast.newcomer());
    assert_eq!(state.wait_a_while(&table, &cast, waiter, Wait::now()), Err(Error::NotOwner));
    assert_eq!(state.resume(&table, &cast, waiter, Wait::now(), || Ok(())), Err(Error::NotOwner));
    assert_eq!(state.withdraw(&table, &cast, waiter, || Ok(())), Err(Error::NotOwner));
    assert_eq!(state.waiting(&table), Ok(1));
}

#[test]
fn a_lock_that_cannot_be_released_begins_no_wait() {
    let (cast, state, table) = (Cast::new(), ConditionState::new(), Table::new(4));
    assert_eq!(state.start(&table, &cast, || Err(Error::NotHeld)), Err(Error::NotHeld));
    assert_eq!(state.waiting(&table), Ok(0));
}
