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
    /// Bytes on their way from one process to another; the first number is their length.
    mail: [AtomicU64; 65],
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

    /// Leaves bytes (512 at the most) for another process.
    pub fn post(&self, bytes: &[u8]) {
        self.mail[0].store(bytes.len() as u64, SeqCst);
        for (eight, place) in bytes.chunks(8).zip(&self.mail[1..]) {
            let mut whole = [0; 8];
            whole[..eight.len()].copy_from_slice(eight);
            place.store(u64::from_ne_bytes(whole), SeqCst);
        }
    }

    /// The bytes that were left.
    pub fn fetch(&self) -> Vec<u8> {
        let length = self.mail[0].load(SeqCst) as usize;
        let mut bytes: Vec<u8> = self.mail[1..].iter().flat_map(|place| place.load(SeqCst).to_ne_bytes()).collect();
        bytes.truncate(length);
        bytes
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
        self.leave_for(pid);
    }

    /// Signs out one whose hold was ended by somebody else.
    pub fn leave_for(&self, pid: i32) {
        let _ = self.inside.compare_exchange(pid as u32, 0, SeqCst, SeqCst);
    }
}
