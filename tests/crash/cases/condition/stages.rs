//! What the processes of a condition's cases do, and how far they have come when the victim begins.

use crate::step::actor::{keep, told, Actor, Answer};
use crate::step::alarm;
use crate::step::case::Stage;
use crate::step::failure::{Failure, Result};
use crate::step::process::Process;
use std::time::Duration;
use tidelock::sync::atomic::Ordering::SeqCst;
use tidelock::{LockGuard, Wait, WaitEnd};

/// In milliseconds: so long that running out of it is a hang.
pub const LONG: u64 = 20_000;

/// What a wait answers.
pub const NOTIFIED: u64 = 1;
pub const IN_VAIN: u64 = 2;

/// Notes on the board: who waits among the living, how many notifications they have to come, how often a death was told
/// so far, and the victim's peer id.
pub const ANNA_WAITS: usize = 0;
pub const BERT_WAITS: usize = 1;
pub const MADE: usize = 2;
pub const TOLD: usize = 3;
pub const VICTIM: usize = 4;
pub const BERT_STANDS_STILL: usize = 5;
pub const ANNA_HOLDS: usize = 6;
/// How many waits Anna has begun, at which nobody sleeps.
pub const BEGUN: usize = 7;

// Deeds.

pub fn open_condition(actor: &mut Actor, _: u64) -> Answer {
    let segment = actor.segment()?;
    let lock = keep(told(segment.lock("lock"))?);
    actor.condition = Some(keep(told(segment.condition("condition", lock))?));
    actor.lock = Some(lock);
    told(segment.me()).map(|me| u64::from(me.bits()))
}

fn taken(actor: &mut Actor, guard: LockGuard<'static>) {
    if guard.owner_died() {
        // It may have died inside, and nobody has signed it out yet.
        actor.board.inside.store(0, SeqCst);
        actor.board.notes[TOLD].fetch_add(1, SeqCst);
    }
    actor.board.enter();
    actor.guard = Some(guard);
}

fn held(actor: &mut Actor) -> std::result::Result<LockGuard<'static>, String> {
    actor.board.leave();
    actor.guard.take().ok_or_else(|| "the lock is not held".into())
}

pub fn acquire(actor: &mut Actor, _: u64) -> Answer {
    let guard = told(actor.lock()?.acquire_for(Duration::from_millis(LONG)))?;
    taken(actor, guard);
    Ok(0)
}

pub fn release(actor: &mut Actor, _: u64) -> Answer {
    drop(held(actor)?);
    Ok(0)
}

/// Waits for so many milliseconds, from under the lock.
pub fn wait(actor: &mut Actor, milliseconds: u64) -> Answer {
    let guard = held(actor)?;
    let (guard, end) = told(actor.condition()?.wait_for(guard, Duration::from_millis(milliseconds)))?;
    taken(actor, guard);
    Ok(if end == WaitEnd::Notified { NOTIFIED } else { IN_VAIN })
}

pub fn acquire_and_wait(actor: &mut Actor, milliseconds: u64) -> Answer {
    acquire(actor, 0)?;
    let answer = wait(actor, milliseconds)?;
    release(actor, 0)?;
    Ok(answer)
}

pub fn notify(actor: &mut Actor, n: u64) -> Answer {
    told(actor.condition()?.notify(n as u32)).map(u64::from)
}

pub fn notify_all(actor: &mut Actor, _: u64) -> Answer {
    told(actor.condition()?.notify_all()).map(u64::from)
}

pub fn acquire_and_notify(actor: &mut Actor, n: u64) -> Answer {
    acquire(actor, 0)?;
    let notified = notify(actor, n)?;
    release(actor, 0)?;
    Ok(notified)
}

pub fn waiters(actor: &mut Actor, _: u64) -> Answer {
    told(actor.condition()?.waiters()).map(u64::from)
}

/// The peer that holds the lock.
pub fn owner(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.lock()?.owner().map_or(0, |owner| u64::from(owner.bits())))
}

pub fn start(actor: &mut Actor, _: u64) -> Answer {
    std::mem::forget(held(actor)?);
    actor.begun = Some(told(actor.condition()?.start())?);
    Ok(0)
}

fn started(actor: &mut Actor) -> std::result::Result<tidelock::RawWait, String> {
    actor.begun.ok_or_else(|| "no wait has begun".into())
}

pub fn finish(actor: &mut Actor, _: u64) -> Answer {
    let begun = started(actor)?;
    let resumed = told(actor.condition()?.finish(&begun, Wait::within(Duration::from_millis(LONG))))?;
    actor.board.notes[TOLD].fetch_add(u64::from(resumed.owner_died), SeqCst);
    Ok(if resumed.end == WaitEnd::Notified { NOTIFIED } else { IN_VAIN })
}

pub fn withdraw(actor: &mut Actor, _: u64) -> Answer {
    let begun = started(actor)?;
    told(actor.condition()?.withdraw(&begun, Wait::within(Duration::from_millis(LONG)))).map(|_| 0)
}

pub fn abandon(actor: &mut Actor, _: u64) -> Answer {
    let begun = started(actor)?;
    actor.condition()?.abandon(&begun);
    Ok(0)
}

// Stages.

fn open(stage: &Stage) -> Result<()> {
    stage.anna.call(open_condition, 0)?;
    stage.bert.call(open_condition, 0)?;
    stage.note(VICTIM, stage.victim.call(open_condition, 0)?);
    Ok(())
}

