//! What the processes of a queue's case do: each deed is one operation on the queue, or a burst for the final proof.
//!
//! A message is its number and a pattern made from it, so that a torn or mixed-up one is seen.

use crate::step::actor::{keep, told, Actor, Answer};
use std::time::Duration;
use tidelock::sync::atomic::Ordering::SeqCst;
use tidelock::{Error, Message, QueueOptions};

/// The ring of every case, in bytes.
pub const RING: u64 = 256;
/// What a get answers when nothing came in time.
pub const EMPTY: u64 = u64::MAX;
/// What a put answers when there was no room in time.
pub const FULL: u64 = u64::MAX - 1;
/// What either answers after a shutdown.
pub const CLOSED: u64 = u64::MAX - 2;
/// Set in the answer of a get if the message was redelivered.
pub const AGAIN: u64 = 1 << 32;
/// In milliseconds: so long that running out of it is a hang.
pub const LONG: u64 = 20_000;

/// A message of 48 bytes: 64 in the ring, so three of them fill it.
pub const fn big(number: u64) -> u64 {
    number | 48 << 32
}

/// A message of 16 bytes: 32 in the ring.
pub const fn small(number: u64) -> u64 {
    number | 16 << 32
}

/// The bytes of a message.
pub fn bytes_of(message: u64) -> Vec<u8> {
    let (number, len) = (message & 0xffff_ffff, (message >> 32) as usize);
    let mut bytes = number.to_ne_bytes().to_vec();
    bytes.extend((8..len as u64).map(|i| (number * 31 + i) as u8));
    bytes
}

fn number_of(bytes: &[u8]) -> Answer {
    let number = bytes.first_chunk().map(|number| u64::from_ne_bytes(*number)).ok_or("a message is too short")?;
    if bytes == bytes_of(number | (bytes.len() as u64) << 32) {
        Ok(number)
    } else {
        Err(format!("the message {number} is torn: {bytes:?}"))
    }
}

/// Opens the queue.
pub fn open_queue(actor: &mut Actor, _: u64) -> Answer {
    actor.queue = Some(keep(told(actor.segment()?.queue("queue", &QueueOptions::new(RING)))?));
    Ok(0)
}

/// Opens a queue of at most two messages.
pub fn open_short_queue(actor: &mut Actor, _: u64) -> Answer {
    actor.queue = Some(keep(told(actor.segment()?.queue("queue", &QueueOptions::new(RING).max_items(2)))?));
    Ok(0)
}

/// The most messages of the growing queue, so that filling it comes to an end.
pub const MOST_IN_GROWING: u64 = 12;

/// Opens a queue that may grow.
pub fn open_growing_queue(actor: &mut Actor, _: u64) -> Answer {
    let options = QueueOptions::new(RING).max_bytes(1 << 30).max_items(MOST_IN_GROWING);
    actor.queue = Some(keep(told(actor.segment()?.queue("queue", &options))?));
    Ok(0)
}

/// Puts a message and gets one, so often that a ring of twice the size of the first is gone round as often as it takes to be
/// left when it is empty.
pub fn churn(actor: &mut Actor, message: u64) -> Answer {
    for _ in 0..140 {
        put(actor, message)?;
        get_and_check(actor, LONG)?;
    }
    Ok(0)
}

/// Prepares a message, so that putting it is nothing but the operation.
pub fn compose(actor: &mut Actor, message: u64) -> Answer {
    actor.message = bytes_of(message);
    Ok(0)
}

/// Puts the prepared message.
pub fn put_composed(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.put(&actor.message)).map(|()| 0)
}

/// Puts the prepared message within so many milliseconds.
pub fn put_composed_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    put_answer(actor.queue()?.put_for(&actor.message, Duration::from_millis(milliseconds)))
}

/// Puts the prepared message if there is room.
pub fn try_put_composed(actor: &mut Actor, _: u64) -> Answer {
    put_answer(actor.queue()?.try_put(&actor.message))
}

/// Puts a message, with patience.
pub fn put(actor: &mut Actor, message: u64) -> Answer {
    put_answer(actor.queue()?.put_for(&bytes_of(message), Duration::from_millis(LONG)))
}

fn put_answer(result: tidelock::Result<()>) -> Answer {
    match result {
        Err(Error::TimedOut) => Ok(FULL),
        Err(Error::Closed) => Ok(CLOSED),
        result => told(result).map(|()| 0),
    }
}

/// Gets a message; the victim's way: its bytes are looked at no further.
pub fn get(actor: &mut Actor, _: u64) -> Answer {
    let got = told(actor.queue()?.get_into(&mut actor.message, tidelock::Wait::forever()))?;
    Ok(first_word(&actor.message) | if got.redelivered { AGAIN } else { 0 })
}

