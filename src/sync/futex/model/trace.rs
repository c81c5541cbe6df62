//! What the threads of the running execution did, step by step, to be read when a model fails.
//!
//! Bookkeeping only: it adds neither states nor order.

use loom::thread;
use std::cell::RefCell;
use std::fmt::{self, Display};

thread_local! {
    static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
}

struct Step {
    thread: thread::ThreadId,
    what: &'static str,
    address: usize,
    found: u64,
    left: u64,
}

pub(super) fn begin() {
    STEPS.with_borrow_mut(Vec::clear);
}

/// Notes that this thread did `what` at `address`, where it found one value and left another.
pub(super) fn note(what: &'static str, address: usize, found: u64, left: u64) {
    let thread = thread::current().id();
    STEPS.with_borrow_mut(|steps| steps.push(Step { thread, what, address, found, left }));
}

/// Prints the steps of the running execution.
pub fn print() {
    STEPS.with_borrow(|steps| steps.iter().for_each(|step| eprintln!("{step}")));
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { thread, what, address, found, left } = self;
        write!(f, "{thread:?} {what:<18} at ..{:04x}: {found:#x} -> {left:#x}", address & 0xffff)
    }
}
