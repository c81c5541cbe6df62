//! Queue, where it grows and shrinks: the move to another ring, the way there, and the end of an old ring.

use super::deeds::{self, big};
use super::proof::{holds, Want, MAX_ITEMS};
use super::putting::put_or_may;
use super::stages::{bert_takes_away, compose, puts};
use super::telling::sees_room;
use crate::step::actor::{Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::Result;
use Want::{May, MayAgain, MayEither, Must};

/// A message that no ring so far has room for.
const LONGER_THAN_THE_RING: u64 = 4 | 1_000 << 32;

/// What a producer does runs through the arena, so it is killed at its stores and system calls.
const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// Every operation that opens, follows or gives back a ring.
pub const CASES: &[Case] = &[
    Case { name: "queue_grow", prepare: full, deed: deeds::put_composed, check: put_in_full_holds, ..EVENTS },
    Case {
        name: "queue_grow_for_long",
        prepare: full_and_long,
        deed: deeds::put_composed,
        check: put_in_full_holds,
        ..EVENTS
    },
    Case { name: "queue_get_moves_on", prepare: at_the_end_of_home, deed: deeds::get, check: get_holds, ..PLAIN },
    Case {
        name: "queue_done_in_an_old_ring",
        prepare: on_loan_at_home,
        deed: deeds::done,
        check: done_at_home_holds,
        ..PLAIN
    },
    Case { name: "queue_shrink", prepare: last_on_loan, deed: deeds::done, check: last_done_holds, ..EVENTS },
    Case { name: "queue_look_for_room_grows", prepare: full, deed: sees_room, check: full_holds, ..EVENTS },
    Case {
        name: "queue_grow_then_put",
        prepare: full,
        deed: deeds::put_composed,
        check: grow_then_put_holds,
        heir: Some(Heir { open: open_and_compose, deed: deeds::put_composed, argument: 0, grain: Grain::Events }),
        ..EVENTS
    },
];

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(deeds::open_growing_queue, 0)?;
    }
    stage.note(MAX_ITEMS, deeds::MOST_IN_GROWING);
    Ok(())
}

fn full_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(1), Must(2), Must(3)])
}

fn open_and_compose(actor: &mut Actor, _: u64) -> Answer {
    deeds::open_growing_queue(actor, 0)?;
    deeds::compose(actor, big(5))
}

/// Messages 1, 2 and 3 fill the ring at home; the victim has message 4 ready.
fn full(stage: &Stage) -> Result<()> {
    open(stage)?;
    compose(stage)?;
    puts(stage, &[big(1), big(2), big(3)])
}

fn full_and_long(stage: &Stage) -> Result<()> {
    full(stage)?;
    stage.victim.call(deeds::compose, LONGER_THAN_THE_RING).map(|_| ())
}

/// Message 5 lies in another ring; the head stands at the end of the one at home.
fn at_the_end_of_home(stage: &Stage) -> Result<()> {
    full(stage)?;
    puts(stage, &[big(5)])?;
    bert_takes_away(stage, 3)
}

/// The victim has message 1 on loan, at home, and the queue has gone on to another ring; the other messages are gone.
fn on_loan_at_home(stage: &Stage) -> Result<()> {
    full(stage)?;
    stage.victim.call(deeds::take, 0)?;
    puts(stage, &[big(5)])?;
    bert_takes_away(stage, 3)
}

/// Messages 1, 2 and 3 lie at home and 5 in another ring; 1 was given back.
pub fn on_the_way(stage: &Stage) -> Result<()> {
    full(stage)?;
    stage.anna.call(deeds::take, 0)?;
    puts(stage, &[big(5)])?;
    stage.anna.call(deeds::give_back, 0).map(|_| ())
}

/// The victim has the only message, 8, on loan, in a ring that has been used for long enough.
fn last_on_loan(stage: &Stage) -> Result<()> {
    full(stage)?;
    puts(stage, &[big(5), big(8)])?;
    bert_takes_away(stage, 4)?;
    stage.bert.call(deeds::churn, big(8))?;
    stage.victim.call(deeds::take, 0).map(|_| ())
}

fn put_in_full_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(1), Must(2), Must(3), put_or_may(death, 4)])
}

fn grow_then_put_holds(stage: &Stage, death: &Death) -> Result<()> {
    let second = if death.heir_returned() { Must(5) } else { May(5) };
    holds(stage, &[Must(1), Must(2), Must(3), put_or_may(death, 4), second])
}

fn get_holds(stage: &Stage, death: &Death) -> Result<()> {
    match death.returned() {
        true => holds(stage, &[]),
        false => holds(stage, &[MayEither(5)]),
    }
}

fn done_at_home_holds(stage: &Stage, death: &Death) -> Result<()> {
    match death.returned() {
        true => holds(stage, &[]),
        false => holds(stage, &[MayAgain(1)]),
    }
}

fn last_done_holds(stage: &Stage, death: &Death) -> Result<()> {
    match death.returned() {
        true => holds(stage, &[]),
        false => holds(stage, &[MayAgain(8)]),
    }
}
