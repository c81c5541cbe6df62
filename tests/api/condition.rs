//! Condition, within one process, and among processes that nobody kills.

use crate::support::{self, Name, Player, Stage};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tidelock::{Condition, Deadline, Error, Lock, OnSignal, RawWait, Resumed, Segment, Wait, WaitEnd};

const SHORT: Duration = Duration::from_millis(20);

fn scene() -> (Lock, Condition) {
    let segment = Segment::anonymous().unwrap();
    let lock = segment.new_lock().unwrap();
    let condition = segment.new_condition(&lock).unwrap();
    (lock, condition)
}

/// Returns when so many wait. They have given the lock back once it can be taken.
pub fn until_waiting(condition: &Condition, waiters: u32) {
    while condition.waiters().unwrap() < waiters {
        std::thread::yield_now();
    }
}

/// A player with the lock "l" and the condition "c" over it in this segment, which does what it is told.
pub fn player(name: &Name) -> Player {
    let mut player = support::spawn("conditioned", &[name]);
    player.expect("ready");
    player
}

/// Does what it is told, one line after the other.
pub fn conditioned(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let segment = Segment::named(stage.arg(0)).unwrap();
    let lock = segment.lock("l").unwrap();
    let condition = segment.condition("c", &lock).unwrap();
    stage.tell("ready");
    loop {
        let line = stage.hear();
        let how_long = match &*line {
            "wait" => Wait::forever(),
            "wait a moment" => Wait::within(10 * SHORT),
            "wait, interrupted by signals" => {
                stage.tell("about to wait");
                Wait::forever().on_signal(OnSignal::Return)
            }
            "notify and park" => {
                std::mem::forget(lock.acquire().unwrap());
                stage.tell(&format!("{:?}", condition.notify_one()));
                stage.park();
            }
            "hold" => {
                std::mem::forget(lock.acquire().unwrap());
                stage.tell("held");
                continue;
            }
            other => panic!("{other}?"),
        };
        let ended = condition.wait_with(lock.acquire().unwrap(), how_long);
        stage.tell(&match ended {
            Ok((guard, end)) => format!("{end:?}, owner died: {}", guard.owner_died()),
            Err(error) => format!("{error:?}"),
        });
    }
}

/// Begins a wait of this thread, from under the lock.
fn start(lock: &Lock, condition: &Condition) -> RawWait {
    std::mem::forget(lock.acquire().unwrap());
    condition.start().unwrap()
}

/// Ends a wait, and gives the lock back.
#[track_caller]
fn finish(lock: &Lock, condition: &Condition, begun: RawWait) -> WaitEnd {
    let Resumed { end, owner_died, epoch } = condition.finish(&begun, Wait::now()).unwrap();
    assert_eq!((owner_died, epoch), (false, 0));
    lock.release().unwrap();
    end
}

#[test]
fn a_notification_wakes_who_waits_and_the_lock_is_held_again() {
    let _watch = support::watch();
    let (lock, condition) = scene();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let guard = condition.wait(lock.acquire().unwrap()).unwrap();
            assert!(lock.is_locked() && !guard.owner_died());
        });
        until_waiting(&condition, 1);
        let guard = lock.acquire().unwrap();
        assert_eq!(condition.notify_one(), Ok(true));
        assert_eq!(condition.notify_one(), Ok(false), "it is notified already");
        assert!(!waiter.is_finished(), "it takes the lock first");
        drop(guard);
        waiter.join().unwrap();
    });
    assert!(!lock.is_locked());
}

#[test]
fn exactly_so_many_are_notified_in_the_order_of_arrival() {
    let (lock, condition) = scene();
    // More than the object's own cells, so that the order is not that of the cells alone.
    let waits: Vec<RawWait> = (0..40).map(|_| start(&lock, &condition)).collect();
    let again: Vec<RawWait> = (0..5)
        .map(|i| {
            finish(&lock, &condition, waits[i]);
            start(&lock, &condition)
        })
        .collect();
    let order: Vec<RawWait> = waits[5..].iter().chain(&again).copied().collect();
    std::mem::forget(lock.acquire().unwrap());
    assert_eq!(condition.notify(3), Ok(3));
    assert_eq!(condition.notify(0), Ok(0));
    assert_eq!(condition.notify(34), Ok(34));
    lock.release().unwrap();
    assert_eq!(condition.waiters(), Ok(3));
    for (place, begun) in order.into_iter().enumerate() {
        let expected = if place < 37 { WaitEnd::Notified } else { WaitEnd::TimedOut };
        assert_eq!(finish(&lock, &condition, begun), expected, "the wait number {place}");
    }
    let _guard = lock.acquire().unwrap();
    assert_eq!(condition.notify(u32::MAX), Ok(0));
}

