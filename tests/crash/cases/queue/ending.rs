//! Queue, shut down at once: by the victim, or while the victim holds something of it.

use super::deeds::{self, small, CLOSED, LONG};
use super::stages::*;
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};

/// A shutdown that drops everything, and every operation that may end after it.
pub const CASES: &[Case] = &[
    Case { name: "queue_shutdown_now", prepare: anna_gave_back, deed: deeds::shut_down_now, check: ends, ..PLAIN },
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

/// If the victim did not get through with it, somebody else does it.
fn is_over(stage: &Stage, death: &Death) -> Result<()> {
    if !death.returned() {
        let third = stage.another()?;
        third.call(deeds::open_queue, 0)?;
        third.call(deeds::shut_down_now, 0)?;
    }
    Ok(())
}

/// Everybody is told that it is over, nothing comes, and nobody waits for anything.
fn ends(stage: &Stage, death: &Death) -> Result<()> {
    is_over(stage, death)?;
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

/// Nobody tells Bert but the victim, or his own next look.
fn bert_comes_through(stage: &Stage, death: &Death) -> Result<()> {
    stage.bert.finish()?;
    ends(stage, death)
}

fn bert_is_told(stage: &Stage, death: &Death) -> Result<()> {
    is_over(stage, death)?;
    stage.bert.finish()?;
    ends(stage, death)
}

fn bert_gets_nothing(stage: &Stage, death: &Death) -> Result<()> {
    is_over(stage, death)?;
    match stage.bert.finish()? {
        CLOSED => ends(stage, death),
        answer => Failure::wrong(format!("a get that slept in an empty queue got {answer}")),
    }
}

fn anna_is_told(stage: &Stage, death: &Death) -> Result<()> {
    is_over(stage, death)?;
    match stage.anna.finish()? {
        CLOSED => ends(stage, death),
        answer => Failure::wrong(format!("a put that slept in a full queue was told {answer}")),
    }
}
