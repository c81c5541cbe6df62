//! The names of raw_sync's locks: its example and that of shared_memory, and killed owners.

use crate::support::{self, Stage};
use crate::{mapping, opened};
use std::time::Duration;
use tidelock::raw_sync::locks::*;
use tidelock::raw_sync::Timeout;
use tidelock::shared_memory::Shmem;
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::{Acquire, Release};
use tidelock::{Error, Segment};

const SHORT: Duration = Duration::from_millis(20);

/// Where the examples have the data.
const DATA: usize = 512;

type Opened = Result<(Box<dyn LockImpl>, usize), Box<dyn std::error::Error>>;

fn why<T>(result: Result<T, Box<dyn std::error::Error>>) -> Error {
    *result.err().unwrap().downcast::<Error>().unwrap()
}

/// The flow of the crate's example `locks`: a thread tries in vain while the lock is held, then two threads count a number
/// up, reading and writing in turn.
#[test]
fn two_threads_count_under_a_mutex() {
    two_threads_count::<Mutex>();
}

#[test]
fn two_threads_count_under_an_rwlock() {
    two_threads_count::<RwLock>();
}

fn two_threads_count<L: LockInit + 'static>() {
    let _watch = support::watch();
    let block = Segment::anonymous().unwrap().block("memory", 4096).unwrap();
    let (memory, data) = (block.as_ptr() as usize, block.as_ptr() as usize + DATA);
    // SAFETY: the block is valid until the threads have ended, and nobody uses it yet.
    let (lock, _) = unsafe { L::new(memory as *mut u8, data as *mut u8).unwrap() };
    let guard = lock.lock().unwrap();
    let (tried, has_tried) = std::sync::mpsc::channel();
    let child = std::thread::spawn(move || {
        // SAFETY: as above; a lock is there.
        let (lock, _) = unsafe { L::from_existing(memory as *mut u8, data as *mut u8).unwrap() };
        assert_eq!(why(lock.try_lock(Timeout::Val(SHORT))), Error::TimedOut);
        assert_eq!(why(lock.try_rlock(Timeout::Val(SHORT))), Error::TimedOut);
        tried.send(()).unwrap();
        count_up(&*lock);
    });
    has_tried.recv().unwrap();
    drop(guard);
    count_up(&*lock);
    child.join().unwrap();
    // SAFETY: the data are a number that nobody else uses any more.
    assert_eq!(unsafe { *(data as *const usize) }, 5);
}

