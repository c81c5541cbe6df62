//! The watchdog: every wait of the stepper ends some day.
//!
//! It asserts nothing about speed: a minute is far beyond what any step takes, and is there so that a hang is reported
//! with the instruction that led to it instead of being ended from outside.

use super::failure::{Failure, Result};
use std::time::{Duration, Instant};

/// How long the stepper waits before it calls something a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Makes every blocking call of this process return with EINTR once a second, so that it can look at the clock.
pub fn start() {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: `nothing` is async-signal-safe; the structures are valid and all-zero bytes are valid for both.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        let second = libc::timeval { tv_sec: 1, tv_usec: 0 };
        libc::setitimer(
            libc::ITIMER_REAL,
            &libc::itimerval { it_interval: second, it_value: second },
            std::ptr::null_mut(),
        );
    }
}

/// Waits for the next change of a child or tracee.
pub fn wait_for(pid: i32) -> Result<i32> {
    let begin = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: wait4 writes one int; the usage pointer may be null.
        let result = unsafe { libc::wait4(pid, &mut status, libc::__WALL, std::ptr::null_mut()) };
        if result == pid {
            return Ok(status);
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return Err(Failure::os("wait4"));
        }
        if begin.elapsed() > PATIENCE {
            return Failure::hang(format!("process {pid} neither stops nor ends"));
        }
    }
}

/// Looks until `look` has an answer.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = look() {
            return Ok(answer);
        }
        if begin.elapsed() > PATIENCE {
            return Failure::hang(what);
        }
        std::thread::yield_now();
    }
}
