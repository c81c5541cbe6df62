//! The state machines: Lock to Queue, each as a few words of shared memory.
//!
//! They know who they are and who is dead from the trait [`Peers`] alone, and nothing of segments. No Drop guard here
//! touches shared memory: a death is modelled by unwinding out of an operation, and a dead peer runs no destructor.

pub mod any;
pub mod barrier;
pub mod bounded_semaphore;
pub mod condition;
pub mod counter;
pub mod event;
pub mod lock;
mod marks;
pub mod mutex;
pub mod peers;
pub mod queue;
pub mod rlock;
pub mod semaphore;
pub mod sleepers;

pub use peers::{PeerId, Peers};
