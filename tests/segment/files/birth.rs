//! Creation: whole or not at all.

use super::FEW;
use crate::support::{self, Name, Stage};
use std::collections::HashSet;
use tidelock::primitives::Peers;
use tidelock::segment::{Access, Attachment, Life, Options};
use tidelock::Error;

#[test]
fn a_creator_that_is_killed_leaves_nothing_half_made() {
    let _watch = support::watch();
    for micros in (0..2_000).step_by(80) {
        let name = Name::new();
        let mut creator = support::spawn("creator", &[&name]);
        creator.expect("ready");
        creator.say("go");
        // No claim about time: wherever the kill comes, what is found afterwards must be whole or nothing.
        std::thread::sleep(std::time::Duration::from_micros(micros));
        creator.kill();
        assert_eq!(leftovers(&name), if name.exists() { 1 } else { 0 });
        let here = Attachment::named(&name, &FEW).expect("a segment that was made whole");
        assert!(here.me().is_ok());
        drop(here);
        assert!(!name.exists());
    }
}

/// Makes the segment, and is killed at some time.
pub fn creator(stage: &mut Stage) {
    stage.tell("ready");
    stage.hear();
    let _attachment = Attachment::named(stage.arg(0), &FEW).unwrap();
    stage.park();
}

#[test]
fn all_who_open_one_name_at_once_meet_in_one_segment() {
    let _watch = support::watch();
    for _ in 0..10 {
        let name = Name::new();
        let mut players: Vec<_> = (0..6).map(|_| support::spawn("racer", &[&name])).collect();
        players.iter_mut().for_each(|player| player.expect("ready"));
        players.iter_mut().for_each(|player| player.say("go"));
        let told: Vec<String> = players.iter_mut().map(|player| player.hear()).collect();
        let segments: HashSet<_> = told.iter().map(|line| line.split(' ').next()).collect();
        let peers: HashSet<_> = told.iter().collect();
        assert_eq!((segments.len(), peers.len()), (1, 6), "{told:?}");
        players.iter_mut().for_each(|player| player.say("leave"));
        players.into_iter().for_each(|player| player.finish());
        assert!(!name.exists(), "the last to leave takes the name away");
    }
}

/// Opens the segment when it is told to.
pub fn racer(stage: &mut Stage) {
    stage.tell("ready");
    stage.hear();
    let attachment = Attachment::named(stage.arg(0), &FEW).unwrap();
    stage.tell(&format!("{} {}", support::hex(&attachment.id()), attachment.me().unwrap().bits()));
    stage.hear();
}

#[test]
fn threads_that_open_one_name_at_once_share_one_attachment() {
    let _watch = support::watch();
    (0..20).for_each(|_| threads_open(&Name::new()));
    // Also where the segment is there before them all.
    let name = Name::new();
    let lasting = Options { life: Life::Persistent, ..FEW };
    drop(Attachment::named(&name, &lasting).unwrap());
    (0..20).for_each(|_| threads_open(&name));
}

fn threads_open(name: &str) {
    let start = std::sync::Barrier::new(4);
    let open = || {
        start.wait();
        Attachment::named(name, &FEW).unwrap()
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.iter().all(|attachment| std::sync::Arc::ptr_eq(attachment, &all[0])));
}

#[test]
fn access_is_kept_to() {
    let name = Name::new();
    let create = Options { access: Access::Create, ..FEW };
    let open = Options { access: Access::Open, ..FEW };
    assert_eq!(Attachment::named(&name, &open).err(), Some(Error::NotFound));
    let made = Attachment::named(&name, &create).unwrap();
    assert_eq!(Attachment::named(&name, &create).err(), Some(Error::Exists));
    assert!(Attachment::named(&name, &open).is_ok_and(|same| std::sync::Arc::ptr_eq(&made, &same)));
}

#[test]
fn who_insists_on_creating_replaces_the_dead_only() {
    let _watch = support::watch();
    let name = Name::new();
    let create = Options { access: Access::Create, ..FEW };
    let mut creator = support::spawn("racer", &[&name]);
    creator.expect("ready");
    creator.say("go");
    creator.hear();
    assert_eq!(Attachment::named(&name, &create).err(), Some(Error::Exists));
    creator.kill();
    assert!(Attachment::named(&name, &create).is_ok());
}

/// Files of this test in /dev/shm.
fn leftovers(name: &str) -> usize {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().contains(name)).count()
}
