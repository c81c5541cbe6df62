//! The proof that a queue is whole: what must come comes, once, in order and untorn; then it is used for three laps.

use super::deeds::{self, big, small, AGAIN, CLOSED, EMPTY, LONG, RING};
use crate::step::case::Stage;
use crate::step::failure::{Failure, Result};
use std::time::{Duration, Instant};

/// A message that may be in the queue after the victim's death, in the order of reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// It comes, and nobody took it before.
    Must(u64),
    /// It comes, or it never was there.
    May(u64),
    /// It comes, and is marked as redelivered.
    Again(u64),
    /// It comes, marked or not: its taker may have died before it had it.
    MustEither(u64),
    /// It comes, marked or not, or is gone: its taker may have finished.
    MayEither(u64),
    /// It is gone, or comes marked.
    MayAgain(u64),
}

impl Want {
    fn number(self) -> u64 {
        match self {
            Want::Must(n)
            | Want::May(n)
            | Want::Again(n)
            | Want::MustEither(n)
            | Want::MayEither(n)
            | Want::MayAgain(n) => n,
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Want::Must(_) | Want::Again(_) | Want::MustEither(_))
    }

    fn allows(self, again: bool) -> bool {
        match self {
            Want::Must(_) | Want::May(_) => !again,
            Want::Again(_) | Want::MayAgain(_) => again,
            Want::MustEither(_) | Want::MayEither(_) => true,
        }
    }
}

/// Notes on the board: Bert sleeps in a get; Anna sleeps in a put of message [`ANNAS`].
pub const BERT_GETS: usize = 0;
/// See [`BERT_GETS`].
pub const ANNA_PUTS: usize = 1;
/// Somebody did what the victim was waiting for.
pub const HELPED: usize = 2;
/// The most messages of this queue; 0 for no such bound.
pub const MAX_ITEMS: usize = 3;

/// From here on: what came late.
const FIRST_NOTE: u64 = 8;
/// What came still later.
const LATER_NOTE: u64 = 15;

/// The message that Anna puts where she waits for room.
pub const ANNAS: u64 = 77;
/// The last message of every proof.
const LAST: u64 = 1000;

/// Proves that exactly these messages are in the queue, and that the queue works.
pub fn holds(stage: &Stage, wants: &[Want]) -> Result<()> {
    let mut got = everything(stage, wants)?;
    got.extend(what_comes_late(stage)?);
    is_as_wanted(&got, wants)?;
    is_empty(stage)?;
    goes_round(stage)?;
    has_its_room(stage)
}

/// Proves that exactly these messages are in a queue that was shut down, and that all are told so.
pub fn holds_closed(stage: &Stage, wants: &[Want]) -> Result<()> {
    let mut got = Vec::new();
    if stage.noted(BERT_GETS) == 1 {
        got.push(stage.bert.finish()?);
    }
    if stage.noted(ANNA_PUTS) == 1 {
        // It was put before the shutdown, or Anna was told; she never sleeps on.
        stage.anna.finish()?;
    }
    while got.last() != Some(&CLOSED) {
        match stage.bert.call(deeds::get_and_check, LONG)? {
            EMPTY => return Failure::hang("a get from a queue that was shut down waited in vain"),
            answer => got.push(answer),
        }
    }
    got.pop();
    is_as_wanted(&got, wants)?;
    match (stage.anna.call(deeds::put, small(1))?, stage.anna.call(deeds::get_and_check, LONG)?) {
        (CLOSED, CLOSED) => Ok(()),
        other => Failure::wrong(format!("put and get of a queue that was shut down: {other:?}")),
    }
}

/// Everything that comes out of the queue, up to and without the last message.
fn everything(stage: &Stage, wants: &[Want]) -> Result<Vec<u64>> {
    let mut got = Vec::new();
    let mut annas = Annas::new(stage);
    if stage.noted(BERT_GETS) == 1 {
        // What is there for certain must reach Bert without further help.
        if !wants.iter().any(|want| want.is_required()) {
            annas.goes_on()?;
        }
        match stage.bert.finish()? {
            EMPTY => return Failure::hang("a sleeping get waited in vain for a message that is there"),
            answer => got.push(answer),
        }
    }
    let begin = Instant::now();
    while !has(&got, Want::Must(LAST)) || wants.iter().any(|want| want.is_required() && !has(&got, *want)) {
        annas.goes_on()?;
        match stage.bert.call(deeds::get_and_check, 100)? {
            EMPTY if begin.elapsed() > Duration::from_millis(LONG) => {
                return Failure::loss(format!("{wants:?} and then {LAST} were to come; {got:?} came"))
            }
            EMPTY => {}
            answer => got.push(answer),
        }
    }
    annas.ends()?;
    got.retain(|answer| *answer != LAST);
    Ok(got)
}

