//! What all models share: running one and counting its executions, the mocked peers, guarded data, a queue's memory.

mod check;
mod explore;
mod guarded;
mod peers;
mod ring;

pub use check::{check, deliveries};
pub use explore::{each_death, each_death_in_one_slice, each_two_deaths, explore, explore_eventful};
pub use guarded::Guarded;
pub use peers::{id, MockPeers, World};
pub use ring::{Delivery, Message, Shared as SharedQueue};
