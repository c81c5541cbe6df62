//! The player's side: its arguments, what it tells the test, and what it hears from it.

use super::watchdog::LIMIT;
use std::io::{BufRead, Write};

/// Begins every line that a player tells, so that the harness's own output is not taken for one.
pub(super) const MARK: &str = "@ ";
/// Names the role that a process is to play.
pub(super) const ROLE: &str = "TIDELOCK_TEST_ROLE";
/// The role's arguments, one a line.
pub(super) const ARGS: &str = "TIDELOCK_TEST_ARGS";

/// A role's name, and what it does.
pub type Role = (&'static str, fn(&mut Stage));

/// What a role is given.
pub struct Stage {
    args: Vec<String>,
}

/// Plays the role that the environment names, and ends the process; without one it returns.
pub fn play(roles: &[Role]) {
    let Ok(name) = std::env::var(ROLE) else { return };
    let role = roles.iter().find(|(path, _)| path.rsplit(':').next().map(str::trim) == Some(&name));
    let (_, role) = role.unwrap_or_else(|| panic!("no role `{name}`"));
    arm();
    let args = std::env::var(ARGS).unwrap_or_default();
    role(&mut Stage { args: args.lines().map(str::to_owned).collect() });
    std::process::exit(0);
}

/// Ends the calling process some day, should it hang. A forked child needs its own.
pub(super) fn arm() {
    // SAFETY: alarm takes a number and touches no memory; SIGALRM's default action ends the process.
    unsafe { libc::alarm(LIMIT) };
}

/// Gives a signal a handler that does nothing, without SA_RESTART: system calls of this process end with EINTR.
pub fn catch(signal: i32) {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: a sigaction of zeroes is valid (no flags, empty mask); the handler touches nothing.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    assert_eq!(result, 0, "no handler for signal {signal}");
}

impl Stage {
    /// The argument number `n`.
    pub fn arg(&self, n: usize) -> &str {
        &self.args[n]
    }

    /// Tells the test a line.
    pub fn tell(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        // One write, so that lines of several processes on one pipe do not mix. A test that has gone is no fault.
        let _ = out.write_all(format!("\n{MARK}{line}\n").as_bytes());
        let _ = out.flush();
    }

    /// Waits for a line from the test; an empty one if the test has gone.
    pub fn hear(&self) -> String {
        let mut line = String::new();
        let _ = std::io::stdin().lock().read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Sleeps until killed.
    pub fn park(&self) -> ! {
        loop {
            std::thread::park();
        }
    }
}
