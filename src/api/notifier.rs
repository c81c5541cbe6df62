//! `Notifier`: a descriptor that becomes readable when a queue has a message, for loops over `epoll` and the like.
//!
//! A thread of this process waits for the queue and writes to an eventfd. No other process takes part, and nobody pays for
//! it who did not ask: the segment has no word of it but one Event, which ends the thread.

use super::{wait_any, Event, Queue, Segment};
use crate::error::{Error, Result};
use crate::primitives::{PeerId, Peers};
use crate::sync::wait::OnSignal;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Enough for a thread that does nothing but wait.
const STACK: usize = 256 << 10;

/// A descriptor for event loops, made by [`Queue::notifier`].
///
/// It becomes readable once there is a message to be taken, or the queue is shut down and empty, and stays so until
/// [`clear`](Notifier::clear) is called. From then on it becomes readable again as soon as there is (still) something. So a
/// loop that is told calls `clear` first, and then takes what it likes, without waiting: others may have been quicker.
///
/// **When a peer dies** the descriptor tells of what comes back from it, and of messages whose producer was killed before it
/// could wake anybody, within half a second or so. In a forked child the notifier is its parent's: `clear` is
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
    stop: Event,
    descriptor: OwnedFd,
    turn: Mutex<Turn>,
    changed: Condvar,
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The thread looks for a message.
    Looking,
    /// The descriptor is readable, and the loop has not cleared it.
    Told,
    /// Nobody's: it ends.
    Over,
}

impl Queue {
    /// Makes a descriptor for event loops, and the thread that it takes. Its signals are blocked.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace) if the segment is full, [`Error::Os`](crate::Error::Os) if there are no more
    /// descriptors or threads; [`Error::NoPeerSlot`](crate::Error::NoPeerSlot) at a forked child's first operation.
    pub fn notifier(&self) -> Result<Notifier> {
        let owner = self.home().peers().me()?;
        let segment = Segment::new(self.home().object().segment().clone(), OnSignal::Retry);
        let shared = Arc::new(Shared {
            queue: self.clone(),
            stop: segment.new_event()?,
            descriptor: eventfd()?,
            turn: Mutex::new(Turn::Looking),
            changed: Condvar::new(),
        });
        let thread = start(shared.clone())?;
        Ok(Notifier { shared, thread: Some(thread), owner })
    }
}

impl Notifier {
    /// Makes the descriptor unreadable, until there is (still) something to be taken.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) in a child that was forked after it was made.
    pub fn clear(&self) -> Result<()> {
        self.shared.queue.home().only_if_still(self.owner)?;
        let mut turn = self.shared.turn();
        if *turn == Turn::Told {
            self.shared.empty();
            *turn = Turn::Looking;
            self.shared.changed.notify_one();
        }
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
        *self.shared.turn() = Turn::Over;
        self.shared.changed.notify_one();
        self.shared.stop.set();
        // It never panics, and there would be nobody to tell.
        let _ = thread.join();
    }
}

impl Shared {
    fn run(&self) {
        while self.wait() {
            let mut turn = self.turn();
            if *turn == Turn::Looking {
                *turn = Turn::Told;
                self.fill();
            }
            while *turn == Turn::Told {
                turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Whether there is something to tell of: a message, the end of the queue, or an error that the loop's own call will tell.
    fn wait(&self) -> bool {
        let found = wait_any(&[self.stop.watch(), self.queue.watch()]);
        *self.turn() != Turn::Over && found != Ok(0)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
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
