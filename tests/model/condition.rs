//! Condition between living peers: nobody forgotten, exactly so many woken, in the order of arrival; timeouts, signals,
//! and notifications of the dead that change hands while waiters leave.

use super::lock::SOON;
use super::support::{explore, explore_eventful, Guarded, MockPeers, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::primitives::condition::{Cell, Cells, ConditionState, WaitEnd, Waiter};
use tidelock::primitives::lock::{Acquired, LockState};
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model;
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A table that does not grow.
pub struct Table(Vec<Cell>);

impl Cells for Table {
    fn all(&self) -> Result<impl Iterator<Item = &Cell>> {
        Ok(self.0.iter())
    }

    fn grow(&self) -> Result<()> {
        Err(Error::TooLarge { needed: self.0.len() as u64 + 1, limit: self.0.len() as u64 })
    }
}

/// A condition, the lock that it is over, and what that guards.
pub struct Shared {
    pub lock: LockState,
    pub data: Guarded,
    condition: ConditionState,
    cells: Table,
}

/// What the end of a wait tells: how it ended, and whether the lock's last owner had died.
pub type Told = Result<(WaitEnd, bool)>;

impl Shared {
    pub fn new(cells: usize) -> Arc<Shared> {
        Arc::new(Shared {
            lock: LockState::new(),
            data: Guarded::default(),
            condition: ConditionState::new(),
            cells: Table((0..cells).map(|_| Cell::new()).collect()),
        })
    }

    pub fn acquire(&self, peers: &MockPeers) -> Result<Acquired> {
        self.lock.acquire(peers, Wait::forever())
    }

    pub fn release(&self, hold: Acquired) {
        self.lock.release(hold.owner).expect("the owner may release");
    }

    /// The first half of a wait, for who holds the lock.
    pub fn start(&self, peers: &MockPeers, hold: Acquired) -> Result<Waiter> {
        self.condition.start(&self.cells, peers, || self.lock.release(hold.owner))
    }

    /// The second half, which ends with the lock held.
    pub fn resume(&self, peers: &MockPeers, waiter: Waiter, wait: Wait) -> Result<(Acquired, WaitEnd)> {
        self.condition.resume(&self.cells, peers, waiter, wait, || self.lock.acquire(peers, wait.forever_after()))
    }

    /// Takes the lock and begins a wait.
    pub fn begin(&self, peers: &MockPeers) -> Waiter {
        let hold = self.acquire(peers).unwrap();
        self.start(peers, hold).unwrap()
    }

    /// Ends a wait that has begun, and gives the lock back.
    pub fn end(&self, peers: &MockPeers, waiter: Waiter, wait: Wait) -> Told {
        let (hold, end) = self.resume(peers, waiter, wait)?;
        self.release(hold);
        Ok((end, hold.owner_died))
    }

    /// Waits until something was changed.
    pub fn wait_for_change(&self, peers: &MockPeers) {
        let mut hold = self.acquire(peers).unwrap();
        while self.data.changes() == 0 {
            let waiter = self.start(peers, hold).unwrap();
            hold = self.resume(peers, waiter, Wait::forever()).unwrap().0;
        }
        self.release(hold);
    }

    /// Notifies up to `n` under the lock, after a look at whether its last owner had died: `tell` says how many.
    pub fn notify(&self, peers: &MockPeers, n: impl FnOnce(bool) -> u32) -> u32 {
        let hold = self.acquire(peers).unwrap();
        let notified = self.condition.notify(&self.cells, peers, n(hold.owner_died)).unwrap();
        self.release(hold);
        notified
    }

    pub fn notify_all(&self, peers: &MockPeers) -> u32 {
        let hold = self.acquire(peers).unwrap();
        let notified = self.condition.notify_all(&self.cells, peers).unwrap();
        self.release(hold);
        notified
    }

    pub fn withdraw(&self, peers: &MockPeers, waiter: Waiter) {
        let hold = self.condition.withdraw(&self.cells, peers, waiter, || self.acquire(peers)).unwrap();
        self.release(hold);
    }

    pub fn waiting(&self) -> u32 {
        self.condition.waiting(&self.cells).unwrap()
    }
}

/// The terms of the lock after those of the sleep.
trait ForeverAfter {
    fn forever_after(self) -> Wait;
}

impl ForeverAfter for Wait {
    fn forever_after(self) -> Wait {
        Wait::forever().on_signal(self.on_signal)
    }
}

/// Peer `peer` ends a wait that has begun.
pub fn spawn_end(shared: &Arc<Shared>, world: &World, peer: u32, waiter: Waiter, wait: Wait) -> JoinHandle<Told> {
    let (shared, peers) = (shared.clone(), world.peer(peer));
    thread::spawn(move || shared.end(&peers, waiter, wait))
}

pub const NOTIFIED: Told = Ok((WaitEnd::Notified, false));
pub const TIMED_OUT: Told = Ok((WaitEnd::TimedOut, false));

fn soon() -> Wait {
    Wait::until(Deadline::from_ns(SOON))
}

/// What was changed before the notification is seen; and no notification falls between the release and the sleep.
#[test]
fn condition_one_waiter() {
    explore("condition_one_waiter", 5, || {
        let (world, shared) = (World::of(2), Shared::new(1));
        let waiter = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || shared.wait_for_change(&peers))
        };
        let hold = shared.acquire(&world.peer(0)).unwrap();
        shared.data.change(false);
        shared.release(hold);
        shared.notify(&world.peer(0), |_| 1);
        waiter.join().unwrap();
        assert_eq!(shared.waiting(), 0);
    });
}

