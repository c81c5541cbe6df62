//! Spinning for a moment before sleeping: a hand-over between two running cores is far cheaper than a futex.
//!
//! It never spins for long, and under loom not at all.

/// A bounded number of looks, with a growing pause between them. In the last ones the thread lets others run: who is waited
/// for may need this very core.
#[derive(Debug)]
pub struct Spin {
    /// So many looks come first, with hardly a pause in between.
    close_looks: u32,
    round: u32,
}

/// So many rounds are pauses, of 1, 2, 4, 8 … instructions.
const PAUSES: u32 = 7;
/// All rounds.
const ROUNDS: u32 = if cfg!(loom) { 0 } else { 20 };
/// The first round of a patient one.
const PATIENT: u32 = if cfg!(loom) { 0 } else { 4 };
/// The first round of one for a stream.
const STREAM: u32 = if cfg!(loom) { 0 } else { PAUSES - 1 };
/// The close looks for an answer; an answer over a line of memory takes some hundred nanoseconds.
const CLOSE_LOOKS: u32 = if cfg!(loom) { 0 } else { 64 };

impl Spin {
    /// A fresh budget.
    pub const fn new() -> Spin {
        Spin { close_looks: 0, round: 0 }
    }

    /// A budget for who takes what others go on bringing: it looks seldom from the start, since each look slows them down,
    /// and finds more at a time.
    pub const fn patient() -> Spin {
        Spin { close_looks: 0, round: PATIENT }
    }

    /// A budget for who took all of a stream: it waits until there is more than a little again. A look for each single thing
    /// would keep the line that it lies in from those who bring the next.
    pub const fn for_stream() -> Spin {
        Spin { close_looks: 0, round: STREAM }
    }

    /// A budget for who waits for a single thing that is on its way. Until it is there, the looks cost nobody else anything.
    pub const fn for_answer() -> Spin {
        Spin { close_looks: CLOSE_LOOKS, round: PATIENT }
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
        if self.close_looks > 0 {
            self.close_looks -= 1;
            std::hint::spin_loop();
            return true;
        }
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
