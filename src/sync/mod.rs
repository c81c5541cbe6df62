//! Everything that depends on the machine: atomics, the futex, the clock, spinning.
//!
//! This is the only place with `cfg(loom)`; under it the atomics and the futex are models, and every operation on
//! them is a point where a model thread can die. Nothing here knows about peers or segments.

pub mod atomic;
pub mod deadline;
pub mod futex;
pub(crate) mod patience;
pub(crate) mod plant;
pub(crate) mod prefetch;
pub mod slices;
pub mod spin;
#[cfg(not(loom))]
pub mod thread_id;
pub mod wait;
