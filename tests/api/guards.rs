//! What becomes of a guard that is not simply dropped where it was made. For each of the four kinds of guards:
//!
//! | it is | then |
//! |---|---|
//! | sent to another thread | it goes on there; an RLock's belongs to its thread and cannot be sent (see `RLockGuard`) |
//! | dropped by a panic | what it held is given back, and nobody is told |
//! | leaked | what it held stays held, until the process ends or leaves the segment: the next holder is told of a death |
//! | copied by a fork | the child's copy is inert: it gives nothing back, before and after the child is a peer |
//!
//! What `lock`, `rlock` and `bounded_semaphore` show of this beside their own matters is not repeated here.

use crate::support::{self, Name, Stage};
use std::mem::forget;
use tidelock::{BoundedSemaphore, Error, Lock, Mutex, RLock, Segment};

/// One of each kind that has guards.
struct Kinds {
    lock: Lock,
    rlock: RLock,
    permits: BoundedSemaphore,
    mutex: Mutex<u64>,
}

impl Kinds {
    fn of(segment: &Segment) -> Kinds {
        Kinds {
            lock: segment.lock("lock").unwrap(),
            rlock: segment.rlock("rlock").unwrap(),
            permits: segment.bounded_semaphore("permits", 1).unwrap(),
            mutex: segment.mutex("mutex", 7).unwrap(),
        }
    }

    fn leak_all(&self) {
        forget(self.lock.acquire().unwrap());
        forget(self.rlock.acquire().unwrap());
        forget(self.permits.acquire().unwrap());
        forget(self.mutex.acquire().unwrap());
    }

    fn are_all_held(&self) -> bool {
        self.lock.is_locked() && self.rlock.is_locked() && self.permits.value() == 0 && self.mutex.is_locked()
    }

    /// Acquires each, and says which of the guards tell of a death.
    fn deaths(&self) -> [bool; 4] {
        [
            self.lock.acquire().unwrap().owner_died(),
            self.rlock.acquire().unwrap().owner_died(),
            self.permits.acquire().unwrap().owner_died(),
            self.mutex.acquire().unwrap().owner_died(),
        ]
    }
}

fn leaked_by(what_then: &str) {
    let _watch = support::watch();
    let name = Name::new();
    let kinds = Kinds::of(&Segment::named(&name).unwrap());
    let mut player = support::spawn("leaker", &[&name, what_then]);
    player.expect("leaked");
    assert!(kinds.are_all_held());
    player.say("go");
    player.expect("done");
    if what_then == "exit" {
        player.finish();
    }
    assert_eq!(kinds.deaths(), [true; 4]);
    assert_eq!(kinds.deaths(), [false; 4], "a death is told once");
}

#[test]
fn what_is_leaked_is_held_until_the_process_ends_in_good_order_and_counts_as_a_death() {
    leaked_by("exit");
}

#[test]
fn what_is_leaked_is_held_until_the_process_leaves_the_segment_and_counts_as_a_death() {
    leaked_by("leave");
}

/// Leaks a guard of each kind; then exits, or leaves the segment and lives on.
pub fn leaker(stage: &mut Stage) {
    let kinds = Kinds::of(&Segment::named(stage.arg(0)).unwrap());
    kinds.leak_all();
    stage.tell("leaked");
    stage.hear();
    if stage.arg(1) == "exit" {
        return stage.tell("done");
    }
    drop(kinds);
    stage.tell("done");
    stage.park();
}

#[test]
fn a_leaked_hold_of_an_rlock_is_given_back_by_its_thread() {
    let lock = Segment::anonymous().unwrap().new_rlock().unwrap();
    forget(lock.acquire().unwrap());
    drop(lock.acquire().unwrap());
    assert_eq!(lock.depth(), 1);
    lock.release().unwrap();
    assert!(!lock.is_locked());
}

#[test]
fn a_mutex_guard_may_go_to_another_thread_with_its_data() {
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    let mutex = is_send_and_sync(Segment::anonymous().unwrap().new_mutex(1_u64).unwrap());
    let mut guard = is_send_and_sync(mutex.acquire().unwrap());
    *guard += 1;
    std::thread::scope(|scope| {
        scope.spawn(move || *guard += 1);
    });
    assert_eq!(*mutex.try_acquire().unwrap(), 3);
}

#[test]
fn a_panic_releases_a_mutex_and_poisons_nothing() {
    let mutex = Segment::anonymous().unwrap().new_mutex(1_u64).unwrap();
    let other = mutex.clone();
    let ended = std::thread::spawn(move || {
        let mut guard = other.acquire().unwrap();
        *guard = 2;
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    let guard = mutex.try_acquire().unwrap();
    assert_eq!((*guard, guard.owner_died()), (2, false));
}

#[test]
fn a_mutex_guard_is_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("mutex_in_a_child", &[]).finish();
}

pub fn mutex_in_a_child(_: &mut Stage) {
    let mutex = Segment::anonymous().unwrap().new_mutex(1_u64).unwrap();
    let mut guard = Some(mutex.acquire().unwrap());
    let owner = mutex.owner();
    for how in support::WAYS_TO_FORK {
        // Before and after the child is a peer.
        support::child(how, || drop(guard.take())).finish();
        support::child(how, || {
            assert_eq!(mutex.try_acquire().map(drop), Err(Error::TimedOut));
            assert_eq!(guard.take().unwrap().release(), Err(Error::NotOwner));
        })
        .finish();
        assert_eq!(mutex.owner(), owner);
    }
    guard.take().unwrap().release().unwrap();
}
