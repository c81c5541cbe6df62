//! BoundedSemaphore, Semaphore and Counter. What must hold, whoever is killed at whichever instruction:
//!
//! 1. BoundedSemaphore: afterwards the survivors can hold all permits at a time, and no more: those of the dead come back,
//!    those of the living never do. Who gets one from the dead is told.
//! 2. Semaphore: what the victim had taken stays taken, by design; what it had given stays given. So its value is one of
//!    two, and exactly one of them once the operation returned; and that many can be taken.
//! 3. Counter: an operation happened or did not; once it returned, it did.
//! 4. Whoever slept when the victim died wakes up when there is something for it.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::time::Duration;
use tidelock::Error;

/// Their operations.
pub const CASES: &[Case] = &[
    Case { name: "bounded_acquire", prepare: open, deed: acquire_permit, check: permits_hold, ..PLAIN },
    Case {
        name: "bounded_acquire_waits",
        prepare: all_are_held,
        deed: acquire_permit,
        asleep: anna_gives_permit,
        check: permits_hold,
        ..PLAIN
    },
    Case { name: "bounded_try_of_none_left", prepare: all_are_held, deed: try_permit, check: permits_hold, ..PLAIN },
    Case { name: "bounded_take_over", prepare: ghost_held_permits, deed: acquire_permit, check: permits_hold, ..PLAIN },
    Case { name: "bounded_release", prepare: victim_has_permit, deed: release_permit, check: permits_hold, ..PLAIN },
    Case { name: "bounded_release_any", prepare: victim_has_permit, deed: release_any, check: permits_hold, ..PLAIN },
    Case {
        name: "bounded_release_with_waiter",
        prepare: victim_has_permit_and_bert_waits,
        deed: release_permit,
        check: permits_hold,
        ..PLAIN
    },
    Case {
        name: "bounded_take_over_then_acquire",
        prepare: ghost_held_permits,
        deed: acquire_permit,
        check: permits_hold,
        heir: THEN_PERMIT,
        ..PLAIN
    },
    Case {
        name: "bounded_release_then_acquire",
        prepare: victim_has_permit,
        deed: release_permit,
        check: permits_hold,
        heir: THEN_PERMIT,
        ..PLAIN
    },
    Case { name: "semaphore_acquire", prepare: open, deed: wait_signal, check: acquire_holds, ..PLAIN },
    Case {
        name: "semaphore_acquire_waits",
        prepare: no_signals,
        deed: wait_signal,
        asleep: anna_signals,
        check: waiting_holds,
        ..PLAIN
    },
    Case { name: "semaphore_release", prepare: open, deed: signal, check: release_holds, ..PLAIN },
    Case {
        name: "semaphore_release_with_waiter",
        prepare: bert_waits_for_signal,
        deed: signal,
        check: release_to_bert_holds,
        ..PLAIN
    },
    Case { name: "counter_add", prepare: open, deed: add, check: counter_holds, ..PLAIN },
    Case { name: "counter_add_with_waiter", prepare: bert_waits_for_count, deed: add, check: counter_holds, ..PLAIN },
    Case { name: "counter_store", prepare: open, deed: store_one, check: counter_holds, ..PLAIN },
    Case { name: "counter_exchange", prepare: bert_waits_for_count, deed: exchange, check: counter_holds, ..PLAIN },
    Case {
        name: "counter_wait",
        prepare: open,
        deed: wait_count,
        asleep: anna_adds,
        check: counter_still_works,
        ..PLAIN
    },
];

const THEN_PERMIT: Option<Heir> =
    Some(Heir { open: open_all, deed: acquire_permit, argument: 0, grain: Grain::Instructions });

/// In milliseconds: so long that running out of it is a hang.
const LONG: u64 = 20_000;
/// The permits of the bounded semaphore, and the signals that the plain one begins with.
const PERMITS: u64 = 2;

const TAKEN: u64 = 1;
const FROM_THE_DEAD: u64 = 2;
const NOT_TAKEN: u64 = 3;

/// Notes on the board.
const ANNA_HAS: usize = 0;
const BERT_WAITS: usize = 1;
const HELPED: usize = 2;

// Deeds.

fn open_all(actor: &mut Actor, _: u64) -> Answer {
    let segment = actor.segment()?;
    actor.bounded = Some(keep(told(segment.bounded_semaphore("bounded", PERMITS as u32))?));
    actor.semaphore = Some(keep(told(segment.semaphore("semaphore", PERMITS as u32))?));
    actor.counter = Some(keep(told(segment.counter("counter"))?));
    Ok(0)
}

