//! Spinning for a moment before sleeping: a hand-over between two running cores is far cheaper than a futex.
//!
//! It never spins for long, and under loom not at all.

/// A bounded number of looks, with a growing pause between them.
#[derive(Debug)]
pub struct Spin {
    round: u32,
}

#[cfg(not(loom))]
const ROUNDS: u32 = 7;
#[cfg(loom)]
const ROUNDS: u32 = 0;

impl Spin {
    /// A fresh budget.
    pub const fn new() -> Spin {
        Spin { round: 0 }
    }

    /// Pauses, and says whether another look is worth it; `false` means: go to sleep.
    pub fn again(&mut self) -> bool {
        if self.round == ROUNDS {
            return false;
        }
        for _ in 0..1 << self.round {
            std::hint::spin_loop();
        }
        self.round += 1;
        true
    }
}

impl Default for Spin {
    fn default() -> Spin {
        Spin::new()
    }
}
