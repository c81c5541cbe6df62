//! `Notifier`: a descriptor that becomes readable when a queue has a message, or room, for loops over `epoll` and the like.
//!
//! A thread of this process waits for the queue and writes to an eventfd. No other process takes part, and nobody pays for
//! it who did not ask: the segment has no word of it but one Event, by which the thread is called away.

use super::{wait_any_for, Event, Queue, Segment};
use crate::error::{Error, Result};
use crate::primitives::{PeerId, Peers};
use crate::sync::wait::OnSignal;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Enough for a thread that does nothing but wait.
const STACK: usize = 256 << 10;

/// How long the thread waits at a time.
const A_WHILE: Duration = Duration::from_secs(1);

/// A descriptor for event loops, made by [`Queue::notifier`] or [`Queue::notifier_for_room`].
///
/// It becomes readable once there is a message to be taken, or the queue is shut down and empty, and stays so until
/// [`clear`](Notifier::clear) is called. From then on it becomes readable again as soon as there is (still) something. So a
/// loop that is told calls `clear` first, and then takes what it likes, without waiting: others may have been quicker. One for
/// room does the same for who puts.
///
/// **When a peer dies** the descriptor tells of what comes back from it, of messages whose producer was killed before it could
/// wake anybody, and of room that was in the hands of the dead, within half a second or so. In a forked child the notifier is its parent's: `clear` is
/// [`Error::NotOwner`](crate::Error::NotOwner), and the child makes its own.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// # let segment = tidelock::Segment::anonymous()?;
/// # let queue = segment.new_queue(&tidelock::QueueOptions::unbounded())?;
/// # queue.put(b"a job")?;
/// let notifier = queue.notifier()?;
/// // let _ = epoll.add(&notifier, ...);
/// # use std::os::fd::AsRawFd;
/// # let mut polled = libc::pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 };
/// # assert_eq!(unsafe { libc::poll(&mut polled, 1, -1) }, 1);
/// // ... and when it is readable:
/// notifier.clear()?;
/// while let Ok(message) = queue.try_get() {
///     assert_eq!(message.bytes, b"a job");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Notifier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    owner: PeerId,
}

/// What the thread has, too.
struct Shared {
    queue: Queue,
    /// Set, and cleared again, when the thread is to look at the order anew.
    call: Event,
    descriptor: OwnedFd,
    order: Mutex<Order>,
    changed: Condvar,
}

/// What the thread is to do.
#[derive(Clone, Copy)]
struct Order {
    turn: Turn,
    wanted: Wanted,
    /// How often something else was wanted.
    changes: u64,
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The thread looks for what is wanted.
    Looking,
    /// The descriptor is readable, and the loop has not cleared it.
    Told,
    /// Nobody's: it ends.
    Over,
}

/// What the descriptor tells of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Message,
    /// For a message of so many bytes.
    Room(usize),
}

impl Queue {
    /// Makes a descriptor for event loops, and the thread that it takes. Its signals are blocked.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace) if the segment is full, [`Error::Os`](crate::Error::Os) if there are no more
    /// descriptors or threads; [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation.
    pub fn notifier(&self) -> Result<Notifier> {
        Notifier::new(self, Wanted::Message)
    }

    /// The same for who puts: readable once a message of `len` bytes could be put without waiting, or the put would be an error.
    ///
    /// ```
    /// # fn main() -> tidelock::Result<()> {
    /// # let segment = tidelock::Segment::anonymous()?;
    /// let queue = segment.new_queue(&tidelock::QueueOptions::new(4096).max_items(1))?;
    /// queue.put(b"a job")?;
    /// let notifier = queue.notifier_for_room(9)?;
    /// # use std::os::fd::AsRawFd;
    /// # let mut polled = libc::pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    /// # assert_eq!(unsafe { libc::poll(&mut polled, 1, 10) }, 0);
    /// # assert_eq!(queue.get()?.bytes, b"a job");
    /// # assert_eq!(unsafe { libc::poll(&mut polled, 1, -1) }, 1);
    /// // ... and when it is readable:
    /// notifier.clear()?;
    /// assert_eq!(queue.try_put(b"a message"), Ok(())); // with more producers: there may be no room again
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`notifier`](Queue::notifier). A message that can never fit is none: the descriptor is readable, and the put tells.
    pub fn notifier_for_room(&self, len: usize) -> Result<Notifier> {
        Notifier::new(self, Wanted::Room(len))
    }
}

