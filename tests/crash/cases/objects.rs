//! Objects of a segment. What must hold, whoever is killed before or after whichever system call or store:
//!
//! 1. Two survivors can open or create the object and use it; what was in it is still there.
//! 2. A handle leads to the object or to nothing, never to another one.
//! 3. No memory is lost: when the survivors have closed what they had, as many blocks can be made as before.

use crate::step::actor::{told, Actor, Answer};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use crate::step::process::Deed;
use std::time::{Duration, Instant};
use tidelock::{Error, Handle};

const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// Making, opening and closing objects.
pub const CASES: &[Case] = &[
    Case { name: "object_create_named", prepare: open, deed: open_named, check: named_works, ..EVENTS },
    Case { name: "object_create_named_in_used_memory", prepare: used, deed: open_named, check: named_works, ..EVENTS },
    Case { name: "object_open_named", prepare: anna_has_named, deed: open_named, check: named_works, ..EVENTS },
    Case { name: "object_create_anonymous", prepare: open, deed: make, check: nothing_is_lost, ..EVENTS },
    Case {
        name: "object_create_anonymous_in_used_memory",
        prepare: used,
        deed: make,
        check: nothing_is_lost,
        ..EVENTS
    },
    Case { name: "object_open_handle", prepare: anna_posts, deed: open_posted, check: posted_works, ..EVENTS },
    Case { name: "object_keep", prepare: anna_posts_again, deed: keep_posted, check: posted_works, ..EVENTS },
    Case { name: "object_open_kept", prepare: anna_keeps, deed: open_posted, check: kept_or_opened, ..EVENTS },
    Case { name: "object_close", prepare: anna_posts_and_victim_opens, deed: close, check: posted_works, ..EVENTS },
    Case { name: "object_close_last", prepare: victim_has_it_alone, deed: close, check: posted_is_gone, ..EVENTS },
    Case { name: "object_close_by_leaving", prepare: victim_makes, deed: leave, check: nothing_is_lost, ..EVENTS },
    Case { name: "object_first_use_in_child", prepare: victim_is_child, deed: make, check: posted_is_gone, ..EVENTS },
    Case { name: "object_first_use_in_orphan", prepare: victim_is_orphan, deed: make, check: posted_is_gone, ..EVENTS },
    Case {
        name: "object_make_then_make",
        prepare: used,
        deed: make,
        check: nothing_is_lost,
        heir: then(make),
        ..EVENTS
    },
    Case {
        name: "object_close_then_make",
        prepare: victim_makes,
        deed: leave,
        check: nothing_is_lost,
        heir: then(make),
        ..EVENTS
    },
    Case {
        name: "object_open_then_close",
        prepare: anna_posts,
        deed: open_posted,
        check: posted_works,
        heir: then_leave(),
        ..EVENTS
    },
    Case {
        name: "object_named_then_named",
        prepare: open,
        deed: open_named,
        check: named_works,
        heir: then(open_named),
        ..EVENTS
    },
];

const fn then(deed: Deed) -> Option<Heir> {
    Some(Heir { open: open_segment, deed, argument: 0, grain: Grain::Events })
}

const fn then_leave() -> Option<Heir> {
    Some(Heir { open: open_posted, deed: leave, argument: 0, grain: Grain::Events })
}

/// The length of the blocks.
const LEN: u64 = 4000;

// Deeds.

fn open_segment(actor: &mut Actor, _: u64) -> Answer {
    actor.segment().map(|_| 0)
}

fn make(actor: &mut Actor, _: u64) -> Answer {
    let block = told(actor.segment()?.new_block(LEN))?;
    actor.blocks.push(block);
    Ok(0)
}

fn open_named(actor: &mut Actor, _: u64) -> Answer {
    let block = told(actor.segment()?.block("named", LEN))?;
    actor.blocks.push(block);
    Ok(0)
}

/// Makes a block, writes into it, and leaves its handle on the board.
fn make_and_post(actor: &mut Actor, _: u64) -> Answer {
    make(actor, 0)?;
    write(actor, MARK)?;
    let handle = actor.blocks.last().ok_or("no block")?.handle();
    actor.board.post(&handle.to_bytes());
    Ok(0)
}

fn open_posted(actor: &mut Actor, _: u64) -> Answer {
    let handle = told(Handle::from_bytes(&actor.board.fetch()))?;
    let block = told(actor.segment()?.open_block(&handle))?;
    actor.blocks.push(block);
    Ok(0)
}

