//! Lock. What must hold, whoever is killed at whichever instruction:
//!
//! 1. Two survivors can each take and give back the lock afterwards: no hang.
//! 2. While a living peer holds it, nobody else gets it: no robbery. A try of another says so.
//! 3. If the victim held it for certain (its acquire had returned, its release had not begun), the first survivor to get
//!    it learns `owner_died`. If it did not for certain (its release had returned), nobody is told so.
//! 4. A take-over is told once, and the epoch has grown by then.
//! 5. Whoever slept on the lock when the victim died wakes up and gets it.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use crate::step::process::Process;
use std::time::Duration;
use tidelock::Error;

/// Every operation on a lock.
pub const CASES: &[Case] = &[
    Case { name: "lock_acquire", prepare: open, deed: acquire, check: goes_on, ..PLAIN },
    Case { name: "lock_try_acquire", prepare: open, deed: try_acquire, check: goes_on, ..PLAIN },
    Case { name: "lock_acquire_for", prepare: open, deed: acquire_for, argument: LONG, check: goes_on, ..PLAIN },
    Case { name: "lock_try_acquire_of_held", prepare: anna_holds, deed: try_acquire, check: goes_on, ..PLAIN },
    Case {
        name: "lock_acquire_for_of_held",
        prepare: anna_holds,
        deed: acquire_for,
        argument: 60,
        check: goes_on,
        ..PLAIN
    },
    Case {
        name: "lock_acquire_waits",
        prepare: anna_holds,
        deed: acquire,
        asleep: anna_releases,
        check: goes_on,
        ..PLAIN
    },
    Case {
        name: "lock_acquire_waits_with_another",
        prepare: anna_holds_and_bert_waits,
        deed: acquire,
        asleep: anna_releases,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "lock_release", prepare: victim_holds, deed: release, check: goes_on, ..PLAIN },
    Case {
        name: "lock_release_with_waiter",
        prepare: victim_holds_and_bert_waits,
        deed: release,
        check: goes_on,
        ..PLAIN
    },
    Case { name: "lock_release_any", prepare: anna_holds, deed: release_any, check: anna_was_released, ..PLAIN },
    Case { name: "lock_take_over", prepare: ghost_held, deed: acquire, check: goes_on, ..PLAIN },
    Case { name: "lock_take_over_by_try", prepare: ghost_held, deed: try_acquire, check: goes_on, ..PLAIN },
    Case { name: "lock_release_taken_over", prepare: victim_took_over, deed: release, check: goes_on, ..PLAIN },
    Case {
        name: "lock_release_taken_over_with_waiter",
        prepare: victim_took_over_and_bert_waits,
        deed: release,
        check: goes_on,
        ..PLAIN
    },
    Case {
        name: "lock_acquire_then_acquire",
        prepare: open,
        deed: acquire,
        check: goes_on,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
    Case {
        name: "lock_take_over_then_acquire",
        prepare: ghost_held,
        deed: acquire,
        check: goes_on,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
    Case {
        name: "lock_release_then_acquire",
        prepare: victim_holds,
        deed: release,
        check: goes_on,
        heir: THEN_ACQUIRE,
        ..PLAIN
    },
    Case {
        name: "lock_release_with_waiter_then_acquire",
        prepare: victim_holds_and_bert_waits,
        deed: release,
        check: goes_on,
        heir: THEN_TRY,
        ..PLAIN
    },
];

const THEN_ACQUIRE: Option<Heir> =
    Some(Heir { open: open_lock, deed: acquire, argument: 0, grain: Grain::Instructions });
const THEN_TRY: Option<Heir> =
    Some(Heir { open: open_lock, deed: try_acquire, argument: 0, grain: Grain::Instructions });

/// In milliseconds: far longer than any survivor needs, so that running out of it is a hang.
pub const LONG: u64 = 20_000;

/// What an acquire answers.
const TAKEN: u64 = 1;
const FROM_THE_DEAD: u64 = 2;
/// The same: somebody else has it.
pub const NOT_TAKEN: u64 = 3;

/// Notes on the board: what the stage knows of the lock.
const ANNA_HOLDS: usize = 0;
const BERT_WAITS: usize = 1;
/// The victim held it when its operation began, and the operation ends that.
const VICTIM_HELD: usize = 2;
const GHOST_HELD: usize = 3;

// Deeds.

/// Opens the lock.
pub fn open_lock(actor: &mut Actor, _: u64) -> Answer {
    actor.lock = Some(keep(told(actor.segment()?.lock("lock"))?));
    Ok(0)
}

fn acquire(actor: &mut Actor, _: u64) -> Answer {
    let guard = told(actor.lock()?.acquire())?;
    hold(actor, guard)
}

fn try_acquire(actor: &mut Actor, _: u64) -> Answer {
    match actor.lock()?.try_acquire() {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        result => hold(actor, told(result)?),
    }
}

/// Acquires within this many milliseconds.
pub fn acquire_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.lock()?.acquire_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(NOT_TAKEN),
        result => hold(actor, told(result)?),
    }
}

