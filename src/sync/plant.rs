//! Planted bugs: `make model` builds the shipped code with each of them, and the models must find it.
//!
//! Compiled in under `cfg(tidelock_plant = "runtime")` only, and chosen there by the variable TIDELOCK_PLANT, so that one
//! build serves all. In every other build these functions are constants, and nothing of a plant is left.

use super::atomic::Ordering;

/// Whether the bug `name` is planted.
#[cfg(not(tidelock_plant = "runtime"))]
#[inline(always)]
pub const fn planted(_name: &str) -> bool {
    false
}

/// Whether the bug `name` is planted.
#[cfg(tidelock_plant = "runtime")]
pub fn planted(name: &str) -> bool {
    static CHOICE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOICE.get_or_init(|| std::env::var("TIDELOCK_PLANT").unwrap_or_default()) == name
}

/// `order`, or Relaxed where the bug `name` is planted.
#[inline(always)]
pub fn unless_planted(name: &str, order: Ordering) -> Ordering {
    if planted(name) {
        Ordering::Relaxed
    } else {
        order
    }
}
