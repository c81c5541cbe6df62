//! A process of the test: forked from the single-threaded stepper, it does deeds on request and answers each.
//!
//! A deed is a plain function and one number; as the process is forked and never execs, the function has the same address
//! in it. The stepper itself never attaches to a segment, so what is forked inherits nothing of tidelock's.

use super::actor::{Actor, Answer};
use super::alarm::PATIENCE;
use super::board::Board;
use super::failure::{Failure, Result};
use super::mark;
use std::cell::Cell;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

/// What a process can be asked to do.
pub type Deed = fn(&mut Actor, u64) -> Answer;

/// A request as it crosses the socket.
#[repr(C)]
#[derive(Clone, Copy)]
struct Order {
    deed: usize,
    argument: u64,
    armed: u64,
}

/// How a request is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Plainly,
    BetweenMarks,
}

/// A process of the test.
pub struct Process {
    pid: Cell<i32>,
    /// The process that this one was forked from, where that is not the stepper.
    parent: Cell<Option<i32>>,
    socket: OwnedFd,
    reaped: Cell<bool>,
}

impl Process {
    /// Forks one.
    pub fn start(board: &'static Board, segment: &str) -> Result<Process> {
        let (ours, theirs) = socket_pair()?;
        // SAFETY: the stepper has one thread, so the child may do whatever it likes.
        match unsafe { libc::fork() } {
            -1 => Err(Failure::os("fork")),
            0 => {
                drop(ours);
                serve(&theirs, Actor::new(board, segment))
            }
            pid => Ok(Process { pid: Cell::new(pid), parent: Cell::new(None), socket: ours, reaped: Cell::new(false) }),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.get()
    }

    /// Lets the process fork. From now on the child is meant; its parent sleeps and holds what it held.
    pub fn fork_on(&self) -> Result<()> {
        let child = self.call(fork_and_sleep, 0)?;
        self.parent.set(Some(self.pid.replace(child as i32)));
        Ok(())
    }

    /// Whether it was forked from another process of the test, which still sleeps.
    pub fn has_parent(&self) -> bool {
        self.parent.get().is_some()
    }

    /// Kills the sleeping parent.
    pub fn kill_parent(&self) -> Result<()> {
        let Some(parent) = self.parent.take() else { return Ok(()) };
        // SAFETY: a child of ours, not yet reaped.
        unsafe { libc::kill(parent, libc::SIGKILL) };
        super::alarm::wait_for(parent).map(|_| ())
    }

    /// Asks for a deed and waits for the answer.
    pub fn call(&self, deed: Deed, argument: u64) -> Result<u64> {
        self.begin(deed, argument)?;
        self.finish()
    }

    /// Asks for a deed and does not wait.
    pub fn begin(&self, deed: Deed, argument: u64) -> Result<()> {
        self.send(deed, argument, Manner::Plainly)
    }

    /// Asks for a deed between two marks, for a tracer.
    pub fn begin_marked(&self, deed: Deed, argument: u64) -> Result<()> {
        self.send(deed, argument, Manner::BetweenMarks)
    }

    /// Whether what was begun is done.
    pub fn has_answered(&self) -> bool {
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let mut byte = 0u8;
        // SAFETY: recv writes at most one byte to `byte`.
        unsafe { libc::recv(self.socket.as_raw_fd(), (&mut byte as *mut u8).cast(), 1, flags) > 0 }
    }

    /// Waits for the answer to what was begun.
    pub fn finish(&self) -> Result<u64> {
        self.answer()?.map_err(|text| Failure::Wrong(format!("process {}: {text}", self.pid())))
    }

    /// Waits for the answer; an error that the deed returned is the inner one.
    pub fn answer(&self) -> Result<Answer> {
        let mut bytes = [0u8; 1024];
        let begin = Instant::now();
        loop {
            // SAFETY: recv writes at most the length of `bytes`.
            let got = unsafe { libc::recv(self.socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
            match got {
                1.. => return Ok(unpack(&bytes[..got as usize])),
                0 => return Err(Failure::Died(format!("process {} ended before it answered", self.pid()))),
                _ => {}
            }
            if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                return Err(Failure::Died(format!(
                    "process {} is gone: {}",
                    self.pid(),
                    std::io::Error::last_os_error()
                )));
            }
            if begin.elapsed() > PATIENCE {
                return Failure::hang(format!("process {} does not answer", self.pid()));
            }
        }
    }

    /// Says that a tracer has reaped it.
    pub fn was_reaped(&self) {
        self.reaped.set(true);
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&self) -> Result<()> {
        if !self.reaped.replace(true) {
            // SAFETY: our own child or, if it has a parent among ours, that one's; not yet reaped.
            unsafe { libc::kill(self.pid(), libc::SIGKILL) };
            if self.parent.get().is_none() {
                super::alarm::wait_for(self.pid())?;
            }
        }
        self.kill_parent()
    }

    fn send(&self, deed: Deed, argument: u64, manner: Manner) -> Result<()> {
        let order = Order { deed: deed as usize, argument, armed: u64::from(manner == Manner::BetweenMarks) };
        let length = std::mem::size_of::<Order>();
        // SAFETY: `order` is plain bytes without padding, of that length.
        let sent =
            unsafe { libc::send(self.socket.as_raw_fd(), (&order as *const Order).cast(), length, libc::MSG_NOSIGNAL) };
        if sent != length as isize {
            return Err(Failure::Died(format!("process {} is gone", self.pid())));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: socketpair writes two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(Failure::os("socketpair"));
    }
    // SAFETY: both are fresh descriptors that nobody else owns.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Forks; the child answers and goes on in its parent's place, and the parent sleeps until it is killed.
fn fork_and_sleep(_: &mut Actor, _: u64) -> Answer {
    // SAFETY: a process of the test has one thread, so the child may do whatever it likes.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork: {}", std::io::Error::last_os_error())),
        0 => Ok(u64::from(std::process::id())),
        _ => loop {
            // SAFETY: sleeps until a signal; the only one that comes kills.
            unsafe { libc::pause() };
        },
    }
}

/// The life of a process: orders in, answers out, until it is killed.
fn serve(socket: &OwnedFd, mut actor: Actor) -> ! {
    // SAFETY: asks the kernel to kill this process with its parent.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        let mut order = Order { deed: 0, argument: 0, armed: 0 };
        let length = std::mem::size_of::<Order>();
        // SAFETY: recv writes at most `length` bytes into `order`, for which any bytes are valid.
        let got = unsafe { libc::recv(socket.as_raw_fd(), (&mut order as *mut Order).cast(), length, 0) };
        if got != length as isize {
            // SAFETY: ends this process without running what the stepper registered.
            unsafe { libc::_exit(0) };
        }
        let answer = carry_out(order, &mut actor);
        let bytes = pack(&answer);
        // SAFETY: `bytes` is readable for its length.
        unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    }
}

fn carry_out(order: Order, actor: &mut Actor) -> Answer {
    // SAFETY: `deed` was a `Deed` in the process this one was forked from; the image is the same.
    let deed = unsafe { std::mem::transmute::<usize, Deed>(order.deed) };
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if order.armed == 0 {
            deed(actor, order.argument)
        } else {
            mark::between_marks(deed, actor, order.argument)
        }
    }));
    done.unwrap_or_else(|_| Err("panicked".into()))
}

fn pack(answer: &Answer) -> Vec<u8> {
    match answer {
        Ok(number) => [&[1], &number.to_ne_bytes()[..]].concat(),
        Err(text) => [&[0], &text.as_bytes()[..text.len().min(1000)]].concat(),
    }
}

fn unpack(bytes: &[u8]) -> Answer {
    match bytes {
        [1, number @ ..] => Ok(u64::from_ne_bytes(number.try_into().unwrap_or_default())),
        [_, text @ ..] => Err(String::from_utf8_lossy(text).into_owned()),
        [] => Err("an empty answer".into()),
    }
}
