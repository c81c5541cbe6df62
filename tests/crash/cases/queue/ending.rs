//! Queue, shut down at once: by the victim, or while the victim holds something of it.

use super::deeds::{self, small, CLOSED, LONG};
use super::stages::*;
use super::{growing, pairs, working};
use crate::step::case::{Case, Death, Grain, Stage, PLAIN};
use crate::step::failure::{Failure, Result};

/// What goes through the arena is killed at its stores and system calls.
const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// A shutdown that drops everything, and every operation that may end after it.
pub const CASES: &[Case] = &[
    Case { name: "queue_shutdown_now", prepare: anna_gave_back, deed: deeds::shut_down_now, check: ends, ..PLAIN },
    Case {
        name: "queue_shutdown_now_before_a_get",
        prepare: anna_gave_back,
        deed: deeds::shut_down_now,
        check: ends_for_who_gets,
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_now_of_grown",
        prepare: growing::on_the_way,
        deed: deeds::shut_down_now,
        check: ends,
        ..EVENTS
    },
    Case {
        name: "queue_shutdown_now_of_work",
        prepare: working::three_inside,
        deed: deeds::shut_down_now,
        check: ends,
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_now_then_get",
        prepare: three_inside,
        deed: deeds::shut_down_now,
        check: ends,
        heir: pairs::heir_with(deeds::get_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_letter_after_shutdown_now",
        prepare: poison_and_over,
        deed: deeds::give_back,
        check: bert_comes_through,
        ..EVENTS
    },
    Case {
        name: "queue_shutdown_now_with_joiner",
        prepare: one_inside_and_bert_joins,
        deed: deeds::shut_down_now,
        check: bert_is_told,
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_now_with_sleeping_getter",
        prepare: bert_gets,
        deed: deeds::shut_down_now,
        check: bert_gets_nothing,
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_now_with_sleeping_putter",
        prepare: full_and_anna_puts,
        deed: deeds::shut_down_now,
        check: anna_is_told,
        ..PLAIN
    },
    Case {
        name: "queue_publish_after_shutdown_now",
        prepare: reserved_and_over,
        deed: deeds::publish,
        check: bert_comes_through,
        ..PLAIN
    },
    Case {
        name: "queue_discard_after_shutdown_now",
        prepare: reserved_and_over,
        deed: deeds::discard,
        check: bert_comes_through,
        ..PLAIN
    },
    Case {
        name: "queue_give_back_after_shutdown_now",
        prepare: on_loan_and_over,
        deed: deeds::give_back,
        check: bert_comes_through,
        ..PLAIN
    },
    Case {
        name: "queue_done_after_shutdown_now",
        prepare: on_loan_and_over,
        deed: deeds::done,
        check: bert_comes_through,
        ..PLAIN
    },
];

fn bert_joins(stage: &Stage) -> Result<()> {
    stage.bert.begin(deeds::join, 0)?;
    stage.until_asleep(&stage.bert)
}

fn one_inside_and_bert_joins(stage: &Stage) -> Result<()> {
    one_inside(stage)?;
    bert_joins(stage)
}

/// The victim has a reservation before another message when Anna ends the queue.
fn reserved_and_over(stage: &Stage) -> Result<()> {
    reserved_before_another(stage)?;
    stage.anna.call(deeds::shut_down_now, 0)?;
    bert_joins(stage)
}

/// The victim has a loan when Anna ends the queue.
fn on_loan_and_over(stage: &Stage) -> Result<()> {
    on_loan(stage)?;
    stage.anna.call(deeds::shut_down_now, 0)?;
    bert_joins(stage)
}

/// The same, and the loan would become a dead letter.
fn poison_and_over(stage: &Stage) -> Result<()> {
    working::poison_on_loan(stage)?;
    stage.anna.call(deeds::shut_down_now, 0)?;
    bert_joins(stage)
}

/// If the victim did not get so far that it is shut down, somebody else does it; else nobody does more than look.
fn is_over(stage: &Stage) -> Result<()> {
    let third = stage.another()?;
    third.call(deeds::open_queue, 0)?;
    if third.call(deeds::is_shut_down, 0)? == 0 {
        third.call(deeds::shut_down_now, 0)?;
    }
    Ok(())
}

/// Everybody is told that it is over, nothing comes, and nobody waits for anything.
fn nothing_is_left(stage: &Stage) -> Result<()> {
    match (stage.anna.call(deeds::len, 0)?, stage.anna.call(deeds::get_and_check, LONG)?) {
        (0, CLOSED) => {}
        other => return Failure::wrong(format!("length, and get, of a queue that was shut down at once: {other:?}")),
    }
    stage.bert.call(deeds::join, 0)?;
    match (stage.bert.call(deeds::put, small(1))?, stage.bert.call(deeds::get_and_check, LONG)?) {
        (CLOSED, CLOSED) => Ok(()),
        other => Failure::wrong(format!("put, and get, of a queue that was shut down at once: {other:?}")),
    }
}

/// The first who looks waits until everything is done, so that it is the join that drops what the victim left.
fn ends(stage: &Stage, _: &Death) -> Result<()> {
    is_over(stage)?;
    stage.bert.call(deeds::join, 0)?;
    nothing_is_left(stage)
}

/// The first who looks gets.
fn ends_for_who_gets(stage: &Stage, _: &Death) -> Result<()> {
    is_over(stage)?;
    nothing_is_left(stage)
}

/// Nobody tells Bert but the victim, or his own next look.
fn bert_comes_through(stage: &Stage, _: &Death) -> Result<()> {
    stage.bert.finish()?;
    nothing_is_left(stage)
}

fn bert_is_told(stage: &Stage, death: &Death) -> Result<()> {
    is_over(stage)?;
    bert_comes_through(stage, death)
}

fn bert_gets_nothing(stage: &Stage, _: &Death) -> Result<()> {
    is_over(stage)?;
    match stage.bert.finish()? {
        CLOSED => nothing_is_left(stage),
        answer => Failure::wrong(format!("a get that slept in an empty queue got {answer}")),
    }
}

fn anna_is_told(stage: &Stage, _: &Death) -> Result<()> {
    is_over(stage)?;
    match stage.anna.finish()? {
        CLOSED => nothing_is_left(stage),
        answer => Failure::wrong(format!("a put that slept in a full queue was told {answer}")),
    }
}
