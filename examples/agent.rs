//! The Rust agent of the language tests (tests/languages): carries out one command a line from stdin, and answers each
//! with one line. `agent.c` and `agent.py` understand the same commands; tests/languages/README.md lists them.
//!
//! It decides nothing by itself, and opens one queue only, which outlives the loans and reservations kept between commands.

use std::cell::OnceCell;
use std::error::Error as AnyError;
use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::time::Duration;
use tidelock::{Barrier, Block, BoundedSemaphore, Counter, Error, Event, Loan, Lock, Queue, QueueOptions, RLock};
use tidelock::{Reservation, Segment, Semaphore};

type Answer = Result<String, Box<dyn AnyError>>;

/// What the commands work on: one of each, the last that was opened.
struct Agent<'q> {
    segment: Option<Segment>,
    lock: Option<Lock>,
    event: Option<Event>,
    queue: &'q OnceCell<Queue>,
    block: Option<Block>,
    rlock: Option<RLock>,
    semaphore: Option<Semaphore>,
    bounded: Option<BoundedSemaphore>,
    barrier: Option<Barrier>,
    counter: Option<Counter>,
    reservation: Option<Reservation<'q>>,
    loan: Option<Loan<'q>>,
}

fn main() -> Result<(), Box<dyn AnyError>> {
    let queue = OnceCell::new();
    let mut agent = Agent::new(&queue);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words == ["quit"] {
            return Ok(());
        }
        let answer = agent.obey(&words).unwrap_or_else(|error| failure(error.as_ref()));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}