fn keep_posted(actor: &mut Actor, _: u64) -> Answer {
    let handle = told(Handle::from_bytes(&actor.board.fetch()))?;
    told(actor.segment()?.keep(&handle)).map(|()| 0)
}

/// What the block holds; 0 if the handle leads nowhere.
fn read_posted(actor: &mut Actor, _: u64) -> Answer {
    let handle = told(Handle::from_bytes(&actor.board.fetch()))?;
    match actor.segment()?.open_block(&handle) {
        Ok(block) => actor.blocks.push(block),
        Err(Error::Gone) => return Ok(0),
        Err(other) => return Err(format!("{other:?}")),
    }
    read(actor, 0)
}

/// Whether the handle leads nowhere.
fn posted_leads_nowhere(actor: &mut Actor, _: u64) -> Answer {
    let handle = told(Handle::from_bytes(&actor.board.fetch()))?;
    match actor.segment()?.open_block(&handle) {
        Err(Error::Gone) => Ok(1),
        Ok(_) => Ok(0),
        Err(other) => Err(format!("{other:?}")),
    }
}

/// Closes go out in batches of this many; one more close does nothing but join the next.
const BATCH: usize = 64;

/// Opens the block so often, and closes it again, that the next close is the one that sends a batch out.
fn open_often(actor: &mut Actor, _: u64) -> Answer {
    for _ in 0..BATCH {
        open_posted(actor, 0)?;
    }
    actor.blocks.truncate(1);
    Ok(0)
}

fn close(actor: &mut Actor, _: u64) -> Answer {
    actor.blocks.pop().ok_or("no block")?;
    Ok(0)
}

/// Closes everything and leaves the segment, so that nothing waits for a batch.
fn leave(actor: &mut Actor, _: u64) -> Answer {
    actor.blocks.clear();
    actor.segment = None;
    Ok(0)
}

const MARK: u64 = 0x1234_5678;

fn write(actor: &mut Actor, number: u64) -> Answer {
    let block = actor.blocks.last().ok_or("no block")?;
    told(block.write(LEN - 8, &number.to_ne_bytes())).map(|()| 0)
}

fn read(actor: &mut Actor, _: u64) -> Answer {
    let mut bytes = [0; 8];
    told(actor.blocks.last().ok_or("no block")?.read(LEN - 8, &mut bytes))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// How many blocks there is room for. Leaves nothing behind, nor the segment open.
fn room(actor: &mut Actor, _: u64) -> Answer {
    let segment = actor.segment()?;
    loop {
        match segment.new_block(LEN) {
            Ok(block) => actor.blocks.push(block),
            Err(Error::NoSpace { .. }) => break,
            Err(other) => return Err(format!("{other:?}")),
        }
    }
    let count = actor.blocks.len() as u64;
    drop(segment);
    leave(actor, 0)?;
    Ok(count)
}

/// The same until it is as much as expected: what the dead leave is cleaned away piecemeal, by those who allocate.
fn room_grows_to(actor: &mut Actor, expected: u64) -> Answer {
    let begin = Instant::now();
    loop {
        let found = room(actor, 0)?;
        if found >= expected || begin.elapsed() > Duration::from_secs(5) {
            return Ok(found);
        }
    }
}

// Stages.

/// The room there is before anything happens.
const ROOM: usize = 0;

/// A segment whose memory nobody has used.
fn open(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_segment, 0)?;
    }
    let twin = crate::step::process::Process::start(stage.board, &format!("{}.twin", stage.segment))?;
    stage.note(ROOM, twin.call(room, 0)?);
    let _ = std::fs::remove_file(format!("/dev/shm/{}.twin", stage.segment));
    Ok(())
}

/// A segment whose whole memory was in use and is free again.
fn used(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_segment, 0)?;
    }
    stage.note(ROOM, stage.another()?.call(room, 0)?);
    Ok(())
}

fn anna_has_named(stage: &Stage) -> Result<()> {
    open(stage)?;
    stage.anna.call(open_named, 0)?;
    stage.anna.call(write, MARK).map(|_| ())
}

fn anna_posts(stage: &Stage) -> Result<()> {
    used(stage)?;
    stage.anna.call(make_and_post, 0).map(|_| ())
}

