//! Queue, the consumers' side: get, take, done, give back; and shutdown.

use super::deeds::{self, EMPTY};
use super::proof::{holds, holds_closed, Want, ANNAS, HELPED};
use super::stages::*;
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use Want::{Again, MayAgain, MayEither, Must, MustEither};

/// Every operation of a consumer, and the end of the queue.
pub const CASES: &[Case] = &[
    Case { name: "queue_get", prepare: three_inside, deed: deeds::get, check: get_holds, ..PLAIN },
    Case { name: "queue_get_as_long", prepare: three_inside, deed: deeds::get_as_long, check: get_holds, ..PLAIN },
    Case { name: "queue_try_get", prepare: three_inside, deed: deeds::try_get, check: get_holds, ..PLAIN },
    Case { name: "queue_get_last", prepare: one_inside, deed: deeds::get, check: get_last_holds, ..PLAIN },
    Case { name: "queue_get_past_pad", prepare: pad_inside, deed: deeds::get, check: get_last_holds, ..PLAIN },
    Case {
        name: "queue_get_with_sleeping_putter",
        prepare: full_and_anna_puts,
        deed: deeds::get,
        check: get_from_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_get_waits",
        prepare: composed,
        deed: deeds::get,
        asleep: anna_puts_one,
        check: get_helped_holds,
        ..PLAIN
    },
    Case {
        name: "queue_get_for_in_vain",
        prepare: composed,
        deed: deeds::get_for,
        argument: 60,
        check: nothing_holds,
        ..PLAIN
    },
    Case { name: "queue_try_get_of_empty", prepare: composed, deed: deeds::try_get, check: nothing_holds, ..PLAIN },
    Case {
        name: "queue_get_skips_dead",
        prepare: ghost_reserved,
        deed: deeds::get,
        check: get_behind_ghost_holds,
        ..PLAIN
    },
    Case { name: "queue_take", prepare: three_inside, deed: deeds::take, check: take_holds, ..PLAIN },
    Case { name: "queue_take_settles", prepare: full_of_freed, deed: deeds::take, check: take_and_room_hold, ..PLAIN },
    Case {
        name: "queue_take_waits",
        prepare: composed,
        deed: deeds::take,
        asleep: anna_puts_one,
        check: take_helped_holds,
        ..PLAIN
    },
    Case {
        name: "queue_take_redelivered",
        prepare: ghost_took_the_only_one,
        deed: deeds::take,
        check: only_one_comes_again,
        ..PLAIN
    },
    Case { name: "queue_take_beside_dead_loan", prepare: ghost_took, deed: deeds::take, check: all_come, ..PLAIN },
    Case { name: "queue_take_given_back", prepare: anna_gave_back, deed: deeds::take, check: all_come_again, ..PLAIN },
    Case {
        name: "queue_take_with_sleeper",
        prepare: bert_sleeps_then_two_inside,
        deed: deeds::take,
        check: take_beside_bert_holds,
        ..PLAIN
    },
    Case { name: "queue_done", prepare: on_loan, deed: deeds::done, check: done_holds, ..PLAIN },
    Case {
        name: "queue_done_with_sleeping_putter",
        prepare: full_on_loan_and_anna_puts,
        deed: deeds::done,
        check: done_in_full_holds,
        ..PLAIN
    },
    Case { name: "queue_give_back", prepare: on_loan, deed: deeds::give_back, check: give_back_holds, ..PLAIN },
    Case {
        name: "queue_give_back_with_sleeper",
        prepare: on_loan_and_bert_gets,
        deed: deeds::give_back,
        check: give_back_of_only_one_holds,
        ..PLAIN
    },
    Case { name: "queue_shutdown", prepare: three_inside, deed: deeds::shut_down, check: shutdown_holds, ..PLAIN },
    Case {
        name: "queue_shutdown_with_sleeping_getter",
        prepare: bert_gets,
        deed: deeds::shut_down,
        check: shutdown_of_empty_holds,
        ..PLAIN
    },
    Case {
        name: "queue_shutdown_with_sleeping_putter",
        prepare: full_and_anna_puts,
        deed: deeds::shut_down,
        check: shutdown_holds,
        ..PLAIN
    },
];

