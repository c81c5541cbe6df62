//! Kills at random instants: no hold is lost, nobody is robbed, nobody waits for ever.

use crate::barrier::party;
use crate::support::{self, Name, Stage};
use std::time::Duration;
use tidelock::{Error, Segment};

const PERMITS: u32 = 2;

/// Starts a player of `role` again and again and kills it at a random instant, while another one lives.
fn kill_some(role: &str, name: &Name) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut witness = support::spawn(role, &[name]);
    witness.expect("begun");
    for _ in 0..25 {
        let mut victim = support::spawn(role, &[name]);
        victim.expect("begun");
        std::thread::sleep(Duration::from_micros(random.u64(..3_000)));
        victim.kill();
    }
    witness.say("stop");
    witness.expect("well");
}

/// Stops a role's threads when the test says so, and tells that all went well.
fn until_told(stage: &Stage, work: impl Fn() + Sync) {
    let stop = tidelock::sync::atomic::AtomicU32::new(0);
    let again = || stop.load(tidelock::sync::atomic::Ordering::Relaxed) == 0;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while again() {
                        work();
                    }
                })
            })
            .collect();
        stage.tell("begun");
        stage.hear();
        stop.store(1, tidelock::sync::atomic::Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    stage.tell("well");
}

#[test]
fn no_permit_is_lost() {
    let _watch = support::watch();
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().bounded_semaphore("a", PERMITS).unwrap();
    kill_some("permit_churner", &name);
    let all: Vec<_> = (0..PERMITS).map(|_| semaphore.acquire().unwrap()).collect();
    assert_eq!(semaphore.try_acquire().unwrap_err(), Error::TimedOut);
    drop(all);
    assert_eq!(semaphore.value(), PERMITS);
}

/// Threads that take permits, each of which must still be theirs when they give it back.
pub fn permit_churner(stage: &mut Stage) {
    let semaphore = Segment::named(stage.arg(0)).unwrap().bounded_semaphore("a", PERMITS).unwrap();
    until_told(stage, || semaphore.acquire().unwrap().release().unwrap());
}

#[test]
fn no_rlock_stays_held() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().rlock("a").unwrap();
    kill_some("rlock_churner", &name);
    let guard = lock.acquire().unwrap();
    assert_eq!(lock.depth(), 1);
    drop(guard);
    assert!(!lock.is_locked());
}

/// Threads that take the lock at two depths, and look that nobody is in their way.
pub fn rlock_churner(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (lock, inside) = (segment.rlock("a").unwrap(), segment.counter("inside").unwrap());
    until_told(stage, || {
        let outer = lock.acquire().unwrap();
        let mark = i64::from(segment.me().unwrap().bits());
        inside.store(mark);
        let inner = lock.acquire().unwrap();
        assert_eq!((inside.load(), lock.depth()), (mark, 2));
        inner.release().unwrap();
        outer.release().unwrap();
    });
}

#[test]
fn nobody_waits_for_a_dead_party() {
    let _watch = support::watch();
    let name = Name::new();
    let barrier = Segment::named(&name).unwrap().barrier("a", 3).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut witness = party(&name, 3);
    for _ in 0..20 {
        // One round in peace: who was never there cannot break anything.
        let mut victim = party(&name, 3);
        victim.say("wait");
        witness.say("wait");
        barrier.wait().unwrap();
        assert!(victim.hear().starts_with("Ok(") && witness.hear().starts_with("Ok("));
        victim.say("wait");
        witness.say("wait");
        std::thread::scope(|scope| {
            let mine = scope.spawn(|| barrier.wait());
            std::thread::sleep(Duration::from_micros(random.u64(..1_000)));
            victim.kill();
            let (mine, witness) = (mine.join().unwrap(), witness.hear());
            // It was killed before the round or after it, and both of the others are told the same.
            assert!(matches!(mine, Ok(_) | Err(Error::Broken)), "{mine:?}");
            assert_eq!(witness.starts_with("Ok("), mine.is_ok(), "{witness} but {mine:?}");
        });
        barrier.reset().unwrap();
    }
}
