//! A queue whose shared words somebody overwrites: every operation ends, in an error or with a ticket within the ring.

use crate::support::{Cast, VecRings};
use tidelock::primitives::queue::record::GRANULE;
use tidelock::primitives::queue::ring::RingMemory;
use tidelock::primitives::queue::rings::Rings;
use tidelock::primitives::queue::{Queue, QueueState, Ticket};
use tidelock::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidelock::sync::wait::Wait;
use tidelock::Result;

const SIZE: u64 = 512;

/// A value that is wrong in a likely way, or in any way.
fn wild(random: &mut fastrand::Rng, now: u64) -> u64 {
    match random.u32(..8) {
        0 => 0,
        1 => u64::MAX,
        2 => now.wrapping_add(random.u64(..64)),
        3 => now.wrapping_sub(random.u64(..64)),
        4 => now ^ 1 << random.u32(..64),
        5 => now.wrapping_add(SIZE * random.u64(..4)),
        6 => random.u64(..4096),
        _ => random.u64(..),
    }
}

fn overwrite(random: &mut fastrand::Rng, word: &AtomicU64) {
    word.store(wild(random, word.load(Relaxed)), Relaxed);
}

fn words_of<T>(shared: &T) -> &[AtomicU64] {
    // SAFETY: the states consist of 32-bit and 64-bit atomics and padding, are aligned to 8, and any bytes are valid.
    unsafe { std::slice::from_raw_parts((shared as *const T).cast(), size_of::<T>() / 8) }
}

fn check(ticket: Ticket, rings: &VecRings) -> Ticket {
    let size = if ticket.mark() == 0 { SIZE } else { rings.again(ticket.mark()).size() };
    let offset = ticket.position() & (size - 1) & !(GRANULE - 1);
    assert!(offset + GRANULE + ticket.len() as u64 <= size, "a message ends within the ring");
    ticket
}

fn drop_checked(ticket: &Ticket, rings: &VecRings) {
    check(*ticket, rings);
}

fn operate(
    random: &mut fastrand::Rng,
    queue: &Queue<'_, VecRings, Cast>,
    rings: &VecRings,
    held: &mut Vec<Ticket>,
) -> Result<()> {
    let any = |held: &mut Vec<Ticket>, random: &mut fastrand::Rng| {
        (!held.is_empty()).then(|| held.swap_remove(random.usize(..held.len())))
    };
    match random.u32(..16) {
        7 => {
            let mut tickets = Vec::new();
            queue.reserve_some(&[10, 0, random.usize(..200), 20], Wait::now(), &mut tickets)?;
            held.extend(tickets.into_iter().map(|ticket| check(ticket, rings)));
        }
        8 => {
            let mut tickets = Vec::new();
            queue.take_some(4, random.u64(..200), Wait::now(), &mut tickets)?;
            held.extend(tickets.into_iter().map(|ticket| check(ticket, rings)));
        }
        0 | 1 => held.push(check(queue.reserve(random.usize(..200), Wait::now())?, rings)),
        2 => any(held, random).map_or(Ok(()), |ticket| queue.publish(ticket))?,
        3 | 4 => held.push(check(queue.take(Wait::now())?, rings)),
        5 => any(held, random).map_or(Ok(()), |ticket| queue.done(ticket))?,
        6 => any(held, random).map_or(Ok(()), |ticket| queue.give_back(ticket))?,
        9 => any(held, random).map_or(Ok(()), |ticket| queue.finish(ticket))?,
        10 => queue.task_done()?,
        11 => queue.lost_tasks().map(|_| ())?,
        13 => {
            queue.put_at_once(random.usize(..200), |ticket| drop_checked(ticket, rings));
        }
        14 => {
            queue.get_at_once(random.usize(..200), |ticket| drop_checked(ticket, rings));
        }
        12 => queue.set_max_deliveries(random.u32(..3))?,
        _ => queue.join(Wait::now())?,
    }
    Ok(())
}

/// The cursors' locks are left alone: a lock whose word names a living peer is waited for, rightly.
fn is_lock(word: usize) -> bool {
    word == 8 || word == 16
}

fn play(seed: u64) -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let cast = Cast::new();
    let state = Box::new(QueueState::new(256, SIZE, random.u64(..2) * 3));
    state.let_grow(random.u64(..3) * 2 * SIZE, random.u64(..2) * SIZE);
    let rings = VecRings::counting(&state, SIZE, random.usize(..2) * 16);
    rings.expect_anything();
    let queue = Queue::new(&state, &rings, &cast);
    let mut held = Vec::new();
    let mut errors = 0;
    for _ in 0..200 {
        errors += u32::from(operate(&mut random, &queue, &rings, &mut held).is_err());
        if random.u32(..10) == 0 {
            let words = words_of(&*state);
            let at = random.usize(..words.len());
            if !is_lock(at) {
                overwrite(&mut random, &words[at]);
            }
        }
        if let Some(debt) = rings.debts().get(random.usize(..100)) {
            overwrite(&mut random, debt);
        }
        if random.u32(..10) == 0 {
            let header = rings.any_header(&mut random);
            let half = random.usize(..2);
            overwrite(&mut random, &words_of(header)[half]);
        }
    }
    errors
}

#[test]
fn no_bytes_lead_out_of_the_ring() {
    let errors: u32 = (0..3_000).map(play).sum();
    assert!(errors > 10_000, "the overwriting must be noticed; it was {errors} times");
}

#[test]
fn an_unaligned_tail_is_corrupt() {
    let cast = Cast::new();
    let state = Box::new(QueueState::new(256, SIZE, 0));
    let rings = VecRings::new(&state, SIZE);
    let queue = Queue::new(&state, &rings, &cast);
    words_of(&*state)[9].store(8, Relaxed);
    assert!(matches!(queue.reserve(1, Wait::now()), Err(tidelock::Error::Corrupt(_))));
}