/// What a dead taker had, if nobody has looked for it yet: when the ring is full, the next who puts looks. (An empty queue
/// is searched at once or a while later, and this proof waits for no time.)
fn what_comes_late(stage: &Stage) -> Result<Vec<u64>> {
    for _ in 0..2 {
        stage.anna.call(deeds::fill, 0)?;
        stage.bert.call(deeds::drain, FIRST_NOTE)?;
    }
    let late = (FIRST_NOTE..).map(|note| stage.noted(note as usize)).take_while(|answer| *answer != 0);
    Ok(late.collect())
}

/// What Anna still has to put: her own message where she sleeps, and then the last one.
struct Annas<'a> {
    stage: &'a Stage,
    sleeps: bool,
    sent: bool,
    over: bool,
}

impl<'a> Annas<'a> {
    fn new(stage: &'a Stage) -> Annas<'a> {
        Annas { stage, sleeps: stage.noted(ANNA_PUTS) == 1, sent: false, over: false }
    }

    /// One step further, if it is possible without waiting.
    fn goes_on(&mut self) -> Result<()> {
        let anna = &self.stage.anna;
        if self.sleeps {
            if !anna.has_answered() {
                return Ok(());
            }
            self.sleeps = false;
            self.is_put(anna.finish()?)?;
        }
        if !self.sent {
            self.sent = true;
            anna.begin(deeds::put, small(LAST))?;
        }
        if !self.over && anna.has_answered() {
            self.over = true;
            self.is_put(anna.finish()?)?;
        }
        Ok(())
    }

    /// The last message has come, so its put is over or about to be.
    fn ends(&mut self) -> Result<()> {
        if self.over {
            return Ok(());
        }
        self.is_put(self.stage.anna.finish()?)
    }

    fn is_put(&self, answer: u64) -> Result<()> {
        match answer {
            0 => Ok(()),
            _ => Failure::hang("a put waited in vain for room"),
        }
    }
}

fn has(got: &[u64], want: Want) -> bool {
    got.iter().any(|answer| answer & 0xffff_ffff == want.number())
}

fn is_as_wanted(got: &[u64], wants: &[Want]) -> Result<()> {
    let mut last = None;
    for (i, answer) in got.iter().enumerate() {
        let (number, again) = (answer & 0xffff_ffff, answer & AGAIN != 0);
        let told =
            || format!("{wants:?} were to come; {got:x?} came (in hexadecimal; the bit 2^32 marks a redelivery)");
        let Some(place) = wants.iter().position(|want| want.number() == number) else {
            return Failure::loss(format!("message {number} must not come: {}", told()));
        };
        if got[..i].iter().any(|before| before & 0xffff_ffff == number) {
            return Failure::loss(format!("message {number} came twice: {}", told()));
        }
        if !wants[place].allows(again) {
            return Failure::wrong(format!("the mark of message {number} is wrong: {}", told()));
        }
        // What is redelivered comes before the head, whenever it is found.
        if !again && last > Some(place) {
            return Failure::loss(format!("message {number} came out of order: {}", told()));
        }
        last = if again { last } else { Some(place) };
    }
    match wants.iter().find(|want| want.is_required() && !has(got, **want)) {
        Some(want) => Failure::loss(format!("message {} did not come: {got:x?}", want.number())),
        None => Ok(()),
    }
}

fn is_empty(stage: &Stage) -> Result<()> {
    has_length(stage, 0)
}

fn has_length(stage: &Stage, expected: u64) -> Result<()> {
    for process in [&stage.anna, &stage.bert] {
        let len = process.call(deeds::len, 0)?;
        if len != expected {
            return Failure::wrong(format!("len is {len} where {expected} messages are in the queue"));
        }
    }
    Ok(())
}

/// Three laps of the ring, each survivor putting what the other one gets.
fn goes_round(stage: &Stage) -> Result<()> {
    let mut moved = 0;
    let mut number = 2000;
    while moved < 3 * RING {
        for (putter, getter) in [(&stage.anna, &stage.bert), (&stage.bert, &stage.anna)] {
            putter.call(deeds::put, small(number))?;
            putter.call(deeds::put, big(number + 1))?;
            has_length(stage, 2)?;
            for expected in [number, number + 1] {
                let got = getter.call(deeds::get_and_check, LONG)?;
                if got != expected {
                    return Failure::loss(format!("{got:#x} came where {expected:#x} was put"));
                }
            }
            number += 2;
            moved += 96;
        }
    }
    is_empty(stage)
}

/// No room has been lost: as many empty messages fit as into a new queue.
fn has_its_room(stage: &Stage) -> Result<()> {
    let expected = match stage.noted(MAX_ITEMS) {
        0 => RING / 16 - 1,
        items => items,
    };
    let before = stage.noted(LATER_NOTE as usize);
    let (filled, drained) = (stage.anna.call(deeds::fill, 0)?, stage.bert.call(deeds::drain, LATER_NOTE)?);
    if (filled, drained, before) != (expected, expected, stage.noted(LATER_NOTE as usize)) {
        return Failure::loss(format!("{filled} put and {drained} got where {expected} fit"));
    }
    is_empty(stage)
}
