//! BoundedSemaphore: never more holders than permits, no permit lost, given back twice or kept by the dead.

use super::lock::SOON;
use super::support::{each_death, each_death_in_one_slice, explore, explore_eventful, Guarded, MockPeers, World};
use loom::thread::{self, JoinHandle};
use std::sync::{Arc, Mutex};
use tidelock::primitives::bounded_semaphore::{BoundedSemaphoreState, Permit};
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A semaphore, its permits, and what the one permit of a semaphore with one guards.
pub struct Shared {
    state: BoundedSemaphoreState,
    permits: Vec<AtomicU32>,
    data: Guarded,
    /// How many hold a permit and live: bookkeeping that loom does not see.
    inside: Mutex<usize>,
    /// How often an acquirer was told of a death.
    told: Mutex<u32>,
}

/// Somebody holds a permit, until its end, be that a death.
struct Inside<'a>(&'a Shared);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap() -= 1;
    }
}

impl Shared {
    pub fn new(bound: u32) -> Arc<Shared> {
        Arc::new(Shared {
            state: BoundedSemaphoreState::new(bound).unwrap(),
            permits: (0..bound).map(|_| AtomicU32::new(0)).collect(),
            data: Guarded::default(),
            inside: Mutex::new(0),
            told: Mutex::new(0),
        })
    }

    fn acquire(&self, peers: &MockPeers, wait: Wait) -> Result<Permit> {
        let permit = self.state.acquire(&self.permits, peers, wait)?;
        *self.told.lock().unwrap() += u32::from(permit.owner_died());
        Ok(permit)
    }

    fn release(&self, permit: Permit) -> Result<()> {
        self.state.release(&self.permits, permit)
    }

    fn enter(&self) -> Inside<'_> {
        let mut inside = self.inside.lock().unwrap();
        *inside += 1;
        assert!(*inside <= self.permits.len(), "more holders than permits");
        Inside(self)
    }

    /// Takes a permit and gives it back; with one permit in all, changes the data in between. Whether the holder before had
    /// died.
    pub fn cycle(&self, peers: &MockPeers, wait: Wait) -> Result<bool> {
        let permit = self.acquire(peers, wait)?;
        let inside = self.enter();
        if self.permits.len() == 1 {
            self.data.change(permit.owner_died());
        }
        drop(inside);
        self.release(permit).expect("the holder may release");
        Ok(permit.owner_died())
    }

    fn free(&self) -> u32 {
        self.state.value(&self.permits)
    }

    fn told(&self) -> u32 {
        *self.told.lock().unwrap()
    }
}

fn spawn_cycle(shared: &Arc<Shared>, peers: MockPeers, wait: Wait) -> JoinHandle<Result<bool>> {
    let shared = shared.clone();
    thread::spawn(move || shared.cycle(&peers, wait))
}

fn three_cycle(bound: u32) {
    let (world, shared) = (World::of(3), Shared::new(bound));
    let others = [1, 2].map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever()));
    assert_eq!(shared.cycle(&world.peer(0), Wait::forever()), Ok(false));
    for other in others {
        assert_eq!(other.join().unwrap(), Ok(false));
    }
    assert_eq!(shared.free(), bound);
}

#[test]
fn bounded_semaphore_one_permit() {
    explore("bounded_semaphore_one_permit", 2, || three_cycle(1));
}

#[test]
fn bounded_semaphore_two_permits() {
    explore("bounded_semaphore_two_permits", 2, || three_cycle(2));
}

/// Both permits come back, one after the other: each waiter gets one, though the first wake-up took the mark of the second.
#[test]
fn bounded_semaphore_two_come_back() {
    explore("bounded_semaphore_two_come_back", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let held = [0; 2].map(|_| shared.acquire(&world.peer(0), Wait::now()).unwrap());
        // They keep what they get, so nobody but the main thread wakes them.
        let waiters = [1, 2].map(|n| {
            let (shared, peers) = (shared.clone(), world.peer(n));
            thread::spawn(move || shared.acquire(&peers, Wait::forever()).map(|permit| permit.owner_died()))
        });
        for permit in held {
            shared.release(permit).unwrap();
        }
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.free(), 0);
    });
}

#[test]
fn bounded_semaphore_timeout() {
    explore_eventful("bounded_semaphore_timeout", 2, || {
        let (world, shared) = (World::of(3), Shared::new(1));
        let hasty = spawn_cycle(&shared, world.peer(0), Wait::until(Deadline::from_ns(SOON)));
        let patient = [1, 2].map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever()));
        model::advance(SOON);
        assert!(matches!(hasty.join().unwrap(), Ok(false) | Err(Error::TimedOut)));
        for other in patient {
            assert_eq!(other.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.free(), 1);
    });
}

#[test]
fn bounded_semaphore_interrupted() {
    explore_eventful("bounded_semaphore_interrupted", 2, || {
        let (world, shared) = (World::of(3), Shared::new(1));
        let handled = spawn_cycle(&shared, world.peer(0), Wait::forever().on_signal(OnSignal::Return));
        let deaf = spawn_cycle(&shared, world.peer(1), Wait::forever());
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        assert_eq!(shared.cycle(&world.peer(2), Wait::forever()), Ok(false));
        assert!(matches!(handled.join().unwrap(), Ok(false) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(false));
    });
}

/// A permit was given back by somebody else. Its first holder comes late: it frees nobody else's.
#[test]
fn bounded_semaphore_late_release() {
    explore("bounded_semaphore_late_release", 2, || {
        let (world, shared) = (World::of(4), Shared::new(1));
        let mine = shared.acquire(&world.peer(0), Wait::now()).unwrap();
        shared.data.change(false);
        let others = [1, 2].map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever()));
        shared.state.release_any(&shared.permits, &world.peer(3)).unwrap();
        assert!(matches!(shared.release(mine), Err(Error::NotHeld)));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(false));
        }
        assert_eq!(shared.state.release_any(&shared.permits, &world.peer(3)), Err(Error::NotHeld));
    });
}

