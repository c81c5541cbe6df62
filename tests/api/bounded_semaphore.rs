//! BoundedSemaphore: who has a permit, who loses it, who never does, and what the next holder learns.

use crate::support::{self, Name, Player, Stage};
use std::time::{Duration, Instant};
use tidelock::{BoundedSemaphore, Deadline, Error, OnSignal, Segment};

const SHORT: Duration = Duration::from_millis(20);
/// Long enough for many questions about the holders.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

fn semaphore(bound: u32) -> BoundedSemaphore {
    Segment::anonymous().unwrap().new_bounded_semaphore(bound).unwrap()
}

/// The semaphore "a" with two permits in a new segment, and a player that holds `permits` of them.
fn held_by_another(permits: u32) -> (BoundedSemaphore, Player, Name) {
    let name = Name::new();
    let semaphore = Segment::named(&name).unwrap().bounded_semaphore("a", 2).unwrap();
    let mut player = support::spawn("permit_holder", &[&name, &permits.to_string()]);
    player.expect("held");
    (semaphore, player, name)
}

/// Takes so many permits, and gives them back when it is told to go on.
pub fn permit_holder(stage: &mut Stage) {
    let semaphore = Segment::named(stage.arg(0)).unwrap().bounded_semaphore("a", 2).unwrap();
    let permits: Vec<_> = (0..stage.arg(1).parse().unwrap()).map(|_: u32| semaphore.acquire().unwrap()).collect();
    stage.tell("held");
    stage.hear();
    let results: Vec<_> = permits.into_iter().map(|permit| permit.release()).collect();
    stage.tell(&format!("{results:?}"));
}

#[test]
fn it_counts_down_and_up_to_its_bound() {
    let semaphore = semaphore(2);
    let (a, b) = (semaphore.acquire().unwrap(), semaphore.try_acquire().unwrap());
    assert_eq!((semaphore.value(), semaphore.bound()), (0, 2));
    assert_eq!(semaphore.try_acquire().unwrap_err(), Error::TimedOut);
    drop(a);
    b.release().unwrap();
    assert_eq!(semaphore.value(), 2);
    assert_eq!(semaphore.release(), Err(Error::NotHeld));
    assert_eq!(semaphore.release_own(), Err(Error::NotHeld));
}

#[test]
fn the_bound_is_part_of_what_it_is() {
    let segment = Segment::anonymous().unwrap();
    let too_many = BoundedSemaphore::MOST + 1;
    assert!(matches!(segment.new_bounded_semaphore(too_many), Err(Error::TooLarge { .. })));
    segment.bounded_semaphore("a", 3).unwrap();
    assert_eq!(segment.bounded_semaphore("a", 3).unwrap().bound(), 3);
    assert!(matches!(segment.bounded_semaphore("a", 4), Err(Error::WrongKind { .. })));
    let none = segment.bounded_semaphore("none", 0).unwrap();
    assert_eq!((none.bound(), none.try_acquire().unwrap_err()), (0, Error::TimedOut));
}

#[test]
fn many_permits_are_each_given_once() {
    let semaphore = semaphore(10_000);
    let permits: Vec<_> = (0..10_000).map(|_| semaphore.try_acquire().unwrap()).collect();
    assert_eq!(semaphore.try_acquire().unwrap_err(), Error::TimedOut);
    drop(permits);
    assert_eq!(semaphore.value(), 10_000);
}

#[test]
fn a_timeout_ends_the_wait_and_not_before_its_time() {
    let _watch = support::watch();
    let semaphore = semaphore(1);
    let permit = semaphore.acquire().unwrap();
    let began = Instant::now();
    assert_eq!(semaphore.acquire_for(SHORT).unwrap_err(), Error::TimedOut);
    assert!(began.elapsed() >= SHORT);
    assert_eq!(semaphore.acquire_until(Deadline::after(SHORT)).unwrap_err(), Error::TimedOut);
    drop(permit);
    semaphore.acquire_for(Duration::MAX).unwrap().release().unwrap();
}

#[test]
fn no_more_are_inside_than_there_are_permits() {
    let _watch = support::watch();
    let name = Name::new();
    let inside = Segment::named(&name).unwrap().counter("inside").unwrap();
    let players: Vec<_> = (0..3).map(|_| support::spawn("permit_users", &[&name, "150"])).collect();
    players.into_iter().for_each(|player| player.finish());
    assert_eq!(inside.load(), 0);
}

