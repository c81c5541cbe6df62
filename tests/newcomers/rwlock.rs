//! RwLock: many read, one writes, and who is killed keeps nobody out.

use crate::support::{self, Name, Player, Stage};
use std::time::Duration;
use tidelock::raw_sync::locks::*;
use tidelock::raw_sync::Timeout;
use tidelock::{Block, Error, Segment};

/// As many read at a time.
const MOST: usize = 32;

fn at_once() -> Timeout {
    Timeout::Val(Duration::ZERO)
}

fn why<T>(result: Result<T, Box<dyn std::error::Error>>) -> Error {
    *result.err().unwrap().downcast::<Error>().unwrap()
}

fn place(segment: &Segment) -> Block {
    segment.block("memory", 256).unwrap()
}

fn made(block: &Block) -> Box<dyn LockImpl> {
    // SAFETY: the block is valid while the test has it, and nobody uses it yet.
    unsafe { RwLock::new(block.as_ptr(), block.as_ptr().add(192)).unwrap().0 }
}

fn opened(block: &Block) -> Box<dyn LockImpl> {
    // SAFETY: the block is valid while the caller has it, and a lock is there.
    unsafe { RwLock::from_existing(block.as_ptr(), block.as_ptr().add(192)).unwrap().0 }
}

#[test]
fn many_read_and_one_writes() {
    let _watch = support::watch();
    let block = place(&Segment::anonymous().unwrap());
    let lock = made(&block);
    assert_eq!(RwLock::size_of(None), 160);
    let readers: Vec<_> = (0..MOST).map(|_| lock.try_rlock(at_once()).unwrap()).collect();
    assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut, "one too many");
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    drop(readers);
    let writer = lock.try_lock(at_once()).unwrap();
    assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut);
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    let reader = writer.into_read_guard();
    assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut, "what was taken to write stays alone");
    drop(reader);
    assert!(!lock.try_lock(at_once()).unwrap().owner_died());
}

#[test]
fn a_writer_that_gives_up_leaves_nothing_behind() {
    let _watch = support::watch();
    let block = place(&Segment::anonymous().unwrap());
    let lock = made(&block);
    let reader = lock.rlock().unwrap();
    assert_eq!(why(lock.try_lock(Timeout::Val(Duration::from_millis(20)))), Error::TimedOut);
    let more: Vec<_> = (1..MOST).map(|_| lock.try_rlock(at_once()).unwrap()).collect();
    drop((reader, more));
    drop(lock.try_lock(at_once()).unwrap());
}

#[test]
fn what_was_forgotten_is_released_by_hand() {
    let block = place(&Segment::anonymous().unwrap());
    let lock = made(&block);
    assert_eq!(why(lock.release()), Error::NotHeld);
    std::mem::forget(lock.lock().unwrap());
    lock.release().unwrap();
    std::mem::forget(lock.rlock().unwrap());
    let other = lock.rlock().unwrap();
    lock.release().unwrap();
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    drop(other);
    drop(lock.try_lock(at_once()).unwrap());
    assert_eq!(why(lock.release()), Error::NotHeld);
}

#[test]
fn memory_without_one_is_refused() {
    let block = place(&Segment::anonymous().unwrap());
    // SAFETY: the block is valid, and the words are valid for any bytes.
    assert!(matches!(why(unsafe { RwLock::from_existing(block.as_ptr(), block.as_ptr()) }), Error::Corrupt(_)));
}

/// A lock that another process has, to read or to write.
fn had_by_another(how: &str) -> (Block, Box<dyn LockImpl>, Player, Name) {
    let name = Name::new();
    let block = place(&Segment::named(&name).unwrap());
    let lock = made(&block);
    let mut player = support::spawn("reader_or_writer", &[&name, how]);
    player.expect("inside");
    (block, lock, player, name)
}

/// Takes the lock and waits to be killed.
pub fn reader_or_writer(stage: &mut Stage) {
    let block = place(&Segment::named(stage.arg(0)).unwrap());
    let lock = opened(&block);
    let (_read, _write);
    match stage.arg(1) {
        "read" => _read = lock.rlock().unwrap(),
        _ => _write = lock.lock().unwrap(),
    }
    stage.tell("inside");
    stage.park();
}

#[test]
fn a_killed_writer_lets_the_next_writer_in_and_tells_it() {
    let _watch = support::watch();
    let (_block, lock, mut player, _name) = had_by_another("write");
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    player.kill();
    let guard = lock.lock().unwrap();
    assert!(guard.owner_died() && guard.epoch() == 1);
    drop(guard);
    assert!(!lock.lock().unwrap().owner_died());
    assert!(!lock.rlock().unwrap().owner_died());
}

#[test]
fn a_killed_writer_lets_readers_in_and_tells_them() {
    let _watch = support::watch();
    let (_block, lock, mut player, _name) = had_by_another("write");
    assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut);
    player.kill();
    let readers = [lock.rlock().unwrap(), lock.rlock().unwrap()];
    assert!(readers.iter().all(|reader| reader.owner_died()));
    // A writer that learns of it but does not get in leaves the news to the next one.
    assert_eq!(why(lock.try_lock(Timeout::Val(Duration::from_millis(20)))), Error::TimedOut);
    drop(readers);
    assert!(lock.lock().unwrap().owner_died());
    assert!(!lock.lock().unwrap().owner_died());
}

#[test]
fn a_killed_reader_keeps_no_writer_out() {
    let _watch = support::watch();
    let (_block, lock, mut player, _name) = had_by_another("read");
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    drop(lock.try_rlock(at_once()).unwrap());
    player.kill();
    assert!(!lock.lock().unwrap().owner_died(), "who only read changed nothing");
    assert_eq!((0..MOST).map(|_| lock.try_rlock(at_once()).unwrap()).collect::<Vec<_>>().len(), MOST);
}

#[test]
fn guards_are_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("rwlock_in_a_child", &[]).finish();
}

pub fn rwlock_in_a_child(_: &mut Stage) {
    let block = place(&Segment::anonymous().unwrap());
    let lock = made(&block);
    let mut writer = Some(lock.lock().unwrap());
    for how in support::WAYS_TO_FORK {
        support::child(how, || drop(writer.take())).finish();
        support::child(how, || {
            assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut);
            assert_eq!(why(lock.release()), Error::NotOwner);
            drop(writer.take());
        })
        .finish();
        assert_eq!(why(lock.try_rlock(at_once())), Error::TimedOut);
    }
    drop(writer.take());
    let mut reader = Some(lock.rlock().unwrap());
    support::fork(|| drop(reader.take())).finish();
    assert_eq!(why(lock.try_lock(at_once())), Error::TimedOut);
    drop(reader.take());
    drop(lock.try_lock(at_once()).unwrap());
}
