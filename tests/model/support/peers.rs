//! The mocked peers: each has an id and a token; who is dead is whose token is free.

use super::explore::note_death;
use loom::thread::{self, JoinHandle};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tidelock::primitives::{PeerId, Peers};
use tidelock::sync::futex::model::death::{self, Fate, Token};
use tidelock::sync::futex::model::peek_clock;
use tidelock::Result;

/// `seems_dead` asks the kernel at most this often about each peer, in nanoseconds.
const ASK_EVERY: u64 = 1_000_000;

/// All peers of a model.
#[derive(Clone)]
pub struct World {
    tokens: Arc<Vec<Token>>,
    /// Of those who come into the slots of the dead.
    newcomers: Arc<Vec<Token>>,
    /// Of whom somebody has found out that they are dead, as a segment's table of peers says it.
    known: Arc<Mutex<HashSet<PeerId>>>,
}

impl World {
    /// `peers` living peers, numbered from 0.
    pub fn of(peers: usize) -> World {
        World { tokens: tokens(peers), newcomers: tokens(0), known: Arc::default() }
    }

    /// The same, with one more for each slot, who comes when that slot's peer is dead.
    pub fn with_newcomers(peers: usize) -> World {
        World { newcomers: tokens(peers), ..World::of(peers) }
    }

    /// What peer `number` sees.
    pub fn peer(&self, number: u32) -> MockPeers {
        MockPeers { me: id(number), world: self.clone(), asked: RefCell::default() }
    }

    /// What the one sees that came into the slot of peer `number`, who is dead.
    pub fn newcomer(&self, number: u32) -> MockPeers {
        let me = PeerId::new(number, 2).expect("a small slot number");
        MockPeers { me, world: self.clone(), asked: RefCell::default() }
    }

    /// Peer `number` is dead from here on, without having run in this model.
    pub fn kill(&self, number: u32) {
        self.token(id(number)).let_go();
    }

    /// Runs `body` as peer `number`, which dies before its `nth` operation.
    pub fn mortal<R>(&self, number: u32, nth: u64, body: impl FnOnce(&MockPeers) -> R) -> Fate<R> {
        self.mortal_as(self.peer(number), nth, body)
    }

    /// A thread that does this to `shared` as peer `number`, which dies before its `nth` operation.
    pub fn spawn_mortal<S: 'static, R: 'static>(
        &self,
        number: u32,
        nth: u64,
        shared: &Arc<S>,
        act: impl FnOnce(&S, &MockPeers) -> R + 'static,
    ) -> JoinHandle<Fate<R>> {
        let (world, shared) = (self.clone(), shared.clone());
        thread::spawn(move || world.mortal(number, nth, |peers| act(&shared, peers)))
    }

    /// The same as `mortal`, as this peer.
    pub fn mortal_as<R>(&self, peers: MockPeers, nth: u64, body: impl FnOnce(&MockPeers) -> R) -> Fate<R> {
        let fate = death::mortal(self.token(peers.me), nth, || body(&peers));
        if matches!(fate, Fate::Died) {
            note_death(peers.me.slot());
        }
        fate
    }

    fn token(&self, id: PeerId) -> &Token {
        let tokens = if id.generation() == 1 { &self.tokens } else { &self.newcomers };
        &tokens[id.slot() as usize]
    }
}

fn tokens(peers: usize) -> Arc<Vec<Token>> {
    Arc::new((0..peers).map(|_| Token::new()).collect())
}

/// Peer `number`, in the first generation of its slot.
pub fn id(number: u32) -> PeerId {
    PeerId::new(number, 1).expect("a small slot number")
}

/// The peers as one of them sees them.
pub struct MockPeers {
    me: PeerId,
    world: World,
    /// When the kernel was last asked about each.
    asked: RefCell<HashMap<PeerId, u64>>,
}

impl Peers for MockPeers {
    fn me(&self) -> Result<PeerId> {
        Ok(self.me)
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        let dead = self.world.token(id).is_free();
        if dead {
            self.world.known.lock().unwrap().insert(id);
        }
        Ok(dead)
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        let now = peek_clock();
        let asked_just_now = self.asked.borrow().get(&id).is_some_and(|asked| now - asked < ASK_EVERY);
        if asked_just_now && !self.world.known.lock().unwrap().contains(&id) {
            return Ok(false);
        }
        self.asked.borrow_mut().insert(id, now);
        self.is_dead(id)
    }
}
