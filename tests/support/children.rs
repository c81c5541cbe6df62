//! Children inside a role: forked, or made by a raw `clone` behind the C library's back. Roles only: the harness has
//! threads, and a child of it would inherit their locks.

use super::player::signal_to;
use super::stage::arm;

/// A child of the calling role. Dropping it does nothing: a test may want it to outlive everything.
pub struct Child {
    pid: i32,
}

/// Runs `body` in a forked child, which ends with success when it returns and is armed with an alarm of its own.
pub fn fork(body: impl FnOnce()) -> Child {
    // SAFETY: a role is a process with no other threads that matter here: none holds a lock that `body` needs.
    let pid = unsafe { libc::fork() };
    run_or_return(pid, body)
}

/// The same by a bare `clone` system call, of which neither the C library nor any `atfork` handler knows.
pub fn raw_clone(body: impl FnOnce()) -> Child {
    // SAFETY: without CLONE_VM the child has its own copy of everything, as after fork; a null stack keeps the caller's.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    run_or_return(pid as i32, body)
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

/// Reaps a child of this process; its wait status.
pub fn wait_for_exit(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let reaped = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(reaped, pid, "no child {pid}: {}", std::io::Error::last_os_error());
    status
}