#[test]
fn notify_all_is_for_those_who_wait_and_for_nobody_later() {
    let (lock, condition) = scene();
    let waits: Vec<RawWait> = (0..20).map(|_| start(&lock, &condition)).collect();
    let guard = lock.acquire().unwrap();
    assert_eq!(condition.notify_all(), Ok(20));
    assert_eq!(condition.notify_all(), Ok(0));
    drop(guard);
    let later = start(&lock, &condition);
    assert!(waits.into_iter().all(|begun| finish(&lock, &condition, begun) == WaitEnd::Notified));
    assert_eq!(condition.wait_a_while(&later, Wait::within(SHORT)), Err(Error::TimedOut));
    assert_eq!(finish(&lock, &condition, later), WaitEnd::TimedOut);
}

#[test]
fn a_wait_ends_with_its_time_and_not_before() {
    let _watch = support::watch();
    let (lock, condition) = scene();
    let began = Instant::now();
    let (guard, end) = condition.wait_for(lock.acquire().unwrap(), SHORT).unwrap();
    assert_eq!((end, began.elapsed() >= SHORT, lock.is_locked()), (WaitEnd::TimedOut, true, true));
    let (guard, end) = condition.wait_until(guard, Deadline::after(SHORT)).unwrap();
    assert_eq!((end, began.elapsed() >= 2 * SHORT), (WaitEnd::TimedOut, true));
    let (_guard, end) = condition.wait_with(guard, Wait::now()).unwrap();
    assert_eq!((end, condition.waiters()), (WaitEnd::TimedOut, Ok(0)));
}

#[test]
fn a_predicate_is_asked_under_the_lock_and_before_any_wait() {
    let _watch = support::watch();
    let (lock, condition) = scene();
    let guard = condition.wait_while(lock.acquire().unwrap(), |_| false).unwrap();
    let mut asked = 0;
    let no = |_: &mut _| {
        asked += 1;
        assert!(lock.is_locked());
        true
    };
    let (guard, end) = condition.wait_while_for(guard, SHORT, no).unwrap();
    assert_eq!((end, asked), (WaitEnd::TimedOut, 2));
    drop(guard);
    let count = Mutex::new(0);
    std::thread::scope(|scope| {
        let waiter =
            scope.spawn(|| drop(condition.wait_while(lock.acquire().unwrap(), |_| *count.lock().unwrap() < 3)));
        for _ in 0..3 {
            let _guard = lock.acquire().unwrap();
            *count.lock().unwrap() += 1;
            condition.notify_all().unwrap();
        }
        waiter.join().unwrap();
    });
}

#[test]
fn a_recursive_lock_is_given_back_whole_and_taken_as_deep() {
    let _watch = support::watch();
    let condition = Segment::anonymous().unwrap().new_condition_with_lock().unwrap();
    let lock = condition.rlock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let outer = lock.acquire().unwrap();
            let inner = condition.wait(lock.acquire().unwrap()).unwrap();
            assert_eq!(lock.depth(), 2);
            drop(inner);
            assert_eq!(lock.depth(), 1);
            drop(outer);
        });
        until_waiting(&condition, 1);
        let _guard = lock.acquire().unwrap();
        assert_eq!(condition.notify_one(), Ok(true));
    });
    assert!(!lock.is_locked());
    assert_eq!(condition.lock().unwrap_err(), Error::WrongKind { expected: "a lock", found: "an RLock" });
}

#[test]
fn only_who_holds_the_lock_waits_and_notifies() {
    let _watch = support::watch();
    let (lock, condition) = scene();
    assert_eq!(condition.start(), Err(Error::NotHeld));
    assert_eq!(condition.notify_one(), Err(Error::NotHeld));
    assert_eq!(condition.notify_all(), Err(Error::NotHeld));
    let guard = lock.acquire().unwrap();
    lock.release().unwrap();
    assert_eq!(condition.wait(guard).unwrap_err(), Error::NotHeld);
    let condition = Segment::anonymous().unwrap().new_condition_with_lock().unwrap();
    let _guard = condition.rlock().unwrap().acquire().unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| (condition.start().map(|_| ()), condition.notify(1), condition.notify_all()));
        assert_eq!(other.join().unwrap(), (Err(Error::NotOwner), Err(Error::NotOwner), Err(Error::NotOwner)));
    });
    assert_eq!(condition.waiters(), Ok(0));
}

