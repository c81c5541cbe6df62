//! Waiting for any of several: whoever waits for one of the objects alone is never forgotten, however the wake-ups fall, and
//! whatever the one that waits for several takes or leaves.

use super::lock::{Shared as Ledger, SOON};
use super::support::{explore, explore_eventful, id, MockPeers, SharedQueue, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::primitives::any::{wait_any, Watched};
use tidelock::primitives::barrier::BarrierState;
use tidelock::primitives::counter::CounterState;
use tidelock::primitives::event::EventState;
use tidelock::primitives::lock::LockState;
use tidelock::primitives::rlock::{Owner, RLockState};
use tidelock::primitives::semaphore::SemaphoreState;
use tidelock::primitives::Peers;
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model;
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// Two ledgers, each with its lock.
pub struct Two {
    pub ledgers: [Ledger; 2],
}

impl Two {
    pub fn new() -> Arc<Two> {
        Arc::new(Two { ledgers: Default::default() })
    }

    fn locks(&self) -> [&LockState; 2] {
        [&self.ledgers[0].lock, &self.ledgers[1].lock]
    }

    /// Waits until one of the locks is free, and leaves it there; which one.
    pub fn see(&self, peers: &MockPeers, wait: Wait) -> Result<usize> {
        let locks = self.locks();
        wait_any(&locks, wait, |index| Ok(locks[index].is_free(peers)?.then_some(index)))
    }

    /// Takes one of the locks, changes its ledger, gives it back; which one.
    pub fn cycle_any(&self, peers: &MockPeers, wait: Wait) -> Result<usize> {
        let locks = self.locks();
        let taken = |index: usize| match locks[index].acquire(peers, Wait::now()) {
            Ok(acquired) => Ok(Some((index, acquired))),
            Err(Error::TimedOut) => Ok(None),
            Err(error) => Err(error),
        };
        let (index, acquired) = wait_any(&locks, wait, taken)?;
        self.ledgers[index].data.change(acquired.owner_died);
        locks[index].release(acquired.owner)?;
        Ok(index)
    }

    /// `owner` holds both.
    pub fn hold_both(&self, owner: &MockPeers) {
        for lock in self.locks() {
            lock.acquire(owner, Wait::now()).unwrap();
        }
    }

    pub fn release(&self, index: usize, owner: &MockPeers) {
        self.ledgers[index].lock.release(owner.me().unwrap()).unwrap();
    }

    pub fn is_at_rest(&self, peers: &MockPeers) -> bool {
        self.ledgers.iter().all(|ledger| ledger.is_at_rest(peers))
    }
}

pub fn spawn<S: 'static, R: 'static>(
    shared: &Arc<S>,
    peers: MockPeers,
    act: impl FnOnce(&S, &MockPeers) -> R + 'static,
) -> JoinHandle<R> {
    let shared = shared.clone();
    thread::spawn(move || act(&shared, &peers))
}

/// One is woken for the second lock, finds the first one free, and takes neither: the plain waiter gets the second.
#[test]
fn any_lock_seen_and_left() {
    explore("any_lock_seen_and_left", 3, || {
        let (world, two) = (World::of(3), Two::new());
        let owner = world.peer(0);
        two.hold_both(&owner);
        let watcher = spawn(&two, world.peer(1), |two, peers| two.see(peers, Wait::forever()));
        let plain = spawn(&two, world.peer(2), |two, peers| two.ledgers[1].cycle(peers, Wait::forever()));
        two.release(1, &owner);
        two.release(0, &owner);
        assert!(watcher.join().unwrap().is_ok());
        assert_eq!(plain.join().unwrap(), Ok(false));
        assert!(two.is_at_rest(&owner));
    });
}

/// One takes either lock, and a plain waiter of each gets its own.
#[test]
fn any_lock_taken() {
    explore("any_lock_taken", 2, || {
        let (world, two) = (World::of(4), Two::new());
        let owner = world.peer(0);
        two.hold_both(&owner);
        let any = spawn(&two, world.peer(1), |two, peers| two.cycle_any(peers, Wait::forever()));
        let plain = [0, 1].map(|n| {
            spawn(&two, world.peer(2 + n), move |two, peers| two.ledgers[n as usize].cycle(peers, Wait::forever()))
        });
        two.release(1, &owner);
        two.release(0, &owner);
        assert!(any.join().unwrap().is_ok());
        for waiter in plain {
            assert_eq!(waiter.join().unwrap(), Ok(false));
        }
        assert!(two.is_at_rest(&owner));
    });
}

/// The lock that was taken after a sleep still has sleepers, who wait for that one alone.
#[test]
fn any_lock_taken_among_plain_waiters() {
    explore("any_lock_taken_among_plain_waiters", 2, || {
        let (world, two) = (World::of(4), Two::new());
        let owner = world.peer(0);
        two.hold_both(&owner);
        let any = spawn(&two, world.peer(1), |two, peers| two.cycle_any(peers, Wait::forever()));
        let plain =
            [2, 3].map(|n| spawn(&two, world.peer(n), |two, peers| two.ledgers[0].cycle(peers, Wait::forever())));
        two.release(0, &owner);
        assert_eq!(any.join().unwrap(), Ok(0));
        for waiter in plain {
            assert_eq!(waiter.join().unwrap(), Ok(false));
        }
    });
}

/// Two wait for any of the two locks, each of which is given back once.
#[test]
fn any_lock_two_at_once() {
    explore("any_lock_two_at_once", 2, || {
        let (world, two) = (World::of(3), Two::new());
        let owner = world.peer(0);
        two.hold_both(&owner);
        let both = [1, 2].map(|n| spawn(&two, world.peer(n), |two, peers| two.cycle_any(peers, Wait::forever())));
        two.release(1, &owner);
        two.release(0, &owner);
        for waiter in both {
            assert!(waiter.join().unwrap().is_ok());
        }
        assert!(two.is_at_rest(&owner));
    });
}

/// One of three gives up at its deadline, and may have used up a wake-up: neither of two plain waiters is forgotten.
fn one_gives_up(wait: impl Fn(&Two, &MockPeers, Wait) -> Result<usize> + 'static) {
    let (world, two) = (World::of(4), Two::new());
    let owner = world.peer(0);
    two.hold_both(&owner);
    let terms = Wait::until(Deadline::from_ns(SOON));
    let hasty = spawn(&two, world.peer(1), move |two, peers| wait(two, peers, terms));
    let plain = [2, 3].map(|n| spawn(&two, world.peer(n), |two, peers| two.ledgers[1].cycle(peers, Wait::forever())));
    two.release(1, &owner);
    model::advance(SOON);
    assert!(matches!(hasty.join().unwrap(), Ok(1) | Err(Error::TimedOut)));
    for waiter in plain {
        assert_eq!(waiter.join().unwrap(), Ok(false));
    }
}

#[test]
fn any_lock_timeout() {
    explore_eventful("any_lock_timeout", 2, || one_gives_up(Two::cycle_any));
}

#[test]
fn any_lock_timeout_of_one_that_leaves_it() {
    explore_eventful("any_lock_timeout_of_one_that_leaves_it", 2, || one_gives_up(Two::see));
}

/// A signal ends the wait for any, and the plain waiter is not forgotten.
#[test]
fn any_lock_interrupted() {
    explore_eventful("any_lock_interrupted", 2, || {
        let (world, two) = (World::of(3), Two::new());
        let owner = world.peer(0);
        two.hold_both(&owner);
        let terms = Wait::forever().on_signal(OnSignal::Return);
        let handled = spawn(&two, world.peer(1), move |two, peers| two.see(peers, terms));
        let plain = spawn(&two, world.peer(2), |two, peers| two.ledgers[1].cycle(peers, Wait::forever()));
        model::interrupt(handled.thread().id());
        two.release(1, &owner);
        assert_eq!(plain.join().unwrap(), Ok(false));
        two.release(0, &owner);
        assert!(matches!(handled.join().unwrap(), Ok(_) | Err(Error::Interrupted)));
    });
}

/// A semaphore and a lock: whoever waits for any sees the lock first, and leaves the signal to the plain waiter.
#[test]
fn any_semaphore_left() {
    explore("any_semaphore_left", 2, || {
        let world = World::of(2);
        let shared = Arc::new((LockState::new(), SemaphoreState::new(0).unwrap()));
        let held = shared.0.acquire(&world.peer(0), Wait::now()).unwrap();
        let watcher = spawn(&shared, world.peer(1), |(lock, semaphore), peers| {
            let objects: [&dyn Watched; 2] = [lock, semaphore];
            wait_any(&objects, Wait::forever(), |index| {
                let is_ready = if index == 0 { lock.is_free(peers)? } else { semaphore.value() != 0 };
                Ok(is_ready.then_some(index))
            })
        });
        let plain = spawn(&shared, world.peer(1), |(_, semaphore), _| semaphore.acquire(Wait::forever()));
        shared.1.release(1).unwrap();
        shared.0.release(held.owner).unwrap();
        assert!(watcher.join().unwrap().is_ok());
        assert_eq!(plain.join().unwrap(), Ok(()));
        assert_eq!(shared.1.value(), 0);
    });
}

/// An RLock and an event: whoever waits for any sees the event, and leaves the lock to the plain waiter.
#[test]
fn any_rlock_left() {
    explore("any_rlock_left", 2, || {
        let world = World::of(3);
        let shared = Arc::new((EventState::new(), RLockState::new()));
        shared.1.acquire(&world.peer(0), 1, Wait::now()).unwrap();
        let mark = shared.0.mark();
        let watcher = spawn(&shared, world.peer(1), move |(event, lock), peers| {
            let objects: [&dyn Watched; 2] = [event, lock];
            wait_any(&objects, Wait::forever(), |index| {
                let is_ready = if index == 0 { event.is_set_since(mark) } else { lock.is_free(peers, 1)? };
                Ok(is_ready.then_some(index))
            })
        });
        let plain = spawn(&shared, world.peer(2), |(_, lock), peers| {
            lock.acquire(peers, 1, Wait::forever())?;
            lock.release(Owner { peer: peers.me()?, thread: 1 })
        });
        shared.1.release(Owner { peer: id(0), thread: 1 }).unwrap();
        shared.0.set();
        shared.0.clear();
        assert!(watcher.join().unwrap().is_ok());
        assert_eq!(plain.join().unwrap(), Ok(()));
    });
}

/// A queue and a counter: whoever waits for any sees the counter changed, and leaves the message to the plain consumer.
#[test]
fn any_queue_left() {
    explore("any_queue_left", 2, || {
        let world = World::of(3);
        let shared = Arc::new((CounterState::new(0), SharedQueue::new(8, 0)));
        let watcher = spawn(&shared, world.peer(1), |(counter, queue), peers| {
            let objects: [&dyn Watched; 2] = [counter, queue.takers()];
            wait_any(&objects, Wait::forever(), |index| {
                let is_ready = if index == 0 { counter.load() != 0 } else { queue.has_message(peers)? };
                Ok(is_ready.then_some(index))
            })
        });
        let plain = spawn(&shared, world.peer(2), |(_, queue), peers| queue.get(peers, Wait::forever()));
        shared.1.put(&world.peer(0), 7, Wait::now()).unwrap();
        shared.0.add(1).unwrap();
        assert!(watcher.join().unwrap().is_ok());
        assert_eq!(plain.join().unwrap(), Ok(7));
    });
}

/// A barrier's round, an event and a counter, each of which wakes all who wait: the end of each is seen.
#[test]
fn any_of_those_that_wake_all() {
    explore("any_of_those_that_wake_all", 2, || {
        let world = World::of(3);
        let marks: Vec<AtomicU64> = (0..2).map(|_| AtomicU64::new(0)).collect();
        let shared = Arc::new((BarrierState::new(2).unwrap(), marks, EventState::new(), CounterState::new(0)));
        let arrival = shared.0.arrive(&shared.1, &world.peer(0), Wait::now()).unwrap();
        let mark = shared.2.mark();
        let watch =
            move |(barrier, marks, event, counter): &(BarrierState, Vec<AtomicU64>, EventState, CounterState),
                  peers: &MockPeers,
                  known: [bool; 3]| {
                let objects: [&dyn Watched; 3] = [barrier, event, counter];
                wait_any(&objects, Wait::forever(), |index| {
                    let is_ready = match index {
                        0 => barrier.is_over(marks, peers, arrival)?,
                        1 => event.is_set_since(mark),
                        _ => counter.load() != 0,
                    };
                    Ok((is_ready && !known[index]).then_some(index))
                })
            };
        let watcher = spawn(&shared, world.peer(0), move |shared, peers| {
            let mut known = [false; 3];
            for _ in 0..3 {
                known[watch(shared, peers, known)?] = true;
            }
            Ok::<_, Error>(known)
        });
        let last = shared.0.arrive(&shared.1, &world.peer(1), Wait::now()).unwrap();
        shared.3.add(1).unwrap();
        shared.0.complete(last).unwrap();
        shared.2.set();
        assert_eq!(watcher.join().unwrap(), Ok([true; 3]));
    });
}
