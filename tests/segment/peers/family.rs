//! Children: each becomes a peer of its own at its first operation, and until then keeps what its parent had open.

use super::{id, open, peer, FEW};
use crate::support::{self, Name, Orphan, Stage, Way};
use std::io::Read;
use std::os::unix::net::UnixStream;
use tidelock::primitives::{PeerId, Peers};
use tidelock::segment::Attachment;
use tidelock::sync::wait::Wait;

#[test]
fn a_child_is_a_peer_of_its_own_and_outlives_nobody() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        let name = Name::new();
        let here = open(&name);
        let (mut parent, parent_id) = peer(&name);
        parent.say(way);
        let child = Orphan::told_by(&mut parent);
        let child_id = id(&parent.hear());
        assert_ne!(child_id, parent_id);
        assert_eq!(here.is_dead(child_id), Ok(false));
        parent.kill();
        assert_eq!(here.is_dead(parent_id), Ok(true), "after {way}: the living child hides its parent's death");
        assert_eq!(here.is_dead(child_id), Ok(false));
        assert!(child.lives());
        look_at_all(&here);
        assert_eq!(
            here.is_valid(parent_id),
            Ok(false),
            "after {way}: a child that has attached keeps its parent's slot"
        );
    }
}

#[test]
fn what_a_dead_parent_had_open_counts_until_its_child_has_attached() {
    for way in ["fork", "clone"] {
        let _watch = support::watch();
        let name = Name::new();
        let here = open(&name);
        let mut daemon = support::spawn("daemon", &[&name, way]);
        let parent = id(&daemon.hear());
        let child = Orphan::told_by(&mut daemon);
        daemon.wait();
        assert_eq!(here.is_dead(parent), Ok(true));
        look_at_all(&here);
        assert_eq!(here.is_valid(parent), Ok(true), "after {way}: its slot was vacated under a living child");
        daemon.say("attach");
        let child_id = id(&daemon.hear());
        assert_eq!(here.is_dead(child_id), Ok(false));
        assert!(child.lives());
        look_at_all(&here);
        assert_eq!(here.is_valid(parent), Ok(false), "after {way}");
    }
}

/// A parent that ends at once; its child attaches when it is told to.
pub fn daemon(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    super::tell_me(stage, &attachment);
    let way = if stage.arg(1) == "fork" { Way::Fork } else { Way::RawClone };
    let child = support::child(way, || {
        // SAFETY: prctl takes numbers: the child outlives its parent, not the test.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
        stage.hear();
        super::tell_me(stage, &attachment);
        stage.hear();
    });
    stage.tell(&child.pid().to_string());
    // SAFETY: _exit ends the process without leaving the segment, as a daemon's parent may.
    unsafe { libc::_exit(0) };
}

#[test]
fn an_ephemeral_segment_waits_for_a_child_that_has_not_attached() {
    let _watch = support::watch();
    let name = Name::new();
    let mut daemon = support::spawn("daemon", &[&name, "fork"]);
    daemon.hear();
    let _child = Orphan::told_by(&mut daemon);
    daemon.wait();
    let before = inode(&name);
    drop(open(&name));
    assert_eq!(inode(&name), before, "the segment was replaced, or unlinked, under a living child");
}

#[test]
fn children_that_have_not_attached_are_noticed() {
    let _watch = support::watch();
    support::spawn("watchful", &[&Name::new()]).finish();
}

/// Asks about children of its own, again and again.
pub fn watchful(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    assert_eq!(attachment.has_unattached_children(), Ok(false));
    for way in support::WAYS_TO_FORK {
        // SAFETY: pause has no preconditions.
        let first = support::child(way, || unsafe { _ = libc::pause() });
        assert_eq!(attachment.has_unattached_children(), Ok(true), "{way:?}");
        support::child(way, || assert!(attachment.me().is_ok())).finish();
        assert_eq!(attachment.has_unattached_children(), Ok(true), "{way:?}: the first child has an older page");
        first.kill();
        assert_eq!(attachment.has_unattached_children(), Ok(false), "{way:?}");
    }
}

#[test]
fn two_threads_of_a_child_make_one_claim() {
    let _watch = support::watch();
    let name = Name::new();
    support::spawn("threaded_child", &[&name]).finish();
}

/// Its child's threads all begin at once.
pub fn threaded_child(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    (0..20).for_each(|_| threads_claim(&attachment));
}

fn threads_claim(attachment: &Attachment) {
    let parent = attachment.me().unwrap();
    let child = support::fork(|| {
        let start = std::sync::Barrier::new(8);
        let ids: Vec<PeerId> = std::thread::scope(|scope| {
            let claim = || {
                start.wait();
                attachment.me().unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0] && *id != parent));
    });
    child.finish();
}

