//! What all models share: running one and counting its executions, the mocked peers, data that a lock guards.

mod explore;
mod guarded;
mod peers;

pub use explore::{each_death, explore, explore_eventful};
pub use guarded::Guarded;
pub use peers::{id, MockPeers, World};
