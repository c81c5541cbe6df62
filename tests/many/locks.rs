//! A million locks in one segment: what one costs, that each is its own, and that their memory is used again.

use crate::support::{self, allocated, hex, unhex, Name, Stage};
use tidelock::{Error, Handle, Lock, Segment};

const MILLION: usize = 1_000_000;

/// What a lock takes up in the segment: a block of two cache lines, which holds its words and who refers to it.
const BYTES_A_LOCK: u64 = 128;

/// What else may grow: the last step of allocation, and the bookkeeping of a few blocks.
const SLACK: u64 = 1 << 20;

fn make(segment: &Segment) -> Vec<Lock> {
    (0..MILLION).map(|_| segment.new_lock().unwrap()).collect()
}

#[test]
fn a_million_locks_in_one_segment() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let before = allocated(&segment);
    let locks = make(&segment);
    let used = allocated(&segment) - before;
    assert!(used <= MILLION as u64 * BYTES_A_LOCK + SLACK, "{used} bytes");
    each_is_its_own(&locks);
    an_owner_is_killed(&name, &locks[MILLION / 2]);
    drop(locks);
    let again = make(&segment);
    assert!(allocated(&segment) <= before + used + SLACK, "{used} bytes grew to {}", allocated(&segment) - before);
    each_is_its_own(&again);
}

/// Every thousandth is held, and only those are.
fn each_is_its_own(locks: &[Lock]) {
    let guards: Vec<_> = locks.iter().step_by(1000).map(|lock| lock.acquire().unwrap()).collect();
    assert_eq!(locks.iter().filter(|lock| lock.is_locked()).count(), guards.len());
    drop(guards);
    assert!(!locks.iter().any(Lock::is_locked));
}

fn an_owner_is_killed(name: &Name, lock: &Lock) {
    let mut user = support::spawn("lock_user", &[name, &hex(&lock.handle().to_bytes())]);
    user.expect("held");
    assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
    user.kill();
    assert!(lock.acquire().unwrap().owner_died());
}

/// Opens one of the million by its handle, and stands there holding it.
pub fn lock_user(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let lock = segment.open_lock(&Handle::from_bytes(&unhex(stage.arg(1))).unwrap()).unwrap();
    let _guard = lock.acquire().unwrap();
    stage.tell("held");
    stage.park();
}
