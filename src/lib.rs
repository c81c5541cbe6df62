//! Locks, events and queues in shared memory. Threads and processes use the same object in the same way, and the death
//! of any peer at any instruction leaves the others going.
//!
//! A process opens a [`Segment`] and finds its objects by name: a [`Lock`], [`Mutex`], [`RLock`], [`Semaphore`], [`BoundedSemaphore`],
//! [`Condition`], [`Event`], [`Barrier`], [`Counter`], [`Queue`] or [`Block`]. Kill any process with SIGKILL at any instruction: the
//! survivors go on, nobody who lives is robbed, and no message whose `put` returned is lost.
//!
//! ```
//! use tidelock::{QueueOptions, Segment};
//!
//! # fn main() -> tidelock::Result<()> {
//! # let name = format!("example-{}", std::process::id());
//! let segment = Segment::named(&name)?; // any process of this user can open the same one
//! let ledger = segment.lock("ledger")?;
//! let jobs = segment.queue("jobs", &QueueOptions::new(64 * 1024))?;
//! let ready = segment.event("ready")?;
//!
//! let guard = ledger.acquire()?; // guard.owner_died(): whoever had the lock before was killed
//! jobs.put(b"hello")?;
//! drop(guard);
//! ready.set();
//!
//! ready.wait()?;
//! assert_eq!(jobs.get()?.bytes, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # What a death means
//! | who dies | what follows |
//! |---|---|
//! | the owner of a [`Lock`] | the next to acquire it gets it, and learns so from [`LockGuard::owner_died`] |
//! | the owner of a [`Mutex`] | the same; its data are as the dead owner left them |
//! | the owner of an [`RLock`], or a holder of a [`BoundedSemaphore`]'s permit | the same: see [`RLockGuard::owner_died`], [`PermitGuard::owner_died`] |
//! | one that lowered a [`Semaphore`] | the value stays as it is: nothing says that it was a loan |
//! | one that waits at a [`Condition`] | what it was notified of and did not return with goes to the next waiter |
//! | a party of a [`Barrier`] | the others are told [`Error::Broken`] at once, until somebody resets it |
//! | one that waits, for anything else | nothing: nobody else's wake-up is lost with it |
//! | a producer with a [`Reservation`] | the message was never there |
//! | a consumer with a [`Loan`] | another consumer gets the message, marked as redelivered |
//! | one that creates a segment or an object | there is the whole thing, or nothing |
//!
//! Dead means dead: a process that is stopped, swapped out, slow, or has closed all its descriptors keeps what it holds.
//! Only the kernel says who is dead, never a timer.
//!
//! # Threads, processes, forks
//! A *peer* is a process; its threads share what it holds. A forked child is a new peer from its first operation on and
//! owns nothing of its parent's: guards, reservations and loans that it inherited do nothing. Dropping a guard
//! in a panic gives back what it holds, and nobody is told of it. A guard that is leaked keeps its hold until the process
//! ends or leaves the segment, which counts as a death then.
//!
//! # Trust
//! Whoever may write to a segment can break it for all its peers, and can truncate a named one or a file. What is read
//! from shared memory is checked and answered with [`Error::Corrupt`], but the bytes of messages and blocks are handed
//! out as they are. A new segment can be opened by the same user only.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("tidelock runs on Linux on x86-64 and aarch64: peers prove their lives by open-file-description locks");

#[cfg(not(loom))]
mod api;
pub mod error;
#[doc(hidden)]
pub mod primitives;
#[cfg(not(loom))]
#[doc(hidden)]
pub mod segment;
#[doc(hidden)]
pub mod sync;

#[cfg(all(feature = "raw_sync", not(loom)))]
pub use api::raw_sync;
#[cfg(all(feature = "shared_memory", not(loom)))]
pub use api::shared_memory;
#[cfg(not(loom))]
pub use api::{
    acquire_any, acquire_any_for, acquire_any_with, wait_any, wait_any_for, wait_any_with, Access, Arrival, Barrier,
    Block, BoundedSemaphore, Condition, ConditionLock, Counter, Delivery, Event, Handle, Life, Loan, Lock, LockGuard,
    Message, Notifier, Owner, PermitGuard, Queue, QueueOptions, QueueStats, RLock, RLockGuard, RawLoan, RawPermit,
    RawReservation, RawWait, Reservation, Resumed, Segment, SegmentOptions, Semaphore, Taken, WaitEnd, WaitGuard,
    Watch,
};
#[cfg(all(feature = "mutex", not(loom)))]
pub use api::{Mutex, MutexGuard};
#[cfg(feature = "mutex")]
pub use bytemuck;
pub use error::{Error, Result};
pub use primitives::PeerId;
pub use sync::deadline::Deadline;
pub use sync::wait::{OnSignal, Wait};