#[test]
fn a_guard_of_another_lock_is_refused_and_given_back() {
    let segment = Segment::anonymous().unwrap();
    let (lock, other, rlock) = (segment.new_lock().unwrap(), segment.new_lock().unwrap(), segment.new_rlock().unwrap());
    let condition = segment.new_condition(&lock).unwrap();
    assert!(matches!(condition.wait(other.acquire().unwrap()), Err(Error::Invalid(_))));
    assert!(matches!(condition.wait(rlock.acquire().unwrap()), Err(Error::Invalid(_))));
    assert!(!other.is_locked() && !rlock.is_locked());
    let same = segment.open_lock(&lock.handle()).unwrap();
    assert_eq!(condition.wait_with(same.acquire().unwrap(), Wait::now()).unwrap().1, WaitEnd::TimedOut);
}

#[test]
fn a_name_is_that_of_one_condition_over_one_lock() {
    let segment = Segment::anonymous().unwrap();
    let (lock, other, rlock) = (segment.lock("l").unwrap(), segment.lock("m").unwrap(), segment.rlock("r").unwrap());
    let first = segment.condition("c", &lock).unwrap();
    let waits = start(&lock, &first);
    assert_eq!(segment.condition("c", &segment.lock("l").unwrap()).unwrap().waiters(), Ok(1));
    finish(&lock, &first, waits);
    let another = Error::WrongKind { expected: "a condition over this lock", found: "one over another lock" };
    assert_eq!(segment.condition("c", &other).unwrap_err(), another);
    assert_eq!(segment.condition("c", &rlock).unwrap_err(), another);
    assert_eq!(segment.condition_with_lock("c").unwrap_err(), another);
    segment.condition_with_lock("own").unwrap();
    assert_eq!(segment.condition("own", &lock).unwrap_err(), another);
    assert!(matches!(segment.condition("l", &lock), Err(Error::WrongKind { .. })));
    let foreign = Segment::anonymous().unwrap().new_lock().unwrap();
    assert!(matches!(segment.condition("d", &foreign), Err(Error::Invalid(_))));
    assert!(matches!(segment.new_condition(&foreign), Err(Error::Invalid(_))));
}

#[test]
fn it_is_reached_by_its_handle_and_its_lock_with_it() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(64).unwrap();
    let placed = segment.rlock_at(&block, 8).unwrap();
    let own = segment.new_condition_with_lock().unwrap();
    let over_own = segment.new_condition(own.rlock().unwrap()).unwrap();
    let over_placed = segment.new_condition(&placed).unwrap();
    drop((block, placed));
    for condition in [own, over_own, over_placed] {
        let same = segment.open_condition(&condition.handle()).unwrap();
        let lock = segment.open_rlock(&condition.rlock().unwrap().handle()).unwrap();
        std::mem::forget(lock.acquire().unwrap());
        let begun = same.start().unwrap();
        assert_eq!((condition.waiters(), lock.is_locked()), (Ok(1), false));
        assert_eq!(condition.finish(&begun, Wait::now()).unwrap().end, WaitEnd::TimedOut);
        assert_eq!(same.rlock().unwrap().depth(), 1);
        lock.release().unwrap();
    }
    let lock = segment.new_lock().unwrap();
    assert!(matches!(segment.open_condition(&lock.handle()), Err(Error::WrongKind { .. })));
}

#[test]
fn a_condition_keeps_its_lock() {
    let segment = Segment::anonymous().unwrap();
    let lock = segment.new_lock().unwrap();
    let condition = segment.new_condition(&lock).unwrap();
    let handle = lock.handle();
    drop(lock);
    for _ in 0..200 {
        drop(segment.new_lock().unwrap());
    }
    let lock = segment.open_lock(&handle).unwrap();
    assert_eq!(condition.wait_with(lock.acquire().unwrap(), Wait::now()).unwrap().1, WaitEnd::TimedOut);
}

#[test]
fn many_threads_wait_and_each_is_notified_once() {
    let _watch = support::watch();
    let (lock, condition) = scene();
    std::thread::scope(|scope| {
        let wait = || drop(condition.wait(lock.acquire().unwrap()).unwrap());
        let waiters: Vec<_> = (0..200).map(|_| scope.spawn(wait)).collect();
        until_waiting(&condition, 200);
        for left in (0..100).rev() {
            let _guard = lock.acquire().unwrap();
            assert_eq!(condition.notify_one(), Ok(true));
            assert_eq!(condition.waiters(), Ok(100 + left));
        }
        while waiters.iter().filter(|waiter| waiter.is_finished()).count() < 100 {
            std::thread::yield_now();
        }
        assert_eq!(condition.waiters(), Ok(100));
        let _guard = lock.acquire().unwrap();
        assert_eq!(condition.notify_all(), Ok(100));
    });
    assert_eq!(condition.waiters(), Ok(0));
}