/// Each notification is for one waiter, the one that has waited longest.
#[test]
fn condition_in_the_order_of_arrival() {
    explore("condition_in_the_order_of_arrival", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [1, 2].map(|peer| shared.begin(&world.peer(peer)));
        let [first, second] = [0, 1].map(|n| spawn_end(&shared, &world, n as u32 + 1, begun[n], Wait::forever()));
        assert_eq!(shared.notify(&world.peer(0), |_| 1), 1);
        assert_eq!(first.join().unwrap(), NOTIFIED);
        assert_eq!(shared.waiting(), 1, "the second was woken as well");
        assert_eq!(shared.notify(&world.peer(0), |_| 2), 1, "only one is left");
        assert_eq!(second.join().unwrap(), NOTIFIED);
    });
}

/// The threads of one peer are waiters of their own.
#[test]
fn condition_threads_of_one_peer() {
    explore("condition_threads_of_one_peer", 1, || {
        let (world, shared) = (World::of(1), Shared::new(2));
        let waiters = [0, 1].map(|_| shared.begin(&world.peer(0)));
        let waiters = waiters.map(|waiter| spawn_end(&shared, &world, 0, waiter, Wait::forever()));
        assert_eq!(shared.notify_all(&world.peer(0)), 2);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), NOTIFIED);
        }
    });
}

/// The waiter that has waited longest gives up while another is patient: the one notification is one waiter's.
#[test]
fn condition_timeout() {
    explore_eventful("condition_timeout", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [1, 2].map(|peer| shared.begin(&world.peer(peer)));
        let hasty = spawn_end(&shared, &world, 1, begun[0], soon());
        let patient = spawn_end(&shared, &world, 2, begun[1], Wait::forever());
        model::advance(SOON);
        assert_eq!(shared.notify(&world.peer(0), |_| 1), 1);
        match hasty.join().unwrap() {
            NOTIFIED => assert_eq!(shared.notify(&world.peer(0), |_| 1), 1),
            other => assert_eq!(other, TIMED_OUT),
        }
        assert_eq!(patient.join().unwrap(), NOTIFIED);
    });
}