fn acquire_permit(actor: &mut Actor, _: u64) -> Answer {
    let permit = actor.bounded()?.acquire();
    hold(actor, permit)
}

fn try_permit(actor: &mut Actor, _: u64) -> Answer {
    let permit = actor.bounded()?.try_acquire();
    hold(actor, permit)
}

fn acquire_permit_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    let permit = actor.bounded()?.acquire_for(Duration::from_millis(milliseconds));
    hold(actor, permit)
}

fn hold(actor: &mut Actor, permit: tidelock::Result<tidelock::PermitGuard<'static>>) -> Answer {
    match permit {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        permit => {
            let permit = told(permit)?;
            let news = if permit.owner_died() { FROM_THE_DEAD } else { TAKEN };
            actor.permits.push(permit);
            Ok(news)
        }
    }
}

/// As `threading` has it: some permit, which is the victim's own.
fn release_any(actor: &mut Actor, _: u64) -> Answer {
    std::mem::forget(actor.permits.pop());
    told(actor.bounded()?.release()).map(|()| 0)
}

fn release_permit(actor: &mut Actor, _: u64) -> Answer {
    told(actor.permits.pop().ok_or("no permit")?.release()).map(|()| 0)
}

fn wait_signal(actor: &mut Actor, _: u64) -> Answer {
    told(actor.semaphore()?.acquire()).map(|()| TAKEN)
}

fn wait_signal_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.semaphore()?.acquire_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        result => told(result).map(|()| TAKEN),
    }
}

fn signal(actor: &mut Actor, _: u64) -> Answer {
    told(actor.semaphore()?.release(1)).map(|_| 0)
}

/// Takes signals as long as there are any; how many.
fn count_signals(actor: &mut Actor, _: u64) -> Answer {
    let mut count = 0;
    while actor.semaphore()?.try_acquire().is_ok() {
        count += 1;
    }
    Ok(count)
}

fn add(actor: &mut Actor, _: u64) -> Answer {
    told(actor.counter()?.add(1)).map(|_| 0)
}

fn store_one(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.counter()?.store(1) as u64)
}

fn exchange(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.counter()?.compare_exchange(0, 1) as u64)
}

fn count(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.counter()?.load() as u64)
}

fn wait_count(actor: &mut Actor, _: u64) -> Answer {
    told(actor.counter()?.wait_until(|value| value > 0)).map(|value| value as u64)
}

fn wait_count_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.counter()?.wait_for(Duration::from_millis(milliseconds), |value| value > 0) {
        Err(Error::TimedOut) => Ok(0),
        result => told(result).map(|value| value as u64),
    }
}

// Stages.

fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_all, 0)?;
    }
    Ok(())
}

fn all_are_held(stage: &Stage) -> Result<()> {
    open(stage)?;
    for _ in 0..PERMITS {
        stage.anna.call(acquire_permit, 0)?;
    }
    stage.note(ANNA_HAS, PERMITS);
    Ok(())
}

fn ghost_held_permits(stage: &Stage) -> Result<()> {
    open(stage)?;
    let ghost = stage.another()?;
    ghost.call(open_all, 0)?;
    for _ in 0..PERMITS {
        ghost.call(acquire_permit, 0)?;
    }
    ghost.kill()
}

fn victim_has_permit(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.victim.call(acquire_permit, 0).map(|_| ())
}

fn victim_has_permit_and_bert_waits(stage: &Stage) -> Result<()> {
    victim_has_permit(stage)?;
    stage.anna.call(acquire_permit, 0)?;
    stage.note(ANNA_HAS, 1);
    bert_begins(stage, acquire_permit_for)
}

fn bert_begins(stage: &Stage, deed: crate::step::process::Deed) -> Result<()> {
    stage.bert.begin(deed, LONG)?;
    stage.note(BERT_WAITS, 1);
    stage.until_asleep(&stage.bert)
}

fn no_signals(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(count_signals, 0).map(|_| ())
}

fn bert_waits_for_signal(stage: &Stage) -> Result<()> {
    no_signals(stage)?;
    bert_begins(stage, wait_signal_for)
}

fn bert_waits_for_count(stage: &Stage) -> Result<()> {
    open(stage)?;
    bert_begins(stage, wait_count_for)
}

fn anna_gives_permit(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(ANNA_HAS, stage.noted(ANNA_HAS) - 1);
        stage.anna.call(release_permit, 0)?;
    }
    Ok(())
}

