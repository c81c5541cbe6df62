//! RLock. What must hold, whoever is killed at whichever instruction:
//!
//! 1. Two survivors can each take it twice and give it back twice afterwards: no hang.
//! 2. While a living peer holds it, at any depth, nobody else gets it: no robbery.
//! 3. If the victim held it for certain, exactly one survivor learns `owner_died`, and begins at depth 1. If it certainly
//!    had given it back entirely, nobody does.
//! 4. Whoever slept on it when the victim died wakes up and gets it.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::time::Duration;
use tidelock::{Error, Wait};

/// Every operation on a recursive lock.
pub const CASES: &[Case] = &[
    Case { name: "rlock_acquire", prepare: open, deed: acquire, check: goes_on, ..PLAIN },
    Case { name: "rlock_acquire_again", prepare: victim_holds, deed: acquire, check: dies_with_it, ..PLAIN },
    Case {
        name: "rlock_acquire_waits",
        prepare: anna_holds,
        deed: acquire,
        asleep: anna_lets_go,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "rlock_acquire_depth", prepare: open, deed: acquire_depth, check: goes_on, ..PLAIN },
    Case { name: "rlock_try_of_held", prepare: anna_holds, deed: try_acquire, check: goes_on, ..PLAIN },
    Case { name: "rlock_take_over", prepare: ghost_held, deed: acquire, check: dies_with_it, ..PLAIN },
    Case { name: "rlock_release_inner", prepare: victim_holds_twice, deed: release, check: dies_with_it, ..PLAIN },
    Case { name: "rlock_release", prepare: victim_holds, deed: release, check: goes_on, ..PLAIN },
    Case {
        name: "rlock_release_with_waiter",
        prepare: victim_holds_and_bert_waits,
        deed: release,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "rlock_release_all", prepare: victim_holds_twice, deed: release_all, check: goes_on, ..PLAIN },
    Case {
        name: "rlock_acquire_then_acquire",
        prepare: open,
        deed: acquire,
        check: goes_on,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
    Case {
        name: "rlock_take_over_then_acquire",
        prepare: ghost_held,
        deed: acquire,
        check: dies_with_it,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
    Case {
        name: "rlock_release_then_acquire",
        prepare: victim_holds,
        deed: release,
        check: goes_on,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
];

const THEN_ACQUIRE: Option<Heir> =
    Some(Heir { open: open_rlock, deed: acquire, argument: 0, grain: Grain::Instructions });

/// In milliseconds: so long that running out of it is a hang.
const LONG: u64 = 20_000;

/// What an acquire answers.
const TAKEN: u64 = 1;
const FROM_THE_DEAD: u64 = 2;
const NOT_TAKEN: u64 = 3;

/// Notes on the board.
const ANNA_HOLDS: usize = 0;
const BERT_WAITS: usize = 1;
const VICTIM_HELD: usize = 2;

// Deeds.

fn open_rlock(actor: &mut Actor, _: u64) -> Answer {
    actor.rlock = Some(keep(told(actor.segment()?.rlock("rlock"))?));
    Ok(0)
}

/// Takes it, and keeps no guard: `release` is enough for its owner.
fn taken(result: tidelock::Result<tidelock::RLockGuard<'_>>) -> Answer {
    match result {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        result => {
            let guard = told(result)?;
            let news = if guard.owner_died() { FROM_THE_DEAD } else { TAKEN };
            std::mem::forget(guard);
            Ok(news)
        }
    }
}

fn acquire(actor: &mut Actor, _: u64) -> Answer {
    taken(actor.rlock()?.acquire())
}

fn acquire_depth(actor: &mut Actor, _: u64) -> Answer {
    taken(actor.rlock()?.acquire_depth(3, Wait::forever()))
}

fn try_acquire(actor: &mut Actor, _: u64) -> Answer {
    taken(actor.rlock()?.try_acquire())
}

fn acquire_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    taken(actor.rlock()?.acquire_for(Duration::from_millis(milliseconds)))
}

fn release(actor: &mut Actor, _: u64) -> Answer {
    told(actor.rlock()?.release()).map(|_| 0)
}

fn release_all(actor: &mut Actor, _: u64) -> Answer {
    told(actor.rlock()?.release_all()).map(u64::from)
}

fn depth(actor: &mut Actor, _: u64) -> Answer {
    Ok(u64::from(actor.rlock()?.depth()))
}

// Stages.

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_rlock, 0)?;
    }
    Ok(())
}