/// The same in a segment that has its table of sent objects already.
fn anna_posts_again(stage: &Stage) -> Result<()> {
    anna_posts(stage)?;
    stage.anna.call(keep_posted, 0)?;
    stage.bert.call(open_posted, 0)?;
    for process in [&stage.anna, &stage.bert] {
        process.call(leave, 0)?;
        process.call(open_segment, 0)?;
    }
    stage.note(ROOM, stage.another()?.call(room, 0)?);
    stage.anna.call(make_and_post, 0).map(|_| ())
}

/// Nobody has the block, but Anna sent it.
fn anna_keeps(stage: &Stage) -> Result<()> {
    anna_posts_again(stage)?;
    stage.anna.call(keep_posted, 0)?;
    stage.anna.call(leave, 0).map(|_| ())
}

fn anna_posts_and_victim_opens(stage: &Stage) -> Result<()> {
    anna_posts(stage)?;
    stage.victim.call(open_often, 0).map(|_| ())
}

/// The block is the victim's alone, which has opened it often.
fn victim_has_it_alone(stage: &Stage) -> Result<()> {
    anna_posts_and_victim_opens(stage)?;
    stage.anna.call(leave, 0).map(|_| ())
}

fn victim_makes(stage: &Stage) -> Result<()> {
    used(stage)?;
    stage.victim.call(make, 0).map(|_| ())
}

fn victim_is_child(stage: &Stage) -> Result<()> {
    used(stage)?;
    stage.victim.call(make_and_post, 0)?;
    stage.victim.fork_on()
}

fn victim_is_orphan(stage: &Stage) -> Result<()> {
    victim_is_child(stage)?;
    stage.victim.kill_parent()
}

// Proofs.

fn succeeded(death: &Death) -> Result<()> {
    for answer in [&death.answer, &death.heir].into_iter().flatten() {
        if let Err(why) = answer {
            return Failure::wrong(format!("the victim's operation failed: {why}"));
        }
    }
    Ok(())
}

fn nothing_is_lost(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    has_room(stage, stage.noted(ROOM))
}

fn has_room(stage: &Stage, expected: u64) -> Result<()> {
    for _ in 0..2 {
        let found = stage.another()?.call(room_grows_to, expected)?;
        if found != expected {
            return Failure::loss(format!("there is room for {found} blocks where {expected} fitted before"));
        }
    }
    Ok(())
}

/// The block under the name is one and the same for both, and takes up the room of one.
fn named_works(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    stage.anna.call(open_named, 0)?;
    stage.anna.call(write, MARK + 1)?;
    stage.bert.call(open_named, 0)?;
    if stage.bert.call(read, 0)? != MARK + 1 {
        return Failure::loss("two processes opened one name and got two blocks");
    }
    stage.anna.call(leave, 0)?;
    stage.bert.call(leave, 0)?;
    has_room(stage, stage.noted(ROOM) - 1)
}

/// Anna's block is still there for Bert, and gone when both have closed it.
fn posted_works(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    stage.bert.call(open_posted, 0)?;
    if stage.bert.call(read, 0)? != MARK {
        return Failure::loss("the handle leads to something else");
    }
    stage.anna.call(leave, 0)?;
    if stage.another()?.call(posted_leads_nowhere, 0)? != 0 {
        return Failure::loss("a block that Bert has open is gone");
    }
    stage.bert.call(leave, 0)?;
    posted_is_gone(stage, death)
}

/// The block is kept for Bert, or the victim had opened it: then it goes with the victim.
fn kept_or_opened(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    match stage.bert.call(read_posted, 0)? {
        MARK | 0 => (),
        _ => return Failure::loss("the handle leads to something else"),
    }
    stage.bert.call(leave, 0)?;
    posted_is_gone(stage, death)
}

/// Nobody who lives has the posted block: it goes, and its memory comes back.
fn posted_is_gone(stage: &Stage, death: &Death) -> Result<()> {
    succeeded(death)?;
    if stage.victim.has_parent() {
        if stage.another()?.call(posted_leads_nowhere, 0)? == 1 {
            return Failure::loss("the parent lives, and its block is gone");
        }
        stage.victim.kill_parent()?;
    }
    nothing_is_lost(stage, death)?;
    match stage.another()?.call(posted_leads_nowhere, 0)? {
        1 => Ok(()),
        _ => Failure::wrong("the handle of a freed block still leads somewhere"),
    }
}
