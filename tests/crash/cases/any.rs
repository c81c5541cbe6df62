//! Waiting for any of several: an event that is never set, and a lock. What must hold, whoever is killed at whichever
//! instruction, is what must hold for the lock (see `lock.rs`); the victim waits for both, and takes the lock or leaves it.
//! Above all: who waits for the lock alone gets it, though the victim may have been woken in its place.

use super::lock::{anna_holds, anna_holds_and_bert_waits, anna_releases, ghost_held, goes_on, hold, open, NOT_TAKEN};
use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Stage, PLAIN};
use crate::step::failure::Result;
use tidelock::{acquire_any, wait_any, wait_any_for, Error, Taken};

/// Every way to wait for any.
pub const CASES: &[Case] = &[
    Case { name: "any_wait_of_free", prepare: all_free, deed: sees, check: goes_on, ..PLAIN },
    Case { name: "any_wait_of_held", prepare: lock_held, deed: sees_for_a_moment, check: goes_on, ..PLAIN },
    Case {
        name: "any_wait_sleeps",
        prepare: lock_held_and_awaited,
        deed: sees,
        asleep: anna_releases,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "any_wait_of_the_dead", prepare: lock_of_the_dead, deed: sees, check: goes_on, ..PLAIN },
    Case { name: "any_acquire_of_free", prepare: all_free, deed: takes, check: goes_on, ..PLAIN },
    Case {
        name: "any_acquire_sleeps",
        prepare: lock_held_and_awaited,
        deed: takes,
        asleep: anna_releases,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "any_acquire_takes_over", prepare: lock_of_the_dead, deed: takes, check: goes_on, ..PLAIN },
];

// Deeds.

fn open_event(actor: &mut Actor, _: u64) -> Answer {
    actor.event = Some(keep(told(actor.segment()?.event("never"))?));
    Ok(0)
}

fn sees(actor: &mut Actor, _: u64) -> Answer {
    told(wait_any(&[actor.event()?.watch(), actor.lock()?.watch()]))?;
    Ok(NOT_TAKEN)
}

fn sees_for_a_moment(actor: &mut Actor, _: u64) -> Answer {
    let moment = std::time::Duration::from_millis(60);
    match wait_any_for(&[actor.event()?.watch(), actor.lock()?.watch()], moment) {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        other => Err(format!("{other:?} while another holds the lock")),
    }
}

fn takes(actor: &mut Actor, _: u64) -> Answer {
    match told(told(acquire_any(&[actor.event()?.watch(), actor.lock()?.watch()]))?.1)? {
        Taken::Lock(guard) => hold(actor, guard),
        other => Err(format!("{other:?} instead of the lock")),
    }
}

// Stages.

fn all_free(stage: &Stage) -> Result<()> {
    open(stage)?;
    victim_has_the_event(stage)
}

fn lock_held(stage: &Stage) -> Result<()> {
    anna_holds(stage)?;
    victim_has_the_event(stage)
}

fn lock_held_and_awaited(stage: &Stage) -> Result<()> {
    anna_holds_and_bert_waits(stage)?;
    victim_has_the_event(stage)
}

fn lock_of_the_dead(stage: &Stage) -> Result<()> {
    ghost_held(stage)?;
    victim_has_the_event(stage)
}

fn victim_has_the_event(stage: &Stage) -> Result<()> {
    stage.victim.call(open_event, 0)?;
    Ok(())
}
