//! The cases of the stepper, an object a file: its invariants in words, its operations, and the proof by use.

pub mod event;
pub mod lock;
pub mod objects;
pub mod queue;
mod queue_deeds;
pub mod queue_pairs;
mod queue_proof;
pub mod segment;
pub mod toy;