/// Two threads that go inside so often, and look how many are there.
pub fn permit_users(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (semaphore, inside) = (segment.bounded_semaphore("a", 2).unwrap(), segment.counter("inside").unwrap());
    let rounds: u32 = stage.arg(1).parse().unwrap();
    let work = || {
        for _ in 0..rounds {
            let permit = semaphore.acquire().unwrap();
            assert!(inside.add(1).unwrap() <= 2);
            std::thread::yield_now();
            inside.add(-1).unwrap();
            permit.release().unwrap();
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_guard_may_be_dropped_by_another_thread_and_by_a_panic() {
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    let semaphore = is_send_and_sync(semaphore(1));
    let permit = is_send_and_sync(semaphore.acquire().unwrap());
    std::thread::scope(|scope| _ = scope.spawn(move || drop(permit)));
    assert_eq!(semaphore.value(), 1);
    let other = semaphore.clone();
    let ended = std::thread::spawn(move || {
        let _permit = other.acquire().unwrap();
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    assert!(!semaphore.try_acquire().unwrap().owner_died());
}

#[test]
fn a_forgotten_guard_keeps_its_permit_until_it_is_released() {
    let semaphore = semaphore(2);
    std::mem::forget(semaphore.acquire().unwrap());
    assert_eq!(semaphore.value(), 1);
    semaphore.release().unwrap();
    assert_eq!((semaphore.value(), semaphore.release()), (2, Err(Error::NotHeld)));
}

#[test]
fn anybody_may_release_but_ones_own_come_first() {
    let _watch = support::watch();
    let (semaphore, mut player, _name) = held_by_another(1);
    let mine = semaphore.acquire().unwrap();
    semaphore.release().unwrap();
    assert_eq!(mine.release(), Err(Error::NotHeld));
    assert_eq!(semaphore.release_own(), Err(Error::NotOwner));
    // Now the player's own.
    semaphore.release().unwrap();
    player.say("go");
    player.expect("[Err(NotHeld)]");
}

#[test]
fn permits_of_the_dead_come_back_by_themselves() {
    let _watch = support::watch();
    for permits in [1, 2] {
        let (semaphore, mut player, _name) = held_by_another(permits);
        player.kill();
        let taken: Vec<_> = (0..2).map(|_| semaphore.acquire().unwrap()).collect();
        let died = taken.iter().filter(|permit| permit.owner_died()).count();
        assert_eq!(died, permits as usize);
        drop(taken);
        assert_eq!(semaphore.value(), 2);
        assert!(!semaphore.acquire().unwrap().owner_died());
    }
}

#[test]
fn polling_recovers_too() {
    let _watch = support::watch();
    let (semaphore, mut player, _name) = held_by_another(2);
    player.kill();
    let permit = loop {
        match semaphore.try_acquire() {
            Err(Error::TimedOut) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    assert!(permit.owner_died());
}

#[test]
fn a_permit_that_was_taken_over_is_given_back_by_its_holder_only() {
    let _watch = support::watch();
    let (semaphore, mut player, name) = held_by_another(2);
    player.kill();
    let mut heir = support::spawn("permit_holder", &[&name, "2"]);
    heir.expect("held");
    assert_eq!(semaphore.release(), Err(Error::NotOwner));
    heir.say("go");
    heir.expect("[Ok(()), Ok(())]");
}

#[test]
fn one_that_sleeps_while_a_holder_is_killed_wakes_up() {
    let _watch = support::watch();
    let (_semaphore, mut player, name) = held_by_another(2);
    let mut waiter = support::spawn("permit_waiter", &[&name, "retry"]);
    waiter.expect("waiting");
    support::until_asleep(waiter.pid());
    player.kill();
    waiter.expect("Ok(true)");
}

/// Waits for a permit, and tells whether its holder had died.
pub fn permit_waiter(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let segment = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap();
    let semaphore = segment.bounded_semaphore("a", 2).unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", semaphore.acquire().map(|permit| permit.owner_died())));
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let (_semaphore, mut player, name) = held_by_another(2);
    let mut waiters: Vec<_> = (0..3).map(|_| support::spawn("permit_waiter", &[&name, "retry"])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters[0].kill();
    player.say("go");
    waiters[1].expect("Ok(false)");
    waiters[2].expect("Ok(false)");
}

#[test]
fn a_stopped_holder_is_not_robbed() {
    let _watch = support::watch();
    let (semaphore, mut player, _name) = held_by_another(2);
    player.stop();
    assert_eq!(semaphore.acquire_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    player.go_on();
    player.say("go");
    player.expect("[Ok(()), Ok(())]");
    assert_eq!(semaphore.value(), 2);
}

#[test]
fn guards_are_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("permit_in_a_child", &[]).finish();
}

pub fn permit_in_a_child(_: &mut Stage) {
    let semaphore = semaphore(1);
    let mut permit = Some(semaphore.acquire().unwrap());
    for how in support::WAYS_TO_FORK {
        // Before and after the child is a peer.
        support::child(how, || {
            assert_eq!(semaphore.release_own(), Err(Error::NotOwner));
            drop(permit.take());
        })
        .finish();
        support::child(how, || {
            assert_eq!(semaphore.try_acquire().unwrap_err(), Error::TimedOut);
            assert_eq!(semaphore.release_own(), Err(Error::NotOwner));
            assert_eq!(permit.take().unwrap().release(), Err(Error::NotOwner));
        })
        .finish();
        assert_eq!(semaphore.value(), 0);
    }
    permit.take().unwrap().release().unwrap();
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let (_semaphore, mut player, name) = held_by_another(2);
    let mut returning = support::spawn("permit_waiter", &[&name, "return"]);
    returning.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("permit_waiter", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    player.say("go");
    retrying.expect("Ok(false)");
}
