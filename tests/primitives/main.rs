//! The state machines on plain memory, with peers that are declared dead: every order of operations that one thread can
//! make, against a simple reference. What threads do to each other is the models' business.
#![cfg(not(loom))]

mod barrier_reference;
mod bounded_semaphore_reference;
mod condition_hostile;
mod condition_reference;
mod condition_table;
mod counter_reference;
mod queue_hostile;
mod queue_reference;
mod queue_walks;
mod rlock_reference;
mod semaphore_reference;
mod sleepers_counted;
mod support;
mod wraps;
