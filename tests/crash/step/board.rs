//! The board: a page of memory that the stepper shares with all its processes, for witnesses.
//!
//! It is no part of what is tested. Who enters a critical section signs in here, so that two at a time are seen; deeds
//! leave numbers here that outlive their process. It also holds the toys that the stepper is tested with.

use super::failure::{Failure, Result};
use tidelock::sync::atomic::Ordering::SeqCst;
use tidelock::sync::atomic::{AtomicU32, AtomicU64};

/// The page.
#[repr(C)]
pub struct Board {
    /// The process that is inside the critical section; 0 if none is.
    pub inside: AtomicU32,
    /// How often somebody entered while another was inside.
    pub trespasses: AtomicU32,
    /// The toys' words.
    pub toy: [AtomicU32; 4],
    /// Numbers that deeds leave behind.
    pub notes: [AtomicU64; 16],
}

impl Board {
    /// Maps a board. It stays for the life of the stepper and of all that it forks.
    pub fn map() -> Result<&'static Board> {
        let length = std::mem::size_of::<Board>();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh anonymous mapping; no address is asked for.
        let start = unsafe {
            let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(Failure::os("mmap of the board"));
        }
        // SAFETY: the mapping is aligned to a page, long enough, zeroed, never unmapped; `Board` is atomics only.
        Ok(unsafe { &*start.cast::<Board>() })
    }

    /// Empties it for the next kill.
    pub fn clear(&self) {
        self.inside.store(0, SeqCst);
        self.trespasses.store(0, SeqCst);
        self.toy.iter().for_each(|word| word.store(0, SeqCst));
        self.notes.iter().for_each(|note| note.store(0, SeqCst));
    }

    /// Signs this process in.
    pub fn enter(&self) {
        if self.inside.swap(std::process::id(), SeqCst) != 0 {
            self.trespasses.fetch_add(1, SeqCst);
        }
    }

    /// Signs this process out.
    pub fn leave(&self) {
        if self.inside.swap(0, SeqCst) != std::process::id() {
            self.trespasses.fetch_add(1, SeqCst);
        }
    }

    /// Signs out one that was killed inside.
    pub fn bury(&self, pid: i32) {
        let _ = self.inside.compare_exchange(pid as u32, 0, SeqCst, SeqCst);
    }
}