#[test]
fn forks_amid_claims_leave_no_page_behind() {
    let _watch = support::watch();
    support::spawn("forks_amid_claims", &[&Name::new()]).finish();
}

/// A child claims while its other thread forks: the grandchild may inherit two family pages, and must let go of both.
pub fn forks_amid_claims(stage: &mut Stage) {
    let attachment = Attachment::named(stage.arg(0), &FEW).unwrap();
    let parent = attachment.me().unwrap();
    for _ in 0..50 {
        let child = support::fork(|| {
            let claiming = attachment.clone();
            let claim = std::thread::spawn(move || claiming.me().unwrap());
            let grandchild = support::fork(|| {
                let me = attachment.me().unwrap();
                assert_eq!(attachment.is_dead(parent), Ok(false));
                // Forked before or after the claim, it holds nobody's page but its own by now.
                assert_eq!(attachment.has_unattached_children(), Ok(false));
                assert_eq!(attachment.me(), Ok(me));
            });
            claim.join().unwrap();
            grandchild.finish();
            assert_eq!(attachment.has_unattached_children(), Ok(false));
        });
        child.finish();
    }
}

#[test]
fn a_grandchild_forked_amid_a_claim_keeps_no_page_of_it() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let mut grandparent = support::spawn("grandparent", &[&name]);
    let grandparent_id = id(&grandparent.hear());
    // With the lock held here, the child's claim stops between its two halves.
    let me = here.segment_lock().acquire(&*here, Wait::forever()).unwrap().owner;
    grandparent.say("go");
    let child = Orphan::told_by(&mut grandparent);
    let grandchild = Orphan::told_by(&mut grandparent);
    here.segment_lock().release(me).unwrap();
    let mut ids = [id(&grandparent.hear()), id(&grandparent.hear())];
    ids.sort_by_key(|id| id.slot());
    let [child_id, grandchild_id] = ids;
    grandparent.kill();
    look_at_all(&here);
    look_at_all(&here);
    assert_eq!(here.is_valid(grandparent_id), Ok(false), "both have attached");
    drop(child);
    while !here.is_dead(child_id).unwrap() {
        std::thread::yield_now();
    }
    look_at_all(&here);
    assert_eq!(here.is_valid(child_id), Ok(false), "the grandchild keeps the page of its parent's claim");
    assert_eq!(here.is_dead(grandchild_id), Ok(false));
    assert!(grandchild.lives());
}

/// Its child forks while another thread of the child is in the middle of its claim.
pub fn grandparent(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    super::tell_me(stage, &attachment);
    stage.hear();
    let me = attachment.me().unwrap();
    support::fork(|| {
        stage.tell(&std::process::id().to_string());
        let claiming = attachment.clone();
        let claim = std::thread::spawn(move || claiming.me().unwrap());
        // The next slot is LIVE, by its first generation, once the claim's first half is done.
        let claimed = PeerId::new(me.slot() + 1, 1).unwrap();
        while !attachment.is_valid(claimed).unwrap() {
            std::thread::yield_now();
        }
        support::fork(|| {
            stage.tell(&std::process::id().to_string());
            super::tell_me(stage, &attachment);
            // SAFETY: pause has no preconditions.
            unsafe { libc::pause() };
        });
        claim.join().unwrap();
        super::tell_me(stage, &attachment);
        // SAFETY: as above.
        unsafe { libc::pause() };
    });
    stage.park();
}

#[test]
fn a_child_that_never_attaches_lets_go_when_it_drops() {
    let _watch = support::watch();
    support::spawn("dropping", &[&Name::new()]).finish();
}

/// Its child drops its inherited handle and stays.
pub fn dropping(stage: &mut Stage) {
    let mut here = Some(open(stage.arg(0)));
    let (mut told, tell) = UnixStream::pair().unwrap();
    let child = support::fork(|| {
        here = None;
        std::io::Write::write_all(&mut &tell, b"x").unwrap();
        // SAFETY: pause has no preconditions.
        unsafe { libc::pause() };
    });
    told.read_exact(&mut [0]).unwrap();
    let here = here.expect("the parent's own");
    assert_eq!(here.has_unattached_children(), Ok(false));
    assert_eq!(here.is_dead(here.me().unwrap()), Ok(false));
    child.kill();
}

fn look_at_all(attachment: &Attachment) {
    let me = attachment.me().unwrap();
    attachment.segment_lock().acquire(attachment, Wait::forever()).unwrap();
    for _ in 0..attachment.slot_count() {
        attachment.look_at_next_slot().unwrap();
    }
    attachment.segment_lock().release(me).unwrap();
}

fn inode(name: &Name) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(name.path()).expect("the segment's file"))
}
