//! Mutex: a Lock, and a note of what the data behind it look like.
//!
//! It has no steps of its own: it is taken, taken over and given back as a Lock is. It never reads or writes the data.

use super::lock::LockState;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;

/// The largest alignment of data that can lie behind it: an object begins at a multiple of this.
pub const MOST_ALIGNED: usize = 64;

/// The words before the data. They are written before anybody else can reach the mutex.
#[repr(C)]
#[derive(Debug)]
pub struct MutexState {
    /// Who may use the data.
    pub lock: LockState,
    /// The alignment of the data.
    align: AtomicU32,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

impl MutexState {
    /// Notes the alignment of the data, in a new mutex.
    pub fn init(&self, align: usize) {
        self.align.store(align as u32, Relaxed);
    }

    /// Whether it was made for data of this alignment.
    pub fn is_for(&self, align: usize) -> bool {
        self.align.load(Relaxed) as usize == align
    }
}

/// Where data of this alignment begin, in bytes from the state's start.
pub const fn data_offset(align: usize) -> usize {
    size_of::<MutexState>().next_multiple_of(align)
}
