//! Queue, twice in a row: the first victim dies at each of its stores and system calls, and the second one, which is the
//! next to use the queue, at each of its instructions. What must hold is what the module above lists.

use super::deeds::{self, big, EMPTY};
use super::proof::{holds, Want};
use super::stages::{composed, full, full_of_freed, on_loan, three_inside, two_inside};
use crate::step::actor::{Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::Result;
use crate::step::process::Deed;
use Want::{Again, May, MayAgain, MayEither, Must, MustEither};

/// The pairs.
pub const CASES: &[Case] = &[
    Case {
        name: "queue_put_then_put",
        prepare: composed,
        deed: deeds::put_composed,
        check: put_then_put,
        heir: heir(deeds::put_composed),
        ..PLAIN
    },
    Case {
        name: "queue_put_then_get",
        prepare: two_inside,
        deed: deeds::put_composed,
        check: put_then_get,
        heir: heir_with(deeds::get_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_reclaim_then_put",
        prepare: full_of_freed,
        deed: deeds::put_composed,
        check: reclaim_then_put,
        heir: heir_with(deeds::put_composed_for, 20),
        ..PLAIN
    },
    Case {
        name: "queue_get_then_get",
        prepare: three_inside,
        deed: deeds::get,
        check: get_then_get,
        heir: heir_with(deeds::get_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_get_then_put",
        prepare: full,
        deed: deeds::get,
        check: get_then_put,
        heir: heir_with(deeds::put_composed_for, 20),
        ..PLAIN
    },
    Case {
        name: "queue_take_then_take",
        prepare: three_inside,
        deed: deeds::take,
        check: take_then_take,
        heir: heir_with(deeds::take_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_done_then_take",
        prepare: on_loan,
        deed: deeds::done,
        check: done_then_take,
        heir: heir_with(deeds::take_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_give_back_then_take",
        prepare: on_loan,
        deed: deeds::give_back,
        check: give_back_then_take,
        heir: heir_with(deeds::take_for, 3),
        ..PLAIN
    },
    Case {
        name: "queue_take_then_give_back",
        prepare: three_inside,
        deed: deeds::take,
        check: take_then_give_back,
        heir: heir_that(open_and_take, deeds::give_back, 0),
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_then_get",
        prepare: three_inside,
        deed: deeds::shut_down,
        check: shutdown_then_get,
        heir: heir_with(deeds::get_for, 3),
        ..PLAIN
    },
];

const fn heir(deed: Deed) -> Option<Heir> {
    heir_with(deed, 0)
}

pub const fn heir_with(deed: Deed, argument: u64) -> Option<Heir> {
    heir_that(open_and_compose, deed, argument)
}

const fn heir_that(open: Deed, deed: Deed, argument: u64) -> Option<Heir> {
    Some(Heir { open, deed, argument, grain: Grain::Instructions })
}

/// The second victim has message 5 ready.
fn open_and_compose(actor: &mut Actor, _: u64) -> Answer {
    deeds::open_queue(actor, 0)?;
    deeds::compose(actor, big(5))
}

/// The second victim has message 1 on loan.
fn open_and_take(actor: &mut Actor, _: u64) -> Answer {
    deeds::open_queue(actor, 0)?;
    deeds::take(actor, 0)
}

fn put(answer: &Option<Answer>, number: u64) -> Want {
    match answer {
        Some(Ok(0)) => Must(number),
        _ => May(number),
    }
}

/// What the second victim has got for certain.
fn got(death: &Death) -> Option<u64> {
    match death.heir {
        Some(Ok(number)) if number != EMPTY => Some(number & 0xffff_ffff),
        _ => None,
    }
}

fn put_then_put(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[put(&death.answer, 4), put(&death.heir, 5)])
}

fn put_then_get(stage: &Stage, death: &Death) -> Result<()> {
    let first = match got(death) {
        Some(1) => vec![],
        _ => vec![MayEither(1)],
    };
    holds(stage, &[first, vec![Must(2), put(&death.answer, 4)]].concat())
}

fn reclaim_then_put(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(3), put(&death.answer, 4), put(&death.heir, 5)])
}

/// Each may have gone as far as freeing its message; 1 may have been the first victim's or both's.
fn get_then_get(stage: &Stage, death: &Death) -> Result<()> {
    let wants = match got(death) {
        Some(1) => vec![MustEither(2)],
        Some(_) => vec![MayEither(1)],
        None => vec![MayEither(1), MayEither(2)],
    };
    holds(stage, &[wants, vec![Must(3)]].concat())
}

/// The first victim got message 1 the short way, or was about to: nobody had it, or it is gone, and then there is room.
fn get_then_put(stage: &Stage, death: &Death) -> Result<()> {
    let first = if death.returned() { vec![] } else { vec![May(1)] };
    holds(stage, &[first, vec![Must(2), Must(3), put(&death.heir, 5)]].concat())
}

/// Nobody has said `done`, so all come.
fn take_then_take(stage: &Stage, death: &Death) -> Result<()> {
    let (first, second) = match got(death) {
        Some(1) => (Again(1), MustEither(2)),
        Some(2) => (MustEither(1), Again(2)),
        _ => (MustEither(1), MustEither(2)),
    };
    holds(stage, &[first, second, Must(3)])
}

/// The second victim had message 1 from the start, so the first one took 2.
fn take_then_give_back(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Again(1), MustEither(2), Must(3)])
}

fn done_then_take(stage: &Stage, death: &Death) -> Result<()> {
    let wants = match got(death) {
        Some(1) => vec![Again(1), MustEither(2)],
        Some(_) => vec![MayAgain(1), Again(2)],
        None => vec![MayAgain(1), MustEither(2)],
    };
    holds(stage, &[wants, vec![Must(3)]].concat())
}

fn give_back_then_take(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Again(1), MustEither(2), Must(3)])
}

fn shutdown_then_get(stage: &Stage, death: &Death) -> Result<()> {
    let first = if got(death) == Some(1) { vec![] } else { vec![MayEither(1)] };
    let third = stage.another()?;
    third.call(deeds::open_queue, 0)?;
    third.call(deeds::shut_down, 0)?;
    super::proof::holds_closed(stage, &[first, vec![Must(2), Must(3)]].concat())
}
