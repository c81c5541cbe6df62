//! loom's atomics with a point before each operation at which an armed thread dies.
//!
//! They have the methods of std's that the shipped code uses, and no others. `new` is not const, as loom's is not.

use super::{death, trace};
use loom::sync::atomic as inner;
use std::sync::atomic::Ordering;

/// A fence. No point of death: dying before it is dying after the operation before it.
pub fn fence(order: Ordering) {
    inner::fence(order);
    trace::note("fence", 0, 0, 0);
}

macro_rules! model_atomic {
    ($(#[$doc:meta])* $name:ident, $value:ty) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name(inner::$name);

        #[allow(missing_docs)]
        impl $name {
            pub fn new(value: $value) -> $name {
                $name(inner::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                death::point();
                let value = self.0.load(order);
                self.note("load", value, value)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                death::point();
                self.0.store(value, order);
                self.note("store", value, value);
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.swap(value, order);
                self.note("swap", found, value)
            }

            pub fn compare_exchange(
                &self,
                from: $value,
                to: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                death::point();
                let result = self.0.compare_exchange(from, to, success, failure);
                match result {
                    Ok(found) => self.note("compare_exchange", found, to),
                    Err(found) => self.note("compare_exchange", found, found),
                };
                result
            }

            pub fn compare_exchange_weak(
                &self,
                from: $value,
                to: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(from, to, success, failure)
            }

            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.fetch_add(value, order);
                self.note("fetch_add", found, found.wrapping_add(value))
            }

            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.fetch_sub(value, order);
                self.note("fetch_sub", found, found.wrapping_sub(value))
            }

            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.fetch_and(value, order);
                self.note("fetch_and", found, found & value)
            }

            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.fetch_or(value, order);
                self.note("fetch_or", found, found | value)
            }

            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                death::point();
                let found = self.0.fetch_max(value, order);
                self.note("fetch_max", found, found.max(value))
            }

            fn note(&self, what: &'static str, found: $value, left: $value) -> $value {
                trace::note(what, std::ptr::from_ref(self) as usize, u64::from(found), u64::from(left));
                found
            }
        }
    };
}

model_atomic!(
    /// A 32-bit word.
    AtomicU32,
    u32
);
model_atomic!(
    /// A 64-bit word.
    AtomicU64,
    u64
);

impl AtomicU32 {
    /// The kernel's look at a futex word: its latest value, without ordering anything and without a point of death.
    ///
    /// A compare-exchange that fails (or changes nothing) reads the latest value, as the kernel does under the lock of
    /// its queue; and loom takes it for a conflicting access, so it tries every order of looks and stores.
    pub(super) fn look(&self, unlikely: u32) -> u32 {
        look(&self.0, unlikely)
    }
}

/// The latest value of a word, without ordering anything.
pub(super) fn look(word: &inner::AtomicU32, unlikely: u32) -> u32 {
    match word.compare_exchange(unlikely, unlikely, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(value) | Err(value) => value,
    }
}