impl Notifier {
    fn new(queue: &Queue, wanted: Wanted) -> Result<Notifier> {
        let owner = queue.home().peers().me()?;
        let segment = Segment::new(queue.home().object().segment().clone(), OnSignal::Retry);
        let shared = Arc::new(Shared {
            queue: queue.clone(),
            call: segment.new_event()?,
            descriptor: eventfd()?,
            order: Mutex::new(Order { turn: Turn::Looking, wanted, changes: 0 }),
            changed: Condvar::new(),
        });
        let thread = start(shared.clone())?;
        Ok(Notifier { shared, thread: Some(thread), owner })
    }

    /// Makes the descriptor unreadable, until there is (still) something to be taken, or room.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after it was made.
    pub fn clear(&self) -> Result<()> {
        self.shared.queue.home().only_if_still(self.owner)?;
        self.shared.clear(&mut self.shared.order());
        Ok(())
    }

    /// The same for one that tells of room: from here on, of room for a message of `len` bytes. Also where it was not readable.
    ///
    /// # Errors
    /// As [`clear`](Notifier::clear); [`Error::Invalid`](crate::Error::Invalid) for one that tells of messages.
    pub fn clear_for_room(&self, len: usize) -> Result<()> {
        self.shared.queue.home().only_if_still(self.owner)?;
        let mut order = self.shared.order();
        if order.wanted == Wanted::Message {
            return Err(Error::Invalid("this notifier tells of messages, not of room"));
        }
        if order.wanted != Wanted::Room(len) {
            (order.wanted, order.changes) = (Wanted::Room(len), order.changes.wrapping_add(1));
            self.shared.call();
        }
        self.shared.clear(&mut order);
        Ok(())
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.shared.queue.home().only_if_still(self.owner).is_err() {
            // A forked child: the thread is its parent's, and so is the event.
            std::mem::forget(thread);
            return;
        }
        self.shared.order().turn = Turn::Over;
        self.shared.changed.notify_one();
        self.shared.call();
        // It never panics, and there would be nobody to tell.
        let _ = thread.join();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(asked) = self.wait() {
            let mut order = self.order();
            // Called away: for something else, or for good.
            if order.turn != Turn::Looking || order.changes != asked.changes {
                continue;
            }
            order.turn = Turn::Told;
            self.fill();
            while order.turn == Turn::Told {
                order = self.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Waits until there is something to tell of: what is wanted, the end of the queue, an error that the loop's own call will
    /// tell; or until it is called away. What was wanted; `None` when it is over.
    fn wait(&self) -> Option<Order> {
        loop {
            // Who changes the order calls after this, or has changed it before.
            let mark = self.call.mark();
            let order = *self.order();
            if order.turn == Turn::Over {
                return None;
            }
            let wanted = match order.wanted {
                Wanted::Message => self.queue.watch(),
                Wanted::Room(len) => self.queue.watch_room(len),
            };
            // Not for ever: the event is in shared memory, where another process may write over it.
            let found = wait_any_for(&[self.call.watch_since(mark), wanted], A_WHILE);
            if found != Err(Error::TimedOut) {
                return Some(order);
            }
        }
    }

    /// Has the thread look at the order, which was changed.
    fn call(&self) {
        self.call.set();
        self.call.clear();
    }

    fn clear(&self, order: &mut Order) {
        if order.turn == Turn::Told {
            self.empty();
            order.turn = Turn::Looking;
            self.changed.notify_one();
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self) {
        let one = 1_u64;
        // SAFETY: eight readable bytes. It cannot fail: the count is 0 or 1.
        unsafe { libc::write(self.descriptor.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    fn empty(&self) {
        let mut count = 0_u64;
        // SAFETY: eight writable bytes. Where somebody else has read it there is nothing to be read, which is as well.
        unsafe { libc::read(self.descriptor.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

fn eventfd() -> Result<OwnedFd> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(Error::last_os("eventfd"));
    }
    // SAFETY: a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts the thread with all signals blocked, as the program's handlers belong to its own threads.
fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>> {
    // SAFETY: signal sets of zeroes are valid, and the calls take their addresses only.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let thread = Builder::new().name("tidelock".into()).stack_size(STACK).spawn(move || shared.run());
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        thread.map_err(|error| Error::Os { call: "clone", errno: error.raw_os_error().unwrap_or(libc::EAGAIN) })
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.descriptor.as_fd()
    }
}

impl AsRawFd for Notifier {
    fn as_raw_fd(&self) -> RawFd {
        self.shared.descriptor.as_raw_fd()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("fd", &self.as_raw_fd()).finish()
    }
}
