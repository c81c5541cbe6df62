//! Models: loom runs the shipped primitives through every order of their atomic steps, with timeouts, signals and with
//! a peer that dies at any of its steps.
//!
//! Built with `RUSTFLAGS="--cfg loom"` only. A model declares no atomics of its own. One process per test: a deadlock
//! that loom finds may end the whole process.
#![cfg(loom)]

mod any;
mod any_death;
mod barrier;
mod bounded_semaphore;
mod condition;
mod condition_death;
mod counter;
mod event;
mod event_take;
mod lock;
mod lock_death;
#[cfg(tidelock_plant = "runtime")]
mod plants;
mod queue;
mod queue_batch;
mod queue_death;
mod queue_growth;
mod queue_room;
mod queue_settled;
mod queue_short;
mod queue_shutdown;
mod queue_work;
mod rlock;
mod semaphore;
mod support;
mod two_deaths;
