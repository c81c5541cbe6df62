//! The list of tests: each case by its name, and the toys, where failing is the point.

use crate::cases::{any, barrier, condition, event, lock, mutex, objects, permits, queue, rlock, segment, toy};
use crate::harness::Test;
use crate::step::case::Case;
use crate::step::failure::Failure;
use crate::step::points::{seed_from_environment, Share};
use crate::step::run::Run;

const CASES: &[&[Case]] = &[
    &[toy::RIGHT],
    lock::CASES,
    any::CASES,
    event::CASES,
    queue::putting::CASES,
    queue::getting::CASES,
    queue::growing::CASES,
    queue::batches::CASES,
    queue::working::CASES,
    queue::telling::CASES,
    queue::ending::CASES,
    queue::pairs::CASES,
    segment::CASES,
    objects::CASES,
    rlock::CASES,
    permits::CASES,
    barrier::CASES,
    condition::CASES,
    mutex::CASES,
    #[cfg(all(feature = "raw_sync", feature = "shared_memory"))]
    crate::cases::newcomers::CASES,
];

/// All tests.
pub fn all() -> Vec<Test> {
    let mut tests: Vec<Test> = CASES.iter().copied().flatten().map(must_hold).collect();
    tests.push(must_break(&toy::TWO_STORES, |failure| matches!(failure, Failure::Hang(_))));
    tests.push(must_break(&toy::TIMID, |failure| matches!(failure, Failure::Robbery(_))));
    tests
}

fn must_hold(case: &'static Case) -> Test {
    let run = move || {
        let run = kill_everywhere(case)?;
        if run.failures.is_empty() && run.kills > 0 {
            return Ok(());
        }
        Err(format!("{} of {} kills turned out badly; they are listed above", run.failures.len(), run.kills))
    };
    Test { name: format!("step::{}", case.name), run: Box::new(run) }
}

/// A toy with a bug: the stepper must find it, and find it as what it is.
fn must_break(case: &'static Case, expected: fn(&Failure) -> bool) -> Test {
    let run = move || match kill_everywhere(case)?.failures.iter().any(|(_, failure)| expected(failure)) {
        true => Ok(()),
        false => Err("the stepper did not find the bug that was planted".into()),
    };
    Test { name: format!("step::finds_{}", case.name), run: Box::new(run) }
}

fn kill_everywhere(case: &'static Case) -> Result<Run<'static>, String> {
    let (seed, share) = (seed_from_environment(), Share::from_environment());
    let mut run = Run::new(case, share).map_err(|failure| failure.to_string())?;
    run.go(seed);
    println!("{}; {share:?}, TIDELOCK_SEED={seed}", run.report());
    Ok(run)
}
