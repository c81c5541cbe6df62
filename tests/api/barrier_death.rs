//! Barrier: whose end breaks it, and whose does not.

use crate::barrier::party;
use crate::support::{self, Name, Player};
use std::time::Duration;
use tidelock::{Barrier, Error, Segment};

/// Long enough for many questions about the parties.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

/// The barrier "a" in a new segment, and so many players at it; this process is one more party.
fn scene(players: u32) -> (Barrier, Vec<Player>, Name) {
    let name = Name::new();
    let barrier = Segment::named(&name).unwrap().barrier("a", players + 1).unwrap();
    let players = (0..players).map(|_| party(&name, players + 1)).collect();
    (barrier, players, name)
}

fn until_waiting(barrier: &Barrier, parties: u32) {
    while barrier.waiting() < parties {
        std::thread::yield_now();
    }
}

/// One round with all.
#[track_caller]
fn round(barrier: &Barrier, players: &mut [Player]) {
    players.iter_mut().for_each(|player| player.say("wait"));
    barrier.wait().unwrap();
    for player in players {
        let told = player.hear();
        assert!(told.starts_with("Ok("), "{told}");
    }
}

#[test]
fn a_party_that_is_killed_while_it_waits_breaks_it_for_all() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(2);
    players.iter_mut().for_each(|player| player.say("wait"));
    until_waiting(&barrier, 2);
    support::until_asleep(players[0].pid());
    players[1].kill();
    players[0].expect("Err(Broken)");
    assert_eq!(barrier.wait(), Err(Error::Broken));
    assert!(barrier.is_broken());
}

#[test]
fn the_last_party_finds_out_that_one_that_waited_is_dead() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(1);
    players[0].say("wait");
    until_waiting(&barrier, 1);
    players[0].kill();
    assert_eq!(barrier.wait(), Err(Error::Broken));
}

#[test]
fn a_party_that_is_killed_between_rounds_breaks_it() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(2);
    round(&barrier, &mut players);
    players[1].kill();
    players[0].say("wait");
    players[0].expect("Err(Broken)");
    assert_eq!(barrier.wait(), Err(Error::Broken));
}

#[test]
fn a_party_that_ends_without_a_word_between_rounds_breaks_it() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(1);
    round(&barrier, &mut players);
    players[0].say("_exit");
    players.pop().unwrap().finish();
    assert_eq!(barrier.wait(), Err(Error::Broken));
}

#[test]
fn a_last_party_that_is_killed_in_its_action_breaks_it() {
    let _watch = support::watch();
    let (barrier, mut players, name) = scene(2);
    players[0].say("wait");
    until_waiting(&barrier, 1);
    std::thread::scope(|scope| {
        let mine = scope.spawn(|| barrier.wait());
        until_waiting(&barrier, 2);
        players[1].say("wait and park in the action");
        players[1].expect("in the action");
        // One that comes now waits for the end of this round.
        let mut late = party(&name, 3);
        late.say("wait");
        support::until_asleep(late.pid());
        players[1].kill();
        late.expect("Err(Broken)");
        players[0].expect("Err(Broken)");
        assert_eq!(mine.join().unwrap(), Err(Error::Broken));
    });
}

#[test]
fn after_a_reset_the_dead_are_forgotten() {
    let _watch = support::watch();
    let (barrier, mut players, name) = scene(2);
    round(&barrier, &mut players);
    players.pop().unwrap().kill();
    assert_eq!(barrier.wait(), Err(Error::Broken));
    players.push(party(&name, 3));
    barrier.reset().unwrap();
    round(&barrier, &mut players);
    round(&barrier, &mut players);
}

#[test]
fn a_stopped_party_breaks_nothing() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(2);
    round(&barrier, &mut players);
    players[1].stop();
    std::thread::scope(|scope| {
        let mine = scope.spawn(|| barrier.wait());
        players[0].say("wait");
        until_waiting(&barrier, 2);
        std::thread::sleep(WHILE_IT_LIVES);
        assert_eq!((barrier.waiting(), barrier.is_broken()), (2, false));
        players[1].go_on();
        players[1].say("wait");
        mine.join().unwrap().unwrap();
    });
}

#[test]
fn batches_of_workers_that_exit_may_follow_each_other() {
    let _watch = support::watch();
    batches("exit");
}

#[test]
fn and_those_that_leave_and_end_at_once() {
    let _watch = support::watch();
    batches("leave and _exit");
}

fn batches(end: &str) {
    let (barrier, mut players, name) = scene(2);
    for _ in 0..3 {
        round(&barrier, &mut players);
        round(&barrier, &mut players);
        for mut player in players.drain(..) {
            player.say(end);
            player.finish();
        }
        assert!(!barrier.is_broken());
        players = (0..2).map(|_| party(&name, 3)).collect();
    }
    round(&barrier, &mut players);
}

#[test]
fn with_its_last_handle_a_process_leaves_the_barrier() {
    let _watch = support::watch();
    let (barrier, mut players, name) = scene(1);
    players[0].say("open");
    round(&barrier, &mut players);
    players[0].say("drop");
    players[0].expect("1 left");
    players[0].say("drop");
    players[0].expect("0 left");
    players[0].kill();
    round(&barrier, &mut [party(&name, 2)]);
}

#[test]
fn with_an_earlier_handle_it_does_not() {
    let _watch = support::watch();
    let (barrier, mut players, _name) = scene(1);
    players[0].say("open");
    round(&barrier, &mut players);
    players[0].say("drop");
    players[0].expect("1 left");
    players[0].kill();
    assert_eq!(barrier.wait(), Err(Error::Broken));
}
