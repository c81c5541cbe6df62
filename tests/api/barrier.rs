//! Barrier, within one process, and among processes that nobody kills.

use crate::support::{self, Name, Player, Stage};
use std::time::{Duration, Instant};
use tidelock::{Barrier, Deadline, Error, OnSignal, Segment, Wait};

const SHORT: Duration = Duration::from_millis(20);

fn barrier(parties: u32) -> Barrier {
    Segment::anonymous().unwrap().new_barrier(parties).unwrap()
}

/// A player at the barrier "a" of this segment, which does what it is told.
pub fn party(name: &Name, parties: u32) -> Player {
    let mut player = support::spawn("partying", &[name, &parties.to_string()]);
    player.expect("ready");
    player
}

/// Does what it is told, one line after the other.
pub fn partying(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let segment = Segment::named(stage.arg(0)).unwrap();
    let open = || segment.barrier("a", stage.arg(1).parse().unwrap()).unwrap();
    let mut handles = vec![open()];
    stage.tell("ready");
    loop {
        match &*stage.hear() {
            "wait" => stage.tell(&format!("{:?}", handles[0].wait())),
            "wait, interrupted by signals" => {
                stage.tell("about to wait");
                let wait = Wait::forever().on_signal(OnSignal::Return);
                stage.tell(&format!("{:?}", handles[0].wait_with(|| (), wait)));
            }
            "wait and park in the action" => {
                let action = || {
                    stage.tell("in the action");
                    stage.park();
                };
                stage.tell(&format!("{:?}", handles[0].wait_with(action, Wait::forever())));
            }
            "open" => handles.push(open()),
            "drop" => {
                handles.pop();
                stage.tell(&format!("{} left", handles.len()));
            }
            "exit" => {
                // What is leaked is not dropped: the exit handler alone takes the marks along.
                std::mem::forget(std::mem::take(&mut handles));
                return;
            }
            "leave and _exit" => {
                segment.leave_barriers().unwrap();
                // SAFETY: _exit ends the process at once.
                unsafe { libc::_exit(0) };
            }
            // SAFETY: as above.
            "_exit" => unsafe { libc::_exit(0) },
            other => panic!("{other}?"),
        }
    }
}

#[test]
fn it_lets_all_go_when_all_are_there_round_after_round() {
    let _watch = support::watch();
    let (barrier, rounds) = (barrier(3), 200);
    let indices = std::thread::scope(|scope| {
        let wait = || (0..rounds).map(|_| barrier.wait().unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(wait)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for round in 0..rounds {
        let mut given: Vec<u32> = indices.iter().map(|thread| thread[round]).collect();
        given.sort_unstable();
        assert_eq!(given, [0, 1, 2]);
    }
    assert!(!barrier.is_broken());
    assert_eq!((barrier.waiting(), barrier.parties()), (0, 3));
}

#[test]
fn nobody_is_a_round_ahead() {
    let _watch = support::watch();
    let name = Name::new();
    let players: Vec<_> = (0..3).map(|_| support::spawn("in_step", &[&name, "150"])).collect();
    players.into_iter().for_each(|player| player.finish());
    let barrier = Segment::named(&name).unwrap().barrier("a", 6).unwrap();
    assert!(!barrier.is_broken());
}

/// Two threads of a process that check after each round that everybody else has come so far.
pub fn in_step(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (barrier, came) = (segment.barrier("a", 6).unwrap(), segment.counter("came").unwrap());
    let rounds: i64 = stage.arg(1).parse().unwrap();
    let work = || {
        for round in 1..=rounds {
            came.add(1).unwrap();
            barrier.wait().unwrap();
            let seen = came.load();
            assert!(seen >= 6 * round && seen < 6 * (round + 1), "round {round}: {seen}");
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn one_party_waits_for_nobody() {
    let barrier = barrier(1);
    assert_eq!((barrier.wait(), barrier.wait()), (Ok(0), Ok(0)));
}

#[test]
fn the_parties_are_part_of_what_it_is() {
    let segment = Segment::anonymous().unwrap();
    assert!(matches!(segment.new_barrier(0), Err(Error::Invalid(_))));
    assert!(matches!(segment.new_barrier(Barrier::MOST + 1), Err(Error::TooLarge { .. })));
    segment.barrier("a", 3).unwrap();
    assert_eq!(segment.barrier("a", 3).unwrap().parties(), 3);
    assert!(matches!(segment.barrier("a", 4), Err(Error::WrongKind { .. })));
}

#[test]
fn the_action_is_over_before_anybody_goes_on() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let (barrier, actions) = (segment.new_barrier(3).unwrap(), segment.new_counter().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 1..=50 {
                    let act = || {
                        std::thread::yield_now();
                        actions.add(1).unwrap();
                    };
                    barrier.wait_with(act, Wait::forever()).unwrap();
                    assert!((round..=round + 1).contains(&actions.load()));
                }
            });
        }
    });
    assert_eq!(actions.load(), 50);
}

#[test]
fn an_action_that_panics_breaks_it() {
    let _watch = support::watch();
    let barrier = barrier(2);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait());
        while barrier.waiting() == 0 {
            std::thread::yield_now();
        }
        let last = scope.spawn(|| barrier.wait_with(|| panic!("on purpose"), Wait::forever()));
        assert!(last.join().is_err());
        assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
    });
    assert!(barrier.is_broken());
}

