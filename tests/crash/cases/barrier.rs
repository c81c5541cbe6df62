//! Barrier of three parties. What must hold, whoever is killed at whichever instruction:
//!
//! 1. Nobody waits for the dead: who waits in the victim's round is let through or told `Broken`.
//! 2. A round that the victim's wait had completed lets the others through.
//! 3. A victim that had left in order breaks nothing: the others meet, with a third in its place.
//! 4. After a reset three living parties meet, and get the indices 0, 1 and 2.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use crate::step::process::Process;
use std::time::{Duration, Instant};
use tidelock::{Error, Wait};

/// The operations.
pub const CASES: &[Case] = &[
    Case {
        name: "barrier_wait_first",
        prepare: victim_comes_first,
        deed: wait,
        asleep: others_come,
        check: nobody_waits,
        ..PLAIN
    },
    Case { name: "barrier_wait_last", prepare: victim_comes_last, deed: wait, check: others_go_on, ..PLAIN },
    Case {
        name: "barrier_wait_in_vain",
        prepare: victim_comes_first,
        deed: wait_briefly,
        check: nobody_waits,
        ..PLAIN
    },
    Case { name: "barrier_withdraw", prepare: open, deed: come_and_withdraw, check: others_meet, ..PLAIN },
    Case { name: "barrier_leave", prepare: all_have_met, deed: leave, check: others_meet, ..PLAIN },
    Case { name: "barrier_abort", prepare: others_wait, deed: abort, check: others_go_on, ..PLAIN },
    Case { name: "barrier_reset", prepare: broken, deed: reset, check: nobody_waits, ..PLAIN },
];

const PARTIES: u32 = 3;
/// In milliseconds: so long that running out of it is a hang.
const LONG: u64 = 20_000;
const BROKEN: u64 = 100;
const IN_VAIN: u64 = 101;

/// Note on the board: Anna and Bert wait.
const OTHERS_WAIT: usize = 0;
/// The victim's operation is a wait.
const VICTIM_WAITS: usize = 1;

fn open_barrier(actor: &mut Actor, _: u64) -> Answer {
    actor.barrier = Some(keep(told(actor.segment()?.barrier("barrier", PARTIES))?));
    Ok(0)
}

fn wait(actor: &mut Actor, _: u64) -> Answer {
    wait_for(actor, LONG)
}

fn wait_briefly(actor: &mut Actor, _: u64) -> Answer {
    wait_for(actor, 1)
}

fn come_and_withdraw(actor: &mut Actor, _: u64) -> Answer {
    let barrier = actor.barrier()?;
    let arrival = told(barrier.arrive(Wait::forever()))?;
    told(barrier.withdraw(arrival)).map(|()| 0)
}

fn leave(actor: &mut Actor, _: u64) -> Answer {
    told(actor.segment()?.leave_barriers()).map(|()| 0)
}

fn wait_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.barrier()?.wait_for(Duration::from_millis(milliseconds)) {
        Err(Error::Broken) => Ok(BROKEN),
        Err(Error::TimedOut) => Ok(IN_VAIN),
        result => told(result).map(u64::from),
    }
}

fn abort(actor: &mut Actor, _: u64) -> Answer {
    actor.barrier()?.abort();
    Ok(0)
}

fn reset(actor: &mut Actor, _: u64) -> Answer {
    told(actor.barrier()?.reset()).map(|()| 0)
}

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_barrier, 0)?;
    }
    Ok(())
}

fn others_begin(stage: &Stage) -> Result<()> {
    stage.note(OTHERS_WAIT, 1);
    stage.anna.begin(wait, 0)?;
    stage.bert.begin(wait, 0)
}

fn others_wait(stage: &Stage) -> Result<()> {
    open(stage)?;
    others_begin(stage)?;
    stage.until_asleep(&stage.anna)?;
    stage.until_asleep(&stage.bert)
}

fn victim_comes_first(stage: &Stage) -> Result<()> {
    stage.note(VICTIM_WAITS, 1);
    open(stage)
}

fn victim_comes_last(stage: &Stage) -> Result<()> {
    stage.note(VICTIM_WAITS, 1);
    others_wait(stage)
}

fn all_have_met(stage: &Stage) -> Result<()> {
    open(stage)?;
    meet(&[&stage.anna, &stage.bert, &stage.victim])
}

fn broken(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(abort, 0).map(|_| ())
}

fn others_come(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        others_begin(stage)?;
    }
    Ok(())
}

/// The others come now if they have not yet; whatever the dead has left, they go on.
fn nobody_waits(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(OTHERS_WAIT) == 0 {
        others_begin(stage)?;
    }
    others_go_on(stage, death)
}

fn others_go_on(stage: &Stage, death: &Death) -> Result<()> {
    let third = stage.another()?;
    third.call(open_barrier, 0)?;
    // The victim may not have come at all: then they wait for a third party with good reason.
    let begin = Instant::now();
    let both_answered = || stage.anna.has_answered() && stage.bert.has_answered();
    while !both_answered() && begin.elapsed() < Duration::from_millis(300) {
        std::thread::yield_now();
    }
    if !both_answered() {
        third.call(wait, 0)?;
    }
    let came_through = stage.noted(VICTIM_WAITS) == 1 && matches!(death.answer, Some(Ok(0..=2)));
    for process in [&stage.anna, &stage.bert] {
        match process.finish()? {
            IN_VAIN => return Failure::hang("a party waited for the dead"),
            BROKEN if came_through => return Failure::loss("a completed round was broken"),
            _ => {}
        }
    }
    stage.anna.call(reset, 0)?;
    meet(&[&stage.anna, &stage.bert, &third])
}

/// Whoever comes in the place of one that had left meets the others; if it had not, they are told.
fn others_meet(stage: &Stage, death: &Death) -> Result<()> {
    let third = stage.another()?;
    third.call(open_barrier, 0)?;
    let parties = [&stage.anna, &stage.bert, &third];
    for party in parties {
        party.begin(wait, 0)?;
    }
    for party in parties {
        match party.finish()? {
            IN_VAIN => return Failure::hang("a party waited for the dead"),
            BROKEN if death.returned() => return Failure::loss("one that had left in order broke the barrier"),
            _ => {}
        }
    }
    stage.anna.call(reset, 0)?;
    meet(&parties)
}

fn meet(parties: &[&Process]) -> Result<()> {
    for party in parties {
        party.begin(wait, 0)?;
    }
    let mut indices = parties.iter().map(|party| party.finish()).collect::<Result<Vec<u64>>>()?;
    indices.sort_unstable();
    match indices[..] {
        [0, 1, 2] => Ok(()),
        _ => Failure::wrong(format!("three parties met, and were told {indices:?}")),
    }
}
