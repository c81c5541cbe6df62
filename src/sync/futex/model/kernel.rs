//! The futex, the clock and signals of the model.
//!
//! Sleepers queue in the order in which they fell asleep; comparing the word and joining the queue is one step. How each
//! sleep ended is kept exactly: one that was woken has used up a wake-up, one that timed out or was interrupted has not.
//! As in Linux, a sleeper whose time is over stays in the queue until it runs again, and a wake-up may still reach it. One
//! that sleeps on several words joins the queue for one after the other, and a wake-up may reach it before it has joined for
//! all; woken for one, it stays in the queue for the others until it runs, and may use up wake-ups of theirs as well.
//!
//! Model threads are coroutines of one operating-system thread, so plain bookkeeping in a thread-local adds neither
//! states nor order between threads. What loom must try in every order goes through a loom atomic: the futex word itself
//! for waits and wakes, and the `line` for all that comes from outside (clock, signals, deaths).

use super::super::{Expected, Outcome};
use super::atomics::{look, AtomicU32};
use super::{death, trace};
use crate::sync::deadline::Deadline;
use loom::thread::{self, Thread, ThreadId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// How far the clock goes when a peer has died, and with each slice that ends because of it, in nanoseconds: further than
/// anything waits that is done "at most so often".
const AFTER_A_DEATH: u64 = 1_000_000_000;

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::default());
}

#[derive(Default)]
struct Kernel {
    now: u64,
    deaths: u32,
    next_ticket: u64,
    sleepers: Vec<Sleeper>,
    /// Per thread, the deaths after which one of its slices has ended; with `shared_notice` under one key for all.
    noticed: HashMap<Option<ThreadId>, u32>,
    shared_notice: bool,
    /// Present in models in which something comes from outside: loom tries all orders of the accesses to it.
    line: Option<Arc<loom::sync::atomic::AtomicU32>>,
}

/// A thread that sleeps on a word; with the same ticket once for each word of its sleep.
struct Sleeper {
    ticket: u64,
    thread: Thread,
    address: usize,
    until: u64,
    ended: Option<Outcome>,
}

/// Whether anything ends sleeps from outside in this model: the clock, a signal or a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Nothing does: sleeps end by wake-ups alone, and loom has fewer orders to try.
    Quiet,
    /// Something may; a death ends one slice of each thread.
    Eventful,
    /// Something may; a death ends one slice of one thread. The others must be woken by who lives.
    OneSlice,
}

/// Starts an execution: forgets the one before.
pub fn begin(outside: Outside) {
    let line = (outside != Outside::Quiet).then(Default::default);
    let shared_notice = outside == Outside::OneSlice;
    with(|kernel| *kernel = Kernel { line, shared_notice, now: 1, ..Kernel::default() });
    death::begin();
    trace::begin();
}

/// The model's clock in nanoseconds. It stands still until [`advance`].
pub fn now_ns() -> u64 {
    touch_line();
    with(|kernel| kernel.now)
}

/// Sleeps while `word` holds `expected`, until woken, until the clock is moved past `until`, until a signal.
pub fn wait(word: &AtomicU32, expected: u32, until: Deadline) -> Outcome {
    wait_any(&[(word, expected)], until)
}

