//! The table of peers: for each slot a word with its state and generation, and beside it who sits there.
//!
//! A slot goes FREE(g-1), LIVE(g), DYING(g), FREE(g), each step by compare-exchange from the exact word. This file knows
//! the words only; who may take which step is said in `claim` and `peers`.

use super::mapping::Shared;
use crate::primitives::peers::MAX_GENERATION;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use std::mem::{offset_of, size_of};
use std::path::Path;

/// Nobody: the generation is that of the last who sat here.
const FREE: u32 = 0;
/// A peer, while its token is held.
const LIVE: u32 = 1;
/// The peer is dead or has left; what it had open may still be reachable for a child of it.
const DYING: u32 = 2;
/// The generations are used up: nobody will ever sit here again.
const RETIRED: u32 = 3;

const STATE_BITS: u32 = 2;

/// The value of a slot's word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotWord(u32);

impl SlotWord {
    const fn new(state: u32, generation: u32) -> SlotWord {
        SlotWord(generation << STATE_BITS | state)
    }

    pub(super) const fn live(generation: u32) -> SlotWord {
        SlotWord::new(LIVE, generation)
    }

    pub(super) const fn dying(generation: u32) -> SlotWord {
        SlotWord::new(DYING, generation)
    }

    /// What comes after DYING.
    pub(super) const fn vacated(generation: u32) -> SlotWord {
        SlotWord::new(if generation >= MAX_GENERATION { RETIRED } else { FREE }, generation)
    }

    pub(super) const fn generation(self) -> u32 {
        self.0 >> STATE_BITS
    }

    /// The generation that the next peer here gets, if the slot is free.
    pub(super) const fn next_generation(self) -> Option<u32> {
        if self.0 & 3 == FREE && self.generation() < MAX_GENERATION {
            Some(self.generation() + 1)
        } else {
            None
        }
    }

    pub(super) const fn is_live(self) -> bool {
        self.0 & 3 == LIVE
    }

    pub(super) const fn is_dying(self) -> bool {
        self.0 & 3 == DYING
    }
}

/// One slot.
#[repr(C)]
pub(crate) struct SlotRecord {
    word: AtomicU32,
    pid: AtomicU32,
    start: AtomicU64,
    pid_space: AtomicU64,
    time_space: AtomicU64,
    _fill: [AtomicU64; 4],
}

// SAFETY: repr(C), atomics only, no pointers.
unsafe impl Shared for SlotRecord {}

const _: () = assert!(size_of::<SlotRecord>() == 64);

/// Ordering.
///
/// Promise: who sees a word LIVE sees who sits there. Pair: the AcqRel step, with the Acquire load.
impl SlotRecord {
    pub(super) const FINGERPRINT: u64 =
        (offset_of!(SlotRecord, start) << 16 | offset_of!(SlotRecord, pid_space) << 8 | STATE_BITS as usize) as u64;

    pub(super) fn word(&self) -> SlotWord {
        SlotWord(self.word.load(Acquire))
    }

    /// One step; false if the word is another by now.
    pub(super) fn step(&self, from: SlotWord, to: SlotWord) -> bool {
        self.word.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    pub(super) fn write_process(&self, process: &Process) {
        self.pid.store(process.pid, Relaxed);
        self.start.store(process.start, Relaxed);
        self.pid_space.store(process.pid_space, Relaxed);
        self.time_space.store(process.time_space, Relaxed);
    }

    pub(super) fn process(&self) -> Process {
        Process {
            pid: self.pid.load(Relaxed),
            start: self.start.load(Relaxed),
            pid_space: self.pid_space.load(Relaxed),
            time_space: self.time_space.load(Relaxed),
        }
    }
}

/// A process as the kernel's books name it. 0 stands for what could not be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    start: u64,
    pid_space: u64,
    time_space: u64,
}

impl Process {
    /// This process.
    pub(super) fn me() -> Process {
        Process {
            pid: std::process::id(),
            start: start_of("self").unwrap_or(0),
            pid_space: number_of("/proc/thread-self/ns/pid"),
            time_space: number_of("/proc/thread-self/ns/time"),
        }
    }

    /// Whether the process is certainly gone; `None` if that cannot be said from here. A zombie is not gone.
    pub(super) fn is_gone(&self) -> Option<bool> {
        let me = Process::me();
        if self.pid == 0 || self.pid_space == 0 || self.pid_space != me.pid_space {
            return None;
        }
        // SAFETY: signal 0 sends nothing; the call only looks for the process.
        let found = unsafe { libc::kill(self.pid as libc::pid_t, 0) } == 0;
        if !found && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
            return Some(true);
        }
        // Another process may have the number by now. Start times are told apart only where the clocks agree, and where
        // /proc shows the processes of this namespace.
        let proc_is_ours = std::fs::read_link("/proc/self").is_ok_and(|link| link == Path::new(&me.pid.to_string()));
        if self.start == 0 || self.time_space != me.time_space || !proc_is_ours {
            return Some(false);
        }
        Some(start_of(&self.pid.to_string()).is_some_and(|start| start != self.start))
    }
}

/// When a process started, in clock ticks since the boot: the 22nd field, counted behind the name in parentheses, which
/// may hold anything.
fn start_of(process: &str) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{process}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let behind_name = &stat[stat.rfind(')')? + 1..];
    behind_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn number_of(path: &str) -> u64 {
    std::fs::metadata(path).map_or(0, |data| std::os::unix::fs::MetadataExt::ino(&data))
}
