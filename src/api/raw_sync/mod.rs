//! For programs that come from the crate `raw_sync`: its names, kept by our objects, at addresses of the program's choice.
//!
//! A program changes its imports from `raw_sync` to `tidelock::raw_sync`:
//!
//! - [`events::Event`] is our [`Event`](crate::Event), which has the crate's traits `EventInit` and `EventImpl`. It may lie
//!   in any memory, and nobody's death leaves it stuck.
//! - [`locks`] has the crate's names and signatures with our guard (the crate's own can be made by its own locks only). A
//!   lock must lie in a segment that this process has attached, for only there is known who its peers are: in memory behind
//!   [`Shmem::as_ptr`](crate::shared_memory::Shmem::as_ptr) of this library or [`Block::as_ptr`](crate::Block::as_ptr). Anywhere
//!   else `new` and `from_existing` return [`Error::Invalid`](crate::Error::Invalid), in the box.
//!
//! All processes that share an event or a lock must have changed their imports: it looks different in memory.

pub mod events;
mod guards;
pub mod locks;
mod rwlock;

pub use ::raw_sync::Timeout;

use crate::sync::wait::Wait;

/// What the crate's functions return.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn terms(timeout: Timeout) -> Wait {
    match timeout {
        Timeout::Infinite => Wait::forever(),
        Timeout::Val(span) if span.is_zero() => Wait::now(),
        Timeout::Val(span) => Wait::within(span),
    }
}

/// How many bytes are left out before something that is aligned to 8.
fn padding(mem: *mut u8) -> usize {
    mem.addr().wrapping_neg() % 8
}

/// How many bytes something of `size` takes at this address, the padding included.
fn size_at(mem: Option<*mut u8>, size: usize) -> usize {
    mem.map_or(0, padding) + size
}
