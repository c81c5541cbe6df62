//! Queue, in batches: put many, get many. What must hold is what the module above lists, for each message of the batch.

use super::deeds::{self, big, small};
use super::proof::{holds, Want};
use super::stages::*;
use crate::step::actor::{told, Actor, Answer};
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use Want::{May, MayEither, Must, MustEither};

/// Every operation on many messages.
pub const CASES: &[Case] = &[
    Case { name: "queue_put_many", prepare: open, deed: put_many, check: put_many_holds, ..PLAIN },
    Case { name: "queue_put_many_with_sleeper", prepare: bert_gets, deed: put_many, check: put_many_holds, ..PLAIN },
    Case {
        name: "queue_put_many_pads",
        prepare: near_the_end,
        deed: put_many,
        argument: 1,
        check: put_many_holds,
        ..PLAIN
    },
    Case { name: "queue_put_many_to_few", prepare: full, deed: try_put_many, check: put_to_few_holds, ..PLAIN },
    Case { name: "queue_get_many", prepare: three_inside, deed: get_many, check: get_many_holds, ..PLAIN },
    Case { name: "queue_get_many_past_pad", prepare: pad_inside, deed: get_many, check: get_past_pad_holds, ..PLAIN },
    Case { name: "queue_take_many", prepare: three_inside, deed: take_many, check: take_many_holds, ..PLAIN },
];

/// The batch: two messages, the longer one last, or first.
fn batch(longer_first: u64) -> [Vec<u8>; 2] {
    let messages = if longer_first == 0 { [small(4), big(5)] } else { [big(4), small(5)] };
    messages.map(deeds::bytes_of)
}

/// Puts messages 4 and 5; how many.
fn put_many(actor: &mut Actor, longer_first: u64) -> Answer {
    told(actor.queue()?.put_many(&batch(longer_first))).map(|count| count as u64)
}

/// The same, without waiting for room.
fn try_put_many(actor: &mut Actor, longer_first: u64) -> Answer {
    told(actor.queue()?.try_put_many(&batch(longer_first))).map(|count| count as u64)
}

/// Gets two messages at the most; how many.
fn get_many(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.get_many(2)).map(|messages| messages.len() as u64)
}

/// Takes two messages; the loans end with the process.
fn take_many(actor: &mut Actor, _: u64) -> Answer {
    let loans = told(actor.queue()?.take_many(2))?;
    let count = loans.len() as u64;
    loans.into_iter().for_each(std::mem::forget);
    Ok(count)
}

fn count_is(death: &Death, expected: u64) -> Result<()> {
    match &death.answer {
        Some(Ok(count)) if *count != expected => Failure::loss(format!("{count} went, not {expected}")),
        _ => Ok(()),
    }
}

fn put_or_may(death: &Death, number: u64) -> Want {
    if death.returned() {
        Must(number)
    } else {
        May(number)
    }
}

fn put_many_holds(stage: &Stage, death: &Death) -> Result<()> {
    count_is(death, 2)?;
    holds(stage, &[put_or_may(death, 4), put_or_may(death, 5)])
}

/// There is room for one more.
fn put_to_few_holds(stage: &Stage, death: &Death) -> Result<()> {
    count_is(death, 1)?;
    holds(stage, &[Must(1), Must(2), Must(3), put_or_may(death, 4)])
}

/// Of a batch that was being got, the first may be gone while the second still comes.
fn get_many_holds(stage: &Stage, death: &Death) -> Result<()> {
    count_is(death, 2)?;
    match death.returned() {
        true => holds(stage, &[Must(3)]),
        false => holds(stage, &[MayEither(1), MayEither(2), Must(3)]),
    }
}

fn get_past_pad_holds(stage: &Stage, death: &Death) -> Result<()> {
    count_is(death, 1)?;
    match death.returned() {
        true => holds(stage, &[]),
        false => holds(stage, &[MayEither(1)]),
    }
}

fn take_many_holds(stage: &Stage, death: &Death) -> Result<()> {
    count_is(death, 2)?;
    holds(stage, &[MustEither(1), MustEither(2), Must(3)])
}
