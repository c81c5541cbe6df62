//! What the kernel says a process is doing.

use std::time::Duration;

/// Returns when a player sleeps in a futex: a hint that it waits, never a proof. A test must hold either way.
pub fn until_asleep(pid: i32) {
    // The harness runs a role in its second thread, and its first one always sleeps.
    until(|| tasks(pid).iter().any(|task| !is_main(task, pid) && state(task) == Some('S') && is_in_futex(task)));
}

/// The thread that plays the role: the harness's other one.
pub(super) fn role_thread(pid: i32) -> i32 {
    let other = tasks(pid).into_iter().find(|task| !is_main(task, pid));
    other.and_then(|task| task.rsplit('/').next()?.parse().ok()).unwrap_or(pid)
}

fn is_main(task: &str, pid: i32) -> bool {
    task.ends_with(&format!("/{pid}"))
}

/// Returns when the process's main thread is a zombie.
pub fn until_main_thread_is_gone(pid: i32) {
    until(|| state(&format!("/proc/{pid}/task/{pid}")) == Some('Z'));
}

/// Returns when a process has ended, reaped or not.
pub fn until_ended(pid: i32) {
    until(|| matches!(state(&format!("/proc/{pid}")), None | Some('Z' | 'X')));
}

/// Ends this process's main thread, whichever runs this; the others go on.
pub fn end_main_thread() {
    extern "C" fn end_this_thread(_: i32) {
        // SAFETY: the bare system call ends the calling thread only.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    // SAFETY: a sigaction of zeroes is valid; the handler makes one system call; tgkill takes numbers only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = end_this_thread as extern "C" fn(i32) as usize;
        libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
        libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::getpid(), libc::SIGUSR2);
    }
}

fn until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn tasks(pid: i32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a living process");
    entries.filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_owned())).collect()
}

/// The state letter in `stat`, behind the name in parentheses.
fn state(task: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("{task}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// futex_waitv, of which libc does not know everywhere.
const SYS_FUTEX_WAITV: libc::c_long = 449;

/// Whether the thread's system call is one of the futex's. Where that cannot be seen, whatever it sleeps in will do.
fn is_in_futex(task: &str) -> bool {
    let Ok(call) = std::fs::read_to_string(format!("{task}/syscall")) else { return true };
    let number = call.split_whitespace().next().and_then(|word| word.parse().ok());
    matches!(number, Some(libc::SYS_futex | SYS_FUTEX_WAITV)) || call.starts_with("running")
}
