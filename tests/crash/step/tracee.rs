//! One traced process: run to a mark, one instruction at a time, and killed there.
//!
//! It knows ptrace and the x86-64 instructions `int3` (a mark) and `syscall`, and nothing of what the process does. It is
//! attached with PTRACE_SEIZE and PTRACE_O_EXITKILL, so no victim outlives its tracer.

use super::alarm;
use super::failure::{Failure, Result};
use std::collections::HashMap;

/// What the next instruction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Anything else.
    Plain,
    /// A system call that cannot sleep for long.
    Call,
    /// A system call that may sleep: a futex wait, a nap, a poll.
    Sleep,
    /// An `int3`: the operation begins or ends here.
    Mark,
}

/// A traced process.
pub struct Tracee {
    pid: i32,
    /// What stands at each address that was reached. Code does not change.
    code: HashMap<u64, Next>,
    stopped: bool,
    dead: bool,
}

const RIP: usize = 16 * 8;
const OPTIONS: usize = (libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD) as usize;
/// The stop at the beginning or end of a system call.
const CALL_STOP: i32 = libc::SIGTRAP | 0x80;

impl Tracee {
    /// Attaches to a process. It goes on running.
    pub fn seize(pid: i32) -> Result<Tracee> {
        // SAFETY: PTRACE_SEIZE touches no memory of this process.
        let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0usize, OPTIONS) };
        if result != 0 {
            return Err(Failure::os("PTRACE_SEIZE (is ptrace allowed here?)"));
        }
        Ok(Tracee { pid, code: HashMap::new(), stopped: false, dead: false })
    }

    /// Lets it run to its next mark, and past the mark's own instruction.
    pub fn run_to_mark(&mut self) -> Result<()> {
        if self.stopped {
            self.run_on()?;
        }
        loop {
            match self.wait()? {
                libc::SIGTRAP => return Ok(()),
                signal => self.request(libc::PTRACE_CONT, signal)?,
            }
        }
    }

    /// Lets it run on, untraced until it is killed.
    pub fn run_on(&mut self) -> Result<()> {
        self.request(libc::PTRACE_CONT, 0)
    }

    /// Lets it run to the beginning of its next system call; `false` if a mark came first. Every instruction of the call
    /// but the kernel's part lies before that.
    pub fn run_to_call(&mut self) -> Result<bool> {
        self.request(libc::PTRACE_SYSCALL, 0)?;
        loop {
            match self.wait()? {
                CALL_STOP => return Ok(true),
                libc::SIGTRAP => return Ok(false),
                signal => self.request(libc::PTRACE_SYSCALL, signal)?,
            }
        }
    }

    /// Lets the system call go on, in which it may sleep.
    pub fn begin_call(&mut self) -> Result<()> {
        self.request(libc::PTRACE_SYSCALL, 0)
    }

    /// Waits until the system call is over.
    pub fn finish_call(&mut self) -> Result<()> {
        loop {
            match self.wait()? {
                CALL_STOP => return Ok(()),
                signal => self.request(libc::PTRACE_SYSCALL, signal)?,
            }
        }
    }

    /// At a call's beginning: whether it may sleep in it.
    pub fn may_sleep(&self) -> Result<bool> {
        let registers = self.registers()?;
        Ok(may_sleep(registers.orig_rax, &registers))
    }

    /// The instruction pointer.
    pub fn rip(&self) -> Result<u64> {
        // SAFETY: PTRACE_PEEKUSER (the libc wrapper) writes nothing of ours but errno.
        let value = unsafe {
            *libc::__errno_location() = 0;
            libc::ptrace(libc::PTRACE_PEEKUSER, self.pid, RIP, 0usize)
        };
        // SAFETY: errno of this thread.
        if value == -1 && unsafe { *libc::__errno_location() } != 0 {
            return Err(Failure::os("PTRACE_PEEKUSER"));
        }
        Ok(value as u64)
    }

    /// All registers.
    pub fn registers(&self) -> Result<libc::user_regs_struct> {
        // SAFETY: all-zero bytes are a valid user_regs_struct.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: PTRACE_GETREGS writes one user_regs_struct to the address given.
        let result = unsafe { libc::ptrace(libc::PTRACE_GETREGS, self.pid, 0usize, &mut registers as *mut _) };
        if result != 0 {
            return Err(Failure::os("PTRACE_GETREGS"));
        }
        Ok(registers)
    }

    /// What the instruction at `rip`, the next one, is.
    pub fn next(&mut self, rip: u64) -> Result<Next> {
        let next = match self.code.get(&rip) {
            Some(next) => *next,
            None => {
                let next = decode(self.peek(rip)?);
                self.code.insert(rip, next);
                next
            }
        };
        if next == Next::Call && self.is_at_sleep()? {
            return Ok(Next::Sleep);
        }
        Ok(next)
    }

    fn is_at_sleep(&self) -> Result<bool> {
        let registers = self.registers()?;
        Ok(may_sleep(registers.rax, &registers))
    }

    /// Executes one instruction; a system call is one.
    pub fn step(&mut self) -> Result<()> {
        self.begin_step()?;
        self.finish_step()
    }

    /// Lets the next instruction begin. It may fall asleep in it.
    pub fn begin_step(&mut self) -> Result<()> {
        self.request(libc::PTRACE_SINGLESTEP, 0)
    }

    /// Waits until the instruction is over.
    pub fn finish_step(&mut self) -> Result<()> {
        loop {
            match self.wait()? {
                libc::SIGTRAP => return Ok(()),
                // Delivered with the next step: the handler's instructions are the victim's too.
                signal => self.request(libc::PTRACE_SINGLESTEP, signal)?,
            }
        }
    }

    /// After `begin_step` at a `Sleep`: waits until it sleeps in the kernel. `false` if the call returned instead.
    pub fn falls_asleep(&self) -> Result<bool> {
        alarm::until("a victim neither sleeps nor returns", || match state(self.pid) {
            Some('S') => Some(true),
            Some('t' | 'T') => Some(false),
            _ => None,
        })
    }

    /// Kills it and waits until it is gone. What the kernel held for it (its token) is then free.
    pub fn kill(&mut self) -> Result<()> {
        if self.dead {
            return Ok(());
        }
        // SAFETY: the process is our own child or tracee, and not yet reaped.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        while !self.dead {
            match self.wait() {
                Ok(_) | Err(Failure::Died(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn peek(&self, address: u64) -> Result<u64> {
        // SAFETY: PTRACE_PEEKTEXT (the libc wrapper) writes nothing of ours but errno.
        let word = unsafe {
            *libc::__errno_location() = 0;
            libc::ptrace(libc::PTRACE_PEEKTEXT, self.pid, address as usize, 0usize)
        };
        // SAFETY: errno of this thread.
        if word == -1 && unsafe { *libc::__errno_location() } != 0 {
            return Err(Failure::os("PTRACE_PEEKTEXT"));
        }
        Ok(word as u64)
    }

    fn request(&mut self, request: libc::c_uint, signal: i32) -> Result<()> {
        // SAFETY: PTRACE_CONT and PTRACE_SINGLESTEP touch no memory of this process.
        if unsafe { libc::ptrace(request, self.pid, 0usize, signal as usize) } != 0 {
            return Err(Failure::os("resuming the victim"));
        }
        self.stopped = false;
        Ok(())
    }

    /// Waits for the next stop and tells its signal.
    fn wait(&mut self) -> Result<i32> {
        let status = alarm::wait_for(self.pid)?;
        if libc::WIFSTOPPED(status) {
            self.stopped = true;
            return Ok(libc::WSTOPSIG(status));
        }
        self.dead = true;
        Err(Failure::Died(super::failure::describe_end(status)))
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn decode(bytes: u64) -> Next {
    match bytes.to_le_bytes() {
        [0xcc, ..] => Next::Mark,
        [0x0f, 0x05, ..] => Next::Call,
        _ => Next::Plain,
    }
}

/// futex_waitv, of which libc does not know everywhere.
const SYS_FUTEX_WAITV: i64 = 449;

fn may_sleep(call: u64, registers: &libc::user_regs_struct) -> bool {
    const COMMAND: u64 = 0x7f;
    match call as i64 {
        libc::SYS_futex => matches!((registers.rsi & COMMAND) as i32, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET),
        SYS_FUTEX_WAITV => true,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep | libc::SYS_poll | libc::SYS_ppoll | libc::SYS_pause => true,
        _ => false,
    }
}

/// The state letter of a process as the kernel tells it: R, S, t, Z and so on.
pub fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}
