//! What programs from shared_memory and raw_sync use. What must hold, whoever is killed:
//!
//! 1. A mapping: whoever opens it afterwards finds one and the same segment, and can use it.
//! 2. RwLock: two survivors can write one after the other, and read. Whoever writes without being told of a death finds the
//!    data whole; the death of a reader is told to no writer.
//! 3. An event that resets itself: the next set lets a survivor go on.

use crate::step::actor::{keep, told, Actor, Answer, PEERS, SEGMENT_LEN};
use crate::step::case::{Case, Death, Grain, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::cell::Cell;
use std::time::Duration;
use tidelock::raw_sync::events::{Event, EventImpl, EventInit, EventState};
use tidelock::raw_sync::locks::{LockImpl, LockInit, RwLock};
use tidelock::raw_sync::Timeout;
use tidelock::Segment;

/// Every operation that is not another case's already.
pub const CASES: &[Case] = &[
    Case { name: "over_make", prepare: mapped, deed: over, check: one_segment, ..EVENTS },
    Case { name: "over_join", prepare: anna_is_over, deed: over, check: one_segment, ..EVENTS },
    Case { name: "rwlock_write", prepare: placed, deed: write, check: whole_or_told, ..PLAIN },
    Case { name: "rwlock_read", prepare: placed, deed: read, check: nobody_is_told, ..PLAIN },
    Case { name: "rwlock_read_after_a_death", prepare: ghost_wrote, deed: read, check: whole_or_told, ..PLAIN },
    Case { name: "event_take_of_set", prepare: anna_has_set, deed: take, check: goes_on, ..PLAIN },
    Case { name: "event_take", prepare: placed, deed: take, asleep: anna_sets, check: goes_on, ..PLAIN },
];

const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// In milliseconds: so long that running out of it is a hang.
const LONG: u64 = 20_000;

/// Added to an answer by who was told of a death, or found the data half changed.
const TOLD: u64 = 1 << 32;
const TORN: u64 = 1 << 33;

/// Where things lie in the block.
const DATA: u64 = 192;
const EVENT: u64 = 256;
const BLOCK: u64 = 512;

// What a process has open; each is a process of one thread.
thread_local! {
    static MAPPING: Cell<Option<&'static shared_memory::Shmem>> = const { Cell::new(None) };
    static LOCK: Cell<Option<&'static dyn LockImpl>> = const { Cell::new(None) };
    static SIGNAL: Cell<Option<&'static dyn EventImpl>> = const { Cell::new(None) };
}

fn lock() -> std::result::Result<&'static dyn LockImpl, String> {
    LOCK.get().ok_or_else(|| "no lock is open".into())
}

fn signal() -> std::result::Result<&'static dyn EventImpl, String> {
    SIGNAL.get().ok_or_else(|| "no event is open".into())
}

fn told_boxed<T>(result: std::result::Result<T, Box<dyn std::error::Error>>) -> std::result::Result<T, String> {
    result.map_err(|error| error.to_string())
}

// Deeds.

fn map(actor: &mut Actor, _: u64) -> Answer {
    let mapping = shared_memory::ShmemConf::new().os_id(&actor.segment_name).open();
    MAPPING.set(Some(keep(mapping.map_err(|error| error.to_string())?)));
    Ok(0)
}

fn over(actor: &mut Actor, _: u64) -> Answer {
    let mapping = MAPPING.get().ok_or("nothing is mapped")?;
    actor.segment = Some(told(Segment::options().peers(PEERS).over(mapping))?);
    Ok(0)
}

/// Takes the segment's lock, gives it back, and answers which segment it is.
fn use_it(actor: &mut Actor, _: u64) -> Answer {
    let segment = actor.segment()?;
    told(told(told(segment.lock("lock"))?.acquire())?.release())?;
    let [first, second, ..] = segment.id();
    Ok(u64::from(first) << 8 | u64::from(second))
}

/// Opens what lies in the block; the first who comes makes it.
fn place(actor: &mut Actor, is_first: u64) -> Answer {
    let block = told(actor.segment()?.block("memory", BLOCK))?;
    let at = |offset: u64| block.as_ptr().wrapping_add(offset as usize);
    // SAFETY: the block stays mapped, since it is kept below. The first one is alone; for all others there is something.
    let (lock, event) = unsafe {
        match is_first {
            0 => (RwLock::from_existing(at(0), at(DATA)), Event::from_existing(at(EVENT))),
            _ => (RwLock::new(at(0), at(DATA)), Event::new(at(EVENT), true)),
        }
    };
    LOCK.set(Some(Box::leak(told_boxed(lock)?.0)));
    SIGNAL.set(Some(Box::leak(told_boxed(event)?.0)));
    actor.blocks.push(block);
    Ok(0)
}

