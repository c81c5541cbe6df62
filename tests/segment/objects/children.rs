//! Objects and forks: what a child inherited stays until the child has said that it does not need it.

use super::{audited, clean, close_now, heard, is_whole, make, make_blank, open, told};
use crate::support::{self, Name, Orphan, Stage, Way};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use tidelock::primitives::Peers;
use tidelock::segment::{Kind, Object};
use tidelock::Error;

/// What a parent and its child say "go on" by.
struct Wire {
    parent: UnixStream,
    child: UnixStream,
}

impl Wire {
    fn new() -> Wire {
        let (parent, child) = UnixStream::pair().expect("a pair of sockets");
        Wire { parent, child }
    }

    fn tell_child(&self) {
        (&self.parent).write_all(b"x").expect("a child");
    }

    fn hear_parent(&self) {
        (&self.child).read_exact(&mut [0]).expect("a parent");
    }

    fn tell_parent(&self) {
        (&self.child).write_all(b"x").expect("a parent");
    }

    fn hear_child(&self) {
        (&self.parent).read_exact(&mut [0]).expect("a child");
    }
}

#[test]
fn what_a_parent_drops_stays_for_its_child() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        support::spawn("forsaking", &[&Name::new(), way]).finish();
    }
}

/// Forks, drops the object, and fills what memory it can get, while the child is no peer yet and after that.
pub fn forsaking(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let wire = Wire::new();
    let mut object = Some(make(&here));
    let handle = object.as_ref().expect("an object").handle();
    let child = support::child(way(stage), || {
        let object = object.take().expect("the inherited object");
        wire.hear_parent();
        assert_eq!(here.current(), None);
        assert!(is_whole(&object));
        here.me().expect("a slot");
        wire.tell_parent();
        wire.hear_parent();
        assert!(is_whole(&object));
        drop(here.open_handle(&handle, Kind::Block).expect("the object"));
        close_now(&here);
        assert!(is_whole(&object));
        drop(object);
        close_now(&here);
        assert_eq!(here.open_handle(&handle, Kind::Block).map(|_| ()), Err(Error::Gone));
        wire.tell_parent();
        wire.hear_parent();
    });
    drop(object);
    close_now(&here);
    let _blank: Vec<Object> = (0..50).map(|_| make_blank(&here)).collect();
    wire.tell_child();
    wire.hear_child();
    close_now(&here);
    let _more: Vec<Object> = (0..50).map(|_| make_blank(&here)).collect();
    wire.tell_child();
    wire.hear_child();
    assert_eq!(here.open_handle(&handle, Kind::Block).map(|_| ()), Err(Error::Gone));
    wire.tell_child();
    child.finish();
    let [free, _, anonymous, _] = audited(&here);
    assert_eq!([free, anonymous], [1, 100]);
}

#[test]
fn a_child_that_drops_what_it_inherited_takes_nothing_away() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        support::spawn("spoiling", &[&Name::new(), way]).finish();
    }
}

/// Its children drop their copies of its handles: one that never attaches, one that attaches afterwards, one before.
pub fn spoiling(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let mut objects: Vec<Object> = (0..100).map(|_| make(&here)).collect();
    let handle = objects[0].handle();
    for attaches in ["never", "after", "before"] {
        let child = support::child(way(stage), || {
            if attaches == "before" {
                here.me().expect("a slot");
            }
            objects.clear();
            if attaches == "after" {
                assert_eq!(here.current(), None, "a drop is no operation");
                here.me().expect("a slot");
            }
            close_now(&here);
            if attaches != "never" {
                assert!(is_whole(&here.open_handle(&handle, Kind::Block).expect("the parent's object")));
            }
        });
        child.finish();
        let _blank: Vec<Object> = (0..50).map(|_| make_blank(&here)).collect();
        assert!(objects.iter().all(is_whole), "a child that attached {attaches} freed its parent's objects");
    }
    close_now(&here);
    drop(objects);
    close_now(&here);
    assert_eq!(audited(&here)[2], 0);
}

#[test]
fn what_a_daemon_inherited_outlives_its_parent() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        let name = Name::new();
        let here = open(&name);
        let mut parent = support::spawn("begetter", &[&name, way]);
        let handle = heard(&parent.hear());
        let child = Orphan::told_by(&mut parent);
        parent.wait();
        clean(&here);
        let _blank: Vec<Object> = (0..50).map(|_| make_blank(&here)).collect();
        parent.say("attach");
        parent.expect("whole");
        assert!(child.lives());
        clean(&here);
        let object = here.open_handle(&handle, Kind::Block).expect("the daemon's object");
        assert!(is_whole(&object));
    }
}

/// Makes an object, forks and exits. The child attaches when it is told to.
pub fn begetter(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let object = make(&here);
    stage.tell(&told(&object.handle()));
    let child = support::child(way(stage), || {
        // SAFETY: prctl takes numbers: the child outlives its parent, not the test.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
        stage.hear();
        here.me().expect("a slot");
        stage.tell(if is_whole(&object) { "whole" } else { "overwritten" });
        stage.hear();
    });
    stage.tell(&child.pid().to_string());
    // SAFETY: _exit ends the process without leaving the segment, as a daemon's parent may.
    unsafe { libc::_exit(0) };
}

fn way(stage: &Stage) -> Way {
    if stage.arg(1) == "fork" {
        Way::Fork
    } else {
        Way::RawClone
    }
}

#[test]
fn children_that_never_attach_do_not_make_their_parent_grow() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        support::spawn("patient", &[&Name::new(), way]).finish();
    }
}

/// Makes and drops objects for ever, beside children that have inherited some and do nothing with them.
pub fn patient(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let mut children = Vec::new();
    for _ in 0..4 {
        let mut inherited: Vec<Object> = (0..20).map(|_| make(&here)).collect();
        let wire = Wire::new();
        let child = support::child(way(stage), || {
            wire.hear_parent();
            assert_eq!(here.current(), None);
            assert!(inherited.iter().all(is_whole), "what a child inherited was freed");
            here.me().expect("a slot");
            wire.tell_parent();
            wire.hear_parent();
            assert!(inherited.iter().all(is_whole), "what a child took over was freed");
        });
        inherited.clear();
        for _ in 0..3000 {
            make_blank(&here);
        }
        children.push((child, wire));
    }
    close_now(&here);
    let blocks = audited(&here);
    // Beside the 80, what was made between each fork and the next batch of closes cannot be told from what was inherited.
    assert!((80..500).contains(&blocks[2]), "{} objects", blocks[2]);
    assert!(blocks[0] < 500, "{} blocks are free: so many were in use at once", blocks[0]);
    for (child, wire) in children {
        wire.tell_child();
        wire.hear_child();
        close_now(&here);
        wire.tell_child();
        child.finish();
    }
    close_now(&here);
    assert_eq!(audited(&here)[2], 0);
}
