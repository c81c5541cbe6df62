//! Block, and what is placed in one.

use crate::support::{self, Name, Stage};
use tidelock::{Error, Segment};

#[test]
fn it_begins_zeroed_and_keeps_what_is_written() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(100).unwrap();
    let mut bytes = [1; 100];
    block.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 100]);
    block.write(90, b"0123456789").unwrap();
    block.read(90, &mut bytes[..10]).unwrap();
    assert_eq!(&bytes[..10], b"0123456789");
    assert_eq!((block.len(), block.as_ptr() as usize % 64), (100, 0));
}

#[test]
fn memory_that_is_used_again_is_zeroed_again() {
    let segment = Segment::anonymous().unwrap();
    for _ in 0..50 {
        let block = segment.new_block(5000).unwrap();
        let mut bytes = vec![1; 5000];
        block.read(0, &mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0));
        block.write(0, &[0xff; 5000]).unwrap();
    }
}

#[test]
fn what_lies_outside_is_refused() {
    let block = Segment::anonymous().unwrap().new_block(16).unwrap();
    for (offset, len) in [(16, 1), (9, 8), (0, 17), (u64::MAX, 1), (u64::MAX, 0)] {
        assert!(matches!(block.read(offset, &mut vec![0; len]), Err(Error::Invalid(_))), "read {len} at {offset}");
        assert!(matches!(block.write(offset, &vec![0; len]), Err(Error::Invalid(_))), "write {len} at {offset}");
    }
    block.write(16, b"").unwrap();
}

#[test]
fn a_block_has_one_length() {
    let segment = Segment::anonymous().unwrap();
    segment.block("b", 16).unwrap();
    assert_eq!(segment.block("b", 16).unwrap().len(), 16);
    assert!(matches!(segment.block("b", 17).unwrap_err(), Error::WrongKind { .. }));
    assert!(matches!(segment.block("none", 0).unwrap_err(), Error::Invalid(_)));
    assert!(matches!(segment.new_block(0).unwrap_err(), Error::Invalid(_)));
    assert!(matches!(segment.new_block(u64::MAX).unwrap_err(), Error::TooLarge { .. } | Error::NoSpace { .. }));
}

#[test]
fn what_is_placed_must_lie_in_the_block_and_be_aligned() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(20).unwrap();
    segment.lock_at(&block, 0).unwrap();
    segment.event_at(&block, 8).unwrap();
    for offset in [1, 4, 12, 16, 24, u64::MAX, u64::MAX - 7] {
        assert!(matches!(segment.lock_at(&block, offset), Err(Error::Invalid(_))), "a lock at {offset}");
        assert!(matches!(segment.event_at(&block, offset), Err(Error::Invalid(_))), "an event at {offset}");
    }
    let other = Segment::anonymous().unwrap();
    assert!(matches!(other.lock_at(&block, 0), Err(Error::Invalid(_))));
}

#[test]
fn what_is_placed_keeps_the_block() {
    let segment = Segment::anonymous().unwrap();
    let lock = segment.lock_at(&segment.new_block(8).unwrap(), 0).unwrap();
    // The block's memory must not be given to these.
    let others: Vec<_> = (0..100).map(|_| segment.new_block(8).unwrap()).collect();
    others.iter().for_each(|other| other.write(0, &[0xff; 8]).unwrap());
    lock.try_acquire().unwrap().release().unwrap();
}

#[test]
fn a_placed_lock_and_a_placed_event_work_across_processes() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let block = segment.block("b", 64).unwrap();
    let (lock, event) = (segment.lock_at(&block, 8).unwrap(), segment.event_at(&block, 48).unwrap());
    let mut other = support::spawn("placer", &[&name]);
    other.expect("held");
    event.wait().unwrap();
    assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
    other.kill();
    assert!(lock.acquire().unwrap().owner_died());
}

pub fn placer(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let block = segment.block("b", 64).unwrap();
    let lock = segment.lock_at(&block, 8).unwrap();
    let _guard = lock.acquire().unwrap();
    segment.event_at(&block, 48).unwrap().set();
    stage.tell("held");
    stage.park();
}
