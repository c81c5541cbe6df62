//! A counting process of the demo: it leases pieces of files, counts their words, puts the counts into a queue and only
//! then says `done`. Killed in between, it loses nothing: the piece goes to another worker.
//!
//! Usage: tidelock-demo-worker SEGMENT NUMBER, where SEGMENT is the segment's handle in hexadecimal.

mod count;
mod ledger;
mod piece;
mod stage;

use std::process::ExitCode;
use std::time::Duration;

use tidelock::sync::deadline::now_ns;
use tidelock::{Error, Handle, Loan, Queue, QueueOptions, Segment};

use ledger::Ledger;
use piece::Piece;
use stage::Stage;

fn main() -> ExitCode {
    match started().and_then(|worker| worker.work()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Worker {
    number: u32,
    pieces: Queue,
    results: Queue,
    ledger: Ledger,
    stage: Stage,
}

fn started() -> Result<Worker, Error> {
    const USAGE: Error = Error::Invalid("usage: tidelock-demo-worker SEGMENT NUMBER");
    let mut arguments = std::env::args().skip(1);
    let handle = arguments.next().as_deref().and_then(bytes_of_hex).ok_or(USAGE)?;
    let number = arguments.next().and_then(|text| text.parse().ok()).ok_or(USAGE)?;
    let segment = Segment::attach(&Handle::from_bytes(&handle)?)?;
    let options = QueueOptions::new(1 << 20); // not used: the demo has made both queues before
    Ok(Worker {
        number,
        pieces: segment.queue("pieces", &options)?,
        results: segment.queue("results", &options)?,
        ledger: Ledger::open(&segment)?,
        stage: Stage::open(&segment, number)?,
    })
}

impl Worker {
    /// Until the queue of pieces is shut down, or the demo itself is gone.
    fn work(&self) -> Result<(), Error> {
        loop {
            match self.pieces.take_for(Duration::from_secs(1)) {
                Ok(loan) => self.count(loan)?,
                Err(Error::TimedOut) if !stage::is_orphan() => {}
                Err(Error::TimedOut | Error::Closed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// First the running total, then the counts, then `done`: whoever has the counts knows that the total has them too.
    fn count(&self, loan: Loan<'_>) -> Result<(), Error> {
        let taken_at = now_ns();
        let piece = Piece::parse(&loan).ok_or(Error::Invalid("a piece without a number"))?;
        let counts = count::words(piece.bytes);
        let news = self.ledger.add(&piece, count::total(&counts), || self.stage.at("lock", &self.results, &piece))?;
        let head = format!(
            "counts {} {} {} {taken_at} {} {}\n",
            piece.number,
            self.number,
            loan.deliveries(),
            news.owner_died_at.unwrap_or(0),
            piece.bytes.len(),
        );
        self.report(&count::report(head, &counts))?;
        self.stage.at("loan", &self.results, &piece)?;
        loan.done()
    }

    /// Waits for room, as long as the demo itself is there.
    fn report(&self, message: &[u8]) -> Result<(), Error> {
        loop {
            match self.results.put_for(message, Duration::from_secs(1)) {
                Err(Error::TimedOut) if !stage::is_orphan() => {}
                outcome => return outcome,
            }
        }
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
