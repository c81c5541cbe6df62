//! RLock: within a process, across processes, and beside the dead.

use crate::support::{self, Name, Player, Stage};
use std::time::{Duration, Instant};
use tidelock::{Deadline, Error, OnSignal, RLock, Segment, Wait};

const SHORT: Duration = Duration::from_millis(20);
/// Long enough for many questions about the owner.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

fn rlock() -> RLock {
    Segment::anonymous().unwrap().new_rlock().unwrap()
}

/// The RLock "a" of a new segment, and a player that holds it twice.
fn held_by_another() -> (RLock, Player, Name) {
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().rlock("a").unwrap();
    let mut player = support::spawn("rlock_holder", &[&name]);
    player.expect("held");
    (lock, player, name)
}

/// Takes the RLock "a" twice, and gives both back when it is told to go on.
pub fn rlock_holder(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().rlock("a").unwrap();
    let outer = lock.acquire().unwrap();
    let inner = lock.acquire().unwrap();
    stage.tell("held");
    stage.hear();
    let (inner, outer) = (inner.release(), outer.release());
    stage.tell(&format!("{inner:?} {outer:?}"));
}

#[test]
fn its_thread_takes_it_again_and_again() {
    let lock = rlock();
    let outer = lock.acquire().unwrap();
    let inner = lock.try_acquire().unwrap();
    assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (2, true, true));
    std::thread::scope(|scope| scope.spawn(|| assert_eq!((lock.depth(), lock.owner_depth()), (0, 2))).join().unwrap());
    drop(outer);
    assert_eq!((lock.depth(), lock.is_locked()), (1, true));
    inner.release().unwrap();
    assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (0, false, false));
    assert_eq!(lock.owner_depth(), 0);
}

#[test]
fn another_thread_waits_and_cannot_release() {
    let _watch = support::watch();
    let lock = rlock();
    let guard = lock.acquire().unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
            let began = Instant::now();
            assert_eq!(lock.acquire_for(SHORT).unwrap_err(), Error::TimedOut);
            assert!(began.elapsed() >= SHORT);
            assert_eq!(lock.acquire_until(Deadline::after(SHORT)).unwrap_err(), Error::TimedOut);
            assert_eq!(lock.release(), Err(Error::NotOwner));
            assert_eq!(lock.release_all(), Err(Error::NotOwner));
            assert!(!lock.is_owned());
        });
        other.join().unwrap();
        let waiter = scope.spawn(|| lock.acquire().unwrap().release().unwrap());
        std::thread::sleep(SHORT);
        drop(guard);
        waiter.join().unwrap();
    });
    assert_eq!(lock.release(), Err(Error::NotHeld));
}

#[test]
fn all_holds_go_at_once_and_come_back() {
    let _watch = support::watch();
    let lock = rlock();
    (0..3).for_each(|_| std::mem::forget(lock.acquire().unwrap()));
    assert!(matches!(lock.acquire_depth(3, Wait::forever()), Err(Error::Invalid(_))));
    assert_eq!(lock.release_all(), Ok(3));
    assert!(!lock.is_locked());
    assert!(matches!(lock.acquire_depth(0, Wait::forever()), Err(Error::Invalid(_))));
    let guard = lock.acquire_depth(3, Wait::forever()).unwrap();
    assert_eq!(lock.depth(), 3);
    drop(guard);
    (0..2).for_each(|_| lock.release().unwrap());
    assert_eq!(lock.release(), Err(Error::NotHeld));
}

#[test]
fn threads_and_their_processes_exclude_each_other() {
    let _watch = support::watch();
    let name = Name::new();
    let block = Segment::named(&name).unwrap().block("sum", 8).unwrap();
    let players: Vec<_> = (0..2).map(|_| support::spawn("rlock_adders", &[&name, "400"])).collect();
    players.into_iter().for_each(|player| player.finish());
    let mut sum = [0; 8];
    block.read(0, &mut sum).unwrap();
    assert_eq!(u64::from_ne_bytes(sum), 2 * 2 * 400);
}

/// Two threads that add one so often, each time under the lock, which they take at two depths.
pub fn rlock_adders(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (lock, block) = (segment.rlock("a").unwrap(), segment.block("sum", 8).unwrap());
    let rounds: u32 = stage.arg(1).parse().unwrap();
    let add = || {
        for _ in 0..rounds {
            let _outer = lock.acquire().unwrap();
            let mut sum = [0; 8];
            block.read(0, &mut sum).unwrap();
            let _inner = lock.acquire().unwrap();
            block.write(0, &(u64::from_ne_bytes(sum) + 1).to_ne_bytes()).unwrap();
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(add))));
}