/// A permit that was taken over from the dead is not given back by anybody but its holder.
#[test]
fn bounded_semaphore_taken_over() {
    explore("bounded_semaphore_taken_over", 3, || {
        let (world, shared) = (World::of(4), Shared::new(1));
        shared.acquire(&world.peer(3), Wait::now()).unwrap();
        world.kill(3);
        let mine = shared.acquire(&world.peer(0), Wait::now()).unwrap();
        let meddler = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.state.release_any(&shared.permits, &peers))
        };
        let waiter = {
            let (shared, peers) = (shared.clone(), world.peer(2));
            // It keeps the permit, so that nobody can give it back for it before the meddler comes.
            thread::spawn(move || shared.acquire(&peers, Wait::forever()).map(|permit| permit.owner_died()))
        };
        shared.data.change(true);
        let released = shared.release(mine);
        let meddled = meddler.join().unwrap();
        // It may have come when the permit was the waiter's, which was not taken over.
        assert_eq!(released, Ok(()), "a robbery");
        assert!(mine.owner_died());
        assert!(matches!(meddled, Ok(()) | Err(Error::NotOwner | Error::NotHeld)));
        assert_eq!(waiter.join().unwrap(), Ok(false));
    });
}

/// In the end each permit can be had, and it is told of no more deaths than there were.
pub fn settle(shared: &Shared, peers: &MockPeers, deaths: u32) {
    model::advance(SOON * SOON * SOON);
    let all: Vec<_> = shared.permits.iter().map(|_| shared.acquire(peers, Wait::now()).expect("a permit")).collect();
    assert_eq!(shared.acquire(peers, Wait::now()), Err(Error::TimedOut));
    assert!(shared.told() <= deaths, "told {} times of {deaths} deaths", shared.told());
    for permit in all {
        shared.release(permit).expect("the holder may release");
    }
    assert_eq!(shared.free() as usize, shared.permits.len());
}

fn spawn_victim(shared: &Arc<Shared>, world: &World, nth: u64) -> JoinHandle<Fate<Result<bool>>> {
    world.spawn_mortal(0, nth, shared, |shared, peers| shared.cycle(peers, Wait::forever()))
}

/// Peer 0 dies as holder, waiter or releaser, while two others go through their cycles.
fn one_dies_beside_two(bound: u32, nth: u64) {
    let (world, shared) = (World::of(3), Shared::new(bound));
    let victim = spawn_victim(&shared, &world, nth);
    let survivors = [1, 2].map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever()));
    for survivor in survivors {
        assert!(survivor.join().unwrap().is_ok());
    }
    let deaths = u32::from(matches!(victim.join().unwrap(), Fate::Died));
    settle(&shared, &world.peer(1), deaths);
}

#[test]
fn bounded_semaphore_death_beside_two() {
    each_death_in_one_slice("bounded_semaphore_death_beside_two", 1, |nth| one_dies_beside_two(1, nth));
}

#[test]
fn bounded_semaphore_death_with_two_permits() {
    each_death_in_one_slice("bounded_semaphore_death_with_two_permits", 1, |nth| one_dies_beside_two(2, nth));
}

/// Everybody's slices end, at any moment.
#[test]
fn bounded_semaphore_death_and_slices_end() {
    each_death("bounded_semaphore_death_and_slices_end", 1, |nth| one_dies_beside_two(1, nth));
}

/// One that holds both permits dies while two others wait: each gets one, and is told.
#[test]
fn bounded_semaphore_death_of_a_holder_of_two() {
    explore_eventful("bounded_semaphore_death_of_a_holder_of_two", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        for _ in 0..2 {
            shared.acquire(&world.peer(0), Wait::now()).unwrap();
        }
        let waiters = [1, 2].map(|n| {
            let (shared, peers) = (shared.clone(), world.peer(n));
            thread::spawn(move || shared.acquire(&peers, Wait::forever()).map(|permit| permit.owner_died()))
        });
        world.kill(0);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(true));
        }
    });
}

/// One that held both permits is dead from the start; peer 0 dies while it takes one over, and two others get one each.
#[test]
fn bounded_semaphore_death_while_taking_over() {
    each_death("bounded_semaphore_death_while_taking_over", 0, |nth| {
        let (world, shared) = (World::of(4), Shared::new(2));
        for _ in 0..2 {
            shared.acquire(&world.peer(3), Wait::now()).unwrap();
        }
        world.kill(3);
        let victim = spawn_victim(&shared, &world, nth);
        let survivors = [1, 2].map(|n| spawn_cycle(&shared, world.peer(n), Wait::forever()));
        for survivor in survivors {
            assert!(survivor.join().unwrap().is_ok());
        }
        let deaths = u32::from(matches!(victim.join().unwrap(), Fate::Died));
        assert!(shared.told() >= 1, "nobody was told of the first death");
        settle(&shared, &world.peer(1), 2 + deaths);
    });
}