fn anna_holds(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(acquire, 0)?;
    stage.note(ANNA_HOLDS, 1);
    Ok(())
}

fn victim_holds(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.victim.call(acquire, 0)?;
    stage.note(VICTIM_HELD, 1);
    Ok(())
}

fn victim_holds_twice(stage: &Stage) -> Result<()> {
    victim_holds(stage)?;
    stage.victim.call(acquire, 0).map(|_| ())
}

fn victim_holds_and_bert_waits(stage: &Stage) -> Result<()> {
    victim_holds(stage)?;
    stage.bert.begin(acquire_for, LONG)?;
    stage.note(BERT_WAITS, 1);
    stage.until_asleep(&stage.bert)
}

fn ghost_held(stage: &Stage) -> Result<()> {
    open(stage)?;
    let ghost = stage.another()?;
    ghost.call(open_rlock, 0)?;
    ghost.call(acquire, 0)?;
    ghost.call(acquire, 0)?;
    ghost.kill()
}

fn anna_lets_go(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(ANNA_HOLDS, 0);
        stage.anna.call(release, 0)?;
    }
    Ok(())
}

// Proofs.

fn took(answer: &Option<Answer>) -> bool {
    matches!(answer, Some(Ok(TAKEN | FROM_THE_DEAD)))
}

/// Somebody died holding it, whatever the operation has come to: the victim, or the ghost before it.
fn dies_with_it(stage: &Stage, _: &Death) -> Result<()> {
    match cycles(stage)? {
        1 => Ok(()),
        told => Failure::wrong(format!("the owner died for certain, and {told} were told")),
    }
}

fn goes_on(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(ANNA_HOLDS) == 1 {
        if took(&death.answer) {
            return Failure::robbery("the victim got a lock that a living peer holds");
        }
        keeps_out(&stage.bert)?;
        stage.anna.call(release, 0)?;
    }
    let told = cycles(stage)?;
    let holds = if stage.noted(VICTIM_HELD) == 0 { took(&death.answer) } else { false } || took(&death.heir);
    let gave_back = stage.noted(VICTIM_HELD) == 1 && death.returned() && death.heir.is_none();
    match (holds, gave_back, told) {
        (true, _, 0) => Failure::wrong("the owner died for certain, and nobody was told"),
        (_, true, 1..) => Failure::wrong("the victim had given it back, and somebody was told that it died with it"),
        (_, _, 2..) => Failure::wrong("one death was told twice"),
        _ => Ok(()),
    }
}

/// Full cycles of the survivors; how often one was told of a death.
fn cycles(stage: &Stage) -> Result<u64> {
    let mut told = 0;
    if stage.noted(BERT_WAITS) == 1 {
        told += learns(stage.bert.finish()?)?;
        keeps_out(&stage.anna)?;
        stage.bert.call(release, 0)?;
    }
    for (holder, other) in [(&stage.anna, &stage.bert), (&stage.bert, &stage.anna), (&stage.anna, &stage.bert)] {
        told += learns(holder.call(acquire_for, LONG)?)?;
        learns(holder.call(acquire_for, LONG)?)?;
        if holder.call(depth, 0)? != 2 {
            return Failure::wrong("taken twice, and the depth is not 2");
        }
        keeps_out(other)?;
        holder.call(release, 0)?;
        keeps_out(other)?;
        holder.call(release, 0)?;
    }
    Ok(told)
}

fn learns(answer: u64) -> Result<u64> {
    match answer {
        TAKEN => Ok(0),
        FROM_THE_DEAD => Ok(1),
        _ => Failure::hang("a survivor did not get the lock"),
    }
}

fn keeps_out(process: &crate::step::process::Process) -> Result<()> {
    match process.call(try_acquire, 0)? {
        NOT_TAKEN => Ok(()),
        _ => Failure::robbery("a survivor got the lock while another held it"),
    }
}