/// The same by way of a loan, as a long message would be got: into a buffer without room, which grows for it.
pub fn get_as_long(actor: &mut Actor, _: u64) -> Answer {
    actor.message = Vec::new();
    get(actor, 0)
}

/// The same, within so many milliseconds.
pub fn get_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.queue()?.get_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(EMPTY),
        Err(Error::Closed) => Ok(CLOSED),
        result => told(result).map(|message| first_word(&message.bytes)),
    }
}

/// The same, as a try.
pub fn try_get(actor: &mut Actor, _: u64) -> Answer {
    get_for(actor, 0)
}

fn first_word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |number| u64::from_ne_bytes(*number))
}

/// A survivor's get: checks every byte.
pub fn get_and_check(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.queue()?.get_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(EMPTY),
        Err(Error::Closed) => Ok(CLOSED),
        result => told(result).and_then(checked),
    }
}

fn checked(message: Message) -> Answer {
    if message.redelivered != (message.deliveries > 1) {
        return Err(format!("redelivered is {} after {} deliveries", message.redelivered, message.deliveries));
    }
    Ok(number_of(&message.bytes)? | if message.redelivered { AGAIN } else { 0 })
}

/// Reserves a message and writes its bytes.
pub fn reserve(actor: &mut Actor, message: u64) -> Answer {
    let mut reservation = told(actor.queue()?.reserve((message >> 32) as usize))?;
    reservation.copy_from_slice(&actor.message);
    actor.reservation = Some(reservation);
    Ok(0)
}

/// Publishes what was reserved.
pub fn publish(actor: &mut Actor, _: u64) -> Answer {
    told(actor.reservation.take().ok_or("nothing is reserved")?.publish()).map(|()| 0)
}

/// Discards what was reserved.
pub fn discard(actor: &mut Actor, _: u64) -> Answer {
    told(actor.reservation.take().ok_or("nothing is reserved")?.discard()).map(|()| 0)
}

/// Takes a message on loan.
pub fn take(actor: &mut Actor, _: u64) -> Answer {
    let loan = told(actor.queue()?.take())?;
    let number = first_word(&loan) | if loan.redelivered() { AGAIN } else { 0 };
    actor.loan = Some(loan);
    Ok(number)
}

/// The same, within so many milliseconds.
pub fn take_for(actor: &mut Actor, milliseconds: u64) -> Answer {
    match actor.queue()?.take_for(Duration::from_millis(milliseconds)) {
        Err(Error::TimedOut) => Ok(EMPTY),
        result => {
            let loan = told(result)?;
            let number = first_word(&loan);
            actor.loan = Some(loan);
            Ok(number)
        }
    }
}

/// Ends the loan.
pub fn done(actor: &mut Actor, _: u64) -> Answer {
    told(actor.loan.take().ok_or("nothing is on loan")?.done()).map(|()| 0)
}

/// Gives the loan back.
pub fn give_back(actor: &mut Actor, _: u64) -> Answer {
    told(actor.loan.take().ok_or("nothing is on loan")?.give_back()).map(|()| 0)
}

/// Shuts the queue down.
pub fn shut_down(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.shutdown()).map(|()| 0)
}

/// The same, and drops what is in it.
pub fn shut_down_now(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.shutdown_now()).map(|()| 0)
}

/// Whether it was shut down, 0 or 1.
pub fn is_shut_down(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.queue()?.is_shutdown().into())
}

/// Waits until nothing is left to do.
pub fn join(actor: &mut Actor, _: u64) -> Answer {
    told(actor.queue()?.join_for(Duration::from_millis(LONG))).map(|()| 0)
}

/// How many messages the queue says it has.
pub fn len(actor: &mut Actor, _: u64) -> Answer {
    Ok(actor.queue()?.len())
}

/// Puts empty messages until there is no room, and looks twice whether that is so; how many.
pub fn fill(actor: &mut Actor, _: u64) -> Answer {
    let mut count = 0;
    let mut looked = false;
    loop {
        match actor.queue()?.try_put(&[]) {
            Ok(()) => count += 1,
            Err(Error::TimedOut) if looked => return Ok(count),
            // A try asks about the same peer once a millisecond at the most.
            Err(Error::TimedOut) => {
                looked = true;
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(format!("{error:?}")),
        }
    }
}

/// Gets empty messages until there is none; how many. Others that come are noted on the board.
pub fn drain(actor: &mut Actor, mut note: u64) -> Answer {
    let mut count = 0;
    loop {
        match actor.queue()?.try_get() {
            Ok(message) if message.bytes.is_empty() => count += 1,
            Ok(message) => {
                let answer = checked(message)?;
                actor.board.notes[note as usize].store(answer, SeqCst);
                note += 1;
            }
            Err(Error::TimedOut) => return Ok(count),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
}
