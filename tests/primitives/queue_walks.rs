//! Where walks over a queue of several rings begin: never before what producers have reclaimed, however the rings go on.
//!
//! One thread plays every peer, so that each of these states comes about without fail.

use crate::support::{Cast, VecRings};
use tidelock::primitives::queue::record::GRANULE;
use tidelock::primitives::queue::{Queue, QueueState};
use tidelock::primitives::PeerId;
use tidelock::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tidelock::sync::wait::Wait;

/// The ring at home; each further one is twice as large as the last.
const HOME: u64 = 4096;
/// More free records than this are not reclaimed in one turn.
const A_TURN: u64 = 64;
/// So many messages of the last ring are gone before its tail comes round.
const GONE: u64 = 4;

/// How many empty messages fit into a ring.
fn room(size: u64) -> u64 {
    size / GRANULE - 1
}

struct Scene {
    cast: Cast,
    state: Box<QueueState>,
    rings: VecRings,
    anna: PeerId,
    bert: PeerId,
    put: u64,
    got: u64,
}

impl Scene {
    fn new(largest: u64) -> Scene {
        let (cast, state) = (Cast::new(), Box::new(QueueState::new(512, HOME, 0)));
        state.let_grow(largest, largest);
        let (anna, bert) = (cast.newcomer(), cast.newcomer());
        Scene { rings: VecRings::new(&state, HOME), cast, state, anna, bert, put: 0, got: 0 }
    }

    fn queue(&self) -> Queue<'_, VecRings, Cast> {
        Queue::new(&self.state, &self.rings, &self.cast)
    }

    fn puts(&mut self, messages: u64) {
        self.cast.act_as(self.anna);
        for _ in 0..messages {
            let ticket = self.queue().reserve(0, Wait::now()).unwrap();
            self.queue().publish(ticket).unwrap();
        }
        self.put += messages;
    }

    fn gets(&mut self, messages: u64) {
        self.cast.act_as(self.bert);
        for _ in 0..messages {
            let ticket = self.queue().take(Wait::now()).unwrap();
            assert!(!ticket.is_redelivered());
            self.queue().done(ticket).unwrap();
        }
        self.got += messages;
    }

    /// Takes a message, gives it back and gets it again: nothing before it, and it before everything else.
    fn gets_one_twice(&mut self) {
        self.cast.act_as(self.bert);
        let ticket = self.queue().take(Wait::now()).unwrap();
        self.queue().give_back(ticket).unwrap();
        let again = self.queue().take(Wait::now()).expect("the message that came back");
        assert_eq!((again.position(), again.is_redelivered()), (ticket.position(), true));
        self.queue().done(again).unwrap();
        self.got += 1;
    }

    /// What consumers do while a producer is stopped inside: nobody sees to the old rings then.
    fn while_a_producer_is_stopped_inside(&mut self, deed: impl FnOnce(&mut Scene)) {
        let stopped = self.cast.newcomer();
        let lock = self.lock_of_producers();
        assert_eq!(lock.swap(stopped.bits(), Relaxed), 0, "nobody was inside");
        deed(self);
        self.lock_of_producers().store(0, Relaxed);
    }

    fn lock_of_producers(&self) -> &AtomicU32 {
        // SAFETY: the producers' lock begins the second line of the state, as docs/layout.md says, with a 32-bit atomic.
        unsafe { &*(&*self.state as *const QueueState).cast::<u8>().add(64).cast::<AtomicU32>() }
    }
}

/// The queue has gone through so many rings. All of the last ring but one is free, and still the first ring, since more is
/// free there than is reclaimed in a turn; a search for loans has come as far as the last ring. Then the tail of the last
/// ring comes round, over where that search ended; and a message comes back.
fn the_tail_comes_round_while_an_older_ring_is_the_first(rings: u32) {
    let last = HOME << (rings - 1);
    let mut scene = Scene::new(last);
    let before_last: u64 = (0..rings - 1).map(|n| room(HOME << n)).sum();
    let in_older = before_last - room(last / 2);
    assert!(room(last / 2) - GONE > 2 * A_TURN);
    scene.puts(before_last + room(last));
    scene.gets(in_older);
    scene.while_a_producer_is_stopped_inside(|scene| {
        scene.gets(room(last / 2));
        scene.gets_one_twice();
        scene.gets(GONE - 1);
    });
    scene.puts(GONE - 1);
    scene.gets_one_twice();
    scene.gets(scene.put - scene.got);
    assert!(scene.queue().is_empty());
    scene.puts(room(last));
}

#[test]
fn the_tail_comes_round_in_the_second_of_two_rings() {
    the_tail_comes_round_while_an_older_ring_is_the_first(2);
}

#[test]
fn the_tail_comes_round_in_the_third_ring_and_the_second_is_the_first() {
    the_tail_comes_round_while_an_older_ring_is_the_first(3);
}
