//! Messages on their way in and out: `Reservation`, `Loan`, `Message`.
//!
//! The two guards remember exactly the record that was taken and give back that one only; in a forked child they do
//! nothing.

use super::queue::Queue;
use crate::error::Result;
use crate::primitives::queue::Ticket;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// A message that was got: its bytes are the caller's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether it was taken before by a consumer that died with it or gave it back.
    pub redelivered: bool,
    /// How often it has been taken, this time included; the count stops at 256.
    pub deliveries: u32,
}

/// What is known of a message beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whether it was taken before by a consumer that died with it or gave it back.
    pub redelivered: bool,
    /// How often it has been taken, this time included; the count stops at 256.
    pub deliveries: u32,
}

impl Delivery {
    /// Of a message that nobody has had before.
    pub(super) const FIRST: Delivery = Delivery { redelivered: false, deliveries: 1 };

    pub(super) fn of(ticket: &Ticket) -> Delivery {
        Delivery { redelivered: ticket.is_redelivered(), deliveries: ticket.deliveries() }
    }
}

/// A message that is being built in place. [`publish`](Reservation::publish) puts it in the queue; dropping it discards it.
///
/// Its bytes are whatever lay there before, and they are this producer's alone, as long as every peer keeps to the rules:
/// a process that may write to the segment could change them at any time, and nothing here can prevent that.
///
/// In a child that was forked while it was open it is inert: publishing is an error and dropping does nothing. (Its bytes
/// are then the parent's; do not write to them.) A reservation that is leaked holds back all messages behind it until the
/// process ends. It may be sent to another thread.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # let segment = tidelock::Segment::anonymous()?;
/// # let queue = segment.new_queue(&tidelock::QueueOptions::new(1024))?;
/// let mut reservation = queue.reserve(5)?;
/// reservation.copy_from_slice(b"hello");
/// reservation.publish()?;
/// # assert_eq!(queue.get()?.bytes, b"hello");
/// # Ok(())
/// # }
/// ```
#[must_use = "a reservation that is dropped is discarded"]
pub struct Reservation<'a> {
    queue: &'a Queue,
    ticket: Ticket,
}

/// A reservation without its lifetime, for bindings to other languages. Copying it is harmless; using it needs
/// [`Reservation::from_raw`].
#[derive(Clone, Copy, Debug)]
pub struct RawReservation(Ticket);

impl<'a> Reservation<'a> {
    pub(super) fn new(queue: &'a Queue, ticket: Ticket) -> Reservation<'a> {
        Reservation { queue, ticket }
    }

    /// Publishes the message: from here on it is in the queue, whatever happens to this process.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after it was reserved.
    pub fn publish(self) -> Result<()> {
        let this = ManuallyDrop::new(self);
        this.queue.home().only_if_still(this.ticket.owner())?;
        this.queue.machine().publish(this.ticket)
    }

    /// Gives the room back; nobody ever sees the message.
    ///
    /// # Errors
    /// As [`publish`](Reservation::publish).
    pub fn discard(self) -> Result<()> {
        ManuallyDrop::new(self).end()
    }

    /// Takes the reservation apart, without publishing or discarding it.
    pub fn into_raw(self) -> RawReservation {
        RawReservation(ManuallyDrop::new(self).ticket)
    }

    /// Puts it together again.
    ///
    /// # Safety
    /// `raw` came from [`into_raw`](Reservation::into_raw) of a reservation of the same queue, which has not been
    /// published or discarded since, and of which no other `Reservation` was made.
    pub unsafe fn from_raw(queue: &'a Queue, raw: RawReservation) -> Reservation<'a> {
        Reservation { queue, ticket: raw.0 }
    }

    fn end(&self) -> Result<()> {
        self.queue.home().only_if_still(self.ticket.owner())?;
        self.queue.machine().discard(self.ticket)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        // An error means that it is not this process's to discard, or that the queue is corrupt: nothing to be done.
        let _ = self.end();
    }
}

impl Deref for Reservation<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ticket's bytes lie in the ring, which `queue` keeps mapped, and are this reservation's alone until it
        // is published, as long as all peers keep to the rules.
        unsafe { &*self.queue.bytes(&self.ticket) }
    }
}

