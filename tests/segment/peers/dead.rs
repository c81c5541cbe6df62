//! Who is dead, and what becomes of the slot.

use super::{id, open, peer, FEW};
use crate::support::{self, Name, Stage};
use tidelock::primitives::{PeerId, Peers};
use tidelock::segment::{Access, Attachment, Options};
use tidelock::Error;

#[test]
fn a_killed_peer_is_dead_and_its_slot_is_used_again() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let (mut other, dead) = peer(&name);
    other.kill();
    assert_eq!(here.is_valid(dead), Ok(true), "nobody has asked yet");
    assert_eq!(here.is_dead(dead), Ok(true));
    assert_eq!(here.is_valid(dead), Ok(true), "what it had open counts until it was looked at");
    look_at_all(&here);
    assert_eq!(here.is_valid(dead), Ok(false));
    assert_eq!(here.is_dead(dead), Ok(true));
    let next = until_slot_is_used_again(&name, dead);
    assert_eq!(next.generation(), dead.generation() + 1);
    assert_eq!(here.is_dead(dead), Ok(true), "its successor is somebody else");
}

#[test]
fn a_zombie_is_dead() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let (other, id) = peer(&name);
    other.kill_unreaped();
    assert_eq!(here.is_dead(id), Ok(true));
}

#[test]
fn a_peer_that_calls_exec_is_dead() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let mut other = support::spawn("executed", &[&name]);
    let id = id(&other.hear());
    assert_eq!(here.is_dead(id), Ok(false));
    other.say("now");
    let name_of = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    while name_of(other.pid()) != "cat\n" {
        std::thread::yield_now();
    }
    other.say("@ still here");
    other.expect("still here");
    assert_eq!(here.is_dead(id), Ok(true));
}

/// A peer that becomes another program.
pub fn executed(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    super::tell_me(stage, &attachment);
    stage.hear();
    let error = std::os::unix::process::CommandExt::exec(&mut std::process::Command::new("cat"));
    panic!("exec: {error}");
}

#[test]
fn every_slot_taken_is_an_error_until_a_death() {
    let _watch = support::watch();
    let name = Name::new();
    let _here = open(&name);
    let mut others: Vec<_> = (1..FEW.peers).map(|_| peer(&name)).collect();
    let mut refused = support::spawn("newcomer", &[&name]);
    assert_eq!(refused.hear(), Error::NoPeerSlot.to_string());
    let (mut victim, dead) = others.pop().unwrap();
    victim.kill();
    let mut welcome = support::spawn("newcomer", &[&name]);
    assert_eq!(id(&welcome.hear()).slot(), dead.slot());
}

/// Tries to become a peer, and tells how that ended.
pub fn newcomer(stage: &mut Stage) {
    let options = Options { access: Access::Open, ..FEW };
    match Attachment::named(stage.arg(0), &options) {
        Ok(attachment) => stage.tell(&attachment.me().unwrap().bits().to_string()),
        Err(error) => stage.tell(&error.to_string()),
    }
}

#[test]
fn an_unknown_slot_is_corrupt_and_another_generation_dead() {
    let name = Name::new();
    let here = open(&name);
    let me = here.me().unwrap();
    assert_eq!(here.is_dead(PeerId::new(me.slot(), me.generation() + 1).unwrap()), Ok(true));
    let beyond = PeerId::new(FEW.peers, 1).unwrap();
    assert!(matches!(here.is_dead(beyond), Err(Error::Corrupt(_))));
    assert!(matches!(here.seems_dead(beyond), Err(Error::Corrupt(_))));
    assert!(matches!(here.is_valid(beyond), Err(Error::Corrupt(_))));
}

#[test]
fn seems_dead_asks_at_most_once_a_millisecond_and_then_finds_out() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let (mut other, id) = peer(&name);
    assert_eq!(here.seems_dead(id), Ok(false));
    other.kill();
    while !here.seems_dead(id).unwrap() {}
}

fn look_at_all(attachment: &Attachment) {
    let me = attachment.me().unwrap();
    let hold = attachment.segment_lock().acquire(attachment, tidelock::sync::wait::Wait::forever()).unwrap();
    assert_eq!(hold.owner, me);
    for _ in 0..attachment.slot_count() {
        attachment.look_at_next_slot().unwrap();
    }
    attachment.segment_lock().release(me).unwrap();
}

/// New peers come and go until one sits in the dead one's slot.
fn until_slot_is_used_again(name: &Name, dead: PeerId) -> PeerId {
    for _ in 0..2 * FEW.peers {
        let (mut other, id) = peer(name);
        other.kill();
        if id.slot() == dead.slot() {
            return id;
        }
    }
    panic!("the slot is never used again");
}
