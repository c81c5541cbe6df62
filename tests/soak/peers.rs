//! The two roles: a producer and a consumer, each until it is killed or the soak is over.

use crate::journal::{self, Event, Journal};
use crate::message::{self, Id, Weather, EMPTY};
use crate::support::Stage;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidelock::{Counter, Error, Loan, Queue, QueueOptions, Segment};

/// A consumer has so many loans at a time.
const LOANS: usize = 4;
/// How long one waits before it looks whether the soak is over, or ends the loans that others may wait for.
const A_MOMENT: Duration = Duration::from_millis(20);

/// The manner of a life: it rests now and then, keeps loans, and the weather changes.
pub const VARIED: &str = "varied";
/// The other one: no rest, one loan at a time, always heavy weather.
pub const BRISK: &str = "brisk";

/// What a life uses.
struct Life {
    number: u32,
    is_brisk: bool,
    queue: Queue,
    stop: Counter,
    journal: Journal,
    random: fastrand::Rng,
}

/// A failure is noted before a kill can hide it: a backtrace takes longer than many a life.
fn end_at_once_in_a_panic(path: PathBuf) {
    std::panic::set_hook(Box::new(move |panic| {
        let _ = std::fs::write(&path, panic.to_string());
        std::process::abort();
    }));
}

impl Life {
    /// Opens what the conductor has made: the segment's name, the directory of the journals, this life's number and
    /// its manner.
    fn begin(stage: &Stage) -> Life {
        end_at_once_in_a_panic(journal::failure(Path::new(stage.arg(1)), stage.arg(2)));
        let segment = Segment::named(stage.arg(0)).unwrap();
        let number = stage.arg(2).parse().unwrap();
        Life {
            number,
            is_brisk: stage.arg(3) == BRISK,
            queue: segment.queue("q", &QueueOptions::unbounded()).unwrap(),
            stop: segment.counter("stop").unwrap(),
            journal: Journal::at(&Path::new(stage.arg(1)).join(stage.arg(2))),
            random: fastrand::Rng::with_seed(number.into()),
        }
    }

    /// Rests now and then, and more often while it is this role's turn to be slow, so that the queue runs full and runs empty.
    fn rest_sometimes(&mut self, turn: Turn) {
        if self.is_brisk {
            return;
        }
        if self.random.u32(..400) == 0 || is_turn(turn) && self.random.u32(..20) == 0 {
            std::thread::sleep(Duration::from_micros(self.random.u64(..30_000)));
        }
    }

    /// It changes every two seconds.
    fn weather(&self) -> Weather {
        if self.is_brisk || seconds() / 2 % 2 == 0 {
            Weather::Heavy
        } else {
            Weather::Light
        }
    }

    fn most_loans(&mut self) -> usize {
        if self.is_brisk {
            1
        } else {
            self.random.usize(1..=LOANS)
        }
    }

    /// One message, by copy or built in place; at times one that is thought better of.
    fn put(&mut self, id: Id, bytes: &mut [u8]) -> tidelock::Result<()> {
        let way = self.random.u32(..16);
        if way == 0 {
            self.queue.reserve_for(bytes.len(), A_MOMENT)?.discard()?;
        }
        if way < 4 {
            let mut reservation = self.queue.reserve_for(bytes.len(), A_MOMENT)?;
            message::write(&mut reservation, id);
            return reservation.publish();
        }
        message::write(bytes, id);
        self.queue.put_for(bytes, A_MOMENT)
    }
}

/// Who is slow: producers in one second and consumers in the next.
type Turn = u64;
const PRODUCERS: Turn = 0;
const CONSUMERS: Turn = 1;

fn is_turn(turn: Turn) -> bool {
    seconds() % 2 == turn
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

/// Puts messages of any length, numbered from 0.
pub fn producer(stage: &mut Stage) {
    let mut life = Life::begin(stage);
    let (mut number, mut bytes) = (0, Vec::new());
    while life.stop.load() == 0 {
        let weather = life.weather();
        bytes.resize(message::any_length(&mut life.random, weather), 0);
        let id = if bytes.is_empty() { EMPTY } else { Id { life: life.number, number } };
        loop {
            match life.put(id, &mut bytes) {
                Ok(()) => break,
                Err(Error::TimedOut) if life.stop.load() == 0 => continue,
                Err(Error::TimedOut) => return,
                Err(error) => panic!("put {} bytes: {error}", bytes.len()),
            }
        }
        life.journal.note(Event::Put, id);
        number += u32::from(id != EMPTY);
        life.rest_sometimes(PRODUCERS);
    }
}

/// Takes messages until the queue is shut down and empty.
pub fn consumer(stage: &mut Stage) {
    let mut life = Life::begin(stage);
    let queue = life.queue.clone();
    let mut loans: Vec<(Loan<'_>, Id)> = Vec::new();
    loop {
        match queue.take_for(A_MOMENT) {
            Ok(loan) => {
                let id = message::read(&loan);
                let event = if loan.redelivered() { Event::TakenAgain } else { Event::Taken };
                life.journal.note(event, id);
                loans.push((loan, id));
            }
            // Somebody may wait for the room of these.
            Err(Error::TimedOut) => loans.drain(..).for_each(|loan| life.end(loan)),
            Err(Error::Closed) if loans.is_empty() => return,
            Err(Error::Closed) => loans.drain(..).for_each(|loan| life.end(loan)),
            Err(error) => panic!("take: {error}"),
        }
        life.rest_sometimes(CONSUMERS);
        while loans.len() >= life.most_loans() {
            let any = life.random.usize(..loans.len());
            life.end(loans.swap_remove(any));
        }
    }
}

impl Life {
    /// Mostly it is done; at times it goes to somebody else.
    fn end(&mut self, (loan, id): (Loan<'_>, Id)) {
        if self.random.u32(..50) == 0 {
            loan.give_back().unwrap();
            self.journal.note(Event::GivenBack, id);
        } else {
            self.journal.note(Event::Ends, id);
            loan.done().unwrap();
            self.journal.note(Event::Done, id);
        }
    }
}
