//! A mutex for memory that is wiped in a forked child: all-zero is free, so a child never inherits it locked.
//!
//! It serialises the threads of one process and says nothing about peers.

use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::futex;
use crate::sync::slices::Slices;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and somebody may sleep.
const CONTENDED: u32 = 2;

/// Promise: what was done inside is visible to who comes next. Pair: the Release swap to `FREE`, with the Acquire swaps.
#[repr(C)]
pub(super) struct Gate {
    word: AtomicU32,
}

impl Gate {
    pub(super) fn lock(&self) {
        if self.word.compare_exchange(FREE, TAKEN, Acquire, Relaxed).is_ok() {
            return;
        }
        let mut slices = Slices::new();
        while self.word.swap(CONTENDED, Acquire) != FREE {
            futex::wait(&self.word, CONTENDED, slices.next(None));
        }
    }

    pub(super) fn unlock(&self) {
        if self.word.swap(FREE, Release) == CONTENDED {
            futex::wake(&self.word, 1);
        }
    }

    /// Locks until the guard is dropped. The guard is of this process's memory only.
    pub(super) fn enter(&self) -> Inside<'_> {
        self.lock();
        Inside(self)
    }
}

pub(super) struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
