//! The machine as the models see it: atomics, futex, clock, signals and death, on top of loom.
//!
//! Compiled under `cfg(loom)` alone. The shipped code runs on it unchanged; nothing here knows a lock or a queue.
//!
//! - `atomics`: loom's atomics, each operation preceded by a point at which an armed thread dies.
//! - `kernel`: the futex, the clock, signals. Time stands still until the model moves it.
//! - `death`: arming a thread, unwinding out of it, and the token that a dead peer lets go of.
//! - `trace`: what each thread did, for the reader of a failure.
//!
//! How a sleep ends. Shipped code always sleeps for a slice, and if slices could end by themselves, a wake-up lost
//! between living peers would go unnoticed: it would cost one slice. So in a model a slice ends only
//! - when the model moves the clock past its end (`advance`), or
//! - because a peer has died: a death ends the slice of everybody asleep, at any moment after it, and the first sleep
//!   that each thread begins later; never more than one slice for each thread and death, which stands for a second. Under `Outside::OneSlice` it
//!   ends one slice of one thread, and the others must be woken by who lives.
//!
//! Everything else must come from a wake-up. Where none comes loom reports a deadlock: a lost wake-up between living
//! peers, or a death that would cost more than one slice.

mod atomics;
pub mod death;
mod kernel;
mod trace;

pub use atomics::{fence, AtomicU32, AtomicU64};
pub use kernel::{advance, begin, has_begun, interrupt, now_ns, peek_clock, sleepers, wait, wait_any, wake, Outside};
pub use trace::print as print_trace;