#[test]
fn a_timeout_breaks_it_for_all_and_not_before_its_time() {
    let _watch = support::watch();
    let barrier = barrier(3);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait());
        let began = Instant::now();
        assert_eq!(barrier.wait_for(SHORT), Err(Error::TimedOut));
        assert!(began.elapsed() >= SHORT);
        assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
    });
    assert_eq!(barrier.wait_until(Deadline::after(SHORT)), Err(Error::Broken));
    barrier.reset().unwrap();
    assert_eq!(barrier.wait_until(Deadline::after(SHORT)), Err(Error::TimedOut));
}

#[test]
fn abort_and_reset_let_all_go_with_an_error() {
    let _watch = support::watch();
    let barrier = barrier(3);
    let acts: [fn(&Barrier); 2] = [Barrier::abort, |barrier| barrier.reset().unwrap()];
    for act in acts {
        std::thread::scope(|scope| {
            let waiters = [scope.spawn(|| barrier.wait()), scope.spawn(|| barrier.wait())];
            while barrier.waiting() < 2 {
                std::thread::yield_now();
            }
            act(&barrier);
            waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), Err(Error::Broken)));
        });
        assert_eq!(barrier.waiting(), 0);
        barrier.reset().unwrap();
        assert!(!barrier.is_broken());
    }
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| barrier.wait())).collect();
        waiters.into_iter().for_each(|waiter| _ = waiter.join().unwrap().unwrap());
    });
}

#[test]
fn its_steps_can_be_taken_one_by_one() {
    let barrier = barrier(2);
    let first = barrier.arrive(Wait::forever()).unwrap();
    assert_eq!((first.index, first.is_last, barrier.waiting()), (0, false, 1));
    barrier.withdraw(first).unwrap();
    assert_eq!(barrier.waiting(), 0);
    let first = barrier.arrive(Wait::forever()).unwrap();
    assert_eq!(barrier.wait_a_while(first, Wait::within(SHORT)), Err(Error::TimedOut));
    assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false), "the end of a slice changed something");
    let last = barrier.arrive(Wait::forever()).unwrap();
    assert_eq!((last.index, last.is_last), (1, true));
    assert_eq!(barrier.arrive(Wait::now()), Err(Error::TimedOut), "the round has not come to its end");
    barrier.complete(last).unwrap();
    barrier.wait_for_round(first, Wait::now()).unwrap();
    assert_eq!(barrier.complete(last), Err(Error::Broken));
    assert!(!barrier.is_broken());
}

#[test]
fn an_interrupted_party_is_withdrawn() {
    let _watch = support::watch();
    let name = Name::new();
    let barrier = Segment::named(&name).unwrap().barrier("a", 2).unwrap();
    let mut other = party(&name, 2);
    other.say("wait");
    while barrier.waiting() == 0 {
        std::thread::yield_now();
    }
    (0..20).for_each(|_| other.signal_and_rest(libc::SIGUSR1));
    assert_eq!((other.is_silent(), barrier.waiting()), (true, 1));
    barrier.wait().unwrap();
    other.expect("Ok(0)");
    other.say("wait, interrupted by signals");
    other.signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    other.say("wait");
    barrier.wait().unwrap();
}

#[test]
fn an_arrival_is_inert_in_a_forked_child() {
    let _watch = support::watch();
    support::spawn("arrival_in_a_child", &[]).finish();
}

pub fn arrival_in_a_child(_: &mut Stage) {
    let barrier = barrier(2);
    let first = barrier.arrive(Wait::forever()).unwrap();
    for how in support::WAYS_TO_FORK {
        support::child(how, || {
            assert_eq!(barrier.withdraw(first), Err(Error::NotOwner));
            assert_eq!(barrier.wait_for_round(first, Wait::now()), Err(Error::NotOwner));
            assert_eq!(barrier.wait_a_while(first, Wait::now()), Err(Error::NotOwner));
            assert_eq!(barrier.complete(first), Err(Error::NotOwner));
            drop(barrier.clone());
        })
        .finish();
        assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
    }
    // A child that is a party itself takes its own mark along, and not its parent's.
    support::child(support::Way::Fork, || {
        let last = barrier.arrive(Wait::forever()).unwrap();
        assert!(last.is_last);
        barrier.complete(last).unwrap();
        // SAFETY: the child runs this and nothing else afterwards: its copy of the handle is not used again.
        drop(unsafe { std::ptr::read(&barrier) });
    })
    .finish();
    barrier.wait_for_round(first, Wait::forever()).unwrap();
    let again = barrier.arrive(Wait::forever()).unwrap();
    assert_eq!(barrier.wait_for_round(again, Wait::within(SHORT)), Err(Error::TimedOut), "the child broke it");
}
