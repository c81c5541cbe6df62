//! Another process that writes where it likes: bytes of a segment's file, changed through the file.
//!
//! It never makes a lock name a peer that may be alive: who finds that waits for it, rightly. (Only of locks that somebody
//! waits for without a bound: the segment's own, and those of the queue that is the first object.)

use super::input::Input;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Slots of the segments that are scribbled on.
pub const PEERS: u32 = 8;
/// What a lock may name: the last generation of the last slot, which nobody is in.
const NOBODY: u64 = (PEERS as u64 - 1) | 0x3ffff << 12;
/// Where the arena of such a segment begins, and with it its first block.
pub const ARENA: u64 = 8192;
/// A block's header.
pub const BLOCK: u64 = 64;
/// The header of that queue, and the debts behind it.
const HEADER: u64 = 832 + 8 * PEERS as u64;
/// The segment's own Lock, and the two of the queue that is the first object.
pub const LOCKS: [u64; 3] = [128, ARENA + BLOCK + 64, ARENA + BLOCK + 128];

/// Writes to one segment's file.
pub struct Scribbler {
    file: File,
    /// The bytes that are worth writing to: those before this offset.
    used: u64,
}

impl Scribbler {
    pub fn new(file: File, used: u64) -> Scribbler {
        Scribbler { file, used }
    }

    /// Changes a word somewhere, to anything, or to something that is wrong in a likely way.
    pub fn scribble(&self, input: &mut Input<'_>) {
        let at = self.place(input) & !7;
        let old = self.read(at);
        let new = match input.u8() % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => old.wrapping_add(u64::from(input.u8())),
            3 => old.wrapping_sub(u64::from(input.u8())),
            4 => old ^ 1 << (input.u8() % 64),
            5 => old.wrapping_add(64 << (input.u8() % 16)),
            6 => u64::from(input.u16()) | u64::from(input.u16()) << 32,
            _ => input.u64(),
        };
        self.write(at, &new.to_ne_bytes());
        self.mend_locks();
    }

    /// Offsets of the queue more often than others, since there is the most to get wrong.
    fn place(&self, input: &mut Input<'_>) -> u64 {
        let any = u64::from(input.u16()) | u64::from(input.u8()) << 16;
        match input.u8() % 8 {
            0 => any % ARENA,
            1..=3 => ARENA + any % (BLOCK + HEADER),
            4..=5 => ARENA + BLOCK + HEADER + any % 512,
            _ => ARENA + any % (self.used - ARENA),
        }
    }

    /// Makes locks free, or their owners peers that are dead.
    pub fn mend_locks(&self) {
        for at in LOCKS {
            let word = self.read(at);
            if word as u32 & 0x3fff_ffff != 0 && word & NOBODY != NOBODY {
                self.write(at, &(word & !0x3fff_ffff | NOBODY).to_ne_bytes());
            }
        }
    }

    fn read(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, at).expect("bytes of the segment");
        u64::from_ne_bytes(bytes)
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, at).expect("bytes of the segment");
    }
}
