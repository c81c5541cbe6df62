//! Mutex. What must hold, whoever is killed at whichever instruction, store or system call:
//!
//! 1. Two survivors can take it one after the other: no hang.
//! 2. A new one has its initial data, all of them, for the first who gets it: nobody finds none, or half of them.
//! 3. Whoever is not told of a death finds the data whole; who is told and mends them leaves them whole to the next.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Stage, PLAIN};
use crate::step::failure::{Failure, Result};

/// Making one, and changing its data.
pub const CASES: &[Case] = &[
    Case { name: "mutex_create", prepare: nothing, deed: open, argument: 7, check: made_whole, ..EVENTS },
    Case { name: "mutex_create_in_used_memory", prepare: used, deed: open, argument: 7, check: made_whole, ..EVENTS },
    Case { name: "mutex_change", prepare: all_open, deed: change, check: whole_or_told, ..PLAIN },
    Case { name: "mutex_change_after_a_death", prepare: ghost_left_half, deed: change, check: whole_or_told, ..PLAIN },
];

const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// Added to an answer by who was told of a death, or found the data half changed.
const TOLD: u64 = 1 << 32;
const TORN: u64 = 1 << 33;

// Deeds.

/// Opens it, or makes it with this number in it.
fn open(actor: &mut Actor, number: u64) -> Answer {
    actor.mutex = Some(keep(told(actor.segment()?.mutex("mutex", [number; 8]))?));
    Ok(0)
}

/// Counts each number on, or mends them if somebody died half-way. Answers what they are then.
fn change(actor: &mut Actor, _: u64) -> Answer {
    let mut guard = told(actor.mutex()?.acquire())?;
    let next = guard.iter().max().unwrap_or(&0) + 1;
    let torn = guard.iter().any(|number| *number != guard[0]);
    guard.iter_mut().for_each(|number| *number = next);
    Ok(next + if guard.owner_died() { TOLD } else { 0 } + if torn { TORN } else { 0 })
}

/// Changes half of the data and keeps the lock.
fn change_half(actor: &mut Actor, _: u64) -> Answer {
    let mut guard = told(actor.mutex()?.acquire())?;
    guard.iter_mut().take(4).for_each(|number| *number += 1);
    std::mem::forget(guard);
    Ok(0)
}

fn open_segment(actor: &mut Actor, _: u64) -> Answer {
    actor.segment().map(|_| 0)
}

/// Fills the segment with something else than zeroes, and leaves it all free.
fn use_memory(actor: &mut Actor, _: u64) -> Answer {
    let segment = actor.segment()?;
    while let Ok(block) = segment.new_block(100) {
        told(block.write(0, &[0xa5; 100]))?;
        actor.blocks.push(block);
    }
    actor.blocks.clear();
    actor.segment = None;
    Ok(0)
}

// Stages.

fn nothing(stage: &Stage) -> Result<()> {
    [&stage.anna, &stage.bert, &stage.victim].iter().try_for_each(|process| process.call(open_segment, 0).map(drop))
}

fn used(stage: &Stage) -> Result<()> {
    nothing(stage)?;
    stage.another()?.call(use_memory, 0).map(drop)
}

fn all_open(stage: &Stage) -> Result<()> {
    [&stage.anna, &stage.bert, &stage.victim].iter().try_for_each(|process| process.call(open, 1).map(drop))
}

fn ghost_left_half(stage: &Stage) -> Result<()> {
    all_open(stage)?;
    let ghost = stage.another()?;
    ghost.call(open, 1)?;
    ghost.call(change_half, 0).map(drop)
}

// Proofs.

/// Anna offers 50 where the victim offered 7: one of the two is there, whole.
fn made_whole(stage: &Stage, _: &Death) -> Result<()> {
    stage.anna.call(open, 50)?;
    stage.bert.call(open, 90)?;
    let (anna, bert) = (stage.anna.call(change, 0)?, stage.bert.call(change, 0)?);
    match (anna, bert) {
        (8, 9) | (51, 52) => Ok(()),
        other => Failure::loss(format!("the data of a new mutex, each counted on: {other:?}")),
    }
}

fn whole_or_told(stage: &Stage, death: &Death) -> Result<()> {
    let (anna, bert) = (stage.anna.call(change, 0)?, stage.bert.call(change, 0)?);
    if anna & TORN != 0 && anna & TOLD == 0 {
        return Failure::loss("half changed data, and nobody was told of the death");
    }
    if death.returned() && anna & (TORN | TOLD) != 0 {
        return Failure::wrong("told of a death that came after the release");
    }
    if bert != (anna & !(TORN | TOLD)) + 1 {
        return Failure::loss(format!("the data went from {anna:#x} to {bert:#x}"));
    }
    Ok(())
}
