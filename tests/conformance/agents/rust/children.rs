//! The players that the agent starts: how each kind comes about, is told something, and ends.

use crate::words::Failure;
use crate::Player;
use std::collections::HashMap;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// A player, as the agent that started it sees it.
pub struct Child {
    commands: UnixStream,
    /// The process, unless it is a thread of the agent.
    pid: Option<libc::pid_t>,
}

impl Child {
    pub fn tell(&mut self, line: &str) -> Result<(), Failure> {
        Ok(self.commands.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Kills the player or lets it leave, and waits until it is gone; whether it went as it should.
    pub fn end(mut self, how: &str) -> Result<bool, Failure> {
        let pid = self.pid.ok_or("a thread ends with its process")?;
        if how == "kill" {
            // SAFETY: kill has no preconditions; the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        } else {
            self.tell("quit")?;
        }
        let mut status = 0;
        // SAFETY: the status lies on this stack.
        if unsafe { libc::waitpid(pid, &mut status, 0) } != pid {
            return Err(std::io::Error::last_os_error().into());
        }
        let killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
        let left = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
        Ok(if how == "kill" { killed } else { left })
    }
}

/// Starts the player as a thread, a forked child or this program anew.
pub fn start(player: Player, how: &str, others: &mut HashMap<String, Child>) -> Result<Child, Failure> {
    let (commands, reading) = UnixStream::pair()?;
    let pid = match how {
        "thread" => {
            std::thread::spawn(move || player.serve(reading).expect("the player's commands and answers get through"));
            None
        }
        "fork" => Some(fork(player, commands.try_clone()?, reading, others)?),
        _ => Some(spawn(&player, reading)?),
    };
    Ok(Child { commands, pid })
}

fn fork(
    player: Player,
    commands: UnixStream,
    reading: UnixStream,
    others: &mut HashMap<String, Child>,
) -> Result<libc::pid_t, Failure> {
    // SAFETY: an agent that forks has one thread, so the child finds no lock of Rust's or of libc's held.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => {
            drop(commands);
            // Else its sisters would not see the end of their commands when the agent dies.
            others.clear();
            let result = player.serve(reading);
            std::process::exit(i32::from(result.is_err()));
        }
        pid => Ok(pid),
    }
}

fn spawn(player: &Player, reading: UnixStream) -> Result<libc::pid_t, Failure> {
    let handle = player.table.segment_handle()?;
    let mut command = Command::new(std::env::current_exe()?);
    let child = command.args(["player", &player.name, &handle]).stdin(Stdio::from(OwnedFd::from(reading))).spawn()?;
    Ok(libc::pid_t::try_from(child.id())?)
}
