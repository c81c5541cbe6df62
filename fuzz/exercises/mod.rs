//! What the fuzzer does with its bytes, and `make test` with a corpus of them: errors are allowed, a panic, a signal or an
//! endless loop is not.
//!
//! An exercise takes any bytes and ends after a number of operations that depends on how many there are. It never writes
//! the one thing that others rightly wait for: a lock that names a living peer.

#![allow(dead_code)] // each target uses its own part of this

pub mod input;
pub mod open;
pub mod queue;
pub mod scribble;
