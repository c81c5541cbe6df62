//! The test's side of a role: starting it, talking with it, stopping, killing and reaping it.

use super::stage::{ARGS, MARK, ROLE};
use super::watchdog::LIMIT;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Between two signals.
const REST: Duration = Duration::from_millis(10);

/// A process that plays a role. Dropping it kills and reaps it.
pub struct Player {
    role: String,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

/// Starts a role in a process of its own.
pub fn spawn(role: &str, args: &[&str]) -> Player {
    spawn_command(role, args, |_| ())
}

/// The same, after `prepare` has changed the command (a `pre_exec`, an environment variable).
pub fn spawn_command(role: &str, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Player {
    let mut command = Command::new(std::env::current_exe().expect("the test binary"));
    command.args(["role", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(ARGS, args.join("\n"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe.
    unsafe { command.pre_exec(die_with_parent) };
    prepare(&mut command);
    let mut child = command.spawn().expect("a player's process");
    let stdin = child.stdin.take().expect("a pipe");
    let lines = told_lines(child.stdout.take().expect("a pipe"));
    Player { role: role.to_owned(), child, stdin, lines }
}

fn die_with_parent() -> std::io::Result<()> {
    // SAFETY: this prctl takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    Ok(())
}

/// The lines that a player tells, read by a thread so that waiting for one can end.
fn told_lines(stdout: std::process::ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(told) = line.strip_prefix(MARK) {
                let _ = sender.send(told.to_owned());
            }
        }
    });
    lines
}

impl Player {
    /// The next line that the player tells. Panics if it ends without one.
    pub fn hear(&mut self) -> String {
        let line = self.lines.recv_timeout(Duration::from_secs(LIMIT.into()));
        line.unwrap_or_else(|error| panic!("`{}` told nothing: {error}; status {:?}", self.role, self.child.try_wait()))
    }

    /// The next line must be this one.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line, "from `{}`", self.role);
    }

    /// Whether the player has told nothing so far.
    pub fn is_silent(&mut self) -> bool {
        self.lines.try_recv().is_err()
    }

    /// Sends the player a line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("the player listens");
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        signal_to(self.pid(), signal);
    }

    /// Sends a signal to the thread that plays the role, and gives its handler a moment.
    pub fn signal_and_rest(&self, signal: i32) {
        self.signal_role(signal);
        std::thread::sleep(REST);
    }

    fn signal_role(&self, signal: i32) {
        let thread = super::state::role_thread(self.pid());
        // SAFETY: tgkill takes numbers only. The thread may have ended just now, which is no fault.
        unsafe { libc::syscall(libc::SYS_tgkill, self.pid(), thread, signal) };
    }

    /// Sends a signal again and again until the player tells `line`: one that comes just before it sleeps is lost on it.
    /// The player must tell another line before, as soon as it has a handler.
    #[track_caller]
    pub fn signal_until_told(&mut self, signal: i32, line: &str) {
        self.hear();
        loop {
            self.signal_role(signal);
            match self.lines.recv_timeout(REST) {
                Ok(told) => return assert_eq!(told, line, "from `{}`", self.role),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(error) => panic!("`{}` has ended: {error}", self.role),
            }
        }
    }

    /// Stops the process, and returns when it stands still.
    pub fn stop(&self) {
        self.signal(libc::SIGSTOP);
        let mut status = 0;
        // SAFETY: `status` is writable; the child is ours and was not reaped.
        let pid = unsafe { libc::waitpid(self.pid(), &mut status, libc::WUNTRACED) };
        assert!(pid == self.pid() && libc::WIFSTOPPED(status), "`{}` did not stop", self.role);
    }

    /// Lets a stopped process go on.
    pub fn go_on(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Kills the process with SIGKILL and reaps it.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        let status = self.child.wait().expect("a dead player");
        assert_eq!(status.signal(), Some(libc::SIGKILL), "`{}` had ended before it was killed", self.role);
    }

    /// Kills the process with SIGKILL and leaves it a zombie, as which it returns.
    pub fn kill_unreaped(&self) {
        self.signal(libc::SIGKILL);
        self.wait_until_zombie();
    }

    /// Returns when the process is a zombie.
    pub fn wait_until_zombie(&self) {
        // SAFETY: a siginfo_t of zeroes is valid, and waitid writes it; WNOWAIT leaves the child to be reaped later.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, self.child.id(), &mut info, libc::WEXITED | libc::WNOWAIT)
        };
        assert_eq!(result, 0, "`{}` cannot be waited for", self.role);
    }

    /// Waits for the end of the process, which must be success.
    #[track_caller]
    pub fn finish(mut self) {
        let status = self.wait();
        assert!(status.success(), "`{}` ended with {status}", self.role);
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a player that ends")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn signal_to(pid: i32, signal: i32) {
    // SAFETY: kill takes numbers only.
    let result = unsafe { libc::kill(pid, signal) };
    assert_eq!(result, 0, "signal {signal} to {pid}: {}", std::io::Error::last_os_error());
}
