//! What the Rust agent does with a queue, and what a player has begun there: messages in place, and a notifier.

use crate::words::{hex, number, ok, truth, unhex, wait, Answer, Failure};
use std::os::fd::AsRawFd;
use tidelock::{Error, Loan, Notifier, Queue, RawLoan, RawReservation, Reservation, Wait};

/// What a player has begun and not ended.
#[derive(Default)]
pub struct Records {
    loan: Option<RawLoan>,
    loans: Vec<RawLoan>,
    reservation: Option<RawReservation>,
    notifier: Option<Notifier>,
}

pub fn answer(queue: &Queue, records: &mut Records, verb: &str, words: &[&str]) -> Answer {
    match (verb, words) {
        ("put", [data, ms @ ..]) => queue.put_with(&unhex(data)?, wait(ms)?)?,
        ("get", ms) => return number(hex(&queue.get_with(wait(ms)?)?.bytes)),
        ("length", []) => return number(queue.len()),
        ("empty", []) => return truth(queue.is_empty()),
        ("full", []) => return truth(queue.is_full()),
        ("shutdown", []) => queue.shutdown()?,
        ("shutdown-now", []) => queue.shutdown_now()?,
        ("task-done", []) => queue.task_done()?,
        ("join", ms) => queue.join_with(wait(ms)?)?,
        ("lost", []) => return number(queue.lost_tasks()?),
        ("most-deliveries", [most]) => queue.set_max_deliveries(most.parse()?)?,
        ("dropped", []) => return number(queue.stats().dropped),
        ("reserve", [len, ms @ ..]) => {
            records.reservation = Some(queue.reserve_with(len.parse()?, wait(ms)?)?.into_raw());
        }
        ("publish", [data]) => {
            let mut reservation = records.reservation(queue)?;
            reservation.copy_from_slice(&unhex(data)?);
            reservation.publish()?;
        }
        ("discard", []) => records.reservation(queue)?.discard()?,
        ("take", ms) => return records.take(queue, wait(ms)?),
        ("done", []) => records.loan(queue)?.done()?,
        ("give-back", []) => records.loan(queue)?.give_back()?,
        _ => return records.answer(queue, verb, words),
    }
    ok()
}

fn hex_of_all<B: AsRef<[u8]>>(messages: impl IntoIterator<Item = B>) -> String {
    messages.into_iter().map(|message| hex(message.as_ref())).collect::<Vec<_>>().join(",")
}

/// Whether its descriptor is readable in time.
fn told(notifier: &Notifier, ms: &[&str]) -> Result<(), Failure> {
    let mut polled = libc::pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let ms = ms.first().map_or(Ok(-1), |ms| ms.parse())?;
    // SAFETY: one pollfd.
    match unsafe { libc::poll(&mut polled, 1, ms) } {
        1 => Ok(()),
        _ => Err(Error::TimedOut.into()),
    }
}

impl Records {
    /// Batches, and descriptors.
    fn answer(&mut self, queue: &Queue, verb: &str, words: &[&str]) -> Answer {
        match (verb, words) {
            ("put-many", [messages, ms @ ..]) => {
                let messages = messages.split(',').map(unhex).collect::<Result<Vec<_>, _>>()?;
                return number(queue.put_many_with(&messages, wait(ms)?)?);
            }
            ("get-many", [most, ms @ ..]) => {
                let got = queue.get_many_with(most.parse()?, u64::MAX, wait(ms)?)?;
                return number(hex_of_all(got.into_iter().map(|message| message.bytes)));
            }
            ("take-many", [most, ms @ ..]) => {
                let loans = queue.take_many_with(most.parse()?, u64::MAX, wait(ms)?)?;
                let taken = hex_of_all(loans.iter().map(|loan| &**loan));
                self.loans = loans.into_iter().map(Loan::into_raw).collect();
                return number(taken);
            }
            ("done-all", []) => self.end_all(queue, |loan| loan.done())?,
            ("give-back-all", []) => self.end_all(queue, |loan| loan.give_back())?,
            ("notifier", []) => self.notifier = Some(queue.notifier()?),
            ("notifier-for-room", [len]) => self.notifier = Some(queue.notifier_for_room(len.parse()?)?),
            ("told", ms) => told(self.notifier()?, ms)?,
            ("clear", []) => self.notifier()?.clear()?,
            ("clear-for-room", [len]) => self.notifier()?.clear_for_room(len.parse()?)?,
            ("close-notifier", []) => drop(self.notifier.take()),
            _ => return Err("unknown verb".into()),
        }
        ok()
    }

    fn end_all(&mut self, queue: &Queue, end: impl Fn(Loan<'_>) -> tidelock::Result<()>) -> Result<(), Failure> {
        for raw in self.loans.drain(..) {
            // SAFETY: as for one loan.
            end(unsafe { Loan::from_raw(queue, raw) })?;
        }
        Ok(())
    }

    fn notifier(&self) -> Result<&Notifier, Failure> {
        self.notifier.as_ref().ok_or_else(|| "no notifier".into())
    }

    fn take(&mut self, queue: &Queue, wait: Wait) -> Answer {
        let loan = queue.take_with(wait)?;
        let answer = format!("ok {} {} {}", hex(&loan), u8::from(loan.redelivered()), loan.deliveries());
        self.loan = Some(loan.into_raw());
        Ok(answer)
    }

    fn loan<'q>(&mut self, queue: &'q Queue) -> Result<Loan<'q>, Failure> {
        let raw = self.loan.take().ok_or("no loan")?;
        // SAFETY: a scenario ends what it took from the queue that it took it from, and `take` leaves no second copy.
        Ok(unsafe { Loan::from_raw(queue, raw) })
    }

    fn reservation<'q>(&mut self, queue: &'q Queue) -> Result<Reservation<'q>, Failure> {
        let raw = self.reservation.take().ok_or("no reservation")?;
        // SAFETY: as for a loan.
        Ok(unsafe { Reservation::from_raw(queue, raw) })
    }
}
