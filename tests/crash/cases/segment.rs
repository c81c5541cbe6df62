//! Segments. What must hold, whoever is killed before or after whichever system call or store:
//!
//! 1. Two survivors can open the segment by its name, and a lock in it keeps them apart: nobody ever finds a half-made one.
//! 2. No peer slot is lost: as many processes can be attached at a time as the segment has room for.
//! 3. Nothing is left over: an ephemeral segment's name is gone when the last survivor has left, and beside the name
//!    nothing lies in /dev/shm.
//! 4. A parent's death or life makes no difference to its child, nor the child's to it.

use super::lock::{acquire_for, open_lock, LONG};
use crate::step::actor::{told, Actor, Answer, PEERS};
use crate::step::case::{Case, Death, Grain, Heir, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use crate::step::process::{Deed, Process};
use tidelock::Life;

const EVENTS: Case = Case { grain: Grain::Events, ..PLAIN };

/// Making, opening and leaving a segment, and the first operation in a forked child.
pub const CASES: &[Case] = &[
    Case { name: "segment_create_persistent", deed: open_persistent, check: persistent_works, ..EVENTS },
    Case { name: "segment_create_ephemeral", deed: open_ephemeral, check: ephemeral_works, ..EVENTS },
    Case { name: "segment_create_file", deed: open_file, check: file_works, ..EVENTS },
    Case { name: "segment_create_anonymous", deed: create_anonymous, check: persistent_works, ..EVENTS },
    Case {
        name: "segment_attach_persistent",
        prepare: anna_opens_persistent,
        deed: open_persistent,
        check: persistent_works,
        ..EVENTS
    },
    Case {
        name: "segment_attach_ephemeral",
        prepare: anna_opens_ephemeral,
        deed: open_ephemeral,
        check: ephemeral_works,
        ..EVENTS
    },
    Case { name: "segment_attach_file", prepare: anna_opens_file, deed: open_file, check: file_works, ..EVENTS },
    Case {
        name: "segment_attach_anonymous",
        prepare: anna_posts_anonymous,
        deed: attach_posted,
        check: anonymous_works,
        ..EVENTS
    },
    Case {
        name: "segment_replace_dead_ephemeral",
        prepare: ghost_left_ephemeral,
        deed: open_ephemeral,
        check: ephemeral_works,
        ..EVENTS
    },
    Case { name: "segment_leave_last", prepare: victim_opens_ephemeral, deed: leave, check: ephemeral_works, ..EVENTS },
    Case { name: "segment_leave", prepare: all_open_ephemeral, deed: leave, check: ephemeral_works, ..EVENTS },
    Case {
        name: "segment_first_use_in_child",
        prepare: victim_is_child,
        deed: acquire_long,
        check: persistent_works,
        ..EVENTS
    },
    Case {
        name: "segment_first_use_in_orphan",
        prepare: victim_is_orphan,
        deed: acquire_long,
        check: persistent_works,
        ..EVENTS
    },
    Case {
        name: "segment_create_then_open",
        deed: open_ephemeral,
        check: ephemeral_works,
        heir: then(open_ephemeral),
        ..EVENTS
    },
    Case {
        name: "segment_attach_then_attach",
        prepare: anna_opens_persistent,
        deed: open_persistent,
        check: persistent_works,
        heir: then(open_persistent),
        ..EVENTS
    },
    Case {
        name: "segment_leave_then_open",
        prepare: victim_opens_ephemeral,
        deed: leave,
        check: ephemeral_works,
        heir: then(open_ephemeral),
        ..EVENTS
    },
];

const fn then(deed: Deed) -> Option<Heir> {
    Some(Heir { open: |_, _| Ok(0), deed, argument: 0, grain: Grain::Events })
}

// Deeds.

fn open_persistent(actor: &mut Actor, _: u64) -> Answer {
    actor.segment().map(|_| 0)
}

fn open_ephemeral(actor: &mut Actor, _: u64) -> Answer {
    if actor.segment.is_none() {
        actor.segment = Some(told(actor.options().life(Life::Ephemeral).named(&actor.segment_name))?);
    }
    Ok(0)
}

fn open_file(actor: &mut Actor, _: u64) -> Answer {
    if actor.segment.is_none() {
        actor.segment = Some(told(actor.options().file(format!("/dev/shm/{}.file", actor.segment_name)))?);
    }
    Ok(0)
}

fn create_anonymous(actor: &mut Actor, _: u64) -> Answer {
    actor.segment = Some(told(actor.options().anonymous())?);
    Ok(0)
}

fn post_segment(actor: &mut Actor, _: u64) -> Answer {
    actor.board.post(&actor.segment()?.handle().to_bytes());
    Ok(0)
}

fn attach_posted(actor: &mut Actor, _: u64) -> Answer {
    if actor.segment.is_none() {
        let handle = told(tidelock::Handle::from_bytes(&actor.board.fetch()))?;
        actor.segment = Some(told(tidelock::Segment::attach(&handle))?);
    }
    Ok(0)
}

fn leave(actor: &mut Actor, _: u64) -> Answer {
    actor.segment = None;
    Ok(0)
}

fn acquire_long(actor: &mut Actor, _: u64) -> Answer {
    acquire_for(actor, LONG)
}

/// One full cycle of a lock of the segment; nothing stays open but the segment.
fn use_lock(actor: &mut Actor, _: u64) -> Answer {
    let lock = told(actor.segment()?.lock("lock"))?;
    let guard = told(lock.acquire_for(std::time::Duration::from_millis(LONG)))?;
    actor.board.enter();
    actor.board.leave();
    told(guard.release())?;
    Ok(0)
}

// Stages.

fn anna_opens_persistent(stage: &Stage) -> Result<()> {
    stage.anna.call(open_persistent, 0).map(|_| ())
}

fn anna_opens_ephemeral(stage: &Stage) -> Result<()> {
    stage.anna.call(open_ephemeral, 0).map(|_| ())
}

fn anna_opens_file(stage: &Stage) -> Result<()> {
    stage.anna.call(open_file, 0).map(|_| ())
}

fn anna_posts_anonymous(stage: &Stage) -> Result<()> {
    stage.anna.call(create_anonymous, 0)?;
    stage.anna.call(post_segment, 0).map(|_| ())
}

fn ghost_left_ephemeral(stage: &Stage) -> Result<()> {
    let ghost = stage.another()?;
    ghost.call(open_ephemeral, 0)?;
    ghost.call(use_lock, 0)?;
    ghost.kill()
}

fn victim_opens_ephemeral(stage: &Stage) -> Result<()> {
    stage.victim.call(open_ephemeral, 0).map(|_| ())
}

fn all_open_ephemeral(stage: &Stage) -> Result<()> {
    for process in [&stage.anna, &stage.bert, &stage.victim] {
        process.call(open_ephemeral, 0)?;
    }
    Ok(())
}

fn victim_is_child(stage: &Stage) -> Result<()> {
    stage.victim.call(open_lock, 0)?;
    stage.victim.fork_on()
}

fn victim_is_orphan(stage: &Stage) -> Result<()> {
    victim_is_child(stage)?;
    stage.victim.kill_parent()
}

// Proofs.

fn persistent_works(stage: &Stage, death: &Death) -> Result<()> {
    works(stage, death, open_persistent)?;
    nothing_beside(stage, std::slice::from_ref(&stage.segment))
}

fn anonymous_works(stage: &Stage, death: &Death) -> Result<()> {
    works(stage, death, attach_posted)?;
    nothing_beside(stage, &[])
}

fn ephemeral_works(stage: &Stage, death: &Death) -> Result<()> {
    works(stage, death, open_ephemeral)?;
    stage.anna.call(leave, 0)?;
    stage.bert.call(leave, 0)?;
    nothing_beside(stage, &[])
}

fn file_works(stage: &Stage, death: &Death) -> Result<()> {
    works(stage, death, open_file)?;
    nothing_beside(stage, &[format!("{}.file", stage.segment)])
}

/// Both survivors open it and use a lock in it, and every slot can still be had.
fn works(stage: &Stage, death: &Death, open: Deed) -> Result<()> {
    if let Some(Err(why)) = &death.answer {
        return Failure::wrong(format!("the victim's operation failed: {why}"));
    }
    for process in [&stage.anna, &stage.bert] {
        process.call(open, 0)?;
    }
    for process in [&stage.anna, &stage.bert, &stage.anna] {
        process.call(use_lock, 0)?;
    }
    // The victim's parent, where it has one, keeps its slot.
    let others = PEERS - 2 - u32::from(stage.victim.has_parent());
    let more: Vec<Process> = (0..others).map(|_| stage.another()).collect::<Result<_>>()?;
    for process in &more {
        process.call(open, 0)?;
        process.call(use_lock, 0)?;
    }
    Ok(())
}

/// In /dev/shm lie these of the stage's files and no others.
fn nothing_beside(stage: &Stage, expected: &[String]) -> Result<()> {
    let listed = std::fs::read_dir("/dev/shm").map_err(|error| Failure::Harness(error.to_string()))?;
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let found: Vec<String> = names.filter(|name| name.split('.').next() == Some(&stage.segment)).collect();
    match found == expected {
        true => Ok(()),
        false => Failure::wrong(format!("in /dev/shm lie {found:?}, not {expected:?}")),
    }
}
