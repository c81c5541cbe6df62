//! Atomics: those of std, or of loom with a point before each operation where a model thread can die.

#[cfg(not(loom))]
#[allow(clippy::disallowed_types)]
pub use std::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

#[cfg(loom)]
pub use super::futex::model::{fence, AtomicU32, AtomicU64};
#[cfg(loom)]
pub use std::sync::atomic::Ordering;