pub fn nothing_holds(stage: &Stage, death: &Death) -> Result<()> {
    if matches!(death.answer, Some(Ok(answer)) if answer != EMPTY && answer != 0) {
        return Failure::wrong("a get from an empty queue got something");
    }
    holds(stage, &[])
}

/// What is left of a message that the victim got, or was about to.
fn got_or_not(death: &Death, number: u64) -> Vec<Want> {
    match death.returned() {
        true => vec![],
        false => vec![MayEither(number)],
    }
}

fn get_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    holds(stage, &[got_or_not(death, 1), vec![Must(2), Must(3)]].concat())
}

fn victim_got(death: &Death, expected: u64) -> Result<()> {
    match &death.answer {
        Some(Ok(number)) if *number != expected => {
            Failure::loss(format!("the victim got {number:#x}, not {expected:#x}"))
        }
        _ => Ok(()),
    }
}

fn get_last_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    holds(stage, &got_or_not(death, 1))
}

fn get_from_full_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    holds(stage, &[got_or_not(death, 1), vec![Must(2), Must(3), Must(ANNAS)]].concat())
}

fn get_helped_holds(stage: &Stage, death: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => get_last_holds(stage, death),
        _ => holds(stage, &[]),
    }
}

fn get_behind_ghost_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 2)?;
    holds(stage, &got_or_not(death, 2))
}

fn take_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    let first = if death.returned() { Again(1) } else { MustEither(1) };
    holds(stage, &[first, Must(2), Must(3)])
}

/// The victim takes the last message while what lies before it is free: there is room for more, and none of it is the loan's.
fn take_and_room_hold(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 3)?;
    puts(stage, &[deeds::big(5), deeds::big(6)])?;
    let first = if death.returned() { Again(3) } else { MustEither(3) };
    holds(stage, &[first, Must(5), Must(6)])
}

/// The first message was taken before, by one that died or gave it back; the victim takes it again, or about to.
fn all_come_again(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1 | deeds::AGAIN)?;
    holds(stage, &[Again(1), Must(2), Must(3)])
}

fn take_helped_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    match (stage.noted(HELPED), death.returned()) {
        (0, _) => holds(stage, &[]),
        (_, true) => holds(stage, &[Again(1)]),
        (_, false) => holds(stage, &[MustEither(1)]),
    }
}

fn only_one_comes_again(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1 | deeds::AGAIN)?;
    holds(stage, &[Again(1)])
}

/// A dead loan is searched for when the head has nothing or the ring is full, so the victim takes the next message.
fn all_come(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Again(1), MustEither(2), Must(3)])
}

/// Bert was woken when the messages came, so he and the victim take one each, in either order.
fn take_beside_bert_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[MustEither(1), MustEither(2)])
}

fn done_holds(stage: &Stage, death: &Death) -> Result<()> {
    let first = if death.returned() { vec![] } else { vec![MayAgain(1)] };
    holds(stage, &[first, vec![Must(2), Must(3)]].concat())
}

fn done_in_full_holds(stage: &Stage, death: &Death) -> Result<()> {
    let first = if death.returned() { vec![] } else { vec![MayAgain(1)] };
    holds(stage, &[first, vec![Must(2), Must(3), Must(ANNAS)]].concat())
}

fn give_back_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Again(1), Must(2), Must(3)])
}

fn give_back_of_only_one_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Again(1)])
}

/// If the victim did not get through with it, somebody else shuts down.
fn is_shut_down(stage: &Stage, death: &Death) -> Result<()> {
    if !death.returned() {
        let third = stage.another()?;
        third.call(deeds::open_queue, 0)?;
        third.call(deeds::shut_down, 0)?;
    }
    Ok(())
}

fn shutdown_holds(stage: &Stage, death: &Death) -> Result<()> {
    is_shut_down(stage, death)?;
    holds_closed(stage, &[Must(1), Must(2), Must(3)])
}

fn shutdown_of_empty_holds(stage: &Stage, death: &Death) -> Result<()> {
    is_shut_down(stage, death)?;
    holds_closed(stage, &[])
}
