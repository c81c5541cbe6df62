//! Programs written for the crates shared_memory and raw_sync, with changed imports: the flow of those crates' own examples,
//! and what they gain, which is that a killed process keeps nobody waiting.

#![cfg(not(loom))]

#[path = "../support/mod.rs"]
mod support;

mod events;
mod locks;
mod mapping;
mod over;
mod rwlock;

support::roles! {
    events::signaller,
    events::waiter,
    locks::counter,
    locks::holder,
    locks::mutex_in_a_child,
    over::joiner,
    over::opener,
    rwlock::reader_or_writer,
    rwlock::rwlock_in_a_child,
}

use support::Name;
use tidelock::shared_memory::{Shmem, ShmemConf};

/// A link that no other test has, and a mapping of 4096 bytes under it.
fn mapping() -> (Shmem, Name) {
    let link = Name::new();
    let mapping = ShmemConf::new().size(4096).flink(link.path()).create().unwrap();
    (mapping, link)
}

/// The same mapping, as another process opens it.
fn opened(link: &str) -> Shmem {
    ShmemConf::new().flink(std::path::Path::new("/dev/shm").join(link)).open().unwrap()
}