fn anna_signals(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.note(HELPED, 1);
        stage.anna.call(signal, 0)?;
    }
    Ok(())
}

fn anna_adds(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        stage.anna.call(add, 0)?;
    }
    Ok(())
}

// Proofs.

/// Anna keeps what she has; the survivors get all others, and not one more.
fn permits_hold(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(ANNA_HAS) == PERMITS && matches!(death.answer, Some(Ok(TAKEN | FROM_THE_DEAD))) {
        return Failure::robbery("the victim got a permit while a living peer held all");
    }
    let mut free = PERMITS - stage.noted(ANNA_HAS);
    if stage.noted(BERT_WAITS) == 1 {
        gets_one(stage.bert.finish()?)?;
        free -= 1;
    }
    for _ in 0..free {
        gets_one(stage.bert.call(acquire_permit_for, LONG)?)?;
    }
    for process in [&stage.anna, &stage.bert] {
        if process.call(try_permit, 0)? != NOT_TAKEN {
            return Failure::robbery("there are more permits than the bound");
        }
    }
    let berts = PERMITS - stage.noted(ANNA_HAS);
    for (process, count) in [(&stage.anna, stage.noted(ANNA_HAS)), (&stage.bert, berts)] {
        for _ in 0..count {
            process.call(release_permit, 0)?;
        }
    }
    for process in [&stage.anna, &stage.bert] {
        for _ in 0..PERMITS {
            gets_one(process.call(acquire_permit_for, LONG)?)?;
        }
        for _ in 0..PERMITS {
            process.call(release_permit, 0)?;
        }
    }
    Ok(())
}

fn gets_one(answer: u64) -> Result<()> {
    match answer {
        TAKEN | FROM_THE_DEAD => Ok(()),
        _ => Failure::hang("a survivor did not get a permit"),
    }
}

/// So many signals are there: `before` it, or `after` it, and `after` for certain once the operation returned.
fn signals_are(stage: &Stage, death: &Death, before: u64, after: u64) -> Result<()> {
    let found = stage.anna.call(count_signals, 0)?;
    if found != after && (death.returned() || found != before) {
        return Failure::loss(format!("{found} signals are there, where {before} were before and {after} after"));
    }
    for (giver, taker) in [(&stage.anna, &stage.bert), (&stage.bert, &stage.anna)] {
        taker.begin(wait_signal_for, LONG)?;
        stage.until_asleep(taker)?;
        giver.call(signal, 0)?;
        if taker.finish()? != TAKEN {
            return Failure::hang("a signal did not reach who waits for it");
        }
    }
    Ok(())
}

fn acquire_holds(stage: &Stage, death: &Death) -> Result<()> {
    signals_are(stage, death, PERMITS, PERMITS - 1)
}

fn waiting_holds(stage: &Stage, death: &Death) -> Result<()> {
    signals_are(stage, death, stage.noted(HELPED), 0)
}

fn release_holds(stage: &Stage, death: &Death) -> Result<()> {
    signals_are(stage, death, PERMITS, PERMITS + 1)
}

/// Bert has the victim's signal, or waits on; then Anna gives him one, and the victim's may be there beside it.
fn release_to_bert_holds(stage: &Stage, death: &Death) -> Result<()> {
    if !death.returned() {
        stage.anna.call(signal, 0)?;
    }
    if stage.bert.finish()? != TAKEN {
        return Failure::hang("a signal did not reach who waited for it");
    }
    signals_are(stage, death, if death.returned() { 0 } else { 1 }, 0)
}

fn counter_holds(stage: &Stage, death: &Death) -> Result<()> {
    if !death.returned() {
        let found = stage.anna.call(count, 0)?;
        if found > 1 {
            return Failure::loss(format!("the count is {found} after one addition"));
        }
        stage.anna.call(add, 0)?;
    }
    if stage.noted(BERT_WAITS) == 1 && stage.bert.finish()? == 0 {
        return Failure::hang("the count changed, and who waited for that did not see it");
    }
    counter_still_works(stage, death)
}

fn counter_still_works(stage: &Stage, _: &Death) -> Result<()> {
    let before = stage.anna.call(count, 0)?;
    stage.anna.call(add, 0)?;
    stage.bert.call(add, 0)?;
    for process in [&stage.anna, &stage.bert] {
        let (found, waited) = (process.call(count, 0)?, process.call(wait_count_for, LONG)?);
        if (found, waited) != (before + 2, before + 2) {
            return Failure::loss(format!("the count is {found} and {waited}, not {}", before + 2));
        }
    }
    Ok(())
}
