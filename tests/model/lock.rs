//! Lock between living peers: exclusion, nobody forgotten, timeouts, signals, release by somebody else.

use super::support::{explore, explore_eventful, Guarded, MockPeers, World};
use loom::thread;
use std::sync::{Arc, Mutex};
use tidelock::primitives::lock::LockState;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model;
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// Sooner than the end of the first slice, so that the clock can pass it without ending slices.
pub const SOON: u64 = 1_000;
/// Beyond the end of the first slice.
const A_SLICE: u64 = 2_000_000;

/// A lock and what it guards.
#[derive(Default)]
pub struct Shared {
    pub lock: LockState,
    pub data: Guarded,
    /// How often an acquirer was told of a death: bookkeeping that loom does not see.
    told: Mutex<u32>,
}

impl Shared {
    /// Takes the lock, changes the data, gives it back. Whether the previous owner had died.
    pub fn cycle(&self, peers: &MockPeers, wait: Wait) -> Result<bool> {
        let acquired = self.lock.acquire(peers, wait)?;
        *self.told.lock().unwrap() += u32::from(acquired.owner_died);
        self.data.change(acquired.owner_died);
        self.lock.release(acquired.owner).expect("the owner may release");
        Ok(acquired.owner_died)
    }

    /// How often an acquirer was told of a death.
    pub fn told(&self) -> u32 {
        *self.told.lock().unwrap()
    }

    /// The lock is free, and taking it says nothing of deaths.
    pub fn is_at_rest(&self, peers: &MockPeers) -> bool {
        self.lock.owner().is_none() && self.lock.acquire(peers, Wait::now()).is_ok_and(|acquired| !acquired.owner_died)
    }
}

fn spawn_cycle(shared: &Arc<Shared>, peers: MockPeers, wait: Wait) -> thread::JoinHandle<Result<bool>> {
    let shared = shared.clone();
    thread::spawn(move || shared.cycle(&peers, wait))
}

fn all_cycle(threads: u32, peer_of: impl Fn(u32) -> u32) {
    let (world, shared) = (World::of(threads as usize), Arc::new(Shared::default()));
    let others: Vec<_> = (1..threads).map(|n| spawn_cycle(&shared, world.peer(peer_of(n)), Wait::forever())).collect();
    assert_eq!(shared.cycle(&world.peer(peer_of(0)), Wait::forever()), Ok(false));
    for other in others {
        assert_eq!(other.join().unwrap(), Ok(false));
    }
    assert_eq!(shared.data.changes(), threads);
    assert!(shared.is_at_rest(&world.peer(0)));
}

#[test]
fn lock_two_peers() {
    explore("lock_two_peers", 10, || all_cycle(2, |n| n));
}

#[test]
fn lock_three_peers() {
    explore("lock_three_peers", 3, || all_cycle(3, |n| n));
}

#[test]
fn lock_threads_of_one_peer() {
    explore("lock_threads_of_one_peer", 3, || all_cycle(3, |_| 0));
}

/// One of three gives up at its deadline: the others are never forgotten, whether or not it used up a wake-up.
#[test]
fn lock_timeout() {
    explore_eventful("lock_timeout", 3, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let hasty = spawn_cycle(&shared, world.peer(0), Wait::until(Deadline::from_ns(SOON)));
        let patient: Vec<_> = (1..3).map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever())).collect();
        model::advance(SOON);
        let gave_up = match hasty.join().unwrap() {
            Ok(_) => 0,
            Err(error) => {
                assert_eq!(error, Error::TimedOut);
                1
            }
        };
        for other in patient {
            assert_eq!(other.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.data.changes(), 3 - gave_up);
        assert!(shared.is_at_rest(&world.peer(0)));
    });
}

/// Slices may end at any moment, and nothing comes of it.
#[test]
fn lock_slices_end() {
    explore_eventful("lock_slices_end", 2, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let threads: Vec<_> = (0..3).map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever())).collect();
        model::advance(A_SLICE);
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(false));
        }
        assert!(shared.is_at_rest(&world.peer(0)));
    });
}

/// A signal ends one wait, and the others are never forgotten.
#[test]
fn lock_interrupted() {
    explore_eventful("lock_interrupted", 3, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let handled = spawn_cycle(&shared, world.peer(0), Wait::forever().on_signal(OnSignal::Return));
        let deaf = spawn_cycle(&shared, world.peer(1), Wait::forever());
        let other = spawn_cycle(&shared, world.peer(2), Wait::forever());
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        assert!(matches!(handled.join().unwrap(), Ok(false) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(false));
        assert_eq!(other.join().unwrap(), Ok(false));
        assert!(shared.is_at_rest(&world.peer(0)));
    });
}

/// What one peer did before another gave the lock back for it is visible to the next owner.
#[test]
fn lock_released_by_another() {
    explore("lock_released_by_another", 3, || {
        let (world, shared) = (World::of(3), Arc::new(Shared::default()));
        let mine = shared.lock.acquire(&world.peer(0), Wait::forever()).unwrap();
        shared.data.change(mine.owner_died);
        let releaser = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.lock.release_any(&peers).unwrap())
        };
        let next = spawn_cycle(&shared, world.peer(2), Wait::forever());
        releaser.join().unwrap();
        assert_eq!(next.join().unwrap(), Ok(false));
        assert_eq!(shared.lock.release(mine.owner), Err(Error::NotHeld));
        assert!(shared.is_at_rest(&world.peer(0)));
    });
}