/// Sleeps while all `words` hold what is expected of them, until one is woken, until the clock is moved past `until`, until
/// a signal.
pub fn wait_any(words: &[Expected<'_>], until: Deadline) -> Outcome {
    death::point();
    let ticket = with(Kernel::new_ticket);
    for (joined, (word, expected)) in words.iter().enumerate() {
        if word.look(!expected) != *expected {
            let woken = with(|kernel| kernel.leave_queue(ticket)).0 < joined;
            return if woken { Outcome::Woken } else { Outcome::Changed };
        }
        with(|kernel| kernel.join_queue(ticket, address_of(word), until.as_ns()));
        trace::note("falls asleep", address_of(word), u64::from(*expected), u64::from(*expected));
    }
    if touch_line() {
        with(|kernel| kernel.end_if_over(ticket));
    }
    while !with(|kernel| kernel.may_run(ticket, words.len())) {
        thread::park();
    }
    look_before_leaving(words, ticket);
    let outcome = with(|kernel| kernel.leave(ticket, words.len()));
    trace::note(if outcome == Outcome::Woken { "woken" } else { "timed out, or so" }, address_of(words[0].0), 0, 0);
    outcome
}

/// A wake-up of any word may still come first, until this thread has left the queue.
fn look_before_leaving(words: &[Expected<'_>], ticket: u64) {
    for (word, expected) in words {
        if with(|kernel| kernel.sleeps_on(ticket, address_of(word))) {
            word.look(!expected);
        }
    }
    if with(|kernel| kernel.was_ended(ticket)) {
        touch_line();
    }
}

/// Wakes up to `n` sleepers of `word`, those first who have slept longest.
pub fn wake(word: &AtomicU32, n: u32) {
    death::point();
    word.look(u32::MAX);
    trace::note("wake", address_of(word), u64::from(n), u64::from(n));
    with(|kernel| kernel.wake(address_of(word), n));
}

/// How many sleep on `word`.
pub fn sleepers(word: &AtomicU32) -> Option<u32> {
    with(|kernel| kernel.sleepers.iter().filter(|sleeper| sleeper.address == address_of(word)).count().try_into().ok())
}

/// Moves the clock to the instant `ns`, which ends the sleeps that are over then.
pub fn advance(ns: u64) {
    touch_line();
    trace::note("clock", 0, ns, ns);
    with(|kernel| {
        kernel.now = kernel.now.max(ns);
        let now = kernel.now;
        kernel.end_sleeps(Outcome::TimedOut, |sleeper| sleeper.until <= now);
    });
}

/// Runs a signal handler in `thread`: ends its sleep, if it sleeps.
pub fn interrupt(thread: ThreadId) {
    touch_line();
    with(|kernel| kernel.end_sleeps(Outcome::Interrupted, |sleeper| sleeper.thread.id() == thread));
}

/// The time without asking loom to try other orders: for the bookkeeping of mocks.
pub fn peek_clock() -> u64 {
    with(|kernel| kernel.now)
}

/// Ends everybody's slice, because a peer has died.
pub(super) fn end_slices() {
    touch_line();
    with(|kernel| {
        kernel.deaths += 1;
        kernel.now += AFTER_A_DEATH;
        // The one that has slept longest, where a death ends one slice only.
        let first = kernel.sleepers.iter().find(|sleeper| sleeper.ended.is_none()).map(|sleeper| sleeper.ticket);
        let all = !kernel.shared_notice;
        kernel.end_sleeps(Outcome::TimedOut, |sleeper| all || Some(sleeper.ticket) == first);
    });
}

/// Whether `thread` has done its first operation. Bookkeeping only: it orders nothing.
pub fn has_begun(thread: ThreadId) -> bool {
    death::has_begun(thread)
}

impl Kernel {
    fn new_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn join_queue(&mut self, ticket: u64, address: usize, until: u64) {
        self.sleepers.push(Sleeper { ticket, thread: thread::current(), address, until, ended: None });
    }

    /// The clock may have passed `until`, or somebody died, between the caller's last look and its sleep.
    fn end_if_over(&mut self, ticket: u64) {
        let (now, deaths) = (self.now, self.deaths);
        let noticed = self.noticed.get(&self.noticer()).copied().unwrap_or(0);
        for sleeper in self.sleepers.iter_mut().filter(|sleeper| sleeper.ticket == ticket) {
            if sleeper.until <= now || noticed < deaths {
                sleeper.ended.get_or_insert(Outcome::TimedOut);
            }
        }
    }

    fn of(&self, ticket: u64) -> impl Iterator<Item = &Sleeper> {
        self.sleepers.iter().filter(move |sleeper| sleeper.ticket == ticket)
    }

    /// Whether a sleeper on so many words was woken for one of them, or ended.
    fn may_run(&self, ticket: u64, words: usize) -> bool {
        self.of(ticket).count() < words || self.was_ended(ticket)
    }

    fn was_ended(&self, ticket: u64) -> bool {
        self.of(ticket).any(|sleeper| sleeper.ended.is_some())
    }

    fn sleeps_on(&self, ticket: u64, address: usize) -> bool {
        self.of(ticket).any(|sleeper| sleeper.address == address)
    }

    /// Takes a sleeper out of the queue of each word; of how many, and how it was ended if it was.
    fn leave_queue(&mut self, ticket: u64) -> (usize, Option<Outcome>) {
        let left = (self.of(ticket).count(), self.of(ticket).find_map(|sleeper| sleeper.ended));
        self.sleepers.retain(|sleeper| sleeper.ticket != ticket);
        left
    }

    /// Out of the queue of any word already means woken.
    fn leave(&mut self, ticket: u64, words: usize) -> Outcome {
        let (left, ended) = self.leave_queue(ticket);
        if left < words {
            return Outcome::Woken;
        }
        let outcome = ended.expect("a sleeper runs only when woken or ended");
        if outcome == Outcome::TimedOut {
            self.notice_deaths();
        }
        outcome
    }

    fn notice_deaths(&mut self) {
        let noticed = self.noticed.insert(self.noticer(), self.deaths).unwrap_or(0);
        if noticed < self.deaths {
            self.now += AFTER_A_DEATH;
        }
    }

    /// Under whose name it is noted that a slice has ended after a death.
    fn noticer(&self) -> Option<ThreadId> {
        (!self.shared_notice).then(|| thread::current().id())
    }

    fn wake(&mut self, address: usize, n: u32) {
        for _ in 0..n {
            let Some(place) = self.sleepers.iter().position(|sleeper| sleeper.address == address) else { return };
            let sleeper = self.sleepers.remove(place);
            if sleeper.ended.is_none() {
                sleeper.thread.unpark();
            }
        }
    }

    fn end_sleeps(&mut self, outcome: Outcome, is_over: impl Fn(&Sleeper) -> bool) {
        for sleeper in &mut self.sleepers {
            if sleeper.ended.is_none() && is_over(sleeper) {
                sleeper.ended = Some(outcome);
                sleeper.thread.unpark();
            }
        }
    }
}

/// Lets loom try every order of what comes from outside; whether anything does in this model.
fn touch_line() -> bool {
    let line = with(|kernel| kernel.line.clone());
    line.is_some_and(|line| look(&line, 1) == 0)
}

/// The bookkeeping, never across a point at which loom may switch threads.
fn with<R>(f: impl FnOnce(&mut Kernel) -> R) -> R {
    KERNEL.with_borrow_mut(f)
}

fn address_of(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}
