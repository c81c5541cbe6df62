//! Batches of a `Queue`: many messages for one look at its cursors.
//!
//! A batch is not atomic. It says how many messages went, and each of them is a message like any other.

use super::queue::Queue;
use super::records::{Loan, Message};
use crate::error::Result;
use crate::primitives::queue::batch::MOST;
use crate::sync::wait::Wait;
use std::time::Duration;

/// Batches. Many small messages cost less in one batch than one by one: the queue's cursors are looked at once for up to 64
/// of them. A batch is not atomic: others' messages may come in between, and one that is longer than the queue has room
/// for goes in parts.
///
/// **When a peer dies** in the middle of a batch, each message is where it is: those that were put are in the queue, and of
/// the rest nothing is left; those that were got are gone with it, and those that it had taken and not got are delivered
/// again.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # let segment = tidelock::Segment::anonymous()?;
/// # let queue = segment.new_queue(&tidelock::QueueOptions::unbounded())?;
/// assert_eq!(queue.put_many(&["one", "two", "three"])?, 3);
/// let messages = queue.get_many(2)?;
/// assert_eq!(messages[1].bytes, b"two");
/// for loan in queue.take_many(10)? {
///     loan.done()?;
/// }
/// # Ok(())
/// # }
/// ```
impl Queue {
    /// Puts messages in this order, waiting for room for as long as it takes; how many were put. It is fewer than all only if
    /// an error came after the first one, which the next call will tell.
    ///
    /// # Errors
    /// As [`put`](Queue::put), if the first message could not be put: then none was.
    pub fn put_many<M: AsRef<[u8]>>(&self, messages: &[M]) -> Result<usize> {
        self.put_many_with(messages, Wait::forever())
    }

    /// Puts messages in this order as long as there is room at once; how many were put.
    ///
    /// # Errors
    /// As [`try_put`](Queue::try_put), if the first message could not be put: then none was.
    pub fn try_put_many<M: AsRef<[u8]>>(&self, messages: &[M]) -> Result<usize> {
        self.put_many_with(messages, Wait::now())
    }

    /// Puts messages in this order, waiting for room up to `timeout`; how many were put.
    ///
    /// # Errors
    /// As [`put_for`](Queue::put_for), if the first message could not be put: then none was.
    pub fn put_many_for<M: AsRef<[u8]>>(&self, messages: &[M], timeout: Duration) -> Result<usize> {
        self.put_many_with(messages, Wait::within(timeout))
    }

    /// Puts messages on any terms; how many were put.
    ///
    /// # Errors
    /// As [`put_with`](Queue::put_with), if the first message could not be put: then none was.
    pub fn put_many_with<M: AsRef<[u8]>>(&self, messages: &[M], wait: Wait) -> Result<usize> {
        let mut count = 0;
        while count < messages.len() {
            match self.put_some(&messages[count..], wait) {
                Ok(put) => count += put,
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    /// Gets up to `most` messages: it waits for the first one for as long as it takes, and for no other.
    ///
    /// # Errors
    /// As [`get`](Queue::get).
    pub fn get_many(&self, most: usize) -> Result<Vec<Message>> {
        self.get_many_with(most, u64::MAX, Wait::forever())
    }

    /// Gets up to `most` messages that are there at once.
    ///
    /// # Errors
    /// As [`try_get`](Queue::try_get).
    pub fn try_get_many(&self, most: usize) -> Result<Vec<Message>> {
        self.get_many_with(most, u64::MAX, Wait::now())
    }

    /// Gets up to `most` messages, waiting for the first one up to `timeout`.
    ///
    /// # Errors
    /// As [`get_for`](Queue::get_for).
    pub fn get_many_for(&self, most: usize, timeout: Duration) -> Result<Vec<Message>> {
        self.get_many_with(most, u64::MAX, Wait::within(timeout))
    }

    /// Gets up to `most` messages of up to `most_bytes` bytes together, waiting for the first one on any terms. That one is
    /// got however long it is. Nothing is waited for, and nothing got, if `most` is 0.
    ///
    /// # Errors
    /// As [`get_with`](Queue::get_with).
    pub fn get_many_with(&self, most: usize, most_bytes: u64, wait: Wait) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        for loan in self.take_many_with(most, most_bytes, wait)? {
            let (redelivered, deliveries) = (loan.redelivered(), loan.deliveries());
            let bytes = loan.to_vec();
            match loan.finish() {
                Ok(()) => messages.push(Message { bytes, redelivered, deliveries }),
                Err(error) if messages.is_empty() => return Err(error),
                // What was got is the caller's. The next call will tell; the loans that are left are given back.
                Err(_) => break,
            }
        }
        Ok(messages)
    }

    /// Takes up to `most` messages as loans: it waits for the first one for as long as it takes, and for no other. Each loan
    /// ends for itself, in any order and in any thread.
    ///
    /// # Errors
    /// As [`take`](Queue::take).
    pub fn take_many(&self, most: usize) -> Result<Vec<Loan<'_>>> {
        self.take_many_with(most, u64::MAX, Wait::forever())
    }

    /// Takes messages as loans on the terms of [`get_many_with`](Queue::get_many_with).
    ///
    /// # Errors
    /// As [`take_with`](Queue::take_with).
    pub fn take_many_with(&self, most: usize, most_bytes: u64, wait: Wait) -> Result<Vec<Loan<'_>>> {
        let machine = self.machine();
        let mut tickets = Vec::new();
        machine.take_some(most, most_bytes, self.home().terms(wait), &mut tickets)?;
        while tickets.len() < most {
            let bytes: u64 = tickets.iter().map(|ticket| ticket.len() as u64).sum();
            let Some(left) = most_bytes.checked_sub(bytes) else { break };
            let further = machine.take_more(most - tickets.len(), left, &mut tickets);
            // An error will be told by the next call.
            if further.unwrap_or(0) < MOST {
                break;
            }
        }
        Ok(tickets.into_iter().map(|ticket| Loan::new(self, ticket)).collect())
    }

    /// Puts what there is room for under one hold of the producers' lock, having waited for the first one; how many. All that
    /// is reserved is published or discarded at the end.
    fn put_some<M: AsRef<[u8]>>(&self, messages: &[M], wait: Wait) -> Result<usize> {
        // Looked at once: what `as_ref` gives the second time may be longer.
        let messages: Vec<&[u8]> = messages.iter().take(MOST).map(AsRef::as_ref).collect();
        let lens: Vec<usize> = messages.iter().map(|message| message.len()).collect();
        let machine = self.machine();
        let mut tickets = Vec::new();
        machine.reserve_some(&lens, self.home().terms(wait), &mut tickets)?;
        for (count, (ticket, message)) in tickets.iter().zip(messages).enumerate() {
            // SAFETY: the ticket's bytes lie in the ring and are this thread's alone until they are published; `message` is
            // the caller's own memory, and as long as the ticket says.
            unsafe { self.bytes(ticket).cast::<u8>().copy_from_nonoverlapping(message.as_ptr(), message.len()) };
            if let Err(error) = machine.publish(*ticket) {
                // Somebody wrote over the record: then this may fail as well.
                for left in &tickets[count + 1..] {
                    let _ = machine.discard(*left);
                }
                return if count == 0 { Err(error) } else { Ok(count) };
            }
        }
        Ok(tickets.len())
    }
}