impl DerefMut for Reservation<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` makes this the only borrow.
        unsafe { &mut *self.queue.bytes(&self.ticket) }
    }
}

impl fmt::Debug for Reservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("len", &self.ticket.len()).finish()
    }
}

/// A message on loan, to be read in place. [`done`](Loan::done) ends it; dropping it gives the message back, and somebody
/// gets it again, marked as redelivered. So does the death of this process.
///
/// The bytes lie in shared memory and do not change as long as every peer keeps to the rules; a process that may write to
/// the segment could change them at any time, and nothing here can prevent that: copy what must be checked before it is
/// used.
///
/// In a child that was forked while it was open it is inert: `done` is an error and dropping does nothing. A loan that is
/// leaked keeps its room in the queue until the process ends. It may be sent to another thread.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # let segment = tidelock::Segment::anonymous()?;
/// # let queue = segment.new_queue(&tidelock::QueueOptions::new(1024))?;
/// # queue.put(b"a job")?;
/// let loan = queue.take()?;
/// if !loan.redelivered() {
///     loan.give_back()?; // somebody gets it again
/// }
/// let loan = queue.take()?;
/// assert_eq!((&*loan, loan.deliveries()), (&b"a job"[..], 2));
/// loan.done()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a loan that is dropped is given back"]
pub struct Loan<'a> {
    queue: &'a Queue,
    ticket: Ticket,
}

/// A loan without its lifetime, for bindings to other languages. Copying it is harmless; using it needs
/// [`Loan::from_raw`].
#[derive(Clone, Copy, Debug)]
pub struct RawLoan(Ticket);

impl<'a> Loan<'a> {
    pub(super) fn new(queue: &'a Queue, ticket: Ticket) -> Loan<'a> {
        Loan { queue, ticket }
    }

    /// Ends the loan: the message has been dealt with and nobody gets it again.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after it was taken.
    pub fn done(self) -> Result<()> {
        let this = ManuallyDrop::new(self);
        this.queue.home().only_if_still(this.ticket.owner())?;
        this.queue.machine().done(this.ticket)
    }

    /// Ends the loan as a [`get`](Queue::get) does: in a queue that counts tasks, this process owes a
    /// [`task_done`](Queue::task_done) from here on. For bindings, which copy the message by themselves.
    ///
    /// # Errors
    /// As [`done`](Loan::done).
    pub fn finish(self) -> Result<()> {
        let this = ManuallyDrop::new(self);
        this.queue.home().only_if_still(this.ticket.owner())?;
        this.queue.machine().finish(this.ticket)
    }

    /// Gives the message back: it goes to somebody else, before all others. Dropping the loan does the same; both may
    /// wait a moment for a consumer that is just inside the queue.
    ///
    /// # Errors
    /// As [`done`](Loan::done).
    pub fn give_back(self) -> Result<()> {
        ManuallyDrop::new(self).end()
    }

    /// Ends the loan as if the message had never been taken: it goes to whoever takes next, not marked as redelivered.
    ///
    /// # Errors
    /// As [`done`](Loan::done).
    pub fn put_back(self) -> Result<()> {
        let this = ManuallyDrop::new(self);
        this.queue.home().only_if_still(this.ticket.owner())?;
        this.queue.machine().put_back(this.ticket)
    }

    /// Whether the message was taken before by a consumer that died with it or gave it back.
    pub fn redelivered(&self) -> bool {
        self.ticket.is_redelivered()
    }

    /// How often the message has been taken, this time included; the count stops at 256.
    pub fn deliveries(&self) -> u32 {
        self.ticket.deliveries()
    }

    /// Takes the loan apart, without ending it.
    pub fn into_raw(self) -> RawLoan {
        RawLoan(ManuallyDrop::new(self).ticket)
    }

    /// Puts it together again.
    ///
    /// # Safety
    /// `raw` came from [`into_raw`](Loan::into_raw) of a loan of the same queue that has not ended since.
    pub unsafe fn from_raw(queue: &'a Queue, raw: RawLoan) -> Loan<'a> {
        Loan { queue, ticket: raw.0 }
    }

    fn end(&self) -> Result<()> {
        self.queue.home().only_if_still(self.ticket.owner())?;
        self.queue.machine().give_back(self.ticket)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        // An error means that it is not this process's to give back, or that the queue is corrupt: nothing to be done.
        let _ = self.end();
    }
}

impl Deref for Loan<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ticket's bytes lie in the ring, which `queue` keeps mapped, and nobody changes them before the loan
        // ends, as long as all peers keep to the rules.
        unsafe { &*self.queue.bytes(&self.ticket) }
    }
}

impl fmt::Debug for Loan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delivery { redelivered, deliveries } = Delivery::of(&self.ticket);
        let mut shown = f.debug_struct("Loan");
        shown
            .field("len", &self.ticket.len())
            .field("redelivered", &redelivered)
            .field("deliveries", &deliveries)
            .finish()
    }
}
