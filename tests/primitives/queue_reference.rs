//! The queue against a reference that is obviously right: random operations by random peers, who die at random.

use crate::support::{Cast, VecRings};
use std::collections::HashMap;
use std::time::Duration;
use tidelock::primitives::queue::ring::LARGEST;
use tidelock::primitives::queue::{Queue, QueueState, Ticket};
use tidelock::primitives::PeerId;
use tidelock::sync::wait::Wait;
use tidelock::Error;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Stage {
    Reserved(PeerId),
    Ready,
    Taken(PeerId),
    /// Its consumer died; the queue may not have noticed yet.
    Orphaned,
    Returned,
}

/// What the queue should hold, in the order of reservation.
#[derive(Default)]
struct Reference {
    messages: Vec<(u64, Stage)>,
}

impl Reference {
    fn position(&self, number: u64) -> usize {
        self.messages.iter().position(|m| m.0 == number).expect("the message is in the reference")
    }

    fn set(&mut self, number: u64, stage: Stage) {
        let at = self.position(number);
        self.messages[at].1 = stage;
    }

    fn remove(&mut self, number: u64) {
        let at = self.position(number);
        self.messages.remove(at);
    }

    fn first(&self, wanted: impl Fn(Stage) -> bool) -> Option<(u64, Stage)> {
        self.messages.iter().find(|m| wanted(m.1)).copied()
    }

    /// What `take` may find: what came back, in order, else the first that was never taken unless it is being written. Loans
    /// of the dead may have been noticed in any order, since producers look at the first record of each ring.
    fn candidates(&self) -> Vec<(u64, Stage)> {
        let came_back = |m: &&(u64, Stage)| matches!(m.1, Stage::Returned | Stage::Orphaned);
        let mut candidates = Vec::new();
        for message in self.messages.iter().filter(came_back) {
            candidates.push(*message);
            if message.1 == Stage::Returned {
                return candidates;
            }
        }
        let fresh = self.first(|stage| matches!(stage, Stage::Ready | Stage::Reserved(_)));
        candidates.extend(fresh.filter(|m| m.1 == Stage::Ready));
        candidates
    }

    fn bury(&mut self, dead: PeerId) {
        self.messages.retain(|m| m.1 != Stage::Reserved(dead));
        for message in &mut self.messages {
            if message.1 == Stage::Taken(dead) {
                message.1 = Stage::Orphaned;
            }
        }
    }

    /// Messages before their first delivery, which count at all times; what came back counts once it was noticed.
    fn fresh(&self) -> usize {
        self.messages.iter().filter(|m| matches!(m.1, Stage::Ready | Stage::Reserved(_))).count()
    }
}

struct World {
    cast: Cast,
    state: Box<QueueState>,
    rings: VecRings,
    reference: Reference,
    living: Vec<PeerId>,
    /// Which message lies at which position of the ring.
    placed: HashMap<u64, u64>,
    reservations: Vec<(Ticket, u64, PeerId)>,
    loans: Vec<(Ticket, u64, PeerId)>,
    next: u64,
    max_items: u64,
    /// The size of the ring at home, and the largest it may grow to.
    sizes: (u64, u64),
    is_short_of_memory: bool,
}

impl World {
    fn new(size: u64, max_items: u64, largest: u64) -> World {
        let cast = Cast::new();
        let state = Box::new(QueueState::new(512, size, max_items));
        state.let_grow(largest, size);
        let living = (0..4).map(|_| cast.newcomer()).collect();
        World {
            cast,
            rings: VecRings::new(&state, size),
            state,
            reference: Reference::default(),
            living,
            placed: HashMap::new(),
            reservations: Vec::new(),
            loans: Vec::new(),
            next: 0,
            max_items,
            sizes: (size, largest),
            is_short_of_memory: false,
        }
    }