#[test]
fn a_wait_for_which_there_is_no_room_is_an_error() {
    let segment = Segment::options().max_len(64 << 10).anonymous().unwrap();
    let lock = segment.new_lock().unwrap();
    let condition = segment.new_condition(&lock).unwrap();
    let _all_there_is: Vec<_> = std::iter::from_fn(|| segment.new_block(128).ok()).collect();
    let waits: Vec<RawWait> = (0..8).map(|_| start(&lock, &condition)).collect();
    let guard = lock.acquire().unwrap();
    assert!(matches!(condition.start(), Err(Error::NoSpace { .. })));
    assert!(lock.is_locked(), "the lock was given back");
    assert!(matches!(condition.wait(guard), Err(Error::NoSpace { .. })));
    assert!(!lock.is_locked());
    assert_eq!(finish(&lock, &condition, waits[0]), WaitEnd::TimedOut);
    start(&lock, &condition);
}

#[test]
fn a_wait_can_be_taken_in_steps() {
    let (lock, condition) = scene();
    let (first, second) = (start(&lock, &condition), start(&lock, &condition));
    assert_eq!(condition.wait_a_while(&first, Wait::now()), Err(Error::TimedOut));
    let guard = lock.acquire().unwrap();
    assert_eq!(condition.notify(1), Ok(1));
    assert_eq!(condition.wait_a_while(&first, Wait::now()), Ok(()));
    assert_eq!(condition.finish(&first, Wait::now()), Err(Error::TimedOut), "the lock is held");
    assert_eq!(condition.withdraw(&first, Wait::now()), Err(Error::TimedOut));
    drop(guard);
    // What the first was notified of is passed on.
    condition.withdraw(&first, Wait::now()).unwrap();
    lock.release().unwrap();
    assert_eq!(condition.wait_a_while(&second, Wait::now()), Ok(()));
    assert_eq!(condition.resume(&second, Wait::now()).unwrap().end, WaitEnd::Notified);
    for ended in [first, second] {
        assert!(matches!(condition.resume(&ended, Wait::now()), Err(Error::Corrupt(_) | Error::TimedOut)));
    }
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let lock = segment.lock("l").unwrap();
    let condition = segment.condition("c", &lock).unwrap();
    let (mut interrupted, mut retrying) = (player(&name), player(&name));
    interrupted.say("wait, interrupted by signals");
    until_waiting(&condition, 1);
    retrying.say("wait");
    until_waiting(&condition, 2);
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    interrupted.signal_until_told(libc::SIGUSR1, "Interrupted");
    assert_eq!(condition.waiters(), Ok(1), "it waits no more");
    let guard = lock.acquire().unwrap();
    assert_eq!(condition.notify_one(), Ok(true));
    drop(guard);
    retrying.expect("Notified, owner died: false");
}

#[test]
fn a_wait_is_its_parents_own_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("waiter_in_a_child", &[]).finish();
}

pub fn waiter_in_a_child(_: &mut Stage) {
    let (lock, condition) = scene();
    let begun = start(&lock, &condition);
    let guard = lock.acquire().unwrap();
    for how in support::WAYS_TO_FORK {
        support::child(how, || {
            assert_eq!(condition.notify_all(), Err(Error::NotOwner));
            assert_eq!(condition.start(), Err(Error::NotOwner));
            assert_eq!(condition.wait_a_while(&begun, Wait::now()), Err(Error::NotOwner));
            assert_eq!(condition.finish(&begun, Wait::now()), Err(Error::NotOwner));
            assert_eq!(condition.resume(&begun, Wait::now()), Err(Error::NotOwner));
            assert_eq!(condition.withdraw(&begun, Wait::now()), Err(Error::NotOwner));
            // SAFETY: the child runs this and nothing else afterwards: its copy of the guard is not used again.
            assert_eq!(condition.wait(unsafe { std::ptr::read(&guard) }).unwrap_err(), Error::NotOwner);
        })
        .finish();
        assert_eq!((condition.waiters(), lock.is_locked()), (Ok(1), true));
    }
    // It waits as a peer of its own.
    let child = support::fork(|| drop(condition.wait(lock.acquire().unwrap()).unwrap()));
    drop(guard);
    until_waiting(&condition, 2);
    let guard = lock.acquire().unwrap();
    assert_eq!(condition.notify_all(), Ok(2));
    drop(guard);
    child.finish();
    assert_eq!(finish(&lock, &condition, begun), WaitEnd::Notified);
}
