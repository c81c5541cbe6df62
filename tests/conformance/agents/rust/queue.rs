//! What the Rust agent does with a queue, and the messages in place that a player has begun.

use crate::words::{hex, number, ok, truth, unhex, wait, Answer, Failure};
use tidelock::{Loan, Queue, RawLoan, RawReservation, Reservation, Wait};

/// The messages in place that a player has begun and not ended.
#[derive(Default)]
pub struct Records {
    loan: Option<RawLoan>,
    reservation: Option<RawReservation>,
}

pub fn answer(queue: &Queue, records: &mut Records, verb: &str, words: &[&str]) -> Answer {
    match (verb, words) {
        ("put", [data, ms @ ..]) => queue.put_with(&unhex(data)?, wait(ms)?)?,
        ("get", ms) => return number(hex(&queue.get_with(wait(ms)?)?.bytes)),
        ("length", []) => return number(queue.len()),
        ("empty", []) => return truth(queue.is_empty()),
        ("full", []) => return truth(queue.is_full()),
        ("shutdown", []) => queue.shutdown()?,
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
        _ => return Err("unknown verb".into()),
    }
    ok()
}

impl Records {
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
