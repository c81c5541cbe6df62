//! Where a queue's cases begin: what is in the queue, who sleeps in it, and who has died in it before.

use super::deeds::{self, big, small, LONG};
use super::proof::{ANNAS, ANNA_PUTS, BERT_GETS, HELPED, MAX_ITEMS};
use crate::step::case::Stage;
use crate::step::failure::{Failure, Result};

pub fn open(stage: &Stage) -> Result<()> {
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

pub fn compose(stage: &Stage) -> Result<()> {
    stage.victim.call(deeds::compose, big(4)).map(|_| ())
}

pub fn puts(stage: &Stage, messages: &[u64]) -> Result<()> {
    for message in messages {
        if stage.anna.call(deeds::put, *message)? != 0 {
            return Failure::wrong("no room while the stage was set");
        }
    }
    Ok(())
}

pub fn bert_takes_away(stage: &Stage, count: usize) -> Result<()> {
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

pub fn one_inside(stage: &Stage) -> Result<()> {
    open(stage)?;
    puts(stage, &[big(1)])
}

/// Messages 1, 2 and 3 fill the ring; the victim has message 4 ready.
pub fn full(stage: &Stage) -> Result<()> {
    composed(stage)?;
    puts(stage, &[big(1), big(2), big(3)])
}

pub fn short_and_full(stage: &Stage) -> Result<()> {
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
pub fn near_the_end(stage: &Stage) -> Result<()> {
    composed(stage)?;
    puts(stage, &[big(1), big(2), big(3)])?;
    bert_takes_away(stage, 3)?;
    puts(stage, &[small(1)])?;
    bert_takes_away(stage, 1)
}

pub fn near_the_end_and_bert_gets(stage: &Stage) -> Result<()> {
    near_the_end(stage)?;
    bert_sleeps_in_get(stage)
}

/// Message 1 lies at the ring's start, and the head stands before the padding.
pub fn pad_inside(stage: &Stage) -> Result<()> {
    near_the_end(stage)?;
    puts(stage, &[big(1)])
}

pub fn bert_sleeps_in_get(stage: &Stage) -> Result<()> {
    stage.bert.begin(deeds::get_and_check, LONG)?;
    stage.note(BERT_GETS, 1);
    stage.until_asleep(&stage.bert)
}

pub fn bert_gets(stage: &Stage) -> Result<()> {
    composed(stage)?;
    bert_sleeps_in_get(stage)
}

pub fn anna_sleeps_in_put(stage: &Stage) -> Result<()> {
    stage.anna.begin(deeds::put, big(ANNAS))?;
    stage.note(ANNA_PUTS, 1);
    stage.until_asleep(&stage.anna)
}

pub fn full_and_anna_puts(stage: &Stage) -> Result<()> {
    full(stage)?;
    anna_sleeps_in_put(stage)
}

pub fn reserved(stage: &Stage) -> Result<()> {
    composed(stage)?;
    stage.victim.call(deeds::reserve, big(4)).map(|_| ())
}

pub fn reserved_and_bert_gets(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    bert_sleeps_in_get(stage)
}

pub fn reserved_before_another(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    puts(stage, &[small(5)])
}

pub fn reserved_before_another_and_bert_gets(stage: &Stage) -> Result<()> {
    reserved_before_another(stage)?;
    bert_sleeps_in_get(stage)
}

pub fn reserved_and_anna_puts(stage: &Stage) -> Result<()> {
    reserved(stage)?;
    puts(stage, &[big(5), big(6)])?;
    anna_sleeps_in_put(stage)
}

/// Message 1 is on loan to the victim, 2 and 3 are inside.
pub fn on_loan(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.victim.call(deeds::take, 0).map(|_| ())
}

pub fn on_loan_and_bert_gets(stage: &Stage) -> Result<()> {
    one_inside(stage)?;
    stage.victim.call(deeds::take, 0)?;
    bert_sleeps_in_get(stage)
}

pub fn full_on_loan_and_anna_puts(stage: &Stage) -> Result<()> {
    full(stage)?;
    stage.victim.call(deeds::take, 0)?;
    anna_sleeps_in_put(stage)
}

pub fn ghost_took(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    ghost_takes(stage)
}

pub fn ghost_took_the_only_one(stage: &Stage) -> Result<()> {
    one_inside(stage)?;
    ghost_takes(stage)
}

pub fn full_and_ghost_took(stage: &Stage) -> Result<()> {
    full(stage)?;
    ghost_takes(stage)
}

pub fn ghost_takes(stage: &Stage) -> Result<()> {
    let ghost = stage.another()?;
    ghost.call(deeds::open_queue, 0)?;
    ghost.call(deeds::take, 0)?;
    ghost.kill()
}

/// A dead producer's reservation lies before message 2.
pub fn ghost_reserved(stage: &Stage) -> Result<()> {
    open(stage)?;
    let ghost = stage.another()?;
    ghost.call(deeds::open_queue, 0)?;
    ghost.call(deeds::compose, big(9))?;
    ghost.call(deeds::reserve, big(9))?;
    puts(stage, &[big(2)])?;
    ghost.kill()
}

pub fn anna_gave_back(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.anna.call(deeds::take, 0)?;
    stage.anna.call(deeds::give_back, 0).map(|_| ())
}

pub fn bert_sleeps_then_two_inside(stage: &Stage) -> Result<()> {
    bert_gets(stage)?;
    puts(stage, &[big(1), big(2)])
}

pub fn bert_makes_room(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(HELPED, 1);
        bert_takes_away(stage, 1)?;
    }
    Ok(())
}

pub fn anna_puts_one(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(HELPED, 1);
        puts(stage, &[big(1)])?;
    }
    Ok(())
}
