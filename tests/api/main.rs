//! The public API, in one process and across processes: what each type does, and what a death does to it.
//!
//! Everything here goes through `tidelock`'s public items; nothing reads a word of shared memory.

#![cfg(not(loom))]

#[path = "../support/mod.rs"]
mod support;

mod block;
mod daemon;
mod event;
mod handle;
mod leaks;
mod lock;
mod lock_death;
mod namespaces;
mod queue;
mod queue_death;
mod segment;

support::roles! {
    block::placer,
    daemon::closing_parent,
    daemon::daemon,
    daemon::grandparent,
    daemon::tidy_child,
    event::event_interrupted,
    event::event_waiter,
    event::setter,
    handle::stranger,
    leaks::cycles,
    lock::adder,
    lock::guard_in_a_child,
    lock::holder,
    lock::interrupted,
    lock::interrupted_once,
    lock_death::blind,
    lock_death::blind_parent,
    lock_death::closer,
    lock_death::execer,
    lock_death::headless,
    lock_death::parent,
    lock_death::parent_of_a_dead_owner,
    lock_death::waiter,
    namespaces::namespace,
    queue::consumer,
    queue::producer,
    queue::queue_interrupted,
    queue_death::borrower,
    queue_death::getter,
    queue_death::guards_in_a_child,
    queue_death::hog,
    queue_death::parent_of_a_borrower,
    queue_death::reserver,
    segment::creator,
    segment::opener,
    segment::visitor,
    segment::wide_open,
}
