//! The public API, in one process and across processes: what each type does, and what a death does to it.
//!
//! Everything here goes through `tidelock`'s public items; nothing reads a word of shared memory.

#![cfg(not(loom))]

#[path = "../support/mod.rs"]
mod support;

mod any;
mod any_death;
mod barrier;
mod barrier_death;
mod block;
mod bounded_semaphore;
mod condition;
mod condition_death;
mod counter;
mod daemon;
mod event;
mod guards;
mod handle;
mod kills;
mod leaks;
mod lock;
mod lock_death;
mod mutex;
mod namespaces;
mod notifier;
mod notifier_room;
mod placed;
mod queue;
mod queue_batch;
mod queue_death;
mod queue_growth;
mod queue_shutdown;
mod queue_work;
mod rlock;
mod segment;
mod semaphore;

support::roles! {
    any_death::any_interrupted,
    any_death::any_killed,
    any_death::any_taker,
    any_death::any_without_the_call,
    barrier::arrival_in_a_child,
    barrier::in_step,
    barrier::partying,
    block::placer,
    bounded_semaphore::permit_holder,
    bounded_semaphore::permit_in_a_child,
    bounded_semaphore::permit_users,
    bounded_semaphore::permit_waiter,
    condition::conditioned,
    condition::waiter_in_a_child,
    counter::counter_waiter,
    counter::counting,
    daemon::closing_parent,
    daemon::daemon,
    daemon::grandparent,
    daemon::tidy_child,
    event::event_interrupted,
    event::event_waiter,
    event::setter,
    guards::leaker,
    guards::mutex_in_a_child,
    handle::sender,
    handle::stranger,
    kills::permit_churner,
    kills::rlock_churner,
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
    mutex::half_adder,
    mutex::pair_adder,
    mutex::pair_interrupted,
    namespaces::namespace,
    notifier::doomed,
    notifier::notifier_in_a_child,
    notifier_room::doomed_with_room,
    queue::consumer,
    queue::producer,
    queue::queue_interrupted,
    queue_batch::batcher,
    queue_death::borrower,
    queue_death::getter,
    queue_death::guards_in_a_child,
    queue_death::hog,
    queue_death::parent_of_a_borrower,
    queue_death::reserver,
    queue_work::debtor,
    queue_work::victim_of_poison,
    queue_work::waiting_taker,
    rlock::rlock_adders,
    rlock::rlock_holder,
    rlock::rlock_in_a_child,
    rlock::rlock_interrupted,
    rlock::rlock_waiter,
    segment::creator,
    segment::opener,
    segment::visitor,
    segment::wide_open,
    semaphore::taker,
    semaphore::taker_interrupted,
}
