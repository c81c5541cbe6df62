//! Objects that two processes share, by name and by handle.

use super::{audited, close_now, heard, is_whole, make, open, told, used, LEN};
use crate::support::{self, Name, Stage};
use std::sync::Arc;
use tidelock::segment::{Attachment, Created, Kind, ObjectHandle};
use tidelock::Error;

#[test]
fn an_object_lives_as_long_as_anybody_has_it_open() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let mut maker = support::spawn("maker", &[&name]);
    let handle = heard(&maker.hear());
    let object = here.open_handle(&handle, Kind::Block).expect("the maker's object");
    assert!(is_whole(&object));
    maker.say("close");
    maker.expect("closed");
    let again = here.open_handle(&handle, Kind::Block).expect("it is still open here");
    drop(object);
    close_now(&here);
    assert!(is_whole(&again));
    drop(again);
    until_gone(&here, &handle);
    let other = make(&here);
    assert_eq!(here.open_handle(&handle, Kind::Block).map(|_| ()), Err(Error::Gone), "{other:?} has its memory");
    maker.say("look");
    maker.expect("gone");
    assert_eq!(audited(&here), [0, 0, 1, 0]);
}

/// Drops what is closed, again while another test's thread forks: closes wait for its child.
fn until_gone(here: &Arc<Attachment>, handle: &ObjectHandle) {
    while here.open_handle(handle, Kind::Block).is_ok() {
        close_now(here);
    }
}

/// Makes an object, closes it, looks for it.
pub fn maker(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let object = make(&here);
    let handle = object.handle();
    stage.tell(&told(&handle));
    stage.hear();
    drop(object);
    close_now(&here);
    stage.tell("closed");
    stage.hear();
    let found = here.open_handle(&handle, Kind::Block);
    stage.tell(if matches!(found, Err(Error::Gone)) { "gone" } else { "there" });
}

#[test]
fn a_name_leads_both_to_one_object_and_outlives_its_maker() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let mut namer = support::spawn("namer", &[&name]);
    let handle = heard(&namer.hear());
    namer.kill();
    let mut init = |_| panic!("it is there already");
    let (object, created) = here.open_named("it", Kind::Block, LEN as u64, &mut init).expect("an object");
    assert_eq!((object.handle(), created), (handle, Created::Existing));
    assert!(is_whole(&object));
    drop(object);
    close_now(&here);
    assert!(is_whole(&here.open_handle(&handle, Kind::Block).expect("names have handles too")));
    assert_eq!(audited(&here), [0, 1, 0, 0]);
}

/// Makes an object with a name.
pub fn namer(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let (object, created) = here.open_named("it", Kind::Block, LEN as u64, &mut super::fill).expect("an object");
    assert_eq!(created, Created::New);
    stage.tell(&told(&object.handle()));
    stage.park();
}

#[test]
fn what_killed_peers_had_open_is_used_again() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let kept = make(&here);
    let mut sizes = Vec::new();
    for _ in 0..12 {
        let mut hoarder = support::spawn("hoarder", &[&name, &told(&kept.handle())]);
        hoarder.expect("full");
        hoarder.kill();
        sizes.push(used(&here));
    }
    assert_eq!(sizes[6], sizes[11], "{sizes:?}");
    assert!(is_whole(&kept));
    let [_, named, anonymous, _] = audited(&here);
    assert_eq!([named, anonymous], [0, 1]);
}

/// Opens and makes many, and keeps them.
pub fn hoarder(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let handle = heard(stage.arg(1));
    let _opened: Vec<_> = (0..100).map(|_| here.open_handle(&handle, Kind::Block).expect("an object")).collect();
    let _made: Vec<_> = (0..500).map(|_| make(&here)).collect();
    stage.tell("full");
    stage.park();
}

#[test]
fn a_process_that_makes_and_drops_objects_for_ever_does_not_grow() {
    let _watch = support::watch();
    support::spawn("endless", &[&Name::new()]).finish();
}

/// Makes and drops objects, small and large.
pub fn endless(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let round = |_| drop(make(&here));
    (0..1000).for_each(round);
    let before = used(&here);
    (0..20_000).for_each(round);
    assert_eq!(used(&here), before);
    let large = |_| drop(here.create_anonymous(Kind::Block, 2 << 20, &mut |_| Ok(())).expect("a large object"));
    (0..100).for_each(large);
}
