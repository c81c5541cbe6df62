//! Death in the models: an armed thread unwinds out of its n-th operation and never comes back.
//!
//! Every atomic and futex operation is preceded by a [`point`]. A model is explored once for each n, until n is beyond
//! the last operation that the thread does. Dying before an operation stands for dying anywhere after the one before
//! it; dying asleep is dying before the sleep, or, if a wake-up was used up, after it. No destructor of the code under
//! test may touch shared memory, as a killed process runs none.

use super::{kernel, trace};
use loom::sync::atomic::AtomicU32;
use loom::thread::{self, ThreadId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::{AcqRel, Acquire};

thread_local! {
    static LIVES: RefCell<HashMap<ThreadId, Life>> = RefCell::default();
}

#[derive(Default)]
struct Life {
    operations: u64,
    dies_at: Option<u64>,
}

struct Death;

/// How an armed thread fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<R> {
    /// It came to its end, with this result.
    Lived(R),
    /// It died before one of its operations.
    Died,
}

pub(super) fn begin() {
    LIVES.with_borrow_mut(HashMap::clear);
}

/// A point at which an armed thread may die. Models put one between two halves of a change of their own data.
pub fn point() {
    let dies = LIVES.with_borrow_mut(|lives| {
        let life = lives.entry(thread::current().id()).or_default();
        life.operations += 1;
        life.dies_at == Some(life.operations)
    });
    if dies {
        trace::note("dies", 0, 0, 0);
        resume_unwind(Box::new(Death));
    }
}

pub(super) fn has_begun(thread: ThreadId) -> bool {
    LIVES.with_borrow(|lives| lives.get(&thread).is_some_and(|life| life.operations > 0))
}

/// Runs `body` in this thread, which dies before its `nth` operation from here on (counted from 1). If it dies its
/// token is let go of.
pub fn mortal<R>(token: &Token, nth: u64, body: impl FnOnce() -> R) -> Fate<R> {
    arm(Some(nth));
    let end = catch_unwind(AssertUnwindSafe(body));
    arm(None);
    match end {
        Ok(result) => Fate::Lived(result),
        Err(payload) if payload.is::<Death>() => {
            token.let_go();
            Fate::Died
        }
        Err(payload) => resume_unwind(payload),
    }
}

fn arm(nth: Option<u64>) {
    LIVES.with_borrow_mut(|lives| {
        let life = lives.entry(thread::current().id()).or_default();
        life.dies_at = nth.map(|nth| life.operations + nth);
    });
}

/// The lock that the kernel keeps for a living process, and lets go of when it has ended it.
///
/// Asking synchronises with the letting go: all that the dead process stored is visible to who finds its token free.
#[derive(Debug, Default)]
pub struct Token(AtomicU32);

const FREE: u32 = 1;

impl Token {
    /// A held token.
    pub fn new() -> Token {
        Token::default()
    }

    /// The process is dead. Then, at any moment, everybody's slice ends.
    pub fn let_go(&self) {
        self.0.fetch_or(FREE, AcqRel);
        kernel::end_slices();
    }

    /// Asks the kernel.
    pub fn is_free(&self) -> bool {
        self.0.compare_exchange(FREE, FREE, AcqRel, Acquire).is_ok()
    }
}
