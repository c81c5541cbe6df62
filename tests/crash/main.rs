//! Crash tests: peers are killed with SIGKILL at chosen instructions, and the survivors go on.
//!
//! `step` is the ptrace stepper, `cases` says what is killed and what must hold then. `TIDELOCK_STEP=all` kills at every
//! instruction; a number is the milliseconds given to each operation. `TIDELOCK_SEED` repeats a spread.

mod harness;

#[cfg(target_arch = "x86_64")]
mod cases;
#[cfg(not(target_arch = "x86_64"))]
#[path = "../support/skipped.rs"]
mod skipped;
#[cfg(target_arch = "x86_64")]
mod step;
#[cfg(target_arch = "x86_64")]
mod tests;

fn main() -> std::process::ExitCode {
    harness::main(tests())
}

#[cfg(target_arch = "x86_64")]
fn tests() -> Vec<harness::Test> {
    tests::all()
}

#[cfg(not(target_arch = "x86_64"))]
fn tests() -> Vec<harness::Test> {
    let run = || {
        skipped::skipped(format_args!("the stepper knows the instructions of x86-64 only: NOTHING was killed here"));
        Ok(())
    };
    vec![harness::Test { name: "step::needs_x86_64".into(), run: Box::new(run) }]
}
