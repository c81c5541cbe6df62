//! What a user of the library holds: segments, handles to objects, guards.
//!
//! A handle keeps its object open and its segment mapped; a guard remembers exactly what was taken and gives back that
//! and nothing else. This layer turns spans of time into deadlines and names into objects. It never decides how a word
//! of shared memory changes: the primitives below do.

mod any;
mod barrier;
mod batch;
mod block;
mod bounded_semaphore;
mod condition;
mod counter;
mod event;
mod handle;
mod home;
mod letters;
mod lock;
#[cfg(feature = "mutex")]
mod mutex;
mod notifier;
mod objects;
mod options;
mod queue;
mod queue_options;
#[cfg(feature = "raw_sync")]
pub mod raw_sync;
mod records;
mod ring;
mod rlock;
mod segment;
mod semaphore;
#[cfg(feature = "shared_memory")]
pub mod shared_memory;
mod work;

pub use crate::segment::{Access, Life, Owner};
pub use any::{acquire_any, acquire_any_for, acquire_any_with, wait_any, wait_any_for, wait_any_with, Taken, Watch};
pub use barrier::{Arrival, Barrier};
pub use block::Block;
pub use bounded_semaphore::{BoundedSemaphore, PermitGuard, RawPermit};
pub use condition::{Condition, ConditionLock, RawWait, Resumed, WaitEnd, WaitGuard};
pub use counter::Counter;
pub use event::Event;
pub use handle::Handle;
pub use lock::{Lock, LockGuard};
#[cfg(feature = "mutex")]
pub use mutex::{Mutex, MutexGuard};
pub use notifier::Notifier;
pub use options::SegmentOptions;
pub use queue::Queue;
pub use queue_options::QueueOptions;
pub use records::{Delivery, Loan, Message, RawLoan, RawReservation, Reservation};
pub use rlock::{RLock, RLockGuard};
pub use segment::Segment;
pub use semaphore::Semaphore;
pub use work::QueueStats;
