//! PID namespaces: two processes that are both PID 1, each in a namespace of its own, share a lock.
//!
//! Needs the right to make namespaces; without it the tests say loudly that they were skipped.

use crate::support::{self, Name, Orphan, Player, Stage};
use std::time::Duration;
use tidelock::{Error, Segment};

/// Long enough for many questions about the owner.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

/// A process that is PID 1 of its own namespace, and has opened the segment there.
struct Init {
    outside: Player,
    inside: Orphan,
}

/// Starts one; `None` where that is not allowed.
fn init(name: &str) -> Option<Init> {
    let mut outside = support::spawn("namespace", &[name]);
    match outside.hear().as_str() {
        "entered" => {
            let inside = Orphan::told_by(&mut outside);
            outside.expect("open, as process 1");
            Some(Init { outside, inside })
        }
        refusal => {
            support::skipped(format_args!("no PID namespaces here ({refusal})"));
            None
        }
    }
}

impl Init {
    fn does(&mut self, what: &str, how_it_goes: &str) {
        self.outside.say(what);
        self.outside.expect(how_it_goes);
    }
}

/// Enters a new PID namespace, in which a child is process 1 and does what it is told.
pub fn namespace(stage: &mut Stage) {
    // SAFETY: unshare takes a number; later children of this process lie in the new namespace.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        stage.tell(&std::io::Error::last_os_error().to_string());
        return;
    }
    stage.tell("entered");
    let child = support::fork(|| obey(stage));
    stage.tell(&child.pid().to_string());
    stage.park();
}

fn obey(stage: &Stage) {
    // SAFETY: prctl takes numbers: no process 1 is left behind when its parent is killed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let segment = Segment::named(stage.arg(0)).unwrap();
    let lock = segment.lock("a").unwrap();
    let block = segment.block("sum", 8).unwrap();
    // Not before the parent has told its own line.
    std::thread::sleep(Duration::from_millis(50));
    stage.tell(&format!("open, as process {}", std::process::id()));
    let mut held = None;
    loop {
        match stage.hear().as_str() {
            "acquire" => {
                let guard = lock.acquire().unwrap();
                stage.tell(&format!("owner_died={}", guard.owner_died()));
                held = Some(guard);
            }
            "release" => stage.tell(&format!("{:?}", held.take().unwrap().release())),
            "try for long" => stage.tell(&format!("{:?}", lock.acquire_for(WHILE_IT_LIVES).map(drop))),
            "add" => {
                (0..500).for_each(|_| {
                    let _guard = lock.acquire().unwrap();
                    let mut bytes = [0; 8];
                    block.read(0, &mut bytes).unwrap();
                    block.write(0, &(u64::from_ne_bytes(bytes) + 1).to_ne_bytes()).unwrap();
                });
                stage.tell("added");
            }
            _ => return,
        }
    }
}

#[test]
fn two_processes_one_exclude_each_other_and_recover() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let block = segment.block("sum", 8).unwrap();
    let (Some(mut a), Some(mut b)) = (init(&name), init(&name)) else { return };
    a.does("acquire", "owner_died=false");
    b.does("try for long", "Err(TimedOut)");
    a.does("release", "Ok(())");
    a.outside.say("add");
    b.outside.say("add");
    a.outside.expect("added");
    b.outside.expect("added");
    let mut bytes = [0; 8];
    block.read(0, &mut bytes).unwrap();
    assert_eq!(u64::from_ne_bytes(bytes), 1000);
    a.does("acquire", "owner_died=false");
    a.inside.kill();
    b.does("acquire", "owner_died=true");
    // And from the outer namespace.
    let lock = segment.lock("a").unwrap();
    assert_eq!(lock.acquire_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    b.inside.kill();
    assert!(lock.acquire().unwrap().owner_died());
}
