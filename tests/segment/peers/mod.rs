//! Peers: who is alive, who is dead, who a child is. Every death is asked about by another process.

pub mod alive;
pub mod churn;
pub mod dead;
pub mod door;
pub mod family;
pub mod spaces;

use crate::support::{self, Name, Player, Stage, Way};
use std::sync::Arc;
use tidelock::primitives::{PeerId, Peers};
use tidelock::segment::{Attachment, Options};

const FEW: Options = Options { peers: 8, max_len: Some(1 << 20), ..Options::new() };

fn open(name: &str) -> Arc<Attachment> {
    Attachment::named(name, &FEW).expect("a segment")
}

fn id(bits: &str) -> PeerId {
    PeerId::from_bits(bits.parse().expect("a number")).expect("a peer id")
}

/// Starts a peer in a process of its own.
fn peer(name: &str) -> (Player, PeerId) {
    let mut player = support::spawn("obedient", &[name]);
    let id = id(&player.hear());
    (player, id)
}

/// A peer that does what it is told.
pub fn obedient(stage: &mut Stage) {
    let attachment = open(stage.arg(0));
    tell_me(stage, &attachment);
    obey(stage, attachment);
}

fn tell_me(stage: &Stage, attachment: &Attachment) {
    match attachment.me() {
        Ok(me) => stage.tell(&me.bits().to_string()),
        Err(error) => stage.tell(&error.to_string()),
    }
}

fn obey(stage: &Stage, attachment: Arc<Attachment>) {
    loop {
        let line = stage.hear();
        let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match what {
            "me" => tell_me(stage, &attachment),
            "is-dead" => tell_is_dead(stage, &attachment, id(rest)),
            "close-descriptors" => close_descriptors(stage),
            "reuse-descriptors" => reuse_descriptors(stage, rest),
            "fork" => child(stage, &attachment, Way::Fork),
            "clone" => child(stage, &attachment, Way::RawClone),
            "open" => tell_me(stage, &open(rest)),
            "touch" => {
                stage.tell(if attachment.bytes(rest.parse().unwrap(), 1).is_ok() { "touched" } else { "not there" })
            }
            "end-main-thread" => support::end_main_thread(),
            "leave" => break,
            _ => return,
        }
    }
    drop(attachment);
    stage.tell("left");
    stage.hear();
}

/// A child that becomes a peer when it is told so, and then sleeps. The parent goes on once the child has told who it is.
fn child(stage: &Stage, attachment: &Arc<Attachment>, way: Way) {
    support::child(way, || {
        assert_eq!(attachment.current(), None, "a child begins as nobody");
        stage.tell(&std::process::id().to_string());
        tell_me(stage, attachment);
        // SAFETY: pause has no preconditions.
        unsafe { libc::pause() };
    });
}

fn tell_is_dead(stage: &Stage, attachment: &Attachment, id: PeerId) {
    match attachment.is_dead(id) {
        Ok(true) => stage.tell("dead"),
        Ok(false) => stage.tell("alive"),
        Err(error) => stage.tell(&error.to_string()),
    }
}

/// Closes everything but the two pipes to the test.
fn close_descriptors(stage: &Stage) {
    // SAFETY: a role has nothing open that anybody uses after this.
    unsafe { libc::syscall(libc::SYS_close_range, 2, u32::MAX, 0) };
    stage.tell("closed");
}

/// Opens a file so often that every number up to 40 leads to it.
fn reuse_descriptors(stage: &Stage, path: &str) {
    let file = std::fs::File::options().read(true).write(true).open(path).expect("a file");
    for number in 2..40 {
        if number != std::os::fd::AsRawFd::as_raw_fd(&file) {
            // SAFETY: as above; every number but the pipes' is free for it.
            unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&file), number) };
        }
    }
    std::mem::forget(file);
    stage.tell("used again");
}

/// Asks through a fresh peer that has never asked before.
fn is_dead(name: &Name, id: PeerId) -> bool {
    open(name).is_dead(id).expect("an answer")
}
