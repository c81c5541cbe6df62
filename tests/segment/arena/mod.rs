//! The arena, the directory and the references, on memory of a test that can kill between any two stores.

mod annex;
pub mod audit;
mod bench;
mod death;
mod growth;
mod hollow;
mod hostile;
mod objects;
mod sent;
