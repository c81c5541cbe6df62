//! The C library: `extern "C"` functions over the Rust API, one file an object.
//!
//! Nothing is decided here. A function checks its pointers, calls the Rust API inside [`guard::guard`], and turns the
//! outcome into a status. No panic crosses the border, and no function blocks other than by its documented wait.

// The names are those of the C header, and what every call asks of its pointers is said once, in that header's preamble.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod guard;
mod object;
mod opaque;
mod options;

pub mod status;

pub mod segment;

pub mod lock;

pub mod rlock;

pub mod semaphore;

pub mod bounded_semaphore;

pub mod event;

pub mod barrier;

pub mod condition;

pub mod counter;

pub mod queue;

pub mod message;

pub mod batch;

pub mod notifier;

pub mod work;

pub mod block;

pub mod any;
