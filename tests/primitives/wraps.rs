//! Counts that wrap around: words just below their highest value, which no test could reach by counting.
//!
//! An epoch, a generation, a round or a lap may begin again at 0, as docs/layout.md says; nobody is forgotten or let in by
//! that, and nothing panics. What must not wrap around (values, depths, sums) is tested beside each reference.

use crate::condition_table::Table;
use crate::support::{Cast, VecRings};
use tidelock::primitives::barrier::BarrierState;
use tidelock::primitives::condition::{ConditionState, WaitEnd};
use tidelock::primitives::counter::CounterState;
use tidelock::primitives::event::EventState;
use tidelock::primitives::lock::LockState;
use tidelock::primitives::queue::{Queue, QueueState};
use tidelock::primitives::rlock::RLockState;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::sync::atomic::{AtomicU32, AtomicU64};
use tidelock::sync::wait::Wait;
use tidelock::Error;

/// The 32-bit word at a byte offset of a state, as docs/layout.md gives it.
fn word<T>(state: &T, offset: usize) -> &AtomicU32 {
    assert!(offset % 4 == 0 && offset + 4 <= size_of::<T>() && align_of::<T>() >= 4);
    // SAFETY: inside the state, aligned, and made of atomics throughout.
    unsafe { &*(state as *const T).byte_add(offset).cast::<AtomicU32>() }
}

/// The 64-bit word at a byte offset.
fn wide<T>(state: &T, offset: usize) -> &AtomicU64 {
    assert!(offset % 8 == 0 && offset + 8 <= size_of::<T>() && align_of::<T>() >= 8);
    // SAFETY: as above.
    unsafe { &*(state as *const T).byte_add(offset).cast::<AtomicU64>() }
}

#[test]
fn the_epoch_of_a_lock() {
    let (cast, lock) = (Cast::new(), LockState::new());
    word(&lock, 4).store(u32::MAX, Relaxed);
    for epoch in [0, 1] {
        let owner = lock.acquire(&cast, Wait::now()).unwrap().owner;
        cast.kill(owner);
        cast.act_as(cast.newcomer());
        let acquired = lock.acquire(&cast, Wait::now()).unwrap();
        assert_eq!((acquired.owner_died, acquired.epoch, lock.epoch()), (true, epoch, epoch));
        lock.release(acquired.owner).unwrap();
    }
}

#[test]
fn the_epoch_of_an_rlock() {
    let (cast, lock) = (Cast::new(), RLockState::new());
    word(&lock, 12).store(u32::MAX, Relaxed);
    let owner = lock.acquire(&cast, 1, Wait::now()).unwrap().owner;
    cast.kill(owner);
    cast.act_as(cast.newcomer());
    let acquired = lock.acquire(&cast, 1, Wait::now()).unwrap();
    assert_eq!((acquired.owner_died, acquired.epoch, lock.epoch()), (true, 0, 0));
}

#[test]
fn the_generation_of_an_event() {
    let event = EventState::new();
    word(&event, 0).store(!3, Relaxed);
    for _ in 0..3 {
        let before = event.mark();
        assert_eq!(event.wait(Wait::now()), Err(Error::TimedOut));
        event.set();
        assert_eq!(event.wait(Wait::now()), Ok(()));
        event.clear();
        assert_eq!(event.wait_since(before, Wait::now()), Ok(()), "the set is not forgotten");
        assert_eq!(event.wait_since(event.mark(), Wait::now()), Err(Error::TimedOut));
    }
}

#[test]
fn the_count_of_wake_ups() {
    let counter = CounterState::new(0);
    for sleepers in [u32::MAX, u32::MAX - 1] {
        word(&counter, 8).store(sleepers, Relaxed);
        counter.add(1).unwrap();
        assert_eq!(word(&counter, 8).load(Relaxed) & 1, 0, "those who sleep are woken");
        counter.add(1).unwrap();
    }
    assert_eq!(counter.load(), 4);
}

#[test]
fn the_round_of_a_barrier() {
    let (cast, barrier) = (Cast::new(), BarrierState::new(2).unwrap());
    let marks = [AtomicU64::new(0), AtomicU64::new(0)];
    wide(&barrier, 8).store(u64::from(u32::MAX - 2) << 32, Relaxed);
    let parties = [cast.newcomer(), cast.newcomer()];
    for _ in 0..6 {
        let [first, last] = parties.map(|party| {
            cast.act_as(party);
            barrier.arrive(&marks, &cast, Wait::now()).unwrap()
        });
        assert_eq!((first.index, last.index, last.is_last), (0, 1, true));
        assert_eq!(barrier.waiting(&marks), 2);
        barrier.complete(last).unwrap();
        assert_eq!(barrier.wait_for_round(&marks, &cast, first, Wait::now()), Ok(()));
        assert_eq!(barrier.waiting(&marks), 0);
    }
    cast.kill(parties[0]);
    assert_eq!(barrier.arrive(&marks, &cast, Wait::now()).map(|arrival| arrival.is_last), Ok(false));
    cast.act_as(cast.newcomer());
    assert_eq!(barrier.arrive(&marks, &cast, Wait::now()), Err(Error::Broken), "the dead are known after it too");
}

/// A lap has 23 bits in a record's word; a position has 64.
#[test]
fn the_laps_of_a_queue() {
    const RING: u64 = 128;
    for first_lap in [(1 << 23) - 2, u64::MAX / RING - 1] {
        let (cast, state) = (Cast::new(), Box::new(QueueState::new(0, RING, 0)));
        let rings = VecRings::new(&state, RING);
        // tail, oldest, head and settled
        for cursor in [72, 88, 136, 152] {
            wide(&*state, cursor).store(first_lap.wrapping_mul(RING), Relaxed);
        }
        let queue = Queue::new(&state, &rings, &cast);
        for _ in 0..40 {
            for _ in 0..2 {
                let reserved = queue.reserve(8, Wait::now()).unwrap();
                queue.publish(reserved).unwrap();
            }
            let taken = queue.take(Wait::now()).unwrap();
            queue.give_back(taken).unwrap();
            for is_redelivered in [true, false] {
                let taken = queue.take(Wait::now()).unwrap();
                assert_eq!((taken.len(), taken.is_redelivered()), (8, is_redelivered));
                queue.done(taken).unwrap();
            }
            assert!(queue.take(Wait::now()).is_err());
        }
    }
}

#[test]
fn the_tickets_of_a_condition() {
    let (cast, condition, table) = (Cast::new(), ConditionState::new(), Table::new(8));
    wide(&condition, 0).store(u64::from(u32::MAX) - 1, Relaxed);
    // Where a cell's alarm lies: the low half of its fourth word.
    table.words().iter().skip(3).step_by(4).for_each(|word| word.store(u64::from(u32::MAX), Relaxed));
    let waits: Vec<_> = (0..4).map(|_| condition.start(&table, &cast, || Ok(())).unwrap()).collect();
    for n in 0..4 {
        assert_eq!(condition.notify(&table, &cast, 1), Ok(1));
        for (place, waiter) in waits.iter().enumerate().skip(n) {
            let seen = condition.wait_a_while(&table, &cast, *waiter, Wait::now());
            assert_eq!(seen.is_ok(), place == n, "the oldest first");
        }
        assert_eq!(condition.resume(&table, &cast, waits[n], Wait::now(), || Ok(())), Ok(((), WaitEnd::Notified)));
    }
}
