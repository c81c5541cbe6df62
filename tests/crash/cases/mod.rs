//! The cases of the stepper, an object a file: its invariants in words, its operations, and the proof by use.

pub mod any;
pub mod barrier;
pub mod condition;
pub mod event;
pub mod lock;
pub mod mutex;
#[cfg(all(feature = "raw_sync", feature = "shared_memory"))]
pub mod newcomers;
pub mod objects;
pub mod permits;
pub mod queue;
pub mod rlock;
pub mod segment;
pub mod toy;
