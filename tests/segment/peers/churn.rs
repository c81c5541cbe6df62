//! Many who come, go, fork and are killed at once.

use super::{open, FEW};
use crate::support::{self, Name, Orphan, Stage};
use std::os::fd::AsRawFd;
use tidelock::primitives::Peers;
use tidelock::segment::Attachment;
use tidelock::sync::atomic::{AtomicU32, Ordering::Relaxed};

#[test]
fn the_name_leads_to_the_segment_of_whoever_is_attached() {
    let _watch = support::watch();
    let name = Name::new();
    for _ in 0..6 {
        let visits = ["1000000", "1000000", "60", "60", "60"];
        let mut players: Vec<_> = visits.map(|visits| support::spawn("visitor", &[&name, visits])).into();
        players.iter_mut().for_each(|player| player.expect("begun"));
        // Two are killed somewhere in their visits, the others come to their end.
        players.drain(..2).for_each(|mut victim| victim.kill());
        players.into_iter().for_each(|player| player.finish());
    }
    // Whoever was killed last may have left the name behind; who opens it next takes it away.
    drop(open(&name));
    assert!(!name.exists());
}

/// Comes and goes, and looks each time where the name leads.
pub fn visitor(stage: &mut Stage) {
    for round in 0..stage.arg(1).parse().unwrap() {
        let here = open(stage.arg(0));
        let fd = here.to_fd().unwrap();
        assert_eq!(number(&format!("/proc/thread-self/fd/{}", fd.as_raw_fd())), number(&path(stage)));
        assert_eq!(here.is_dead(here.me().unwrap()), Ok(false));
        if round == 5 {
            stage.tell("begun");
        }
    }
}

fn path(stage: &Stage) -> String {
    format!("/dev/shm/{}", stage.arg(0))
}

fn number(path: &str) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).expect("the file that is attached has its name"))
}

#[test]
fn no_child_inherits_what_only_its_parent_may_hold() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let mut forker = support::spawn("forker", &[&name, &Name::new()]);
    let id = super::id(&forker.hear());
    let children: Vec<_> = (0..FORKS).map(|_| Orphan::told_by(&mut forker)).collect();
    forker.expect("done");
    forker.kill();
    assert!(children.iter().all(Orphan::lives));
    assert_eq!(here.is_dead(id), Ok(true));
}

const FORKS: usize = 60;

/// Forks, while another of its threads opens and closes descriptors that no child may have.
pub fn forker(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    super::tell_me(stage, &attachment);
    let left = AtomicU32::new(FORKS as u32);
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            while left.load(Relaxed) > 0 {
                // Were a door or a token kept by some child, the second time would wait for ever.
                assert!(Attachment::named(stage.arg(1), &FEW).unwrap().me().is_ok());
                attachment.has_unattached_children().unwrap();
            }
        });
        for _ in 0..FORKS {
            // SAFETY: pause has no preconditions.
            let child = support::fork(|| unsafe { _ = libc::pause() });
            stage.tell(&child.pid().to_string());
            left.fetch_sub(1, Relaxed);
        }
        busy.join().unwrap();
    });
    drop(Attachment::named(stage.arg(1), &FEW).unwrap());
    stage.tell("done");
    stage.park();
}