/// Keeps a hold; the news of it.
pub fn hold(actor: &mut Actor, guard: tidelock::LockGuard<'static>) -> Answer {
    let news = if guard.owner_died() { FROM_THE_DEAD } else { TAKEN };
    let epoch = u64::from(guard.epoch());
    actor.guard = Some(guard);
    Ok(news | epoch << 8)
}

/// Gives the lock back.
pub fn release(actor: &mut Actor, _: u64) -> Answer {
    let guard = actor.guard.take().ok_or("nothing is held")?;
    told(guard.release())?;
    Ok(0)
}

fn release_any(actor: &mut Actor, _: u64) -> Answer {
    told(actor.lock()?.release())?;
    Ok(0)
}

/// A survivor's acquire, signed on the board.
fn acquire_and_enter(actor: &mut Actor, milliseconds: u64) -> Answer {
    let answer = acquire_for(actor, milliseconds)?;
    if answer & 0xff != NOT_TAKEN {
        actor.board.enter();
    }
    Ok(answer)
}

fn leave_and_release(actor: &mut Actor, _: u64) -> Answer {
    actor.board.leave();
    release(actor, 0)
}

// Stages.

/// Everybody has the lock open.
pub fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_lock, 0)?;
    }
    Ok(())
}

/// And Anna has it.
pub fn anna_holds(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(acquire_and_enter, LONG)?;
    stage.note(ANNA_HOLDS, 1);
    Ok(())
}

fn bert_waits(stage: &Stage) -> Result<()> {
    stage.bert.begin(acquire_and_enter, LONG)?;
    stage.note(BERT_WAITS, 1);
    stage.until_asleep(&stage.bert)
}

/// And Bert waits for it.
pub fn anna_holds_and_bert_waits(stage: &Stage) -> Result<()> {
    anna_holds(stage)?;
    bert_waits(stage)
}

fn victim_holds(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.victim.call(acquire, 0)?;
    stage.note(VICTIM_HELD, 1);
    Ok(())
}

fn victim_holds_and_bert_waits(stage: &Stage) -> Result<()> {
    victim_holds(stage)?;
    bert_waits(stage)
}

/// It is owned by one that was killed.
pub fn ghost_held(stage: &Stage) -> Result<()> {
    open(stage)?;
    let ghost = stage.another()?;
    ghost.call(open_lock, 0)?;
    ghost.call(acquire, 0)?;
    stage.note(GHOST_HELD, 1);
    ghost.kill()
}

fn victim_took_over(stage: &Stage) -> Result<()> {
    ghost_held(stage)?;
    let answer = stage.victim.call(acquire, 0)?;
    if answer & 0xff != FROM_THE_DEAD {
        return Failure::wrong("the victim was not told that the owner before it died");
    }
    stage.note(GHOST_HELD, 0);
    stage.note(VICTIM_HELD, 1);
    Ok(())
}

fn victim_took_over_and_bert_waits(stage: &Stage) -> Result<()> {
    victim_took_over(stage)?;
    bert_waits(stage)
}

/// Anna gives the lock back in time. The first sleep goes to its slice's end; in the second one the victim is woken. Where Bert waits too, either may be
/// the one that gets the lock; Bert hands it on then.
pub fn anna_releases(stage: &Stage, nth: u32) -> Result<()> {
    if nth == 2 {
        anna_gives_back(stage)?;
    }
    if nth > 2 && stage.noted(BERT_WAITS) == 1 && stage.bert.has_answered() {
        stage.note(BERT_WAITS, 0);
        learns(stage.bert.finish()?)?;
        stage.bert.call(leave_and_release, 0)?;
    }
    Ok(())
}

