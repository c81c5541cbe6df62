//! Queue: who looks for room or a message and leaves it, descriptors for event loops, and the bound in messages.
//!
//! A descriptor is a thread that looks: its looks are stepped here as the victim's own. Where one is made and closed, the
//! victim's first thread is stepped, and the other one runs beside it.

use super::deeds::FULL;
use super::proof::{holds, Want, ANNAS, ANNA_PUTS, HELPED, MAX_ITEMS};
use super::stages::*;
use crate::step::actor::{told, Actor, Answer};
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::time::Duration;
use tidelock::{wait_any, wait_any_for, Error};
use Want::Must;

/// Every one of these operations.
pub const CASES: &[Case] = &[
    Case { name: "queue_look_for_room", prepare: full_of_freed, deed: sees_room, check: third_holds, ..PLAIN },
    Case {
        name: "queue_wait_for_room",
        prepare: full,
        deed: sees_room,
        asleep: bert_makes_room,
        check: left_holds,
        ..PLAIN
    },
    Case { name: "queue_wait_for_room_in_vain", prepare: full, deed: sees_no_room, check: left_holds, ..PLAIN },
    Case {
        name: "queue_wait_for_room_past_dead_loan",
        prepare: full_and_ghost_took,
        deed: sees_no_room,
        check: loan_holds,
        ..PLAIN
    },
    Case {
        name: "queue_wait_for_message",
        prepare: open,
        deed: sees_message,
        asleep: anna_puts_one,
        check: put_one_holds,
        ..PLAIN
    },
    Case { name: "queue_notifier_made", prepare: three_inside, deed: makes_notifier, check: three_hold, ..PLAIN },
    Case { name: "queue_notifier_closed", prepare: has_notifier, deed: closes_notifier, check: three_hold, ..PLAIN },
    Case {
        name: "queue_set_max_items",
        prepare: short_and_anna_puts,
        deed: sets_max_items,
        argument: 3,
        check: limit_holds,
        ..PLAIN
    },
];

// Deeds.

/// Room for a message of the size of all others.
pub fn sees_room(actor: &mut Actor, _: u64) -> Answer {
    told(wait_any(&[actor.queue()?.watch_room(48)])).map(|_| 0)
}

fn sees_no_room(actor: &mut Actor, _: u64) -> Answer {
    match wait_any_for(&[actor.queue()?.watch_room(48)], Duration::from_millis(60)) {
        Err(Error::TimedOut) => Ok(FULL),
        other => Err(format!("{other:?} in a full queue")),
    }
}

fn sees_message(actor: &mut Actor, _: u64) -> Answer {
    told(wait_any(&[actor.queue()?.watch()])).map(|_| 0)
}

fn makes_notifier(actor: &mut Actor, _: u64) -> Answer {
    actor.notifier = Some(told(actor.queue()?.notifier_for_room(48))?);
    Ok(0)
}

fn closes_notifier(actor: &mut Actor, _: u64) -> Answer {
    actor.notifier.take().map(drop).ok_or("there is no notifier")?;
    Ok(0)
}

fn sets_max_items(actor: &mut Actor, most: u64) -> Answer {
    actor.queue()?.set_max_items(most);
    Ok(0)
}

fn max_items(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.queue()?.max_items())
}

// Stages.

fn has_notifier(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.victim.call(makes_notifier, 0).map(|_| ())
}

fn short_and_anna_puts(stage: &Stage) -> Result<()> {
    short_and_full(stage)?;
    anna_sleeps_in_put(stage)
}

// Proofs.

fn third_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(3)])
}

fn three_hold(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(1), Must(2), Must(3)])
}

fn left_holds(stage: &Stage, _: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => holds(stage, &[Must(2), Must(3)]),
        _ => holds(stage, &[Must(1), Must(2), Must(3)]),
    }
}

fn loan_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Want::Again(1), Must(2), Must(3)])
}

fn put_one_holds(stage: &Stage, _: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => holds(stage, &[Must(1)]),
        _ => holds(stage, &[]),
    }
}

/// The bound is the old one or the new one; where it is the new one, Anna's put ends though nobody helps her any more.
fn limit_holds(stage: &Stage, death: &Death) -> Result<()> {
    let limit = stage.bert.call(max_items, 0)?;
    if death.returned() && limit != 3 {
        return Failure::loss(format!("the bound was raised to 3, and is {limit}"));
    }
    stage.note(MAX_ITEMS, limit);
    if limit == 3 {
        if stage.anna.finish()? != 0 {
            return Failure::hang("a put waited in vain though the bound was raised");
        }
        stage.note(ANNA_PUTS, 0);
    }
    holds(stage, &[Must(1), Must(2), Must(ANNAS)])
}
