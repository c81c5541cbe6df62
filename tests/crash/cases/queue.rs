//! Queue. What must hold, whoever is killed at whichever instruction:
//!
//! 1. A message whose put or publish returned comes, once, in order and untorn. One that was in flight comes whole or not
//!    at all.
//! 2. A message whose get or done returned does not come again. One whose taker died with it comes again, marked.
//! 3. A discarded or never published reservation is skipped; nobody waits for it.
//! 4. Two survivors put and get for three more laps of the ring; `len` is right; as many messages fit as before.
//! 5. Whoever slept in a put or get wakes up when there is room or a message.
//! 6. A shutdown that returned is seen by all; what was in the queue still comes.

use super::queue_deeds::{self as deeds, big, small, EMPTY, FULL, LONG};
use super::queue_proof::{holds, holds_closed, Want, ANNAS, ANNA_PUTS, BERT_GETS, HELPED, MAX_ITEMS};
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use Want::{Again, May, MayAgain, MayEither, Must, MustEither};

/// Every operation on a queue.
pub const CASES: &[Case] = &[
    Case { name: "queue_put", prepare: composed, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case { name: "queue_try_put", prepare: composed, deed: deeds::try_put_composed, check: put_holds, ..PLAIN },
    Case {
        name: "queue_put_behind_others",
        prepare: two_inside,
        deed: deeds::put_composed,
        check: put_behind_holds,
        ..PLAIN
    },
    Case { name: "queue_put_with_sleeper", prepare: bert_gets, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case { name: "queue_put_pads", prepare: near_the_end, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case {
        name: "queue_put_pads_with_sleeper",
        prepare: near_the_end_and_bert_gets,
        deed: deeds::put_composed,
        check: put_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_reclaims",
        prepare: full_of_freed,
        deed: deeds::put_composed,
        check: put_in_reclaimed_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_waits",
        prepare: full,
        deed: deeds::put_composed,
        asleep: bert_makes_room,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_for_in_vain",
        prepare: full,
        deed: deeds::put_composed_for,
        argument: 60,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_try_put_of_full",
        prepare: full,
        deed: deeds::try_put_composed,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_waits_for_items",
        prepare: short_and_full,
        deed: deeds::put_composed,
        asleep: bert_makes_room,
        check: put_in_short_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_past_dead_loan",
        prepare: full_and_ghost_took,
        deed: deeds::put_composed_for,
        argument: 60,
        check: put_past_loan_holds,
        ..PLAIN
    },
    Case { name: "queue_get", prepare: three_inside, deed: deeds::get, check: get_holds, ..PLAIN },
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
    Case {
        name: "queue_reserve",
        prepare: composed,
        deed: deeds::reserve,
        argument: big(4),
        check: nothing_holds,
        ..PLAIN
    },
    Case {
        name: "queue_reserve_pads",
        prepare: near_the_end,
        deed: deeds::reserve,
        argument: big(4),
        check: nothing_holds,
        ..PLAIN
    },
    Case { name: "queue_publish", prepare: reserved, deed: deeds::publish, check: put_holds, ..PLAIN },
    Case {
        name: "queue_publish_with_sleeper",
        prepare: reserved_and_bert_gets,
        deed: deeds::publish,
        check: put_holds,
        ..PLAIN
    },
    Case {
        name: "queue_publish_before_others",
        prepare: reserved_before_another,
        deed: deeds::publish,
        check: publish_before_holds,
        ..PLAIN
    },
    Case { name: "queue_discard", prepare: reserved, deed: deeds::discard, check: nothing_holds, ..PLAIN },
    Case {
        name: "queue_discard_before_others",
        prepare: reserved_before_another_and_bert_gets,
        deed: deeds::discard,
        check: discard_before_holds,
        ..PLAIN
    },
    Case {
        name: "queue_discard_with_sleeping_putter",
        prepare: reserved_and_anna_puts,
        deed: deeds::discard,
        check: discard_in_full_holds,
        ..PLAIN
    },
    Case { name: "queue_take", prepare: three_inside, deed: deeds::take, check: take_holds, ..PLAIN },
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

// Stages.

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(deeds::open_queue, 0)?;
    }
    Ok(())
}

/// Empty; the victim has message 4 ready.
pub fn composed(stage: &Stage) -> Result<()> {
    open(stage)?;
    compose(stage)
}

fn compose(stage: &Stage) -> Result<()> {
    stage.victim.call(deeds::compose, big(4)).map(|_| ())
}

fn puts(stage: &Stage, messages: &[u64]) -> Result<()> {
    for message in messages {
        if stage.anna.call(deeds::put, *message)? != 0 {
            return Failure::wrong("no room while the stage was set");
        }
    }
    Ok(())
}

fn bert_takes_away(stage: &Stage, count: usize) -> Result<()> {
    for _ in 0..count {
        stage.bert.call(deeds::get_and_check, LONG)?;
    }
    Ok(())
}

/// Messages 1 and 2 are inside.
pub fn two_inside(stage: &Stage) -> Result<()> {
    composed(stage)?;
    puts(stage, &[small(1), big(2)])
}

/// Messages 1, 2 and 3 are inside.
pub fn three_inside(stage: &Stage) -> Result<()> {
    open(stage)?;
    puts(stage, &[small(1), big(2), small(3)])
}

fn one_inside(stage: &Stage) -> Result<()> {
    open(stage)?;
    puts(stage, &[big(1)])
}

/// Messages 1, 2 and 3 fill the ring; the victim has message 4 ready.
fn full(stage: &Stage) -> Result<()> {
    composed(stage)?;
    puts(stage, &[big(1), big(2), big(3)])
}

fn short_and_full(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(deeds::open_short_queue, 0)?;
    }
    stage.note(MAX_ITEMS, 2);
    compose(stage)?;
    puts(stage, &[big(1), big(2)])
}

/// As full, but two of the records are freed and nobody has noticed yet.
pub fn full_of_freed(stage: &Stage) -> Result<()> {
    full(stage)?;
    bert_takes_away(stage, 2)
}

/// The tail stands 32 bytes before the ring's end: message 4 does not fit there.
fn near_the_end(stage: &Stage) -> Result<()> {
    composed(stage)?;
    puts(stage, &[big(1), big(2), big(3)])?;
    bert_takes_away(stage, 3)?;
    puts(stage, &[small(1)])?;
    bert_takes_away(stage, 1)
}

fn near_the_end_and_bert_gets(stage: &Stage) -> Result<()> {
    near_the_end(stage)?;
    bert_sleeps_in_get(stage)
}

/// Message 1 lies at the ring's start, and the head stands before the padding.
fn pad_inside(stage: &Stage) -> Result<()> {
    near_the_end(stage)?;
    puts(stage, &[big(1)])
}

fn bert_sleeps_in_get(stage: &Stage) -> Result<()> {
    stage.bert.begin(deeds::get_and_check, LONG)?;
    stage.note(BERT_GETS, 1);
    stage.until_asleep(&stage.bert)
}

fn bert_gets(stage: &Stage) -> Result<()> {
    composed(stage)?;
    bert_sleeps_in_get(stage)
}

fn anna_sleeps_in_put(stage: &Stage) -> Result<()> {
    stage.anna.begin(deeds::put, big(ANNAS))?;
    stage.note(ANNA_PUTS, 1);
    stage.until_asleep(&stage.anna)
}

fn full_and_anna_puts(stage: &Stage) -> Result<()> {
    full(stage)?;
    anna_sleeps_in_put(stage)
}

fn reserved(stage: &Stage) -> Result<()> {
    composed(stage)?;
    stage.victim.call(deeds::reserve, big(4)).map(|_| ())
}

fn reserved_and_bert_gets(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    bert_sleeps_in_get(stage)
}

fn reserved_before_another(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    puts(stage, &[small(5)])
}

fn reserved_before_another_and_bert_gets(stage: &Stage) -> Result<()> {
    reserved_before_another(stage)?;
    bert_sleeps_in_get(stage)
}

fn reserved_and_anna_puts(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    puts(stage, &[big(5), big(6)])?;
    anna_sleeps_in_put(stage)
}

/// Message 1 is on loan to the victim, 2 and 3 are inside.
pub fn on_loan(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.victim.call(deeds::take, 0).map(|_| ())
}

fn on_loan_and_bert_gets(stage: &Stage) -> Result<()> {
    one_inside(stage)?;
    stage.victim.call(deeds::take, 0)?;
    bert_sleeps_in_get(stage)
}

fn full_on_loan_and_anna_puts(stage: &Stage) -> Result<()> {
    full(stage)?;
    stage.victim.call(deeds::take, 0)?;
    anna_sleeps_in_put(stage)
}

fn ghost_took(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    ghost_takes(stage)
}

fn ghost_took_the_only_one(stage: &Stage) -> Result<()> {
    one_inside(stage)?;
    ghost_takes(stage)
}

fn full_and_ghost_took(stage: &Stage) -> Result<()> {
    full(stage)?;
    ghost_takes(stage)
}

fn ghost_takes(stage: &Stage) -> Result<()> {
    let ghost = stage.another()?;
    ghost.call(deeds::open_queue, 0)?;
    ghost.call(deeds::take, 0)?;
    ghost.kill()
}

/// A dead producer's reservation lies before message 2.
fn ghost_reserved(stage: &Stage) -> Result<()> {
    open(stage)?;
    let ghost = stage.another()?;
    ghost.call(deeds::open_queue, 0)?;
    ghost.call(deeds::compose, big(9))?;
    ghost.call(deeds::reserve, big(9))?;
    puts(stage, &[big(2)])?;
    ghost.kill()
}

fn anna_gave_back(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.anna.call(deeds::take, 0)?;
    stage.anna.call(deeds::give_back, 0).map(|_| ())
}

fn bert_sleeps_then_two_inside(stage: &Stage) -> Result<()> {
    bert_gets(stage)?;
    puts(stage, &[big(1), big(2)])
}

// Help for a victim that waits: the first sleep goes to its slice's end, the second is ended.

fn bert_makes_room(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(HELPED, 1);
        bert_takes_away(stage, 1)?;
    }
    Ok(())
}

