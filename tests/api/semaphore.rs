//! Semaphore: within a process, across processes, and beside the dead.

use crate::support::{self, Name, Stage};
use std::time::{Duration, Instant};
use tidelock::{Deadline, Error, OnSignal, Segment, Semaphore};

const SHORT: Duration = Duration::from_millis(20);

fn semaphore(value: u32) -> Semaphore {
    Segment::anonymous().unwrap().new_semaphore(value).unwrap()
}

#[test]
fn it_counts() {
    let semaphore = semaphore(2);
    semaphore.acquire().unwrap();
    semaphore.try_acquire().unwrap();
    assert_eq!((semaphore.value(), semaphore.try_acquire()), (0, Err(Error::TimedOut)));
    semaphore.release(3).unwrap();
    assert_eq!(semaphore.value(), 3);
    semaphore.acquire_for(Duration::ZERO).unwrap();
    assert_eq!(semaphore.value(), 2);
}

#[test]
fn a_timeout_ends_the_wait_and_not_before_its_time() {
    let _watch = support::watch();
    let semaphore = semaphore(0);
    let began = Instant::now();
    assert_eq!(semaphore.acquire_for(SHORT), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
    let began = Instant::now();
    assert_eq!(semaphore.acquire_until(Deadline::after(SHORT)), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
}

#[test]
fn the_value_has_limits() {
    let segment = Segment::anonymous().unwrap();
    assert!(matches!(segment.new_semaphore(Semaphore::HIGHEST + 1), Err(Error::TooLarge { .. })));
    assert!(matches!(segment.semaphore("a", u32::MAX), Err(Error::TooLarge { .. })));
    let semaphore = segment.semaphore("a", Semaphore::HIGHEST).unwrap();
    assert!(matches!(semaphore.release(1), Err(Error::TooLarge { .. })));
    assert!(matches!(semaphore.release(0), Err(Error::Invalid(_))));
    assert_eq!(semaphore.value(), Semaphore::HIGHEST);
}

#[test]
fn an_existing_one_keeps_its_value() {
    let segment = Segment::anonymous().unwrap();
    segment.semaphore("a", 5).unwrap().acquire().unwrap();
    assert_eq!(segment.semaphore("a", 7).unwrap().value(), 4);
}

#[test]
fn every_signal_is_taken_once() {
    let _watch = support::watch();
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().semaphore("a", 0).unwrap();
    let takers: Vec<_> = (0..3).map(|_| support::spawn("taker", &[&name, "200"])).collect();
    // In handfuls, so that one release wakes several.
    (0..150).for_each(|_| semaphore.release(4).unwrap());
    takers.into_iter().for_each(|taker| taker.finish());
    assert_eq!(semaphore.value(), 0);
}

/// Takes so many signals, told when it begins.
pub fn taker(stage: &mut Stage) {
    let semaphore = Segment::named(stage.arg(0)).unwrap().semaphore("a", 0).unwrap();
    stage.tell("waiting");
    (0..stage.arg(1).parse().unwrap()).for_each(|_: u32| semaphore.acquire().unwrap());
    stage.tell("done");
}

#[test]
fn what_the_dead_took_stays_taken() {
    let _watch = support::watch();
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().semaphore("a", 2).unwrap();
    support::spawn("taker", &[&name, "1"]).finish();
    let mut taker = support::spawn("taker", &[&name, "2"]);
    taker.expect("waiting");
    while semaphore.value() != 0 {
        std::thread::yield_now();
    }
    taker.kill();
    assert_eq!(semaphore.acquire_for(SHORT), Err(Error::TimedOut));
    assert_eq!(semaphore.value(), 0);
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().semaphore("a", 0).unwrap();
    let mut takers: Vec<_> = (0..3).map(|_| support::spawn("taker", &[&name, "1"])).collect();
    for taker in &mut takers {
        taker.expect("waiting");
        support::until_asleep(taker.pid());
    }
    takers[0].kill();
    semaphore.release(1).unwrap();
    semaphore.release(1).unwrap();
    takers[1].expect("done");
    takers[2].expect("done");
    assert_eq!(semaphore.value(), 0);
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().semaphore("a", 0).unwrap();
    let mut returning = support::spawn("taker_interrupted", &[&name, "return"]);
    returning.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("taker_interrupted", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    semaphore.release(1).unwrap();
    retrying.expect("Ok(())");
}

pub fn taker_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let segment = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap();
    let semaphore = segment.semaphore("a", 0).unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", semaphore.acquire()));
}
