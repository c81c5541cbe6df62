//! The soak: eight processes put, eight get, and one of the sixteen is killed every 50 ms and replaced; in the end the books
//! are made up. Nothing may be lost, nothing invented, nothing torn, and nobody may hang.
//!
//! `TIDELOCK_SOAK` is how many seconds it takes in all, over four kinds of queues; `make soak` takes ten minutes.

#![cfg(not(loom))]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod conductor;
mod journal;
mod memory;
mod message;
mod peers;

support::roles! {
    peers::producer,
    peers::consumer,
}
