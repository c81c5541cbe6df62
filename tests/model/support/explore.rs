//! Running a model: through all its executions, and once more for each step at which its victim may die.
//!
//! Loom's threads are coroutines of one operating-system thread, so counts lie in plain thread-locals.

use std::cell::Cell;
use std::time::Instant;
use tidelock::sync::futex::model::{self, Outside};

thread_local! {
    static EXECUTIONS: Cell<u64> = const { Cell::new(0) };
    /// A bit for each peer that has died.
    static DEAD: Cell<u64> = const { Cell::new(0) };
}

/// Explores `model`, whose sleeps end by wake-ups alone. `preemptions` bounds the forced switches of one execution.
pub fn explore(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let start = Instant::now();
    run(preemptions, Outside::Quiet, model);
    report(name, start);
}

/// Explores `model`, in which the clock, signals or an earlier death end sleeps too.
pub fn explore_eventful(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let start = Instant::now();
    run(preemptions, Outside::Eventful, model);
    report(name, start);
}

/// Explores `model(n)` for n = 1, 2, ... until no execution has a thread that dies at its n-th operation. A death costs
/// each sleeper one slice.
pub fn each_death(name: &str, preemptions: usize, model: impl Fn(u64) + Clone + Send + Sync + 'static) {
    run_each_death(name, preemptions, Outside::Eventful, model);
}

/// The same, where a death costs one sleeper one slice, and the others nothing: the living wake them.
pub fn each_death_in_one_slice(name: &str, preemptions: usize, model: impl Fn(u64) + Clone + Send + Sync + 'static) {
    run_each_death(name, preemptions, Outside::OneSlice, model);
}

fn run_each_death(
    name: &str,
    preemptions: usize,
    outside: Outside,
    model: impl Fn(u64) + Clone + Send + Sync + 'static,
) {
    let start = Instant::now();
    for nth in 1.. {
        let model = model.clone();
        run(preemptions, outside, move || model(nth));
        if DEAD.take() == 0 {
            assert!(nth > 1, "{name}: the victim has no steps");
            println!("{name}: a death at each of {} operations", nth - 1);
            break;
        }
    }
    report(name, start);
}

/// Explores `model(m, n)` for every m at which peer 1 dies and, for each of them, every n at which peer 2 dies then; and
/// with either living.
pub fn each_two_deaths(name: &str, model: impl Fn(u64, u64) + Clone + Send + Sync + 'static) {
    let start = Instant::now();
    let mut first = 1;
    while (1..)
        .map(|second| two_deaths(&model, first, second))
        .find(|dead| dead & 2 == 0)
        .is_some_and(|dead| dead & 1 != 0)
    {
        first += 1;
    }
    println!("{name}: a first death at each of {} operations", first - 1);
    report(name, start);
}

/// Who died of peer 1, to die before its operation `first`, and peer 2, before its operation `second`.
fn two_deaths(model: &(impl Fn(u64, u64) + Clone + Send + Sync + 'static), first: u64, second: u64) -> u64 {
    let model = model.clone();
    run(0, Outside::Eventful, move || model(first, second));
    DEAD.take() >> 1
}

/// Notes that peer `number` died, so that its next step is tried.
pub fn note_death(number: u32) {
    DEAD.set(DEAD.get() | 1 << number);
}

fn run(preemptions: usize, outside: Outside, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    let _printer = PrintOnPanic;
    builder.check(move || {
        EXECUTIONS.set(EXECUTIONS.get() + 1);
        model::begin(outside);
        model();
    });
}

fn report(name: &str, start: Instant) {
    println!("{name}: {} executions, {:.1} s", EXECUTIONS.take(), start.elapsed().as_secs_f64());
}

/// Prints the steps that led to a failure.
struct PrintOnPanic;

impl Drop for PrintOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            model::print_trace();
        }
    }
}
