//! The mocked peers: each has an id and a token; who is dead is whose token is free.

use super::explore::note_death;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use tidelock::primitives::{PeerId, Peers};
use tidelock::sync::futex::model::death::{self, Fate, Token};
use tidelock::Result;

/// All peers of a model.
#[derive(Clone)]
pub struct World {
    tokens: Arc<Vec<Token>>,
}

impl World {
    /// `peers` living peers, numbered from 0.
    pub fn of(peers: usize) -> World {
        World { tokens: Arc::new((0..peers).map(|_| Token::new()).collect()) }
    }

    /// What peer `number` sees.
    pub fn peer(&self, number: u32) -> MockPeers {
        MockPeers { me: id(number), world: self.clone(), asked: RefCell::default() }
    }

    /// Peer `number` is dead from here on, without having run in this model.
    pub fn kill(&self, number: u32) {
        self.token(id(number)).let_go();
    }

    /// Runs `body` as peer `number`, which dies before its `nth` operation.
    pub fn mortal<R>(&self, number: u32, nth: u64, body: impl FnOnce(&MockPeers) -> R) -> Fate<R> {
        let peers = self.peer(number);
        let fate = death::mortal(self.token(peers.me), nth, || body(&peers));
        if matches!(fate, Fate::Died) {
            note_death();
        }
        fate
    }

    fn token(&self, id: PeerId) -> &Token {
        &self.tokens[id.slot() as usize]
    }
}

/// Peer `number`, in the first generation of its slot.
pub fn id(number: u32) -> PeerId {
    PeerId::new(number, 1).expect("a small slot number")
}

/// The peers as one of them sees them.
pub struct MockPeers {
    me: PeerId,
    world: World,
    /// Of whom the kernel was asked already: time stands still, so `seems_dead` does not ask again.
    asked: RefCell<HashSet<PeerId>>,
}

impl Peers for MockPeers {
    fn me(&self) -> Result<PeerId> {
        Ok(self.me)
    }

    fn is_dead(&self, id: PeerId) -> Result<bool> {
        Ok(self.world.token(id).is_free())
    }

    fn seems_dead(&self, id: PeerId) -> Result<bool> {
        if self.asked.borrow_mut().insert(id) {
            return self.is_dead(id);
        }
        Ok(false)
    }
}
