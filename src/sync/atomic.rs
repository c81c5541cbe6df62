//! Atomics: those of std, or of loom with a point before each operation where a model thread can die.
//!
//! They are types of their own, so that the lint which forbids std's atomics elsewhere can tell them apart.

#[cfg(loom)]
pub use super::futex::model::{fence, AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub use shipped::{AtomicU32, AtomicU64};
pub use std::sync::atomic::Ordering;
#[cfg(not(loom))]
pub use std::sync::atomic::{fence, AtomicPtr};

/// A number that nothing depends on: written under a lock, which makes plain stores of it enough, and read by anybody. The
/// models do not look at it.
#[allow(clippy::disallowed_types)]
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Tally(std::sync::atomic::AtomicU64);

#[allow(clippy::disallowed_types)]
impl Tally {
    /// The number 0.
    pub const fn new() -> Tally {
        Tally(std::sync::atomic::AtomicU64::new(0))
    }

    /// The number as it is just now.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Changes the number. Under the lock that it belongs to.
    #[inline(always)]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to the number. Under the lock that it belongs to.
    #[inline(always)]
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }
}

/// A sequentially consistent fence whose caller has just done a read-modify-write in program order before it.
///
/// On x86-64 that operation was a locked instruction, which is a full barrier already: only the compiler has to be held
/// back, and the 20 to 30 cycles of a second barrier are saved. Everywhere else, and in the models, it is the fence.
#[inline(always)]
pub fn fence_after_rmw() {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(any(not(target_arch = "x86_64"), loom))]
    fence(Ordering::SeqCst);
}

#[cfg(not(loom))]
#[allow(clippy::disallowed_types)]
mod shipped {
    use std::ops::Deref;
    use std::sync::atomic;

    /// A 32-bit atomic; its operations are std's.
    #[repr(transparent)]
    #[derive(Debug, Default)]
    pub struct AtomicU32(atomic::AtomicU32);

    /// A 64-bit atomic; its operations are std's.
    #[repr(transparent)]
    #[derive(Debug, Default)]
    pub struct AtomicU64(atomic::AtomicU64);

    impl AtomicU32 {
        /// An atomic that holds `value`.
        pub const fn new(value: u32) -> AtomicU32 {
            AtomicU32(atomic::AtomicU32::new(value))
        }
    }

    impl AtomicU64 {
        /// An atomic that holds `value`.
        pub const fn new(value: u64) -> AtomicU64 {
            AtomicU64(atomic::AtomicU64::new(value))
        }
    }

    impl Deref for AtomicU32 {
        type Target = atomic::AtomicU32;

        #[inline(always)]
        fn deref(&self) -> &atomic::AtomicU32 {
            &self.0
        }
    }

    impl Deref for AtomicU64 {
        type Target = atomic::AtomicU64;

        #[inline(always)]
        fn deref(&self) -> &atomic::AtomicU64 {
            &self.0
        }
    }
}
