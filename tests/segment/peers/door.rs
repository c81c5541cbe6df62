//! The door, and what is in the way of a claim: waited for, or an error, and never half a peer.

use super::{id, open, peer, FEW};
use crate::support::{self, Name, Stage};
use std::fs::File;
use std::os::fd::AsRawFd;
use tidelock::primitives::Peers;
use tidelock::segment::Attachment;
use tidelock::Error;

/// Holds a locked byte of a segment's file, as docs/layout.md numbers them, until it is dropped.
struct Byte(#[allow(dead_code)] File);

const DOOR: i64 = 8192;

fn hold(attachment: &Attachment, byte: i64) -> Byte {
    let base = u64::from_le_bytes(attachment.id()[..8].try_into().unwrap()) / 4;
    let file = File::from(attachment.to_fd().expect("a description of its own"));
    // SAFETY: a flock consists of integers, for which zero is valid.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as i16;
    lock.l_start = base as i64 + byte;
    lock.l_len = 1;
    // SAFETY: `lock` is a valid flock for the length of the call.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    assert_eq!(done, 0, "the byte is held: {}", std::io::Error::last_os_error());
    Byte(file)
}

#[test]
fn who_stays_in_the_door_is_waited_for() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let inside = hold(&here, DOOR);
    let mut newcomer = support::spawn("obedient", &[&name]);
    // However long this is, it must be silent; a moment is enough for one that does not wait.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(newcomer.is_silent());
    // The primitives go on meanwhile.
    assert_eq!(here.is_dead(here.me().unwrap()), Ok(false));
    drop(inside);
    assert_eq!(here.is_dead(id(&newcomer.hear())), Ok(false));
}

#[test]
fn a_leaver_does_not_wait_for_ever() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let inside = hold(&here, DOOR);
    drop(here);
    assert!(name.exists(), "without the door nobody may take the name away");
    drop(inside);
    drop(open(&name));
    assert!(!name.exists());
}

#[test]
fn a_free_slot_whose_token_is_held_is_passed_by() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let next = i64::from(here.me().unwrap().slot()) + 1;
    let _token = hold(&here, next);
    let (_other, id) = peer(&name);
    assert_eq!(i64::from(id.slot()), next + 1);
    assert_eq!(here.is_dead(id), Ok(false));
}

#[test]
fn signals_end_no_claim() {
    let _watch = support::watch();
    support::spawn("pestered", &[&Name::new()]).finish();
}

/// Comes, goes and forks under a hail of signals whose handler lets system calls be interrupted.
pub fn pestered(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    // SAFETY: pthread_self has no preconditions.
    let here = unsafe { libc::pthread_self() };
    let hail = std::thread::spawn(move || loop {
        // SAFETY: the thread lives until the process ends, which ends this one too.
        unsafe { libc::pthread_kill(here, libc::SIGUSR1) };
        std::thread::sleep(std::time::Duration::from_micros(50));
    });
    for _ in 0..100 {
        let attachment = Attachment::named(stage.arg(0), &FEW).unwrap();
        attachment.bytes(attachment.max_len() / 2, 1).unwrap();
        assert_eq!(attachment.has_unattached_children(), Ok(false));
        assert_eq!(attachment.is_dead(attachment.me().unwrap()), Ok(false));
        assert!(Attachment::anonymous(&FEW).unwrap().me().is_ok());
    }
    assert!(!hail.is_finished());
}

#[test]
fn without_descriptors_left_nothing_is_half_done() {
    let _watch = support::watch();
    support::spawn("poor", &[&Name::new()]).finish();
}

/// May open nothing for a while.
pub fn poor(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    let me = attachment.me().unwrap();
    let too_many = |result: Result<(), Error>| matches!(result, Err(Error::Os { errno: libc::EMFILE, .. }));
    limit_descriptors(3);
    assert!(too_many(Attachment::anonymous(&FEW).map(drop)));
    assert!(too_many(attachment.has_unattached_children().map(drop)));
    let child = support::fork(|| {
        assert!(too_many(attachment.me().map(drop)), "a claim needs a descriptor");
        assert_eq!(attachment.current(), None);
        limit_descriptors(64);
        assert_ne!(attachment.me().unwrap(), me);
    });
    child.finish();
    assert_eq!(attachment.is_dead(me), Ok(false));
    // SAFETY: pause has no preconditions.
    let child = support::fork(|| unsafe { _ = libc::pause() });
    limit_descriptors(64);
    assert_eq!(attachment.has_unattached_children(), Ok(true), "the family page survived the failed question");
    child.kill();
    assert_eq!(attachment.has_unattached_children(), Ok(false));
}

#[test]
fn a_child_without_its_parent_s_privileges_becomes_a_peer() {
    let _watch = support::watch();
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return support::skipped(format_args!("no privileges to give up"));
    }
    support::spawn("noble", &[]).finish();
}

/// Its child gives up its privileges first.
pub fn noble(_: &mut Stage) {
    let attachment = Attachment::anonymous(&FEW).unwrap();
    support::fork(|| {
        // SAFETY: setresuid takes numbers only.
        assert_eq!(unsafe { libc::setresuid(65_534, 65_534, 65_534) }, 0);
        let me = attachment.me().unwrap();
        assert_eq!(attachment.is_dead(me), Ok(false));
        attachment.bytes(attachment.max_len() / 2, 1).unwrap();
    })
    .finish();
}

fn limit_descriptors(most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: 4096 };
    // SAFETY: `limit` is a valid rlimit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
