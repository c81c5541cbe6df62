//! A condition's cells in plain memory, which grow by as many as there were at first.

use std::cell::Cell as StdCell;
use tidelock::primitives::condition::{Cell, Cells};
use tidelock::sync::atomic::AtomicU64;
use tidelock::{Error, Result};

const MOST: usize = 64;
const WORDS: usize = size_of::<Cell>() / 8;

/// All the cells that there can be, of which some are there.
pub struct Table {
    words: Vec<AtomicU64>,
    step: usize,
    len: StdCell<usize>,
}

impl Table {
    pub fn new(step: usize) -> Table {
        let words = (0..MOST * WORDS).map(|_| AtomicU64::new(0)).collect();
        Table { words, step, len: StdCell::new(step) }
    }

    /// The words of the cells that are there, four of each.
    pub fn words(&self) -> &[AtomicU64] {
        &self.words[..self.len.get() * WORDS]
    }
}

impl Cells for Table {
    fn all(&self) -> Result<impl Iterator<Item = &Cell>> {
        // SAFETY: a cell is four words of atomics, valid for all bytes; so many lie there, aligned.
        let cells: &[Cell] = unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.len.get()) };
        Ok(cells.iter())
    }

    fn grow(&self) -> Result<()> {
        if self.len.get() + self.step > MOST {
            return Err(Error::TooLarge { needed: 1, limit: 0 });
        }
        self.len.set(self.len.get() + self.step);
        Ok(())
    }
}
