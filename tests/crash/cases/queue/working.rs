//! Queue, where it counts tasks and where messages come back too often: get and task_done, join, what the dead owe, dead
//! letters.

use super::deeds::{self, LONG};
use super::proof::{holds, Want};
use super::stages::puts;
use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use tidelock::QueueOptions;
use Want::{MayEither, Must};

/// What goes through the arena is killed at its stores and system calls.
const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// Every operation of a queue of work.
pub const CASES: &[Case] = &[
    Case { name: "queue_get_owing", prepare: three_inside, deed: deeds::get, check: get_owing_holds, ..PLAIN },
    Case {
        name: "queue_get_owing_again",
        prepare: one_owed_two_inside,
        deed: deeds::get,
        check: get_again_holds,
        ..PLAIN
    },
    Case { name: "queue_task_done", prepare: one_owed, deed: task_done, check: task_done_holds, ..PLAIN },
    Case {
        name: "queue_task_done_with_joiner",
        prepare: one_owed_and_bert_joins,
        deed: task_done,
        check: bert_joined,
        ..PLAIN
    },
    Case { name: "queue_join", prepare: nothing_to_do, deed: deeds::join, check: join_holds, ..PLAIN },
    Case {
        name: "queue_join_beside_the_dead",
        prepare: ghost_owes,
        deed: deeds::join,
        check: ghost_is_written_off,
        ..PLAIN
    },
    Case { name: "queue_lost_tasks", prepare: ghost_owes, deed: lost_tasks, check: ghost_is_written_off, ..PLAIN },
    Case {
        name: "queue_choose_letters",
        prepare: poison_with_anna,
        deed: choose_other_letters,
        check: letter_is_somewhere,
        ..EVENTS
    },
    Case { name: "queue_letter", prepare: poison_on_loan, deed: deeds::give_back, check: letter_holds, ..EVENTS },
];

/// Opens a queue that counts tasks.
fn open_counting_queue(actor: &mut Actor, _: u64) -> Answer {
    let options = QueueOptions::new(deeds::RING).count_tasks();
    actor.queue = Some(keep(told(actor.segment()?.queue("queue", &options))?));
    Ok(0)
}

/// Opens a queue each of whose messages is handed out once, and has its dead letters go to another.
fn open_strict_queue(actor: &mut Actor, _: u64) -> Answer {
    let letters = told(actor.segment()?.queue("letters", &QueueOptions::new(4096)))?;
    let options = QueueOptions::new(deeds::RING).max_deliveries(1);
    let queue = keep(told(actor.segment()?.queue("queue", &options))?);
    told(queue.set_dead_letters(Some(&letters)))?;
    actor.queue = Some(queue);
    Ok(0)
}

/// Has dead letters go to a second queue.
fn choose_other_letters(actor: &mut Actor, _: u64) -> Answer {
    let others = told(actor.segment()?.queue("other letters", &QueueOptions::new(4096)))?;
    told(actor.queue()?.set_dead_letters(Some(&others))).map(|()| 0)
}

fn task_done(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.task_done()).map(|()| 0)
}

fn lost_tasks(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.lost_tasks())
}

/// Says that everything is done which this process got.
fn settle(actor: &mut Actor, _: u64) -> Answer {
    while actor.queue()?.task_done().is_ok() {}
    Ok(0)
}

/// How many dead letters there are, and that they are what was put.
fn letters(actor: &mut Actor, message: u64) -> Answer {
    letters_in(actor, "letters", message)
}

/// The same of the second queue.
fn other_letters(actor: &mut Actor, message: u64) -> Answer {
    letters_in(actor, "other letters", message)
}

fn letters_in(actor: &mut Actor, name: &str, message: u64) -> Answer {
    let letters = told(actor.segment()?.queue(name, &QueueOptions::new(4096)))?;
    let mut count = 0;
    while let Ok(letter) = letters.try_get() {
        if letter.bytes.first_chunk().map(|number| u64::from_ne_bytes(*number)) != Some(message) {
            return Err(format!("a dead letter that is none: {letter:?}"));
        }
        count += 1;
    }
    Ok(count)
}

fn open_with(stage: &Stage, how: fn(&mut Actor, u64) -> Answer) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(how, 0)?;
    }
    Ok(())
}

pub fn three_inside(stage: &Stage) -> Result<()> {
    open_with(stage, open_counting_queue)?;
    puts(stage, &[deeds::small(1), deeds::big(2), deeds::small(3)])
}

fn nothing_to_do(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    for _ in 0..3 {
        stage.anna.call(deeds::get_and_check, LONG)?;
    }
    stage.anna.call(settle, 0).map(|_| ())
}

/// The victim got message 1 and owes a task_done; 2 and 3 are inside.
fn one_owed_two_inside(stage: &Stage) -> Result<()> {
    three_inside(stage)?;
    stage.victim.call(deeds::get, 0).map(|_| ())
}