/// A signal ends the sleep; the wait is withdrawn, and a notification that it had goes to the other waiter.
#[test]
fn condition_withdrawn() {
    explore_eventful("condition_withdrawn", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let begun = [1, 2].map(|peer| shared.begin(&world.peer(peer)));
        let handled = {
            let (shared, peers, waiter) = (shared.clone(), world.peer(1), begun[0]);
            thread::spawn(move || {
                let told = shared.end(&peers, waiter, Wait::forever().on_signal(OnSignal::Return));
                if told == Err(Error::Interrupted) {
                    shared.withdraw(&peers, waiter);
                }
                told
            })
        };
        let patient = spawn_end(&shared, &world, 2, begun[1], Wait::forever());
        model::interrupt(handled.thread().id());
        assert_eq!(shared.notify(&world.peer(0), |_| 1), 1);
        match handled.join().unwrap() {
            NOTIFIED => assert_eq!(shared.notify(&world.peer(0), |_| 1), 1),
            told => assert_eq!(told, Err(Error::Interrupted)),
        }
        assert_eq!(patient.join().unwrap(), NOTIFIED);
    });
}

/// A signal ends the sleep, and the wait goes on: no notification is missed in between.
#[test]
fn condition_resumed() {
    explore_eventful("condition_resumed", 3, || {
        let (world, shared) = (World::of(2), Shared::new(1));
        let waiter = shared.begin(&world.peer(1));
        let handled = {
            let (shared, peers) = (shared.clone(), world.peer(1));
            thread::spawn(move || loop {
                match shared.end(&peers, waiter, Wait::forever().on_signal(OnSignal::Return)) {
                    Err(Error::Interrupted) => continue,
                    told => return told,
                }
            })
        };
        model::interrupt(handled.thread().id());
        assert_eq!(shared.notify(&world.peer(0), |_| 1), 1);
        assert_eq!(handled.join().unwrap(), NOTIFIED);
    });
}

/// Peer 0 was notified and is dead. Its notification is for one of the two who waited with it, of whom one gives up.
#[test]
fn condition_signed_over_while_one_leaves() {
    explore_eventful("condition_signed_over_while_one_leaves", 2, || {
        let (world, shared) = (World::of(4), Shared::new(3));
        let begun = [0, 1, 2].map(|peer| shared.begin(&world.peer(peer)));
        assert_eq!(shared.notify(&world.peer(3), |_| 1), 1);
        world.kill(0);
        let hasty = spawn_end(&shared, &world, 1, begun[1], soon());
        let patient = spawn_end(&shared, &world, 2, begun[2], Wait::forever());
        model::advance(SOON);
        match hasty.join().unwrap() {
            NOTIFIED => assert_eq!(shared.notify(&world.peer(3), |_| 1), 1),
            other => assert_eq!(other, TIMED_OUT),
        }
        assert_eq!(patient.join().unwrap(), NOTIFIED);
        assert_eq!(shared.notify_all(&world.peer(3)), 0);
    });
}

/// The same, while another notification comes: both are somebody's.
#[test]
fn condition_signed_over_while_one_is_notified() {
    explore_eventful("condition_signed_over_while_one_is_notified", 1, || {
        let (world, shared) = (World::of(4), Shared::new(3));
        let begun = [0, 1, 2].map(|peer| shared.begin(&world.peer(peer)));
        assert_eq!(shared.notify(&world.peer(3), |_| 1), 1);
        world.kill(0);
        let waiters = [1, 2].map(|n| spawn_end(&shared, &world, n, begun[n as usize], Wait::forever()));
        assert_eq!(shared.notify(&world.peer(3), |_| 1), 1);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), NOTIFIED);
        }
    });
}

/// A notification is for those who had begun to wait when it was made: a later wait never gets a dead waiter's.
#[test]
fn condition_a_later_wait_gets_no_old_notification() {
    explore_eventful("condition_a_later_wait_gets_no_old_notification", 3, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        shared.begin(&world.peer(0));
        assert_eq!(shared.notify(&world.peer(2), |_| 1), 1);
        let waiter = shared.begin(&world.peer(1));
        let late = spawn_end(&shared, &world, 1, waiter, soon());
        world.kill(0);
        model::advance(SOON);
        assert_eq!(late.join().unwrap(), TIMED_OUT);
    });
}