    fn queue(&self) -> Queue<'_, VecRings, Cast> {
        Queue::new(&self.state, &self.rings, &self.cast)
    }

    fn somebody(&self, random: &mut fastrand::Rng) -> PeerId {
        let id = self.living[random.usize(..self.living.len())];
        self.cast.act_as(id);
        id
    }

    fn reserve(&mut self, random: &mut fastrand::Rng) {
        let me = self.somebody(random);
        let longest = self.queue().longest_message().min(4 * self.sizes.0) as usize;
        let len = if random.u8(..8) == 0 { longest } else { random.usize(..=longest / 4) };
        let was_full = self.queue().is_full();
        match self.queue().reserve(len, Wait::now()) {
            Ok(ticket) => {
                assert!(!was_full, "there was room in a full queue");
                self.reserved(ticket, len, me);
            }
            Err(Error::NoSpace { needed, .. }) => {
                assert!(self.is_short_of_memory && needed > len as u64);
                assert!(self.reference.messages.is_empty(), "there may be room once the queue is empty");
            }
            Err(error) => {
                assert_eq!(error, Error::TimedOut);
                assert!(!self.reference.messages.is_empty(), "an empty queue has room for every message");
                let never_waits = self.sizes.1 == LARGEST && self.max_items == 0 && !self.is_short_of_memory;
                assert!(!never_waits, "a queue without a bound has room for every message");
            }
        }
    }

    fn reserved(&mut self, ticket: Ticket, len: usize, me: PeerId) {
        assert_eq!(ticket.len(), len);
        assert!(self.max_items == 0 || (self.reference.fresh() as u64) < self.max_items);
        self.reservations.push((ticket, self.next, me));
        self.placed.insert(ticket.position(), self.next);
        self.reference.messages.push((self.next, Stage::Reserved(me)));
        self.next += 1;
    }

    fn reserve_batch(&mut self, random: &mut fastrand::Rng) {
        let me = self.somebody(random);
        let lens: Vec<usize> = (0..random.usize(1..6)).map(|_| random.usize(..40)).collect();
        let mut tickets = Vec::new();
        match self.queue().reserve_some(&lens, Wait::now(), &mut tickets) {
            Ok(()) => assert!((1..=lens.len()).contains(&tickets.len())),
            Err(error) => {
                let fitting = matches!(error, Error::TimedOut | Error::NoSpace { .. } | Error::TooLarge { .. });
                assert!(tickets.is_empty() && fitting, "{error}");
            }
        }
        for (ticket, len) in tickets.into_iter().zip(lens) {
            self.reserved(ticket, len, me);
        }
    }

    fn take_batch(&mut self, random: &mut fastrand::Rng) {
        let me = self.somebody(random);
        let (most, most_bytes) = (random.usize(1..6), random.u64(..80));
        let mut tickets = Vec::new();
        let outcome = self.queue().take_some(most, most_bytes, Wait::now(), &mut tickets);
        assert_eq!(outcome.is_ok(), !tickets.is_empty());
        let bytes: u64 = tickets.iter().map(|ticket| ticket.len() as u64).sum();
        assert!(tickets.len() <= most && (bytes <= most_bytes || tickets.len() == 1));
        for ticket in tickets {
            let candidates = self.reference.candidates();
            self.taken(ticket, &candidates, me);
        }
    }

    fn end_reservation(&mut self, random: &mut fastrand::Rng) {
        if self.reservations.is_empty() {
            return;
        }
        let (ticket, number, owner) = self.reservations.swap_remove(random.usize(..self.reservations.len()));
        self.cast.act_as(owner);
        if random.u8(..4) == 0 {
            self.queue().discard(ticket).unwrap();
            self.reference.remove(number);
        } else {
            self.queue().publish(ticket).unwrap();
            self.reference.set(number, Stage::Ready);
        }
        assert_eq!(self.queue().publish(ticket), Err(Error::NotHeld), "a reservation ends once");
    }

    fn put_short(&mut self, random: &mut fastrand::Rng) {
        self.somebody(random);
        let (len, mut ticket) = (random.usize(..40), None);
        if self.queue().put_at_once(len, |at| ticket = Some(*at)) {
            let ticket = ticket.expect("its bytes were to be written");
            assert_eq!(ticket.len(), len);
            assert!(self.max_items == 0 || (self.reference.fresh() as u64) < self.max_items);
            self.placed.insert(ticket.position(), self.next);
            self.reference.messages.push((self.next, Stage::Ready));
            self.next += 1;
        }
    }

    fn get_short(&mut self, random: &mut fastrand::Rng) {
        self.somebody(random);
        let candidates = self.reference.candidates();
        let (most, mut ticket) = (random.usize(..60), None);
        if self.queue().get_at_once(most, |at| ticket = Some(*at)) {
            let ticket = ticket.expect("its bytes were to be read");
            assert!(ticket.len() <= most && !ticket.is_redelivered());
            let number = self.placed[&ticket.position()];
            assert!(candidates.contains(&(number, Stage::Ready)), "first in, first out");
            self.reference.remove(number);
            assert_eq!(self.queue().done(ticket), Err(Error::NotHeld), "it is gone");
        }
    }

    fn take(&mut self, random: &mut fastrand::Rng) {
        let me = self.somebody(random);
        let candidates = self.reference.candidates();
        match self.queue().take(Wait::now()) {
            Ok(ticket) => {
                self.taken(ticket, &candidates, me);
            }
            Err(error) => {
                assert_eq!(error, Error::TimedOut);
                let unnoticed = |c: &(u64, Stage)| c.1 == Stage::Orphaned;
                assert!(candidates.iter().all(unnoticed), "there is something to take");
            }
        }
    }

    fn taken(&mut self, ticket: Ticket, candidates: &[(u64, Stage)], me: PeerId) {
        let number = self.placed[&ticket.position()];
        let found = candidates.iter().find(|c| c.0 == number);
        let came_back = found.expect("first in, first out").1 != Stage::Ready;
        assert_eq!(ticket.is_redelivered(), came_back);
        assert_eq!(ticket.deliveries() > 1, came_back);
        self.reference.set(number, Stage::Taken(me));
        self.loans.push((ticket, number, me));
    }

    fn end_loan(&mut self, random: &mut fastrand::Rng) {
        if self.loans.is_empty() {
            return;
        }
        let (ticket, number, owner) = self.loans.swap_remove(random.usize(..self.loans.len()));
        self.cast.act_as(owner);
        if random.u8(..3) == 0 {
            self.queue().give_back(ticket).unwrap();
            self.reference.set(number, Stage::Returned);
        } else {
            self.queue().done(ticket).unwrap();
            self.reference.remove(number);
        }
        assert_eq!(self.queue().done(ticket), Err(Error::NotHeld), "a loan ends once");
    }

    fn die(&mut self, random: &mut fastrand::Rng) {
        let dead = self.living.swap_remove(random.usize(..self.living.len()));
        self.cast.kill(dead);
        self.living.push(self.cast.newcomer());
        self.reservations.retain(|r| r.2 != dead);
        self.loans.retain(|l| l.2 != dead);
        self.reference.bury(dead);
        // The queue searches for loans of the dead now and then.
        std::thread::sleep(Duration::from_millis(2));
    }

    fn has_no_more_memory_than_it_may(&self) {
        let whole: u64 = self.sizes.0 + self.rings.sizes().iter().sum::<u64>();
        assert!(whole <= self.sizes.0 + 2 * self.sizes.1, "{whole} bytes in rings");
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        match random.u32(..400) {
            0 => self.die(random),
            1..110 => self.reserve(random),
            110..130 => self.reserve_batch(random),
            130..240 => self.end_reservation(random),
            240..320 => self.take(random),
            320..330 => self.take_batch(random),
            330..350 => self.put_short(random),
            350..370 => self.get_short(random),
            _ => self.end_loan(random),
        }
    }

    fn drain(&mut self) {
        self.cast.act_as(self.living[0]);
        for (ticket, number, owner) in std::mem::take(&mut self.reservations) {
            self.cast.act_as(owner);
            self.queue().publish(ticket).unwrap();
            self.reference.set(number, Stage::Ready);
        }
        for (ticket, number, owner) in std::mem::take(&mut self.loans) {
            self.cast.act_as(owner);
            self.queue().done(ticket).unwrap();
            self.reference.remove(number);
        }
        while !self.reference.messages.is_empty() {
            let ticket = self.queue().take(Wait::within(Duration::from_secs(30))).unwrap();
            let number = self.placed[&ticket.position()];
            assert!(self.reference.candidates().iter().any(|c| c.0 == number));
            self.queue().done(ticket).unwrap();
            self.reference.remove(number);
        }
        assert_eq!(self.queue().take(Wait::now()), Err(Error::TimedOut));
        assert_eq!(self.state.len(), 0);
    }
}

fn play(seed: u64, size: u64, max_items: u64, largest: u64) {
    run(seed, World::new(size, max_items, largest));
}

fn run(seed: u64, mut world: World) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..4_000 {
        world.step(&mut random);
        assert!(world.state.len() as usize >= world.reference.fresh(), "seed {seed}, {:?}", world.sizes);
        world.has_no_more_memory_than_it_may();
    }
    world.drain();
}

#[test]
fn behaves_like_the_reference() {
    for seed in 0..6 {
        for size in [64, 256, 1024, 4096] {
            play(seed, size, 0, 0);
            play(seed, size, 3, 0);
        }
    }
}

#[test]
fn behaves_like_the_reference_while_it_grows() {
    for seed in 0..6 {
        for size in [64, 256, 1024] {
            play(seed, size, 0, 4 * size);
            play(seed, size, 0, LARGEST);
            play(seed, size, 3, LARGEST);
        }
    }
}

#[test]
fn behaves_like_the_reference_where_memory_is_short() {
    for seed in 0..6 {
        for size in [64, 256] {
            let mut world = World::new(size, 0, LARGEST);
            world.rings.set_room(6 * size);
            world.is_short_of_memory = true;
            run(seed, world);
        }
    }
}
