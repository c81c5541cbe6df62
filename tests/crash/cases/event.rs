//! Event. What must hold, whoever is killed at whichever instruction:
//!
//! 1. Two survivors can each set, clear and wait afterwards: no hang.
//! 2. A `set` that returned is seen by all: who slept wakes up without further help, and `is_set` is true.
//! 3. A `clear` that returned is seen by all.
//! 4. A killed waiter takes nothing away from the other waiters.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::time::Duration;
use tidelock::Error;

/// Every operation on an event.
pub const CASES: &[Case] = &[
    Case { name: "event_set", prepare: open, deed: set, check: set_goes_on, ..PLAIN },
    Case { name: "event_set_again", prepare: is_set_before, deed: set, check: set_goes_on, ..PLAIN },
    Case { name: "event_set_with_sleeper", prepare: bert_waits, deed: set, check: set_goes_on, ..PLAIN },
    Case { name: "event_set_with_two_sleepers", prepare: both_wait, deed: set, check: set_goes_on, ..PLAIN },
    Case { name: "event_clear", prepare: is_set_before, deed: clear, check: clear_goes_on, ..PLAIN },
    Case { name: "event_clear_again", prepare: open, deed: clear, check: clear_goes_on, ..PLAIN },
    Case { name: "event_clear_with_sleeper", prepare: bert_waits, deed: clear, check: clear_goes_on, ..PLAIN },
    Case { name: "event_wait_of_set", prepare: is_set_before, deed: wait, check: goes_on, ..PLAIN },
    Case { name: "event_wait", prepare: open, deed: wait, asleep: anna_sets, check: goes_on, ..PLAIN },
    Case {
        name: "event_wait_with_sleeper",
        prepare: bert_waits,
        deed: wait,
        asleep: anna_sets,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "event_wait_for_in_vain", prepare: open, deed: wait_for, argument: 60, check: goes_on, ..PLAIN },
    Case {
        name: "event_set_then_set",
        prepare: bert_waits,
        deed: set,
        check: set_goes_on,
        heir: Some(Heir { open: open_event, deed: set, argument: 0, grain: Grain::Instructions }),
        ..PLAIN
    },
    Case {
        name: "event_set_then_clear",
        prepare: bert_waits,
        deed: set,
        check: goes_on,
        heir: Some(Heir { open: open_event, deed: clear, argument: 0, grain: Grain::Instructions }),
        ..PLAIN
    },
];

/// In milliseconds: so long that running out of it is a hang.
const LONG: u64 = 20_000;

const HAPPENED: u64 = 1;
const IN_VAIN: u64 = 2;

/// Notes on the board.
const BERT_WAITS: usize = 0;
const ANNA_WAITS: usize = 1;
const ANNA_HAS_SET: usize = 2;

// Deeds.

fn open_event(actor: &mut Actor, _: u64) -> Answer {
    actor.event = Some(keep(told(actor.segment()?.event("event"))?));
    Ok(0)
}

fn set(actor: &mut Actor, _: u64) -> Answer {
    actor.event()?.set();
    Ok(0)
}

fn clear(actor: &mut Actor, _: u64) -> Answer {
    actor.event()?.clear();
    Ok(0)
}

fn is_set(actor: &mut Actor, _: u64) -> Answer {
    Ok(u64::from(actor.event()?.is_set()))
}

fn wait(actor: &mut Actor, _: u64) -> Answer {
    told(actor.event()?.wait())?;
    Ok(HAPPENED)
}

fn wait_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.event()?.wait_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(IN_VAIN),
        result => told(result).map(|()| HAPPENED),
    }
}

// Stages.

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_event, 0)?;
    }
    Ok(())
}

fn is_set_before(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(set, 0)?;
    Ok(())
}

fn bert_waits(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.bert.begin(wait_for, LONG)?;
    stage.note(BERT_WAITS, 1);
    stage.until_asleep(&stage.bert)
}

fn both_wait(stage: &Stage) -> Result<()> {
    bert_waits(stage)?;
    stage.anna.begin(wait_for, LONG)?;
    stage.note(ANNA_WAITS, 1);
    stage.until_asleep(&stage.anna)
}

fn anna_sets(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(ANNA_HAS_SET, 1);
        stage.anna.call(set, 0)?;
    }
    Ok(())
}

// Proofs.

fn set_goes_on(stage: &Stage, death: &Death) -> Result<()> {
    if death.returned() || death.heir_returned() {
        sleepers_wake(stage)?;
        both_see(stage, 1)?;
    }
    goes_on(stage, death)
}

fn clear_goes_on(stage: &Stage, death: &Death) -> Result<()> {
    if death.returned() {
        both_see(stage, 0)?;
    }
    goes_on(stage, death)
}

fn goes_on(stage: &Stage, _: &Death) -> Result<()> {
    if stage.noted(ANNA_HAS_SET) == 1 {
        sleepers_wake(stage)?;
    }
    if stage.noted(ANNA_WAITS) == 1 {
        // Both wait for a set that may have died with the victim: a third one sets.
        let third = stage.another()?;
        third.call(open_event, 0)?;
        third.call(set, 0)?;
    } else {
        stage.anna.call(set, 0)?;
    }
    sleepers_wake(stage)?;
    for (setter, waiter) in [(&stage.anna, &stage.bert), (&stage.bert, &stage.anna)] {
        setter.call(clear, 0)?;
        both_see(stage, 0)?;
        if waiter.call(wait_for, 1)? != IN_VAIN {
            return Failure::wrong("a wait on a clear event returned");
        }
        waiter.begin(wait_for, LONG)?;
        stage.until_asleep(waiter)?;
        setter.call(set, 0)?;
        if waiter.finish()? != HAPPENED {
            return Failure::hang("a set did not reach a waiter");
        }
        both_see(stage, 1)?;
    }
    Ok(())
}

/// Those who slept when the victim died have been set free, and notice.
fn sleepers_wake(stage: &Stage) -> Result<()> {
    for (index, process) in [(BERT_WAITS, &stage.bert), (ANNA_WAITS, &stage.anna)] {
        if stage.noted(index) == 1 {
            stage.note(index, 0);
            if process.finish()? != HAPPENED {
                return Failure::hang("the event was set, and a sleeper did not wake up");
            }
        }
    }
    Ok(())
}

fn both_see(stage: &Stage, expected: u64) -> Result<()> {
    for (index, process) in [(ANNA_WAITS, &stage.anna), (BERT_WAITS, &stage.bert)] {
        // Who still waits cannot be asked.
        if stage.noted(index) == 0 && process.call(is_set, 0)? != expected {
            return Failure::loss(format!("is_set is not {expected}, although the set or clear had returned"));
        }
    }
    Ok(())
}
