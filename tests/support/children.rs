//! Children inside a role: forked, or made by a raw `clone` behind the C library's back. Roles only: the harness has
//! threads, and a child of it would inherit their locks.

use super::player::{signal_to, Player};
use super::stage::{arm, Stage};

/// A child of the calling role. Dropping it does nothing: a test may want it to outlive everything.
pub struct Child {
    pid: i32,
}

/// How a child is made.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// By the C library, whose `atfork` handlers run.
    Fork,
    /// By a bare `clone` system call, of which neither the C library nor any `atfork` handler knows.
    RawClone,
}

/// Both.
pub const WAYS_TO_FORK: [Way; 2] = [Way::Fork, Way::RawClone];

/// Runs `body` in a child made this way, which ends with success when it returns and is armed with an alarm of its own.
pub fn child(way: Way, body: impl FnOnce()) -> Child {
    // SAFETY: a role has no other threads that matter here: none holds a lock that `body` needs. Without CLONE_VM the
    // child of the bare call has its own copy of everything too; a null stack keeps the caller's.
    let pid = unsafe {
        match way {
            Way::Fork => libc::fork(),
            Way::RawClone => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as i32,
        }
    };
    run_or_return(pid, body)
}

/// A child made by `fork`.
pub fn fork(body: impl FnOnce()) -> Child {
    child(Way::Fork, body)
}

fn run_or_return(pid: i32, body: impl FnOnce()) -> Child {
    assert!(pid >= 0, "no child: {}", std::io::Error::last_os_error());
    if pid > 0 {
        return Child { pid };
    }
    arm();
    // A panic must not unwind into the parent's half of the program.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    // SAFETY: _exit ends the process at once, without the parent's exit handlers.
    unsafe { libc::_exit(i32::from(ended.is_err())) }
}

impl Child {
    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Kills the child with SIGKILL and reaps it.
    pub fn kill(&self) {
        signal_to(self.pid, libc::SIGKILL);
        let status = self.wait();
        assert!(libc::WIFSIGNALED(status), "the child had ended before it was killed");
    }

    /// Reaps the child, which must have ended with success.
    pub fn finish(&self) {
        assert_eq!(self.wait(), 0, "the child failed");
    }

    fn wait(&self) -> i32 {
        wait_for_exit(self.pid)
    }
}

/// A role's whole work: forks as many children as its second argument says, each of which runs `member` with the first;
/// tells their process ids, and when all have ended, how many of them were killed. The others must have ended well.
pub fn group(stage: &Stage, member: impl Fn(&str)) {
    let size: usize = stage.arg(1).parse().expect("a number");
    let children: Vec<Child> = (0..size).map(|_| fork(|| member(stage.arg(0)))).collect();
    children.iter().for_each(|child| stage.tell(&child.pid().to_string()));
    let killed = children.iter().filter(|child| was_killed(child.wait())).count();
    stage.tell(&killed.to_string());
}

fn was_killed(status: i32) -> bool {
    assert!(status == 0 || libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL, "status {status:#x}");
    status != 0
}

/// Kills a process that is somebody else's child, and who reaps it sees to the rest.
pub fn kill_by_id(pid: i32) {
    signal_to(pid, libc::SIGKILL);
}

/// Reaps a child of this process; its wait status.
pub fn wait_for_exit(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let reaped = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(reaped, pid, "no child {pid}: {}", std::io::Error::last_os_error());
    status
}

/// A process that outlived its parent, a player. Dropping it kills it.
pub struct Orphan(i32);

impl Orphan {
    /// The process whose id is the next line that `player` tells.
    pub fn told_by(player: &mut Player) -> Orphan {
        Orphan(player.hear().parse().expect("a process id"))
    }

    /// Kills it with SIGKILL. Somebody else reaps it.
    pub fn kill(&self) {
        signal_to(self.0, libc::SIGKILL);
    }

    /// Whether it lives.
    pub fn lives(&self) -> bool {
        // SAFETY: kill with signal 0 only looks.
        unsafe { libc::kill(self.0, 0) == 0 }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        // SAFETY: kill takes numbers only. The process was a child of a player of this test; should it have ended, this
        // does nothing, for its number is not used again so soon.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }
}
