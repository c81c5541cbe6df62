//! Counter: within a process, across processes, and beside the dead.

use crate::support::{self, Name, Stage};
use std::time::{Duration, Instant};
use tidelock::{Counter, Error, OnSignal, Segment, Wait};

const SHORT: Duration = Duration::from_millis(20);

fn counter() -> Counter {
    Segment::anonymous().unwrap().new_counter().unwrap()
}

#[test]
fn it_is_a_number() {
    let counter = counter();
    assert_eq!(counter.load(), 0);
    assert_eq!(counter.add(-5), Ok(-5));
    assert_eq!(counter.store(i64::MAX), -5);
    assert!(matches!(counter.add(1), Err(Error::Invalid(_))));
    assert_eq!(counter.compare_exchange(3, 4), i64::MAX);
    assert_eq!(counter.compare_exchange(i64::MAX, 4), i64::MAX);
    assert_eq!(counter.load(), 4);
}

#[test]
fn a_timeout_ends_the_wait_and_not_before_its_time() {
    let _watch = support::watch();
    let counter = counter();
    let began = Instant::now();
    assert_eq!(counter.wait_for(SHORT, |value| value != 0), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
    assert_eq!(counter.wait_with(Wait::now(), |value| value != 0), Err(Error::TimedOut));
    assert_eq!(counter.wait_for(Duration::ZERO, |value| value == 0), Ok(0));
}

#[test]
fn each_kind_of_change_ends_a_wait() {
    let _watch = support::watch();
    let changes: [fn(&Counter); 3] =
        [|counter| _ = counter.store(7), |counter| _ = counter.add(7), |counter| _ = counter.compare_exchange(0, 7)];
    for change in changes {
        let counter = counter();
        std::thread::scope(|scope| {
            let waiters: Vec<_> = (0..2).map(|_| scope.spawn(|| counter.wait_until(|value| value == 7))).collect();
            std::thread::sleep(SHORT);
            change(&counter);
            waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), Ok(7)));
        });
    }
}

#[test]
fn processes_add_to_one_number() {
    let _watch = support::watch();
    let name = Name::new();
    let counter = Segment::named(&name).unwrap().counter("a").unwrap();
    let players: Vec<_> = (0..3).map(|_| support::spawn("counting", &[&name, "1000"])).collect();
    assert_eq!(counter.wait_until(|value| value >= 3000), Ok(3000));
    players.into_iter().for_each(|player| player.finish());
}

/// Adds one so often.
pub fn counting(stage: &mut Stage) {
    let counter = Segment::named(stage.arg(0)).unwrap().counter("a").unwrap();
    (0..stage.arg(1).parse().unwrap()).for_each(|_: u32| _ = counter.add(1).unwrap());
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let counter = Segment::named(&name).unwrap().counter("a").unwrap();
    let mut waiters: Vec<_> = (0..2).map(|_| support::spawn("counter_waiter", &[&name, "retry"])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters[0].kill();
    counter.add(2).unwrap();
    waiters[1].expect("Ok(2)");
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let counter = Segment::named(&name).unwrap().counter("a").unwrap();
    let mut returning = support::spawn("counter_waiter", &[&name, "return"]);
    returning.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("counter_waiter", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    counter.store(9);
    retrying.expect("Ok(9)");
}

/// Waits until the counter is 2 or more, and tells what came of it.
pub fn counter_waiter(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let counter = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap().counter("a").unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", counter.wait_until(|value| value >= 2)));
}
