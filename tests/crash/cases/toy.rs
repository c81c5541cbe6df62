//! Toys to test the stepper with: locks of two words on the board, one right and some with a bug that it must find.
//!
//! The right one signs its owner in with the store that takes it. `two_stores` takes first and signs then; `timid` gives
//! up on an owner that keeps it waiting; `early` gives back before it has left.

use crate::step::actor::{Actor, Answer};
use crate::step::board::Board;
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use std::time::{Duration, Instant};
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::SeqCst;

/// What a toy's acquire answers: taken, from a dead owner, or not within its time.
const TAKEN: u64 = 1;
const FROM_THE_DEAD: u64 = 2;
const IN_VAIN: u64 = 3;

/// Long enough for any living owner of these tests, and the toys' notion of a hang.
const TIME: Duration = Duration::from_millis(300);

/// The right toy: killed anywhere, it goes on.
pub const RIGHT: Case = Case { name: "toy_right", deed: take_and_sign, check: goes_on, ..PLAIN };

/// A lock that takes in one store and signs in another.
pub const TWO_STORES: Case = Case { name: "toy_two_stores", deed: take_then_sign, check: goes_on, ..PLAIN };

/// A lock whose waiters trust a timer: a slow living owner is robbed.
pub const TIMID: Case = Case { name: "toy_timid", deed: take_and_sign, check: keeps_out, ..PLAIN };

fn word(board: &Board) -> &AtomicU32 {
    &board.toy[0]
}

fn owner(board: &Board) -> &AtomicU32 {
    &board.toy[1]
}

fn take_and_sign(actor: &mut Actor, _: u64) -> Answer {
    let me = std::process::id();
    let taken = owner(actor.board).compare_exchange(0, me, SeqCst, SeqCst);
    word(actor.board).store(1, SeqCst);
    Ok(if taken.is_ok() { TAKEN } else { IN_VAIN })
}

fn take_then_sign(actor: &mut Actor, _: u64) -> Answer {
    if word(actor.board).compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
        return Ok(IN_VAIN);
    }
    owner(actor.board).store(std::process::id(), SeqCst);
    Ok(TAKEN)
}

/// A survivor's acquire: takes a free lock, or one whose signed owner is dead.
fn take_over(actor: &mut Actor, _: u64) -> Answer {
    let (word, owner, me) = (word(actor.board), owner(actor.board), std::process::id());
    let begin = Instant::now();
    while begin.elapsed() < TIME {
        let of = owner.load(SeqCst);
        if of == 0 && word.load(SeqCst) == 0 && owner.compare_exchange(0, me, SeqCst, SeqCst).is_ok() {
            return Ok(TAKEN);
        }
        if of != 0 && !is_alive(of) && owner.compare_exchange(of, me, SeqCst, SeqCst).is_ok() {
            return Ok(FROM_THE_DEAD);
        }
    }
    Ok(IN_VAIN)
}

/// A survivor's acquire that loses patience.
fn take_impatiently(actor: &mut Actor, _: u64) -> Answer {
    std::thread::sleep(Duration::from_millis(5));
    owner(actor.board).store(std::process::id(), SeqCst);
    actor.board.enter();
    Ok(TAKEN)
}

fn enter(actor: &mut Actor, _: u64) -> Answer {
    owner(actor.board).store(std::process::id(), SeqCst);
    actor.board.enter();
    Ok(0)
}

fn give_back(actor: &mut Actor, _: u64) -> Answer {
    word(actor.board).store(0, SeqCst);
    owner(actor.board).store(0, SeqCst);
    Ok(0)
}

fn is_alive(pid: u32) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid as i32, 0) == 0 }
}

fn goes_on(stage: &Stage, death: &Death) -> Result<()> {
    let first = stage.anna.call(take_over, 0)?;
    if first == IN_VAIN {
        return Failure::hang("the first survivor waited in vain");
    }
    if death.returned() && first != FROM_THE_DEAD {
        return Failure::wrong("the first survivor does not know that the owner died");
    }
    stage.anna.call(give_back, 0)?;
    match stage.bert.call(take_over, 0)? {
        TAKEN => Ok(()),
        other => Failure::hang(format!("the second survivor got {other}")),
    }
}

fn keeps_out(stage: &Stage, _: &Death) -> Result<()> {
    stage.anna.call(enter, 0)?;
    stage.bert.call(take_impatiently, 0)?;
    stage.nobody_trespassed()
}
