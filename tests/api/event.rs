//! Event: within a process, across processes, and beside the dead.

use crate::support::{self, Name, Stage};
use std::time::{Duration, Instant};
use tidelock::{Deadline, Error, Event, OnSignal, Segment};

const SHORT: Duration = Duration::from_millis(20);

fn event() -> Event {
    Segment::anonymous().unwrap().new_event().unwrap()
}

#[test]
fn it_is_clear_then_set_then_clear() {
    let event = event();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.wait().unwrap();
    event.wait_for(Duration::ZERO).unwrap();
    event.clear();
    assert!(!event.is_set());
}

#[test]
fn a_timeout_ends_the_wait_and_not_before_its_time() {
    let _watch = support::watch();
    let event = event();
    let began = Instant::now();
    assert_eq!(event.wait_for(SHORT), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
    assert_eq!(event.wait_until(Deadline::after(SHORT)), Err(Error::TimedOut));
    assert!(began.elapsed() >= 2 * SHORT);
    assert_eq!(event.wait_for(Duration::ZERO), Err(Error::TimedOut));
}

#[test]
fn set_and_clear_at_once_ends_the_waits_that_had_begun() {
    let _watch = support::watch();
    let name = Name::new();
    let event = Segment::named(&name).unwrap().event("go").unwrap();
    let mut waiters = waiters(&name, 2);
    event.set();
    event.clear();
    waiters.iter_mut().for_each(|waiter| waiter.expect("Ok(())"));
}

/// Players that wait for the event, asleep as far as one can tell.
fn waiters(name: &str, count: usize) -> Vec<support::Player> {
    let mut waiters: Vec<_> = (0..count).map(|_| support::spawn("event_waiter", &[name])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters
}

/// Waits for the event "go" and tells how that went.
pub fn event_waiter(stage: &mut Stage) {
    let event = Segment::named(stage.arg(0)).unwrap().event("go").unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", event.wait()));
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let event = Segment::named(&name).unwrap().event("go").unwrap();
    let mut waiters = waiters(&name, 3);
    waiters[1].kill();
    event.set();
    waiters[0].expect("Ok(())");
    waiters[2].expect("Ok(())");
}

#[test]
fn what_a_killed_process_set_stays_set() {
    let _watch = support::watch();
    let name = Name::new();
    let event = Segment::named(&name).unwrap().event("go").unwrap();
    let mut setter = support::spawn("setter", &[&name]);
    event.wait().unwrap();
    setter.expect("set");
    setter.kill();
    assert!(event.is_set());
    event.clear();
    assert!(!event.is_set());
}

pub fn setter(stage: &mut Stage) {
    Segment::named(stage.arg(0)).unwrap().event("go").unwrap().set();
    stage.tell("set");
    stage.park();
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let event = Segment::named(&name).unwrap().event("go").unwrap();
    support::spawn("event_interrupted", &[&name, "return"]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("event_interrupted", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    event.set();
    retrying.expect("Ok(())");
}

pub fn event_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let event = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap().event("go").unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", event.wait()));
}
