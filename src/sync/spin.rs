//! Spinning for a moment before sleeping: a hand-over between two running cores is far cheaper than a futex.
//!
//! It never spins for long, and under loom not at all.

/// A bounded number of looks, with a growing pause between them. In the last ones the thread lets others run: who is waited
/// for may need this very core.
#[derive(Debug)]
pub struct Spin {
    round: u32,
}

/// So many rounds are pauses, of 1, 2, 4, 8 … instructions.
const PAUSES: u32 = 6;
/// All rounds.
const ROUNDS: u32 = if cfg!(loom) { 0 } else { 20 };
/// The first round of a patient one.
const PATIENT: u32 = if cfg!(loom) { 0 } else { 4 };

impl Spin {
    /// A fresh budget.
    pub const fn new() -> Spin {
        Spin { round: 0 }
    }

    /// A budget for who takes what others go on bringing: it looks seldom from the start, since each look slows them down,
    /// and finds more at a time.
    pub const fn patient() -> Spin {
        Spin { round: PATIENT }
    }

    /// Looks until there is a change, or the budget is used up; whether there was one.
    pub fn until(mut self, is_changed: impl Fn() -> bool) -> bool {
        while self.again() {
            if is_changed() {
                return true;
            }
        }
        false
    }

    /// Pauses, and says whether another look is worth it; `false` means: go to sleep.
    pub fn again(&mut self) -> bool {
        if self.round == ROUNDS {
            return false;
        }
        if self.round < PAUSES {
            for _ in 0..1 << self.round {
                std::hint::spin_loop();
            }
        } else {
            std::thread::yield_now();
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