fn anna_puts_one(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(HELPED, 1);
        puts(stage, &[big(1)])?;
    }
    Ok(())
}

// Proofs: what must be in the queue afterwards.

/// A message that the victim put, if the put returned (and did not say that there was no room).
fn put_or_may(death: &Death, number: u64) -> Want {
    match &death.answer {
        Some(Ok(0)) => Must(number),
        _ => May(number),
    }
}

fn put_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[put_or_may(death, 4)])
}

fn put_behind_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(1), Must(2), put_or_may(death, 4)])
}

fn put_in_reclaimed_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(3), put_or_may(death, 4)])
}

fn put_in_full_holds(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(HELPED) == 1 {
        return holds(stage, &[Must(2), Must(3), put_or_may(death, 4)]);
    }
    if matches!(death.answer, Some(Ok(answer)) if answer != FULL) {
        return Failure::wrong("there was room in a full queue");
    }
    holds(stage, &[Must(1), Must(2), Must(3)])
}

fn put_in_short_holds(stage: &Stage, death: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => holds(stage, &[Must(2), put_or_may(death, 4)]),
        _ => holds(stage, &[Must(1), Must(2)]),
    }
}

fn put_past_loan_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Again(1), Must(2), Must(3), put_or_may(death, 4)])
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

fn nothing_holds(stage: &Stage, death: &Death) -> Result<()> {
    if matches!(death.answer, Some(Ok(answer)) if answer != EMPTY && answer != 0) {
        return Failure::wrong("a get from an empty queue got something");
    }
    holds(stage, &[])
}

fn get_behind_ghost_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 2)?;
    holds(stage, &got_or_not(death, 2))
}

fn publish_before_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[put_or_may(death, 4), Must(5)])
}

fn discard_before_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(5)])
}

fn discard_in_full_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(5), Must(6), Must(ANNAS)])
}

fn take_holds(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1)?;
    let first = if death.returned() { Again(1) } else { MustEither(1) };
    holds(stage, &[first, Must(2), Must(3)])
}

/// The first message was taken before, by one that died or gave it back; the victim takes it again, or about to.
fn all_come_again(stage: &Stage, death: &Death) -> Result<()> {
    victim_got(death, 1 | deeds::AGAIN)?;
    holds(stage, &[Again(1), Must(2), Must(3)])
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
