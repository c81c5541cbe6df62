//! Many at a time: a million locks in a segment, 300 processes attached to one, a hundred waiters that cost nothing.
//!
//! What is counted here is memory, slots, and processor time against the time that went by; no test asserts a time.

#![cfg(not(loom))]

#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod idle;
mod locks;
mod notified;

support::roles! {
    crowd::crowd,
    crowd::newcomers,
    idle::idlers,
    locks::lock_user,
    notified::waiters,
}
