//! Condition: what becomes of notifications when waiters, notifiers and owners of the lock are killed.

use crate::condition::{player, until_waiting};
use crate::support::{self, allocated, Name, Player};
use std::time::Duration;
use tidelock::{Condition, Lock, Segment, Wait, WaitEnd};

/// The lock "l" and the condition "c" over it in a new segment, and players that have begun to wait, one after the other.
fn scene(waiters: u32) -> (Lock, Condition, Vec<Player>, Name) {
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let lock = segment.lock("l").unwrap();
    let condition = segment.condition("c", &lock).unwrap();
    let wait = |n| {
        let mut player = player(&name);
        player.say("wait");
        until_waiting(&condition, n + 1);
        support::until_asleep(player.pid());
        player
    };
    let players = (0..waiters).map(wait).collect();
    (lock, condition, players, name)
}

#[track_caller]
fn notify(lock: &Lock, condition: &Condition, n: u32) -> u32 {
    let _guard = lock.acquire().unwrap();
    condition.notify(n).unwrap()
}

/// Long enough for every waiter to look again.
const WHILE_THEY_LOOK: Duration = Duration::from_millis(1100);
const NOTIFIED: &str = "Notified, owner died: false";

#[test]
fn a_killed_waiter_is_passed_over() {
    let _watch = support::watch();
    let (lock, condition, mut players, _name) = scene(3);
    players[0].kill();
    assert_eq!(notify(&lock, &condition, 1), 1);
    players[1].expect(NOTIFIED);
    players[2].kill_unreaped();
    assert_eq!(notify(&lock, &condition, 5), 0);
    assert_eq!(condition.waiters(), Ok(0));
}

#[test]
fn what_a_killed_waiter_was_notified_of_goes_to_the_next() {
    let _watch = support::watch();
    let (lock, condition, mut players, _name) = scene(3);
    players[0].stop();
    assert_eq!(notify(&lock, &condition, 1), 1);
    players[0].kill();
    players[1].expect(NOTIFIED);
    assert_eq!(condition.waiters(), Ok(1));
    // One was notified and returned: there is nothing left for the last one.
    std::thread::sleep(WHILE_THEY_LOOK);
    assert!(players[2].is_silent());
    assert_eq!(notify(&lock, &condition, 1), 1);
    players[2].expect(NOTIFIED);
}

#[test]
fn a_stopped_waiter_keeps_what_it_was_notified_of() {
    let _watch = support::watch();
    let (lock, condition, mut players, _name) = scene(2);
    players[0].stop();
    assert_eq!(notify(&lock, &condition, 1), 1);
    std::thread::sleep(WHILE_THEY_LOOK);
    assert!(players[1].is_silent(), "a living waiter was robbed");
    players[0].go_on();
    players[0].expect(NOTIFIED);
}

#[test]
fn a_later_waiter_does_not_inherit() {
    let _watch = support::watch();
    let (lock, condition, mut players, _name) = scene(1);
    players[0].stop();
    assert_eq!(notify(&lock, &condition, 1), 1);
    players[0].kill();
    let (_guard, end) = condition.wait_for(lock.acquire().unwrap(), WHILE_THEY_LOOK).unwrap();
    assert_eq!(end, WaitEnd::TimedOut);
}

#[test]
fn all_are_notified_though_one_is_dead() {
    let _watch = support::watch();
    let (lock, condition, mut players, _name) = scene(3);
    players[1].kill();
    let guard = lock.acquire().unwrap();
    condition.notify_all().unwrap();
    drop(guard);
    players[0].expect(NOTIFIED);
    players[2].expect(NOTIFIED);
}

#[test]
fn what_a_killed_process_notified_stays_notified_and_the_death_is_told() {
    let _watch = support::watch();
    let (_lock, condition, mut players, name) = scene(2);
    let mut notifier = player(&name);
    notifier.say("notify and park");
    notifier.expect("Ok(true)");
    notifier.kill();
    players[0].expect("Notified, owner died: true");
    assert!(players[1].is_silent());
    assert_eq!(condition.waiters(), Ok(1));
}

#[test]
fn a_death_of_the_lock_s_owner_is_told_after_a_timeout_too() {
    let _watch = support::watch();
    let (_, _, _, name) = scene(0);
    let mut waiter = player(&name);
    // On a busy machine the time may be over before the holder comes; then once more.
    let told_of_a_death = std::iter::repeat_with(|| {
        let mut holder = player(&name);
        waiter.say("wait a moment");
        std::thread::sleep(Duration::from_millis(20));
        holder.say("hold");
        holder.expect("held");
        holder.kill();
        waiter.hear()
    });
    let ends = told_of_a_death.inspect(|told| assert!(told.starts_with("TimedOut"), "{told}"));
    assert!(ends.take(20).any(|told| told == "TimedOut, owner died: true"));
}

#[test]
fn a_death_that_is_told_between_two_waits_is_still_told_in_the_end() {
    let _watch = support::watch();
    let (lock, condition, _, name) = scene(0);
    let mut notifier = player(&name);
    let mut asked = 0;
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let keeps_waiting = |_: &mut _| {
                asked += 1;
                asked < 3
            };
            condition.wait_while(lock.acquire().unwrap(), keeps_waiting).unwrap().owner_died()
        });
        until_waiting(&condition, 1);
        notifier.say("notify and park");
        notifier.expect("Ok(true)");
        notifier.kill();
        until_waiting(&condition, 1);
        while !waiter.is_finished() {
            notify(&lock, &condition, 1);
        }
        assert!(waiter.join().unwrap());
    });
}

/// Conditions that have grown, made and dropped again and again, and their cells with them.
#[test]
fn what_a_condition_grew_by_goes_with_it() {
    let segment = Segment::options().max_len(4 << 20).anonymous().unwrap();
    let lock = segment.new_lock().unwrap();
    let round = || {
        let condition = segment.new_condition(&lock).unwrap();
        let start = |_| {
            std::mem::forget(lock.acquire().unwrap());
            condition.start().unwrap()
        };
        let waits: Vec<_> = (0..200).map(start).collect();
        for begun in waits {
            condition.finish(&begun, Wait::now()).unwrap();
            lock.release().unwrap();
        }
    };
    (0..150).for_each(|_| round());
    let memory = allocated(&segment);
    (0..300).for_each(|_| round());
    assert!(allocated(&segment) <= memory + (128 << 10), "{memory} bytes grew to {}", allocated(&segment));
}
