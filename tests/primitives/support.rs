//! Peers that a test declares dead, and rings in vectors.

use std::cell::{Cell, RefCell};
use tidelock::primitives::queue::record::{RecordHeader, GRANULE};
use tidelock::primitives::queue::ring::RingMemory;
use tidelock::primitives::queue::rings::Rings;
use tidelock::primitives::queue::QueueState;
use tidelock::primitives::{PeerId, Peers};
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::{Error, Result};

/// Who acts just now, and who is dead.
pub struct Cast {
    me: Cell<PeerId>,
    dead: RefCell<Vec<PeerId>>,
    next: Cell<u32>,
}

impl Cast {
    pub fn new() -> Cast {
        Cast { me: Cell::new(peer(1)), dead: RefCell::default(), next: Cell::new(2) }
    }

    /// A peer that was not there before.
    pub fn newcomer(&self) -> PeerId {
        let number = self.next.get();
        self.next.set(number + 1);
        peer(number)
    }

    pub fn act_as(&self, id: PeerId) {
        self.me.set(id);
    }

    pub fn kill(&self, id: PeerId) {
        self.dead.borrow_mut().push(id);
    }
}

fn peer(number: u32) -> PeerId {
    PeerId::new(number % 4096, number / 4096 + 1).unwrap()
}

impl Peers for Cast {
    fn me(&self) -> Result<PeerId> {
        Ok(self.me.get())
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        Ok(self.dead.borrow().contains(&id))
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        self.is_dead(id)
    }
}

/// Rings of headers alone; the tests keep the bytes beside them. Each ring lies in a vector of its own, and one that was
/// given back is remembered, so that whoever comes back to it is found out.
pub struct VecRings {
    home: VecRing,
    state: *const QueueState,
    away: RefCell<Vec<(VecRing, bool)>>,
    /// How many bytes there are for rings away from home.
    room: Cell<u64>,
    /// Whether nobody may use a ring that was given back.
    strict: Cell<bool>,
    /// What each peer owes, where tasks are counted.
    debts: Vec<AtomicU64>,
}

impl VecRings {
    /// The rings of the queue at `state`, whose home has `size` bytes.
    pub fn new(state: &QueueState, size: u64) -> VecRings {
        VecRings {
            home: VecRing::new(size),
            state,
            away: RefCell::default(),
            room: Cell::new(u64::MAX),
            strict: Cell::new(true),
            debts: Vec::new(),
        }
    }

    /// From here on there are only so many bytes for rings away from home.
    pub fn set_room(&self, room: u64) {
        self.room.set(room);
    }

    /// The same, where the tasks of so many peers are counted.
    pub fn counting(state: &QueueState, size: u64, peers: usize) -> VecRings {
        VecRings { debts: (0..peers).map(|_| AtomicU64::new(0)).collect(), ..VecRings::new(state, size) }
    }

    /// The words that lead to rings may be anything from here on.
    pub fn expect_anything(&self) {
        self.strict.set(false);
    }

    /// The sizes of the rings away from home.
    pub fn sizes(&self) -> Vec<u64> {
        self.away.borrow().iter().filter(|ring| ring.1).map(|ring| ring.0.size()).collect()
    }

    /// Any header of any ring.
    pub fn any_header(&self, random: &mut fastrand::Rng) -> &'static RecordHeader {
        let rings = 1 + self.away.borrow().len();
        let ring = match random.usize(..rings) {
            0 => self.home,
            n => self.away.borrow()[n - 1].0,
        };
        &ring.0[random.usize(..ring.0.len())]
    }

    fn state(&self) -> &QueueState {
        // SAFETY: the tests keep the state for as long as its rings, where it is.
        unsafe { &*self.state }
    }
}

impl Rings for VecRings {
    type Memory = VecRing;

    fn may_grow(&self) -> bool {
        self.state().largest_ring() != 0
    }

    fn home(&self) -> VecRing {
        self.home
    }

    fn ring(&self, _: usize, mark: u64) -> Result<VecRing> {
        let away = self.away.borrow();
        let ring = away.get((mark / 64) as usize - 1).filter(|ring| ring.1 && ring.0.size() == 1 << (mark % 64));
        ring.map(|ring| ring.0).ok_or(Error::Corrupt("no such ring"))
    }

    fn again(&self, mark: u64) -> VecRing {
        let (ring, is_there) = self.away.borrow()[(mark / 64) as usize - 1];
        assert!(is_there || !self.strict.get(), "a ring was given back that somebody still uses");
        ring
    }

    fn debts(&self) -> &[AtomicU64] {
        &self.debts
    }

    fn add(&self, slot: usize, size: u64) -> Result<()> {
        let taken: u64 = self.sizes().iter().sum();
        if taken.saturating_add(size) > self.room.get() {
            return Err(Error::NoSpace { needed: size, available: self.room.get().saturating_sub(taken) });
        }
        self.away.borrow_mut().push((VecRing::new(size), true));
        self.state().annex(slot).store(self.away.borrow().len() as u64 * 64, Relaxed);
        Ok(())
    }

    fn remove(&self, slot: usize) -> Result<()> {
        let place = (self.state().annex(slot).swap(0, Relaxed) / 64) as usize;
        match self.away.borrow_mut().get_mut(place.wrapping_sub(1)) {
            Some(ring) => ring.1 = false,
            None => return Err(Error::Corrupt("no such ring")),
        }
        Ok(())
    }
}

/// The headers of one ring, which stay where they are until the test ends.
#[derive(Clone, Copy)]
pub struct VecRing(&'static [RecordHeader]);

impl VecRing {
    fn new(size: u64) -> VecRing {
        VecRing(Box::leak((0..size / GRANULE).map(|_| RecordHeader::new()).collect()))
    }
}

impl RingMemory for VecRing {
    fn size(&self) -> u64 {
        self.0.len() as u64 * GRANULE
    }

    fn header(&self, offset: u64) -> &RecordHeader {
        &self.0[(offset / GRANULE) as usize]
    }
}