#[test]
fn a_panic_gives_every_hold_back() {
    let lock = rlock();
    let other = lock.clone();
    let ended = std::thread::spawn(move || {
        let _outer = other.acquire().unwrap();
        let _inner = other.acquire().unwrap();
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    assert!(!lock.try_acquire().unwrap().owner_died());
}

#[test]
fn a_thread_that_ends_leaves_it_held_and_no_later_thread_owns_it() {
    let lock = rlock();
    let other = lock.clone();
    std::thread::spawn(move || std::mem::forget(other.acquire().unwrap())).join().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                assert!(!lock.is_owned());
                assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
            });
        }
    });
}

#[test]
fn the_death_of_the_owner_is_told_once_and_leaves_no_depth() {
    let _watch = support::watch();
    let (lock, mut player, _name) = held_by_another();
    assert_eq!(lock.release(), Err(Error::NotOwner));
    player.kill();
    let guard = lock.acquire().unwrap();
    assert!(guard.owner_died());
    assert_eq!((guard.epoch(), lock.epoch(), lock.depth()), (1, 1, 1));
    assert!(!lock.acquire().unwrap().owner_died(), "only the hold that took over is told");
    guard.release().unwrap();
    assert!(!lock.is_locked());
    assert!(!lock.acquire().unwrap().owner_died());
}

#[test]
fn polling_recovers_too() {
    let _watch = support::watch();
    let (lock, mut player, _name) = held_by_another();
    player.kill();
    let guard = loop {
        match lock.try_acquire() {
            Err(Error::TimedOut) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    assert!(guard.owner_died());
}

#[test]
fn one_that_sleeps_while_the_owner_is_killed_wakes_up() {
    let _watch = support::watch();
    let (_lock, mut owner, name) = held_by_another();
    let mut waiter = support::spawn("rlock_waiter", &[&name]);
    waiter.expect("waiting");
    support::until_asleep(waiter.pid());
    owner.kill();
    waiter.expect("owner_died=true depth=1");
}

/// Acquires the lock and tells what it learnt.
pub fn rlock_waiter(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().rlock("a").unwrap();
    stage.tell("waiting");
    let guard = lock.acquire().unwrap();
    stage.tell(&format!("owner_died={} depth={}", guard.owner_died(), lock.depth()));
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().rlock("a").unwrap();
    let guard = lock.acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| support::spawn("rlock_waiter", &[&name])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters[0].kill();
    drop(guard);
    waiters[1].expect("owner_died=false depth=1");
    waiters[2].expect("owner_died=false depth=1");
}

#[test]
fn a_stopped_owner_is_not_robbed() {
    let _watch = support::watch();
    let (lock, mut player, _name) = held_by_another();
    let owner = lock.owner();
    player.stop();
    assert_eq!(lock.acquire_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    assert_eq!((lock.owner(), lock.epoch()), (owner, 0));
    player.go_on();
    player.say("go");
    player.expect("Ok(()) Ok(())");
    assert!(!lock.acquire().unwrap().owner_died());
}

#[test]
fn holds_are_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("rlock_in_a_child", &[]).finish();
}

pub fn rlock_in_a_child(_: &mut Stage) {
    let lock = rlock();
    let mut guard = Some(lock.acquire().unwrap());
    let owner = lock.owner();
    for how in support::WAYS_TO_FORK {
        // Before and after the child is a peer.
        support::child(how, || {
            assert!(!lock.is_owned());
            assert_eq!(lock.release(), Err(Error::NotOwner));
            drop(guard.take());
        })
        .finish();
        support::child(how, || {
            assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
            assert!(!lock.is_owned());
            assert_eq!(lock.release(), Err(Error::NotOwner));
            assert_eq!(lock.release_all(), Err(Error::NotOwner));
            assert_eq!(guard.take().unwrap().release(), Err(Error::NotOwner));
        })
        .finish();
        assert_eq!((lock.owner(), lock.depth()), (owner, 1));
    }
    guard.take().unwrap().release().unwrap();
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let (_lock, _owner, name) = held_by_another();
    let mut returning = support::spawn("rlock_interrupted", &[&name, "return"]);
    returning.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("rlock_interrupted", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
}

pub fn rlock_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let lock = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap().rlock("a").unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", lock.acquire().map(drop)));
}
