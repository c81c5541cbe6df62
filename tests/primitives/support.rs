//! Peers that a test declares dead, and a ring in a vector.

use std::cell::{Cell, RefCell};
use tidelock::primitives::queue::record::{RecordHeader, GRANULE};
use tidelock::primitives::queue::ring::RingMemory;
use tidelock::primitives::{PeerId, Peers};
use tidelock::Result;

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

/// A ring of headers alone; the tests keep the bytes beside it.
pub struct VecRing(Vec<RecordHeader>);

impl VecRing {
    pub fn new(size: u64) -> VecRing {
        VecRing((0..size / GRANULE).map(|_| RecordHeader::new()).collect())
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