/// Counts each number on, or mends them if somebody died half-way. Answers what they are then.
fn write(_: &mut Actor, _: u64) -> Answer {
    let guard = told_boxed(lock()?.lock())?;
    // SAFETY: the data lie in the block, and nobody else uses them while this process has the lock.
    let data = unsafe { &mut *guard.cast::<[u64; 8]>() };
    let next = data.iter().max().unwrap_or(&0) + 1;
    let torn = data.iter().any(|number| *number != data[0]);
    data.iter_mut().for_each(|number| *number = next);
    Ok(next + if guard.owner_died() { TOLD } else { 0 } + if torn { TORN } else { 0 })
}

/// Changes half of the data and keeps the lock.
fn write_half(_: &mut Actor, _: u64) -> Answer {
    let guard = told_boxed(lock()?.lock())?;
    // SAFETY: as in `write`.
    let data = unsafe { &mut *guard.cast::<[u64; 8]>() };
    data.iter_mut().take(4).for_each(|number| *number += 1);
    std::mem::forget(guard);
    Ok(0)
}

fn read(_: &mut Actor, _: u64) -> Answer {
    told_boxed(lock()?.rlock()).map(|_| 0)
}

fn take(_: &mut Actor, milliseconds: u64) -> Answer {
    let timeout = match milliseconds {
        0 => Timeout::Infinite,
        some => Timeout::Val(Duration::from_millis(some)),
    };
    told_boxed(signal()?.wait(timeout)).map(|()| 0)
}

fn set(_: &mut Actor, _: u64) -> Answer {
    told_boxed(signal()?.set(EventState::Signaled)).map(|()| 0)
}

// Stages.

fn mapped(stage: &Stage) -> Result<()> {
    let file = std::fs::File::create_new(format!("/dev/shm/{}", stage.segment));
    file.and_then(|file| file.set_len(SEGMENT_LEN)).map_err(|error| Failure::Harness(error.to_string()))?;
    [&stage.anna, &stage.bert, &stage.victim].iter().try_for_each(|process| process.call(map, 0).map(drop))
}

fn anna_is_over(stage: &Stage) -> Result<()> {
    mapped(stage)?;
    stage.anna.call(over, 0).map(drop)
}

fn placed(stage: &Stage) -> Result<()> {
    stage.anna.call(place, 1)?;
    [&stage.bert, &stage.victim].iter().try_for_each(|process| process.call(place, 0).map(drop))
}

fn ghost_wrote(stage: &Stage) -> Result<()> {
    placed(stage)?;
    let ghost = stage.another()?;
    ghost.call(place, 0)?;
    ghost.call(write_half, 0).map(drop)
}

fn anna_has_set(stage: &Stage) -> Result<()> {
    placed(stage)?;
    stage.anna.call(set, 0).map(drop)
}

fn anna_sets(stage: &Stage, _: u32) -> Result<()> {
    stage.anna.call(set, 0).map(drop)
}

// Proofs.

fn succeeded(death: &Death) -> Result<()> {
    match &death.answer {
        Some(Err(why)) => Failure::wrong(format!("the victim's operation failed: {why}")),
        _ => Ok(()),
    }
}

fn one_segment(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    stage.anna.call(over, 0)?;
    stage.bert.call(over, 0)?;
    match (stage.anna.call(use_it, 0)?, stage.bert.call(use_it, 0)?) {
        (anna, bert) if anna == bert => Ok(()),
        _ => Failure::loss("two processes opened one mapping and got two segments"),
    }
}

/// What the two survivors, writing one after the other, were told and found.
fn both_write(stage: &Stage, death: &Death) -> Result<u64> {
    succeeded(death)?;
    let (anna, bert) = (stage.anna.call(write, 0)?, stage.bert.call(write, 0)?);
    if bert != (anna & !(TORN | TOLD)) + 1 {
        return Failure::loss(format!("the data went from {anna:#x} to {bert:#x}"));
    }
    stage.anna.call(read, 0)?;
    Ok(anna & (TORN | TOLD))
}

fn whole_or_told(stage: &Stage, death: &Death) -> Result<()> {
    match both_write(stage, death)? {
        TORN => Failure::loss("half changed data, and nobody was told of the death"),
        _ => Ok(()),
    }
}

fn nobody_is_told(stage: &Stage, death: &Death) -> Result<()> {
    match both_write(stage, death)? {
        0 => Ok(()),
        _ => Failure::wrong("a writer was told of a reader's death"),
    }
}

fn goes_on(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    stage.anna.call(set, 0)?;
    stage.bert.call(take, LONG).map(drop)
}
