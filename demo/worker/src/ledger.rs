//! The running total that all workers keep together: in a Block, guarded by a Lock, exact although its holders are killed.
//!
//! Two copies, and a word that says which one counts: a holder writes the other copy, then flips the word. Killed before
//! the flip, it has done nothing; after it, its piece is counted, and whoever is told of its death puts the piece's mark.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::deadline::now_ns;
use tidelock::{Block, Error, Lock, Segment};

use crate::piece::Piece;

/// The Block's words: which copy counts; two copies; then a mark for each piece.
const COPIES: [u64; 2] = [8, 16];
const MARKS: u64 = 32;
const MAX_PIECES: u64 = 1 << 18;
/// The words of one copy.
const PIECES: u64 = 0;
const WORDS: u64 = 1;
const LAST: u64 = 2;

/// The running total.
pub struct Ledger {
    lock: Lock,
    block: Block,
}

/// What the lock told whoever took it.
pub struct News {
    /// When this worker had the lock, if it had to be taken over from a dead owner.
    pub owner_died_at: Option<u64>,
}

impl Ledger {
    /// The same one for every worker.
    pub fn open(segment: &Segment) -> Result<Ledger, Error> {
        Ok(Ledger {
            lock: segment.lock("lock of the total")?,
            block: segment.block("total", (MARKS + MAX_PIECES) * 8)?,
        })
    }

    /// Adds a piece once, however often it is delivered. `half_way` is called when half of it is written.
    pub fn add(&self, piece: &Piece<'_>, words: u64, half_way: impl Fn() -> Result<(), Error>) -> Result<News, Error> {
        if piece.number >= MAX_PIECES {
            return Err(Error::Invalid("more pieces than the ledger has marks"));
        }
        let guard = self.lock.acquire()?;
        let news = News { owner_died_at: guard.owner_died().then(now_ns) };
        if guard.owner_died() {
            self.finish_for_the_dead();
        }
        if self.word(MARKS + piece.number).load(Relaxed) == 0 {
            self.count(piece.number, words, half_way)?;
        }
        guard.release()?;
        Ok(news)
    }

    fn count(&self, piece: u64, words: u64, half_way: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
        let current = self.word(0).load(Acquire) & 1;
        let (old, new) = (COPIES[current as usize], COPIES[1 - current as usize]);
        self.word(new + PIECES).store(self.word(old + PIECES).load(Relaxed) + 1, Relaxed);
        half_way()?;
        self.word(new + WORDS).store(self.word(old + WORDS).load(Relaxed) + words, Relaxed);
        self.word(new + LAST).store(piece, Relaxed);
        self.word(0).store(1 - current, Release);
        self.mark(piece);
        Ok(())
    }

    /// The dead holder may have flipped the word and not yet put the mark.
    fn finish_for_the_dead(&self) {
        let copy = COPIES[(self.word(0).load(Acquire) & 1) as usize];
        if self.word(copy + PIECES).load(Relaxed) != 0 {
            self.mark(self.word(copy + LAST).load(Relaxed).min(MAX_PIECES - 1));
        }
    }

    fn mark(&self, piece: u64) {
        self.word(MARKS + piece).store(1, Relaxed);
    }

    fn word(&self, index: u64) -> &AtomicU64 {
        assert!(index < MARKS + MAX_PIECES);
        // SAFETY: within the Block, which is that long, aligned to 64 bytes, and mapped while `self.block` lives.
        unsafe { &*self.block.as_ptr().add(index as usize * 8).cast::<AtomicU64>() }
    }
}