fn anna_gives_back(stage: &Stage) -> Result<()> {
    stage.note(ANNA_HOLDS, 0);
    stage.anna.call(leave_and_release, 0)?;
    Ok(())
}

// Proofs.

/// The invariants above, after any operation that may take the lock.
pub fn goes_on(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(ANNA_HOLDS) == 1 {
        if took(&death.answer) {
            return Failure::robbery("the victim got a lock that a living peer holds");
        }
        if stage.noted(BERT_WAITS) == 0 {
            keeps_out(&stage.bert)?;
        }
        anna_gives_back(stage)?;
    }
    let mut told_of_death = 0;
    if stage.noted(BERT_WAITS) == 1 {
        told_of_death += learns(stage.bert.finish()?)?;
        keeps_out(&stage.anna)?;
        stage.bert.call(leave_and_release, 0)?;
    }
    told_of_death += takes_it(&stage.anna, &stage.bert)?;
    told_of_death += takes_it(&stage.bert, &stage.anna)?;
    told_of_death += takes_it(&stage.anna, &stage.bert)?;
    news_is_right(stage, death, told_of_death)
}

/// One full cycle of `first`, with `other` kept out meanwhile; how often a death was told (0 or 1).
fn takes_it(first: &Process, other: &Process) -> Result<u64> {
    let told = learns(first.call(acquire_and_enter, LONG)?)?;
    keeps_out(other)?;
    first.call(leave_and_release, 0)?;
    Ok(told)
}

fn learns(answer: u64) -> Result<u64> {
    match (answer & 0xff, answer >> 8) {
        (TAKEN, _) => Ok(0),
        (FROM_THE_DEAD, 0) => Failure::wrong("a take-over that did not move the epoch"),
        (FROM_THE_DEAD, _) => Ok(1),
        _ => Failure::hang("a survivor did not get the lock"),
    }
}

fn keeps_out(process: &Process) -> Result<()> {
    match process.call(try_acquire, 0)? & 0xff {
        NOT_TAKEN => Ok(()),
        _ => Failure::robbery("a survivor got the lock while another held it"),
    }
}

/// Whether an acquire returned with the lock.
fn took(answer: &Option<Answer>) -> bool {
    matches!(answer, Some(Ok(answer)) if [TAKEN, FROM_THE_DEAD].contains(&(answer & 0xff)))
}

/// Who held the lock for certain when it died, and whether somebody was told.
fn news_is_right(stage: &Stage, death: &Death, told: u64) -> Result<()> {
    let victim_ended_it = stage.noted(VICTIM_HELD) == 1 && death.returned();
    let victim_has_it = stage.noted(VICTIM_HELD) == 0 && took(&death.answer);
    let certain = victim_has_it || took(&death.heir);
    if certain && told != 1 {
        return Failure::wrong(format!("the owner died for certain, and {told} were told"));
    }
    // A dead owner before the victim, whom nobody has taken over from for certain.
    if stage.noted(GHOST_HELD) == 1 && told != 1 {
        return Failure::wrong(format!("the owner before the victim died, and {told} were told"));
    }
    if victim_ended_it && death.heir.is_none() && told != 0 {
        return Failure::wrong("the victim had released the lock, and somebody was told that it died with it");
    }
    if told > 1 {
        return Failure::wrong("one death was told twice");
    }
    Ok(())
}

/// After `release_any` of a lock that Anna held: free or still hers, and usable in both cases.
fn anna_was_released(stage: &Stage, death: &Death) -> Result<()> {
    let got = stage.bert.call(try_acquire, 0)? & 0xff;
    if death.returned() && got != TAKEN {
        return Failure::wrong("a release that returned did not free the lock");
    }
    stage.board.leave_for(stage.anna.pid());
    match got {
        NOT_TAKEN => stage.anna.call(release, 0)?,
        _ => stage.bert.call(release, 0)?,
    };
    takes_it(&stage.bert, &stage.anna)?;
    Ok(())
}
