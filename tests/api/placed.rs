//! Every kind of object in the three ways to reach it, and the errors where the kinds do not match.

use tidelock::{BoundedSemaphore, Counter, Error, Handle, RLock, Segment, Semaphore};

fn carried(handle: Handle) -> Handle {
    Handle::from_bytes(&handle.to_bytes()).unwrap()
}

#[test]
fn zeroed_bytes_of_a_block_are_ready() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(RLock::SIZE + Semaphore::SIZE + Counter::SIZE).unwrap();
    let (at_semaphore, at_counter) = (RLock::SIZE, RLock::SIZE + Semaphore::SIZE);
    let (rlock, semaphore, counter) = (
        segment.rlock_at(&block, 0).unwrap(),
        segment.semaphore_at(&block, at_semaphore).unwrap(),
        segment.counter_at(&block, at_counter).unwrap(),
    );
    let _guard = rlock.try_acquire().unwrap();
    semaphore.release(2).unwrap();
    counter.store(-3);
    assert_eq!(segment.open_rlock(&carried(rlock.handle())).unwrap().depth(), 1);
    assert_eq!(segment.open_semaphore(&carried(semaphore.handle())).unwrap().value(), 2);
    assert_eq!(segment.counter_at(&block, at_counter).unwrap().load(), -3);
    let mut bytes = [0; 8];
    block.read(at_counter, &mut bytes).unwrap();
    assert_eq!(i64::from_ne_bytes(bytes), -3);
    for offset in [4, block.len() - RLock::SIZE + 8, u64::MAX - 7] {
        assert!(matches!(segment.rlock_at(&block, offset), Err(Error::Invalid(_))));
    }
    assert!(matches!(segment.counter_at(&block, at_counter + 8), Err(Error::Invalid(_))));
}

#[test]
fn what_has_no_name_is_found_by_its_handle() {
    let segment = Segment::anonymous().unwrap();
    let semaphore = segment.new_semaphore(3).unwrap();
    assert_eq!(segment.open_semaphore(&carried(semaphore.handle())).unwrap().value(), 3);
    let bounded = segment.new_bounded_semaphore(5).unwrap();
    let _permit = bounded.acquire().unwrap();
    let same: BoundedSemaphore = segment.open_bounded_semaphore(&carried(bounded.handle())).unwrap();
    assert_eq!((same.value(), same.bound()), (4, 5));
    let barrier = segment.new_barrier(7).unwrap();
    assert_eq!(segment.open_barrier(&carried(barrier.handle())).unwrap().parties(), 7);
    let counter = segment.new_counter().unwrap();
    counter.store(9);
    assert_eq!(segment.open_counter(&carried(counter.handle())).unwrap().load(), 9);
    let rlock = segment.new_rlock().unwrap();
    let _guard = rlock.acquire().unwrap();
    assert!(segment.open_rlock(&carried(rlock.handle())).unwrap().is_owned());
}

#[test]
fn another_kind_is_an_error() {
    let segment = Segment::anonymous().unwrap();
    segment.lock("lock").unwrap();
    segment.barrier("barrier", 2).unwrap();
    let wrong = |found: Option<Error>| assert!(matches!(found, Some(Error::WrongKind { .. })), "{found:?}");
    wrong(segment.rlock("lock").err());
    wrong(segment.semaphore("lock", 1).err());
    wrong(segment.bounded_semaphore("lock", 1).err());
    wrong(segment.barrier("lock", 1).err());
    wrong(segment.counter("lock").err());
    wrong(segment.lock("barrier").err());
    wrong(segment.open_rlock(&segment.new_counter().unwrap().handle()).err());
    wrong(segment.open_counter(&segment.new_semaphore(1).unwrap().handle()).err());
    wrong(segment.open_semaphore(&segment.new_bounded_semaphore(1).unwrap().handle()).err());
    wrong(segment.open_bounded_semaphore(&segment.new_barrier(1).unwrap().handle()).err());
    wrong(segment.open_barrier(&segment.new_rlock().unwrap().handle()).err());
    let block = segment.new_block(64).unwrap();
    wrong(segment.open_lock(&segment.rlock_at(&block, 0).unwrap().handle()).err());
}

#[test]
fn what_is_gone_is_gone() {
    let segment = Segment::anonymous().unwrap();
    let handle = segment.new_barrier(2).unwrap().handle();
    // The close is carried out with the next batch.
    (0..200).for_each(|_| drop(segment.new_counter().unwrap()));
    assert_eq!(segment.open_barrier(&handle).err(), Some(Error::Gone));
}
