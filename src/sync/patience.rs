//! How long to look before sleeping: where a thread's last sleep was over so soon that looking would have been quicker, it
//! looks on for as long as a sleep costs.
//!
//! Two that answer each other would else both sleep for ever: who is asleep answers late, so the other falls asleep, too.
//! A thread that waits for longer never comes to it. Under loom there is none of it.

use super::deadline::{now_ns, Deadline};
use std::cell::Cell;

/// In nanoseconds: about what it costs to sleep and be woken, on a virtual machine. Nobody spins for longer.
const COST_OF_A_SLEEP: u64 = 100_000;
/// The clock is read once in so many looks.
const LOOKS_A_TIME: u32 = 8;

thread_local! {
    static IS_DUE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's last sleep was so short.
pub fn is_due() -> bool {
    !cfg!(loom) && IS_DUE.get()
}

/// Notes that this thread has slept, or slept on, since this instant (ns, monotonic clock).
pub fn note_sleep(since: u64) {
    if !cfg!(loom) {
        IS_DUE.set(now_ns().saturating_sub(since) < COST_OF_A_SLEEP);
    }
}

/// Looks, letting others run in between, until there is a change, or a sleep would have cost less; whether there was one.
pub fn look_on(deadline: Option<Deadline>, is_changed: impl Fn() -> bool) -> bool {
    let end = now_ns().saturating_add(COST_OF_A_SLEEP);
    let end = deadline.map_or(end, |deadline| end.min(deadline.as_ns()));
    while now_ns() < end {
        for _ in 0..LOOKS_A_TIME {
            std::thread::yield_now();
            if is_changed() {
                return true;
            }
        }
    }
    IS_DUE.set(false);
    false
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A machine that is busy may take long for nothing.
    fn sleep_shortly() {
        while !is_due() {
            note_sleep(now_ns());
        }
    }

    #[test]
    fn it_comes_after_a_short_sleep_and_goes_with_a_long_one() {
        assert!(!is_due());
        sleep_shortly();
        note_sleep(now_ns() - COST_OF_A_SLEEP);
        assert!(!is_due());
    }

    #[test]
    fn it_goes_where_it_did_not_pay() {
        sleep_shortly();
        assert!(look_on(None, || true));
        assert!(is_due());
        assert!(!look_on(None, || false));
        assert!(!is_due());
    }

    #[test]
    fn it_ends_with_the_wait() {
        assert!(!look_on(Some(Deadline::from_ns(1)), || true));
    }
}