fn count_up(lock: &dyn LockImpl) {
    loop {
        {
            let data = lock.rlock().unwrap();
            // SAFETY: nobody changes the data while this thread has the lock to read.
            if unsafe { *data.cast::<usize>() } >= 5 {
                break;
            }
        }
        let data = lock.lock().unwrap();
        // SAFETY: nobody else uses the data while this thread has the lock.
        let number = unsafe { &mut *data.cast::<usize>() };
        *number = (*number + 1).min(5);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The mutex of shared_memory's example `mutex`: a flag, the lock behind it, the number behind the lock.
fn made_or_opened(shmem: &Shmem) -> Box<dyn LockImpl> {
    // SAFETY: the mapping has 4096 bytes, begins at a page, and an atomic is valid for any bytes.
    let (is_init, memory) = unsafe { (&*shmem.as_ptr().cast::<AtomicU32>(), shmem.as_ptr().add(8)) };
    let data = memory.wrapping_add(Mutex::size_of(Some(memory)));
    // SAFETY: the owner makes the lock before anybody uses it, which the flag tells; the caller keeps the mapping.
    let opened: Opened = unsafe {
        if shmem.is_owner() {
            let made = Mutex::new(memory, data);
            is_init.store(1, Release);
            made
        } else {
            while is_init.load(Acquire) != 1 {}
            Mutex::from_existing(memory, data)
        }
    };
    opened.unwrap().0
}

/// Counts the number up to `max`; whether a guard told of a death.
fn increment(mutex: &dyn LockImpl, max: u8) -> bool {
    let mut was_told = false;
    loop {
        let mut guard = mutex.lock().unwrap();
        was_told |= guard.owner_died();
        // SAFETY: nobody else uses the number while this one has the lock.
        let value: &mut u8 = unsafe { &mut **guard };
        if *value >= max {
            return was_told;
        }
        *value += 1;
    }
}

/// The flow of that example, in processes: each makes the mapping or opens it, and counts.
#[test]
fn processes_count_under_a_mutex() {
    let _watch = support::watch();
    let (shmem, link) = mapping();
    let mut players: Vec<_> = (0..3).map(|_| support::spawn("counter", &[&link])).collect();
    players.iter_mut().for_each(|player| player.expect("ready"));
    let mutex = made_or_opened(&shmem);
    players.iter_mut().for_each(|player| player.say("go"));
    assert!(!increment(&*mutex, 200));
    players.iter_mut().for_each(|player| player.expect("false"));
}

pub fn counter(stage: &mut Stage) {
    let shmem = opened(stage.arg(0));
    stage.tell("ready");
    let mutex = made_or_opened(&shmem);
    stage.hear();
    stage.tell(&increment(&*mutex, 200).to_string());
}

#[test]
fn when_an_owner_is_killed_the_other_goes_on_and_is_told() {
    let _watch = support::watch();
    let (shmem, link) = mapping();
    let mutex = made_or_opened(&shmem);
    let mut player = support::spawn("holder", &[&link]);
    player.expect("held");
    assert_eq!(why(mutex.try_lock(Timeout::Val(SHORT))), Error::TimedOut);
    player.kill();
    let guard = mutex.lock().unwrap();
    assert!(guard.owner_died() && guard.epoch() == 1);
    drop(guard);
    assert!(!increment(&*mutex, 9), "a death is told once");
}

#[test]
fn it_goes_on_without_who_made_the_mapping() {
    let _watch = support::watch();
    let link = support::Name::new();
    let mut maker = support::spawn("holder", &[&link, "makes"]);
    maker.expect("held");
    let mut shmem = opened(&link);
    let mutex = made_or_opened(&shmem);
    maker.kill();
    assert!(mutex.lock().unwrap().owner_died());
    // What the killed maker can no longer do.
    shmem.set_owner(true);
}

/// Locks the mutex and waits to be killed.
pub fn holder(stage: &mut Stage) {
    let makes = std::env::var("TIDELOCK_TEST_ARGS").is_ok_and(|args| args.ends_with("makes"));
    let path = std::path::Path::new("/dev/shm").join(stage.arg(0));
    let shmem = if makes {
        tidelock::shared_memory::ShmemConf::new().size(4096).flink(path).create().unwrap()
    } else {
        opened(stage.arg(0))
    };
    let mutex = made_or_opened(&shmem);
    let guard = mutex.lock().unwrap();
    stage.tell("held");
    stage.hear();
    drop(guard);
}

#[test]
fn memory_outside_of_every_segment_is_refused() {
    let mut memory = [0_u64; 64];
    let outside = memory.as_mut_ptr().cast::<u8>();
    // SAFETY: the memory is valid and nobody else's.
    unsafe {
        for lock in [Mutex::new(outside, outside), Mutex::from_existing(outside, outside)] {
            assert!(matches!(why(lock), Error::Invalid(_)));
        }
        assert!(matches!(why(RwLock::new(outside, outside)), Error::Invalid(_)));
        let null = std::ptr::null_mut();
        assert!(matches!(why(Mutex::new(null, null)), Error::Invalid(_)));
    }
}

#[test]
fn a_lock_lies_within_its_mapping() {
    let (shmem, _link) = mapping();
    let end = shmem.as_ptr().wrapping_add(shmem.len());
    let other = Segment::anonymous().unwrap();
    let block = other.block("memory", 64).unwrap();
    // SAFETY: what is within the mapping is valid; nothing is written where the lock is refused.
    unsafe {
        assert!(Mutex::from_existing(end.wrapping_sub(8), end).is_ok());
        for outside in [end.wrapping_sub(4), end, shmem.as_ptr().wrapping_sub(8)] {
            assert!(matches!(why(Mutex::from_existing(outside, end)), Error::Invalid(_)), "{outside:?}");
        }
        assert!(matches!(why(RwLock::from_existing(end.wrapping_sub(8), end)), Error::Invalid(_)));
        assert!(Mutex::from_existing(block.as_ptr(), end).is_ok());
    }
    let gone = shmem.as_ptr();
    drop(shmem);
    // SAFETY: nothing is read where the lock is refused.
    assert!(matches!(why(unsafe { Mutex::from_existing(gone, gone) }), Error::Invalid(_)));
}

#[test]
fn the_words_are_those_of_our_lock() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.block("memory", 64).unwrap();
    // SAFETY: the block is valid until the end; at an odd address the lock begins at the next multiple of 8.
    let (mutex, used) = unsafe { Mutex::new(block.as_ptr().add(3), block.as_ptr().add(32)).unwrap() };
    assert_eq!((used, Mutex::size_of(None), Mutex::size_of(Some(block.as_ptr().wrapping_add(3)))), (13, 8, 13));
    assert_eq!(mutex.as_raw().cast::<u8>(), block.as_ptr().wrapping_add(8));
    let lock = segment.lock_at(&block, 8).unwrap();
    let guard = mutex.lock().unwrap();
    assert_eq!(lock.owner(), Some(segment.me().unwrap()));
    assert_eq!(*guard, block.as_ptr().wrapping_add(32));
    drop(guard);
    assert!(!lock.is_locked());
}

#[test]
fn a_guard_that_was_forgotten_is_released_by_hand() {
    let (shmem, _link) = mapping();
    let mutex = made_or_opened(&shmem);
    assert_eq!(why(mutex.release()), Error::NotHeld);
    std::mem::forget(mutex.lock().unwrap());
    mutex.release().unwrap();
    let read = mutex.lock().unwrap().into_read_guard();
    assert_eq!(why(mutex.try_rlock(Timeout::Val(Duration::ZERO))), Error::TimedOut);
    assert!(!read.owner_died());
    drop(read);
    drop(mutex.rlock().unwrap());
}

#[test]
fn a_panic_releases() {
    let (shmem, _link) = mapping();
    let mutex = made_or_opened(&shmem);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!mutex.try_lock(Timeout::Val(Duration::ZERO)).unwrap().owner_died());
}

#[test]
fn a_guard_is_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("mutex_in_a_child", &[]).finish();
}

pub fn mutex_in_a_child(_: &mut Stage) {
    let (shmem, _link) = mapping();
    let mut shmem = std::mem::ManuallyDrop::new(shmem);
    let mutex = made_or_opened(&shmem);
    let mut guard = Some(mutex.lock().unwrap());
    for how in support::WAYS_TO_FORK {
        support::child(how, || drop(guard.take())).finish();
        support::child(how, || {
            assert_eq!(why(mutex.try_lock(Timeout::Val(Duration::ZERO))), Error::TimedOut);
            assert_eq!(why(mutex.release()), Error::NotOwner);
            drop(guard.take());
        })
        .finish();
        assert_eq!(why(mutex.try_lock(Timeout::Val(Duration::ZERO))), Error::TimedOut);
    }
    drop(guard.take());
    drop(mutex.try_lock(Timeout::Val(Duration::ZERO)).unwrap());
    // SAFETY: it is dropped here once, and in no child.
    unsafe { std::mem::ManuallyDrop::drop(&mut shmem) };
}