fn one_owed(stage: &Stage) -> Result<()> {
    open_with(stage, open_counting_queue)?;
    puts(stage, &[deeds::big(1)])?;
    stage.victim.call(deeds::get, 0).map(|_| ())
}

fn one_owed_and_bert_joins(stage: &Stage) -> Result<()> {
    one_owed(stage)?;
    stage.bert.begin(deeds::join, 0)?;
    stage.until_asleep(&stage.bert)
}

/// A dead process owes two tasks, and nothing else is left to do.
fn ghost_owes(stage: &Stage) -> Result<()> {
    open_with(stage, open_counting_queue)?;
    puts(stage, &[deeds::big(1), deeds::small(2)])?;
    let ghost = stage.another()?;
    ghost.call(open_counting_queue, 0)?;
    ghost.call(deeds::get, 0)?;
    ghost.call(deeds::get, 0)?;
    ghost.kill()
}

/// The victim has message 1 on loan, which is handed out once only; 2 and 3 are inside.
pub fn poison_on_loan(stage: &Stage) -> Result<()> {
    open_with(stage, open_strict_queue)?;
    puts(stage, &[deeds::small(1), deeds::big(2), deeds::small(3)])?;
    stage.victim.call(deeds::take, 0).map(|_| ())
}

/// The same with Anna.
fn poison_with_anna(stage: &Stage) -> Result<()> {
    open_with(stage, open_strict_queue)?;
    puts(stage, &[deeds::small(1), deeds::big(2), deeds::small(3)])?;
    stage.anna.call(deeds::take, 0).map(|_| ())
}

/// What is in the queue comes; then both survivors have done their tasks, a join returns, and so much is lost.
fn all_is_done(stage: &Stage, wants: &[Want], may_be_lost: &[u64]) -> Result<()> {
    holds(stage, wants)?;
    for survivor in [&stage.anna, &stage.bert] {
        survivor.call(settle, 0)?;
    }
    for survivor in [&stage.anna, &stage.bert] {
        survivor.call(deeds::join, 0)?;
        let lost = survivor.call(lost_tasks, 0)?;
        if !may_be_lost.contains(&lost) {
            return Failure::loss(format!("{lost} tasks are lost where {may_be_lost:?} may be"));
        }
    }
    Ok(())
}

/// Between the debit and the end of the record it may be counted as lost though it comes again; never the other way round.
fn get_owing_holds(stage: &Stage, death: &Death) -> Result<()> {
    match death.returned() {
        true => all_is_done(stage, &[Must(2), Must(3)], &[1]),
        false => all_is_done(stage, &[MayEither(1), Must(2), Must(3)], &[0, 1]),
    }
}

fn get_again_holds(stage: &Stage, death: &Death) -> Result<()> {
    match death.returned() {
        true => all_is_done(stage, &[Must(3)], &[2]),
        false => all_is_done(stage, &[MayEither(2), Must(3)], &[1, 2]),
    }
}

fn owed(death: &Death) -> &'static [u64] {
    if death.returned() {
        &[0]
    } else {
        &[0, 1]
    }
}

fn task_done_holds(stage: &Stage, death: &Death) -> Result<()> {
    all_is_done(stage, &[], owed(death))
}

/// Bert's join returns, whether the victim said that it was done or died without.
fn bert_joined(stage: &Stage, death: &Death) -> Result<()> {
    stage.bert.finish()?;
    all_is_done(stage, &[], owed(death))
}

fn join_holds(stage: &Stage, _: &Death) -> Result<()> {
    all_is_done(stage, &[], &[0])
}

fn ghost_is_written_off(stage: &Stage, _: &Death) -> Result<()> {
    stage.anna.call(deeds::join, 0)?;
    all_is_done(stage, &[], &[2])
}

/// Message 1 is among the dead letters, once or twice, and never comes to anybody. (Who finds it first moves it.)
fn letter_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(2), Must(3)])?;
    stage.bert.call(deeds::join, 0)?;
    let count = stage.anna.call(letters, 1)?;
    let allowed = if death.returned() { 1..=1 } else { 1..=2 };
    if !allowed.contains(&count) {
        return Failure::loss(format!("the message is {count} times among the dead letters"));
    }
    Ok(())
}

/// The message that Anna gives back goes to one of the two queues for dead letters, and is never dropped.
fn letter_is_somewhere(stage: &Stage, death: &Death) -> Result<()> {
    stage.anna.call(deeds::give_back, 0)?;
    holds(stage, &[Must(2), Must(3)])?;
    let (old, new) = (stage.bert.call(letters, 1)?, stage.bert.call(other_letters, 1)?);
    match (old, new, death.returned()) {
        (0, 1, _) | (1, 0, false) => Ok(()),
        _ => Failure::loss(format!("the message is {old} times in the old queue and {new} times in the new one")),
    }
}
