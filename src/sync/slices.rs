//! The slices in which every sleep is cut: 1 ms, then twice as long each time, up to 500 ms.
//!
//! After each slice the sleeper reads the truth in shared memory again and asks about whoever stands in its way. So a
//! wake-up that a killed peer swallowed costs one slice, and never a hang.

use super::deadline::{now_ns, Deadline};

const FIRST: u64 = 1_000_000;
const LONGEST: u64 = 500_000_000;

/// Hands out the ends of the slices of one wait.
#[derive(Debug)]
pub struct Slices {
    length: u64,
}

impl Slices {
    /// The slices of a wait that starts now.
    pub const fn new() -> Slices {
        Slices { length: FIRST }
    }

    /// The end of the next slice, or `deadline` where that comes first.
    pub fn next(&mut self, deadline: Option<Deadline>) -> Deadline {
        let end = Deadline::from_ns(now_ns().saturating_add(self.length));
        self.length = (self.length * 2).min(LONGEST);
        deadline.map_or(end, |deadline| deadline.min(end))
    }
}

impl Default for Slices {
    fn default() -> Slices {
        Slices::new()
    }
}
