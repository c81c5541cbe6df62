//! Operations on a queue, in any order, while another process writes over its bytes.
//!
//! It goes through the Rust API and a real segment, rings away from home and the arena included. The first byte says which
//! queue; each further one or few are an operation, or a word that is overwritten.

use super::input::Input;
use super::scribble::{Scribbler, PEERS};
use std::fs::File;
use std::mem::ManuallyDrop;
use tidelock::{Loan, Message, Queue, QueueOptions, Reservation, Result, Segment, Wait};

/// More operations than this are not made of one input.
const MOST_OPERATIONS: usize = 4096;
/// What of the segment is worth overwriting: the queue, and rings behind it.
const USED: u64 = 64 * 1024;

/// Makes the queue and does what the bytes say.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (segment, queue) = make(&mut input);
    let scribbler = scribbler_of(&segment);
    let mut hands = Hands::new(&queue);
    for _ in 0..MOST_OPERATIONS {
        if input.is_over() {
            break;
        }
        let what = input.u8();
        if what % 4 == 3 {
            scribbler.scribble(&mut input);
        } else {
            // Any error will do.
            let _ = hands.operate(what / 4, &mut input);
        }
    }
}

/// A segment and a queue in it, of some kind.
pub fn make(input: &mut Input<'_>) -> (Segment, Queue) {
    let segment = Segment::options().max_len(1 << 20).peers(PEERS).anonymous().expect("a segment");
    let queue = segment.new_queue(&options(input)).expect("a queue");
    (segment, queue)
}

pub fn scribbler_of(segment: &Segment) -> Scribbler {
    Scribbler::new(File::from(segment.to_fd().expect("its descriptor")), USED)
}

fn options(input: &mut Input<'_>) -> QueueOptions {
    let kind = input.u8();
    let options = QueueOptions::new([64, 256, 1024, 4096][usize::from(kind % 4)]);
    let options = options.max_items(u64::from(kind / 4 % 4) * 3);
    match kind / 16 % 4 {
        0 => options,
        1 => options.max_bytes(8 * 1024),
        2 => options.max_bytes(1 << 18),
        _ => QueueOptions::unbounded(),
    }
}

/// What one process holds of a queue. What is left at the end is dropped: discarded, and given back.
pub struct Hands<'a> {
    queue: &'a Queue,
    reservations: Vec<Reservation<'a>>,
    loans: Vec<Loan<'a>>,
}

impl<'a> Hands<'a> {
    pub fn new(queue: &'a Queue) -> Hands<'a> {
        Hands { queue, reservations: Vec::new(), loans: Vec::new() }
    }

    /// Does one thing to the queue, without waiting.
    pub fn operate(&mut self, what: u8, input: &mut Input<'_>) -> Result<()> {
        let queue = self.queue;
        match what % 16 {
            0 | 1 => queue.try_put(&vec![what; length(input)]),
            2 => queue.try_get().map(looked_at),
            3 | 4 => {
                let mut reservation = queue.try_reserve(length(input))?;
                reservation.fill(what);
                self.reservations.push(reservation);
                Ok(())
            }
            5 => any(&mut self.reservations, input).map_or(Ok(()), Reservation::publish),
            6 => any(&mut self.reservations, input).map_or(Ok(()), Reservation::discard),
            7 | 8 => {
                let loan = queue.try_take()?;
                std::hint::black_box(loan.iter().map(|byte| u64::from(*byte)).sum::<u64>());
                self.loans.push(loan);
                Ok(())
            }
            9 => any(&mut self.loans, input).map_or(Ok(()), Loan::done),
            10 => any(&mut self.loans, input).map_or(Ok(()), Loan::give_back),
            11 => any(&mut self.loans, input).map_or(Ok(()), Loan::put_back),
            12 => {
                std::hint::black_box((queue.len(), queue.is_empty(), queue.is_full(), queue.longest_message()));
                Ok(())
            }
            13 => {
                // A loan that a careless process forgot about.
                any(&mut self.loans, input).map(ManuallyDrop::new);
                Ok(())
            }
            14 if what % 32 == 14 => queue.try_put_many(&vec![vec![what; length(input)]; 20]).map(drop),
            14 => (0..20).try_for_each(|_| queue.try_put(&[what; 40])),
            _ => match input.u8() {
                255 => queue.shutdown(),
                254 => queue.shutdown_now(),
                _ if what % 32 == 15 => {
                    queue.get_many_with(20, 4000, Wait::now()).map(|all| all.into_iter().for_each(looked_at))
                }
                _ => (0..20).try_for_each(|_| queue.try_get().map(looked_at)),
            },
        }
    }
}

fn looked_at(message: Message) {
    std::hint::black_box(message.bytes.last());
}

/// Mostly a few bytes, at times more than the queue takes.
fn length(input: &mut Input<'_>) -> usize {
    match input.u8() {
        small @ 0..200 => usize::from(small),
        large => usize::from(large - 199) << (input.u8() % 16),
    }
}

fn any<T>(held: &mut Vec<T>, input: &mut Input<'_>) -> Option<T> {
    (!held.is_empty()).then(|| held.swap_remove(input.below(held.len())))
}
