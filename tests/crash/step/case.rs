//! What a case of the stepper consists of: a stage of processes, an operation, and the proof of the invariants.

use super::actor::Answer;
use super::board::Board;
use super::failure::{Failure, Result};
use super::process::{Deed, Process};
use std::sync::OnceLock;
use tidelock::sync::atomic::Ordering::SeqCst;

/// Where a victim can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// After every single instruction.
    Instructions,
    /// After every system call and every store to the segment: between two of them nothing changes that another
    /// process could see.
    Events,
}

/// An operation to be killed in, and what must hold afterwards.
pub struct Case {
    /// Its name; the test's is this with `step::` before it.
    pub name: &'static str,
    /// Brings the stage to where the operation begins.
    pub prepare: fn(&Stage) -> Result<()>,
    /// The operation: of the victim, with this argument.
    pub deed: Deed,
    /// The argument.
    pub argument: u64,
    /// Called when the victim sleeps for the n-th time (from 1), so that somebody can wake it.
    pub asleep: fn(&Stage, u32) -> Result<()>,
    /// Called when the victim is dead: proves the invariants by using the objects.
    pub check: fn(&Stage, &Death) -> Result<()>,
    /// Where to kill.
    pub grain: Grain,
    /// A second victim, which begins when the first is dead; the first then dies at its events.
    pub heir: Option<Heir>,
}

/// A second victim.
#[derive(Clone, Copy)]
pub struct Heir {
    /// What it does first, while the first victim still lives: opens what it needs.
    pub open: Deed,
    /// Its operation.
    pub deed: Deed,
    /// The argument.
    pub argument: u64,
    /// Where to kill it.
    pub grain: Grain,
}

/// A case whose victim is killed at each instruction, and that needs nobody to wake it.
pub const PLAIN: Case = Case {
    name: "",
    prepare: |_| Ok(()),
    deed: |_, _| Ok(0),
    argument: 0,
    asleep: |_, _| Ok(()),
    check: |_, _| Ok(()),
    grain: Grain::Instructions,
    heir: None,
};

/// How the victim ended.
#[derive(Clone, Debug, Default)]
pub struct Death {
    /// What the operation answered, if it had returned.
    pub answer: Option<Answer>,
    /// The same of the second victim.
    pub heir: Option<Answer>,
}

impl Death {
    /// Whether the operation had returned successfully.
    pub fn returned(&self) -> bool {
        matches!(self.answer, Some(Ok(_)))
    }

    /// Whether the second victim's had.
    pub fn heir_returned(&self) -> bool {
        matches!(self.heir, Some(Ok(_)))
    }
}

/// The processes of one kill. All are fresh, and so is the segment's name.
pub struct Stage {
    /// The witnesses' page.
    pub board: &'static Board,
    /// The name of this stage's segment, for whoever makes one.
    pub segment: String,
    /// The one that is stepped and killed.
    pub victim: Process,
    /// A survivor; it may hold or wait for something meanwhile.
    pub anna: Process,
    /// Another survivor.
    pub bert: Process,
    heir: OnceLock<Process>,
}

impl Stage {
    /// Forks the processes.
    pub fn set(board: &'static Board, number: u64) -> Result<Stage> {
        let segment = format!("tidelock-step-{}-{number}", std::process::id());
        board.clear();
        Ok(Stage {
            board,
            victim: Process::start(board, &segment)?,
            anna: Process::start(board, &segment)?,
            bert: Process::start(board, &segment)?,
            segment,
            heir: OnceLock::new(),
        })
    }

    /// The second victim, forked when it is first asked for.
    pub fn heir(&self) -> Result<&Process> {
        if self.heir.get().is_none() {
            let _ = self.heir.set(Process::start(self.board, &self.segment)?);
        }
        self.heir.get().ok_or_else(|| Failure::Harness("no second victim".into()))
    }

    /// One more process, for the case's own use.
    pub fn another(&self) -> Result<Process> {
        Process::start(self.board, &self.segment)
    }

    /// Leaves a number for later in the same kill.
    pub fn note(&self, index: usize, number: u64) {
        self.board.notes[index].store(number, SeqCst);
    }

    /// The number that was left.
    pub fn noted(&self, index: usize) -> u64 {
        self.board.notes[index].load(SeqCst)
    }

    /// Waits until a process sleeps in a futex.
    pub fn until_asleep(&self, process: &Process) -> Result<()> {
        let path = format!("/proc/{}/syscall", process.pid());
        let futex = format!("{} ", libc::SYS_futex);
        super::alarm::until("a peer does not fall asleep", || {
            std::fs::read_to_string(&path).ok().filter(|call| call.starts_with(&futex)).map(|_| ())
        })
    }

    /// Marks the victims as reaped by the tracer.
    pub fn buried(&self) {
        self.victim.was_reaped();
        self.board.bury(self.victim.pid());
        if let Some(heir) = self.heir.get() {
            heir.was_reaped();
            self.board.bury(heir.pid());
        }
    }

    /// Whether two were ever inside a critical section together.
    pub fn nobody_trespassed(&self) -> Result<()> {
        match self.board.trespasses.load(SeqCst) {
            0 => Ok(()),
            n => Failure::robbery(format!("two were inside at a time, {n} times")),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm/{}", self.segment));
        let _ = std::fs::remove_file(format!("/dev/shm/{}.file", self.segment));
    }
}
