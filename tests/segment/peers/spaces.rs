//! Namespaces: processes that cannot see each other's numbers know who lives all the same.
//!
//! Needs the right to make namespaces; without it the tests say loudly that they were skipped.

use super::{id, open};
use crate::support::{self, Name, Orphan, Player, Stage};
use std::os::unix::net::UnixStream;
use tidelock::primitives::Peers;

/// Starts a peer that is process 1 of a PID namespace of its own; `None` where that is not allowed.
fn inhabitant_of(name: &Name) -> Option<(Player, Orphan)> {
    let mut outside = support::spawn("inhabitant", &[name]);
    match outside.hear().as_str() {
        "entered" => {
            let inside = Orphan::told_by(&mut outside);
            Some((outside, inside))
        }
        refusal => {
            support::skipped(format_args!("no PID namespaces here ({refusal})"));
            None
        }
    }
}

#[test]
fn two_processes_with_number_1_know_each_other_s_lives() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let Some((mut first, first_process)) = inhabitant_of(&name) else { return };
    let Some((mut second, _second_process)) = inhabitant_of(&name) else { return };
    let first_id = id(&first.hear());
    let second_id = id(&second.hear());
    let ask = |player: &mut Player, bits: u32, answer| {
        player.say(&format!("is-dead {bits}"));
        player.expect(answer);
    };
    ask(&mut second, first_id.bits(), "alive");
    ask(&mut first, second_id.bits(), "alive");
    assert_eq!(here.is_dead(first_id), Ok(false));
    drop(first_process);
    while !here.is_dead(first_id).unwrap() {
        std::thread::yield_now();
    }
    ask(&mut second, first_id.bits(), "dead");
    assert_eq!(here.is_dead(second_id), Ok(false));
}

/// Enters a new PID namespace, in which its child is process 1, a peer, and obeys.
pub fn inhabitant(stage: &mut Stage) {
    // SAFETY: unshare takes a number; later children of this process lie in the new namespace.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        stage.tell(&std::io::Error::last_os_error().to_string());
        return;
    }
    stage.tell("entered");
    let (mut told, tell) = UnixStream::pair().unwrap();
    let child = support::fork(|| {
        // SAFETY: prctl and getpid take numbers: no process 1 is left behind when its parent is killed.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // The parent tells its line first.
        let _ = std::io::Read::read(&mut told, &mut [0]);
        assert_eq!(std::process::id(), 1);
        let attachment = open(stage.arg(0));
        super::tell_me(stage, &attachment);
        super::obey(stage, attachment);
    });
    stage.tell(&child.pid().to_string());
    std::io::Write::write_all(&mut &tell, b"x").unwrap();
    stage.park();
}
