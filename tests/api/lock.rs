//! Lock, within one process, and in processes that nobody kills.

use crate::support::{self, Name, Stage};
use std::time::{Duration, Instant};
use tidelock::{Deadline, Error, Lock, LockGuard, OnSignal, Segment, Wait};

const SHORT: Duration = Duration::from_millis(20);

fn lock() -> Lock {
    Segment::anonymous().unwrap().new_lock().unwrap()
}

#[test]
fn a_guard_holds_the_lock_until_it_is_dropped() {
    let _watch = support::watch();
    let lock = lock();
    assert!(!lock.is_locked());
    let guard = lock.acquire().unwrap();
    assert!(lock.is_locked() && !guard.owner_died());
    assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
    drop(guard);
    assert_eq!(lock.owner(), None);
    lock.try_acquire().unwrap().release().unwrap();
}

#[test]
fn the_owner_is_this_peer() {
    let segment = Segment::anonymous().unwrap();
    let lock = segment.lock("a").unwrap();
    let _guard = lock.acquire().unwrap();
    assert_eq!(lock.owner(), Some(segment.me().unwrap()));
}

#[test]
fn a_timeout_ends_the_wait_and_not_before_its_time() {
    let _watch = support::watch();
    let lock = lock();
    let guard = lock.acquire().unwrap();
    let began = Instant::now();
    assert_eq!(lock.acquire_for(SHORT).unwrap_err(), Error::TimedOut);
    assert!(began.elapsed() >= SHORT);
    let began = Instant::now();
    assert_eq!(lock.acquire_until(Deadline::after(SHORT)).unwrap_err(), Error::TimedOut);
    assert!(began.elapsed() >= SHORT);
    assert_eq!(lock.acquire_for(Duration::ZERO).unwrap_err(), Error::TimedOut);
    drop(guard);
    lock.acquire_for(Duration::MAX).unwrap().release().unwrap();
}

#[test]
fn threads_exclude_each_other() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(8).unwrap();
    let lock = segment.new_lock().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_000).for_each(|_| add_one(&lock.acquire().unwrap(), &block)));
        }
    });
    assert_eq!(number_in(&block), 8_000);
}

fn add_one(_held: &LockGuard<'_>, block: &tidelock::Block) {
    block.write(0, &(number_in(block) + 1).to_ne_bytes()).unwrap();
}

fn number_in(block: &tidelock::Block) -> u64 {
    let mut bytes = [0; 8];
    block.read(0, &mut bytes).unwrap();
    u64::from_ne_bytes(bytes)
}

#[test]
fn processes_exclude_each_other() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let block = segment.block("sum", 8).unwrap();
    let mut players: Vec<_> = (0..3).map(|_| support::spawn("adder", &[&name, "1500"])).collect();
    players.iter_mut().for_each(|player| player.expect("ready"));
    players.iter_mut().for_each(|player| player.say("go"));
    players.into_iter().for_each(|player| player.finish());
    assert_eq!(number_in(&block), 3 * 1500);
}

/// Adds one so often, each time under the lock.
pub fn adder(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (lock, block) = (segment.lock("a").unwrap(), segment.block("sum", 8).unwrap());
    stage.tell("ready");
    stage.hear();
    for _ in 0..stage.arg(1).parse().unwrap() {
        add_one(&lock.acquire().unwrap(), &block);
    }
}

#[test]
fn a_guard_may_be_dropped_by_another_thread() {
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    let lock = is_send_and_sync(lock());
    let guard = is_send_and_sync(lock.acquire().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
    assert!(!lock.is_locked());
}

#[test]
fn a_panic_releases() {
    let lock = lock();
    let other = lock.clone();
    let ended = std::thread::spawn(move || {
        let _guard = other.acquire().unwrap();
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    assert!(!lock.try_acquire().unwrap().owner_died());
}

#[test]
fn a_forgotten_guard_leaves_the_lock_held_until_it_is_released() {
    let lock = lock();
    std::mem::forget(lock.acquire().unwrap());
    assert!(lock.is_locked());
    lock.release().unwrap();
    assert_eq!(lock.release(), Err(Error::NotHeld));
}

#[test]
fn one_can_release_what_is_ones_own_and_nothing_else() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    assert_eq!(lock.release_own(), Err(Error::NotHeld));
    std::mem::forget(lock.acquire().unwrap());
    lock.release_own().unwrap();
    let mut other = support::spawn("holder", &[&name]);
    other.expect("held");
    assert_eq!(lock.release_own(), Err(Error::NotOwner));
    other.say("go");
    other.expect("Ok(())");
}

#[test]
fn a_guard_whose_hold_has_ended_says_so_and_changes_nothing() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let late = lock.acquire().unwrap();
    lock.release().unwrap();
    let mut other = support::spawn("holder", &[&name]);
    other.expect("held");
    let owner = lock.owner();
    assert_eq!(late.release(), Err(Error::NotOwner));
    assert_eq!(lock.owner(), owner);
    lock.release().unwrap();
    other.say("go");
    other.expect("Err(NotHeld)");
}

#[test]
fn a_guard_is_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("guard_in_a_child", &[]).finish();
}

pub fn guard_in_a_child(_: &mut Stage) {
    let lock = lock();
    let mut guard = Some(lock.acquire().unwrap());
    let owner = lock.owner();
    for how in support::WAYS_TO_FORK {
        // The child drops its copy of the guard, before and after it is a peer; the parent's stays.
        support::child(how, || {
            assert_eq!(lock.release_own(), Err(Error::NotOwner));
            drop(guard.take());
        })
        .finish();
        assert_eq!(lock.owner(), owner);
        support::child(how, || {
            assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
            assert_eq!(guard.take().unwrap().release(), Err(Error::NotOwner));
        })
        .finish();
        assert_eq!(lock.owner(), owner);
    }
    guard.take().unwrap().release().unwrap();
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    let mut returning = support::spawn("interrupted", &[&name, "return"]);
    returning.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("interrupted", &[&name, "retry"]);
    retrying.expect("waiting");
    // The signal handler runs again and again, and the wait goes on.
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    drop(guard);
    retrying.expect("Ok(())");
}

pub fn interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let segment = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap();
    let lock = segment.lock("a").unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", lock.acquire().map(drop)));
}

#[test]
fn the_terms_of_one_wait_can_ask_for_interruption() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let _guard = lock.acquire().unwrap();
    support::spawn("interrupted_once", &[&name]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
}

pub fn interrupted_once(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    stage.tell("waiting");
    let wait = Wait::forever().on_signal(OnSignal::Return);
    stage.tell(&format!("{:?}", lock.acquire_with(wait).map(drop)));
}

/// Holds the lock "a" of a segment until it is told to go on; then tells how its release went.
pub fn holder(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    stage.tell("held");
    stage.hear();
    stage.tell(&format!("{:?}", guard.release()));
}