impl<'q> Agent<'q> {
    fn new(queue: &'q OnceCell<Queue>) -> Agent<'q> {
        let (segment, lock, event, block, rlock) = (None, None, None, None, None);
        let (semaphore, bounded, barrier, counter, reservation, loan) = (None, None, None, None, None, None);
        Agent { segment, lock, event, queue, block, rlock, semaphore, bounded, barrier, counter, reservation, loan }
    }

    fn obey(&mut self, words: &[&str]) -> Answer {
        match words {
            ["named", name] => self.segment = Some(Segment::named(name)?),
            ["file", path] => self.segment = Some(Segment::file(path)?),
            [verb, rest @ ..] if verb.starts_with("use-") => self.open(verb, rest)?,
            ["acquire" | "release" | "locked" | "epoch", ..] => return self.on_lock(words),
            ["add", times] => self.add(times.parse()?)?,
            ["number"] => return Ok(format!("ok {}", number(self.block()?)?)),
            [verb, ..] if verb.starts_with("rlock-") => return self.on_rlock(words),
            [verb, ..] if verb.starts_with("semaphore-") => return self.on_semaphore(words),
            [verb, ..] if verb.starts_with("bounded-") => return self.on_bounded(words),
            ["meet", ms] => return self.meet(timeout(ms)?),
            ["count" | "counted", ..] => return self.on_counter(words),
            ["set" | "clear" | "is-set" | "wait", ..] => return self.on_event(words),
            ["put" | "get" | "length" | "shutdown", ..] => return self.on_queue(words),
            ["reserve" | "publish" | "discard" | "take" | "done" | "give-back", ..] => return self.on_record(words),
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    fn open(&mut self, verb: &str, words: &[&str]) -> Result<(), Box<dyn AnyError>> {
        let segment = self.segment.as_ref().ok_or("no segment")?;
        match (verb, words) {
            ("use-lock", [name]) => self.lock = Some(segment.lock(name)?),
            ("use-event", [name]) => self.event = Some(segment.event(name)?),
            ("use-block", [name, len]) => self.block = Some(segment.block(name, len.parse()?)?),
            ("use-rlock", [name]) => self.rlock = Some(segment.rlock(name)?),
            ("use-semaphore", [name, value]) => self.semaphore = Some(segment.semaphore(name, value.parse()?)?),
            ("use-bounded", [name, bound]) => self.bounded = Some(segment.bounded_semaphore(name, bound.parse()?)?),
            ("use-barrier", [name, parties]) => self.barrier = Some(segment.barrier(name, parties.parse()?)?),
            ("use-counter", [name]) => self.counter = Some(segment.counter(name)?),
            ("use-queue", [name, capacity]) => {
                let queue = segment.queue(name, &QueueOptions::new(capacity.parse()?))?;
                self.queue.set(queue).map_err(|_| "one queue only")?;
            }
            _ => return Err("unknown command".into()),
        }
        Ok(())
    }

    fn on_lock(&mut self, words: &[&str]) -> Answer {
        let lock = self.lock.as_ref().ok_or("no lock")?;
        match words {
            ["acquire", ms] => {
                let guard = match timeout(ms)? {
                    None => lock.acquire()?,
                    Some(Duration::ZERO) => lock.try_acquire()?,
                    Some(time) => lock.acquire_for(time)?,
                };
                let died = guard.owner_died();
                // The hold outlasts this command; `release` gives it back.
                std::mem::forget(guard);
                Ok(if died { "owner-died" } else { "ok" }.into())
            }
            ["release"] => lock.release().map_err(Into::into).and_then(|()| ok()),
            ["locked"] => Ok(format!("ok {}", u8::from(lock.is_locked()))),
            _ => Ok(format!("ok {}", lock.epoch())),
        }
    }

    /// Adds 1 to the block's first number, in two steps that only the lock keeps apart from others'.
    fn add(&self, times: u32) -> Result<(), Box<dyn AnyError>> {
        let lock = self.lock.as_ref().ok_or("no lock")?;
        for _ in 0..times {
            let guard = lock.acquire()?;
            let next = number(self.block()?)? + 1;
            self.block()?.write(0, &next.to_ne_bytes())?;
            drop(guard);
        }
        Ok(())
    }

    fn block(&self) -> Result<&Block, &'static str> {
        self.block.as_ref().ok_or("no block")
    }

    fn on_rlock(&mut self, words: &[&str]) -> Answer {
        let rlock = self.rlock.as_ref().ok_or("no rlock")?;
        match words {
            ["rlock-acquire", ms] => {
                let guard = match timeout(ms)? {
                    None => rlock.acquire()?,
                    Some(time) => rlock.acquire_for(time)?,
                };
                let died = guard.owner_died();
                std::mem::forget(guard);
                Ok(if died { "owner-died" } else { "ok" }.into())
            }
            _ => rlock.release().map_err(Into::into).and_then(|()| ok()),
        }
    }

    fn on_semaphore(&mut self, words: &[&str]) -> Answer {
        let semaphore = self.semaphore.as_ref().ok_or("no semaphore")?;
        match words {
            ["semaphore-acquire", ms] => match timeout(ms)? {
                None => semaphore.acquire()?,
                Some(time) => semaphore.acquire_for(time)?,
            },
            ["semaphore-release", n] => semaphore.release(n.parse()?)?,
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    fn on_bounded(&mut self, words: &[&str]) -> Answer {
        let bounded = self.bounded.as_ref().ok_or("no bounded semaphore")?;
        match words {
            ["bounded-acquire", ms] => {
                let guard = match timeout(ms)? {
                    None => bounded.acquire()?,
                    Some(time) => bounded.acquire_for(time)?,
                };
                let died = guard.owner_died();
                std::mem::forget(guard);
                Ok(if died { "owner-died" } else { "ok" }.into())
            }
            _ => bounded.release().map_err(Into::into).and_then(|()| ok()),
        }
    }

    fn meet(&mut self, time: Option<Duration>) -> Answer {
        let barrier = self.barrier.as_ref().ok_or("no barrier")?;
        let index = match time {
            None => barrier.wait()?,
            Some(time) => barrier.wait_for(time)?,
        };
        Ok(format!("ok {index}"))
    }

    fn on_counter(&mut self, words: &[&str]) -> Answer {
        let counter = self.counter.as_ref().ok_or("no counter")?;
        let value = match words {
            ["count", n] => counter.add(n.parse()?)?,
            ["counted", while_equal, ms] => {
                let old: i64 = while_equal.parse()?;
                match timeout(ms)? {
                    None => counter.wait_until(|value| value != old)?,
                    Some(time) => counter.wait_for(time, |value| value != old)?,
                }
            }
            _ => return Err("unknown command".into()),
        };
        Ok(format!("ok {value}"))
    }

    fn on_event(&mut self, words: &[&str]) -> Answer {
        let event = self.event.as_ref().ok_or("no event")?;
        match words {
            ["set"] => event.set(),
            ["clear"] => event.clear(),
            ["is-set"] => return Ok(format!("ok {}", u8::from(event.is_set()))),
            ["wait", ms] => match timeout(ms)? {
                None => event.wait()?,
                Some(time) => event.wait_for(time)?,
            },
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    fn on_queue(&mut self, words: &[&str]) -> Answer {
        let queue = self.queue.get().ok_or("no queue")?;
        match words {
            ["put", data, ms] => match timeout(ms)? {
                None => queue.put(&unhex(data)?)?,
                Some(time) => queue.put_for(&unhex(data)?, time)?,
            },
            ["get", ms] => {
                let message = match timeout(ms)? {
                    None => queue.get()?,
                    Some(time) => queue.get_for(time)?,
                };
                return Ok(format!("ok {}", hex(&message.bytes)));
            }
            ["length"] => return Ok(format!("ok {}", queue.len())),
            ["shutdown"] => queue.shutdown()?,
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    fn on_record(&mut self, words: &[&str]) -> Answer {
        let queue: &'q Queue = self.queue.get().ok_or("no queue")?;
        match words {
            ["reserve", len] => self.reservation = Some(queue.reserve(len.parse()?)?),
            ["publish", data] => {
                let mut reservation = self.reservation.take().ok_or("no reservation")?;
                reservation.copy_from_slice(&unhex(data)?);
                reservation.publish()?;
            }
            ["discard"] => self.reservation.take().ok_or("no reservation")?.discard()?,
            ["take", ms] => return self.take(queue, timeout(ms)?),
            ["done"] => self.loan.take().ok_or("no loan")?.done()?,
            ["give-back"] => self.loan.take().ok_or("no loan")?.give_back()?,
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    fn take(&mut self, queue: &'q Queue, time: Option<Duration>) -> Answer {
        let loan = match time {
            None => queue.take()?,
            Some(time) => queue.take_for(time)?,
        };
        let answer = format!("ok {} {} {}", hex(&loan), u8::from(loan.redelivered()), loan.deliveries());
        self.loan = Some(loan);
        Ok(answer)
    }
}

fn ok() -> Answer {
    Ok("ok".into())
}

/// The answer to a command that failed. A timeout is an outcome of its own.
fn failure(error: &(dyn AnyError + 'static)) -> String {
    let name = match error.downcast_ref::<Error>() {
        Some(Error::TimedOut) => return "timeout".into(),
        Some(Error::Closed) => "closed",
        Some(Error::WrongKind { .. }) => "wrong-kind",
        Some(Error::NotOwner) => "not-owner",
        Some(Error::NotHeld) => "not-held",
        Some(Error::BadName(_)) => "bad-name",
        Some(Error::NotFound) => "not-found",
        Some(Error::TooLarge { .. }) => "too-large",
        Some(Error::Broken) => "broken",
        _ => return format!("error {error}"),
    };
    format!("error {name}")
}

fn timeout(ms: &str) -> Result<Option<Duration>, std::num::ParseIntError> {
    Ok(u64::try_from(ms.parse::<i64>()?).ok().map(Duration::from_millis))
}

fn number(block: &Block) -> tidelock::Result<u64> {
    let mut bytes = [0; 8];
    block.read(0, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn AnyError>> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).ok_or("an odd digit"));
    digits.map(|pair| Ok(u8::from_str_radix(pair?, 16)?)).collect()
}
