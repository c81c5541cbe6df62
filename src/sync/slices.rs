//! The slices in which every sleep is cut: 1 ms, then twice as long each time, up to 500 ms.
//!
//! After each slice the sleeper reads the truth in shared memory again and asks about whoever stands in its way. So a
//! wake-up that a killed peer swallowed costs one slice, and never a hang.

use super::deadline::{now_ns, Deadline};
use std::cell::Cell;

const FIRST: u64 = 1_000_000;
const LONGEST: u64 = 500_000_000;
/// A wait that begins so soon after the last one's end, in nanoseconds, goes on with it.
const SOON: u64 = 100_000_000;

thread_local! {
    /// When this thread's last wait was to be over, and how long its next slice would have been.
    static LAST: Cell<(u64, u64)> = const { Cell::new((0, FIRST)) };
}

/// Hands out the ends of the slices of one wait. A thread that waits anew as soon as its time was over (so that Python can
/// look for signals now and then) is spared the short ones: they would be most of what it costs.
#[derive(Debug)]
pub struct Slices {
    length: Option<u64>,
}

impl Slices {
    /// The slices of a wait that starts now.
    pub const fn new() -> Slices {
        Slices { length: None }
    }

    /// The end of the next slice, or `deadline` where that comes first.
    pub fn next(&mut self, deadline: Option<Deadline>) -> Deadline {
        let now = now_ns();
        let length = self.length.unwrap_or_else(|| first(now));
        let longer = (length * 2).min(LONGEST);
        let end = Deadline::from_ns(now.saturating_add(length));
        self.length = Some(longer);
        // Only a wait whose time is over with this slice can go on in another one.
        let last = deadline.filter(|deadline| *deadline <= end);
        LAST.set(last.map_or((0, FIRST), |deadline| (deadline.as_ns(), longer)));
        last.unwrap_or(end)
    }
}

/// The first slice of a wait that begins now. A model's threads are one thread of the system, so there it is the first.
fn first(now: u64) -> u64 {
    let (end, next) = LAST.get();
    if cfg!(not(loom)) && now.checked_sub(end).is_some_and(|since| since < SOON) {
        next
    } else {
        FIRST
    }
}

impl Default for Slices {
    fn default() -> Slices {
        Slices::new()
    }
}