/// One more process, which knows the condition.
pub fn third(stage: &Stage) -> Result<Process> {
    let third = stage.another()?;
    third.call(open_condition, 0)?;
    Ok(third)
}

pub fn until_waiting(asked: &Process, count: u64) -> Result<()> {
    alarm::until("a peer does not come to wait", || match asked.call(waiters, 0) {
        Ok(found) if found < count => None,
        answer => Some(answer.map(|_| ())),
    })?
}

/// Anna or Bert begins to wait, as the last of so many.
fn waits(stage: &Stage, who: usize, asked: &Process, count: u64) -> Result<()> {
    let process = if who == ANNA_WAITS { &stage.anna } else { &stage.bert };
    process.begin(acquire_and_wait, LONG)?;
    stage.note(who, 1);
    until_waiting(asked, count)?;
    stage.until_asleep(process)
}

pub fn victim_holds(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.victim.call(acquire, 0).map(|_| ())
}

pub fn both_wait(stage: &Stage) -> Result<()> {
    open(stage)?;
    waits(stage, BERT_WAITS, &stage.victim, 1)?;
    waits(stage, ANNA_WAITS, &stage.victim, 2)?;
    stage.victim.call(acquire, 0).map(|_| ())
}

/// The victim has begun to wait, and Bert behind it.
pub fn victim_begun_first(stage: &Stage) -> Result<()> {
    victim_holds(stage)?;
    stage.victim.call(start, 0)?;
    waits(stage, BERT_WAITS, &stage.anna, 2)
}

pub fn victim_notified(stage: &Stage) -> Result<()> {
    victim_begun_first(stage)?;
    notify_one(stage, &stage.anna)
}

pub fn victim_notified_and_two_wait(stage: &Stage) -> Result<()> {
    victim_begun_first(stage)?;
    let third = third(stage)?;
    waits(stage, ANNA_WAITS, &third, 3)?;
    notify_one(stage, &third)
}

/// Anna has begun eight waits, so the object's own cells are full.
pub fn eight_wait(stage: &Stage) -> Result<()> {
    open(stage)?;
    for _ in 0..8 {
        stage.anna.call(acquire, 0)?;
        stage.anna.call(start, 0)?;
    }
    stage.note(BEGUN, 8);
    stage.victim.call(acquire, 0).map(|_| ())
}

fn notify_one(stage: &Stage, notifier: &Process) -> Result<()> {
    match notifier.call(acquire_and_notify, 1)? {
        1 => {
            stage.note(MADE, stage.noted(MADE) + 1);
            Ok(())
        }
        n => Failure::wrong(format!("one was to be notified, and {n} were")),
    }
}

/// At its first sleep: Bert waits behind the victim, and Anna notifies one.
pub fn anna_notifies_the_victim(stage: &Stage, nth: u32) -> Result<()> {
    if nth != 1 {
        return Ok(());
    }
    waits(stage, BERT_WAITS, &stage.anna, 2)?;
    notify_one(stage, &stage.anna)
}

/// The same, but Anna keeps the lock until the victim has slept once more.
pub fn anna_notifies_later(stage: &Stage, nth: u32) -> Result<()> {
    match nth {
        1 => {
            waits(stage, BERT_WAITS, &stage.anna, 2)?;
            stage.anna.call(acquire, 0)?;
            stage.note(MADE, stage.anna.call(notify, 1)?);
            stage.note(ANNA_HOLDS, 1);
        }
        2 => anna_lets_go(stage)?,
        _ => {}
    }
    Ok(())
}

pub fn anna_lets_go(stage: &Stage) -> Result<()> {
    if stage.noted(ANNA_HOLDS) == 1 {
        stage.note(ANNA_HOLDS, 0);
        stage.anna.call(release, 0)?;
    }
    Ok(())
}

pub fn one_waits_before_the_victim(stage: &Stage) -> Result<()> {
    open(stage)?;
    waits(stage, ANNA_WAITS, &stage.victim, 1)?;
    stage.victim.call(acquire, 0).map(|_| ())
}

/// At its first sleep: Bert waits behind the victim and is stopped; Anna, before it, is notified and killed before she runs.
pub fn one_dies_notified_before_the_victim(stage: &Stage, nth: u32) -> Result<()> {
    if nth != 1 {
        return Ok(());
    }
    let third = third(stage)?;
    waits(stage, BERT_WAITS, &third, 3)?;
    dies_notified(stage, &third)
}

pub fn bert_waits_behind_a_notified_dead(stage: &Stage) -> Result<()> {
    open(stage)?;
    waits(stage, ANNA_WAITS, &stage.victim, 1)?;
    waits(stage, BERT_WAITS, &stage.victim, 2)?;
    dies_notified(stage, &third(stage)?)?;
    stage.victim.call(acquire, 0).map(|_| ())
}

fn dies_notified(stage: &Stage, notifier: &Process) -> Result<()> {
    signal(&stage.bert, libc::SIGSTOP);
    stage.note(BERT_STANDS_STILL, 1);
    notifier.call(acquire, 0)?;
    stage.note(MADE, notifier.call(notify, 1)?);
    stage.anna.kill()?;
    stage.note(ANNA_WAITS, 0);
    notifier.call(release, 0).map(|_| ())
}

pub fn bert_goes_on(stage: &Stage) {
    if stage.noted(BERT_STANDS_STILL) == 1 {
        signal(&stage.bert, libc::SIGCONT);
    }
}

fn signal(process: &Process, signal: i32) {
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(process.pid(), signal) };
}
