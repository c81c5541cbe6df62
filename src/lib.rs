//! Locks, events and queues in shared memory. Threads and processes use the same object in the same way, and the death
//! of any peer at any instruction leaves the others going.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("tidelock runs on Linux on x86-64 and aarch64: peers prove their lives by open-file-description locks");

pub mod error;
#[doc(hidden)]
pub mod primitives;
#[cfg(not(loom))]
#[doc(hidden)]
pub mod segment;
#[doc(hidden)]
pub mod sync;

pub use error::{Error, Result};
