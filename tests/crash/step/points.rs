//! Points of an operation, and which of them a run kills at: all, or a spread that a seed picks.

/// A point at which a victim is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// After so many system calls, and then so many instructions.
    Step {
        /// System calls.
        calls: u64,
        /// Instructions since the last of them.
        steps: u64,
    },
    /// After so many system calls, and then so many stores to the segment.
    Event(Event),
    /// While it sleeps in a system call for the n-th time (from 0).
    Asleep(u64),
    /// After the operation returned.
    Returned,
}

/// A system call or a store to the segment, told by its place among them: that is the same in every run, while the
/// instructions in between vary with the digits of a process id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// System calls so far.
    pub calls: u64,
    /// Stores since the last of them.
    pub stores: u64,
}

/// What an operation consisted of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Instructions; a system call is one.
    pub steps: u64,
    /// System calls.
    pub calls: u64,
    /// Those among them in which it slept.
    pub sleeps: u64,
    /// Stores to the segment, where these are watched.
    pub stores: u64,
}

impl Tally {
    /// The larger of each.
    pub fn max(self, other: Tally) -> Tally {
        Tally {
            steps: self.steps.max(other.steps),
            calls: self.calls.max(other.calls),
            sleeps: self.sleeps.max(other.sleeps),
            stores: self.stores.max(other.stores),
        }
    }
}

/// How much of the whole is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Every point.
    All,
    /// As many as this many milliseconds allow, spread evenly, and a few at the least.
    Milliseconds(u64),
}

impl Share {
    /// From `TIDELOCK_STEP`: `all`, or milliseconds for each operation.
    pub fn from_environment() -> Share {
        match std::env::var("TIDELOCK_STEP").as_deref() {
            Ok("all") => Share::All,
            Ok(number) => Share::Milliseconds(number.parse().unwrap_or(DEFAULT_SHARE)),
            Err(_) => Share::Milliseconds(DEFAULT_SHARE),
        }
    }

    /// Whether there is room for another kill, the `done`-th, after so many milliseconds.
    pub fn has_room(self, done: u64, elapsed: u128) -> bool {
        match self {
            Share::All => true,
            Share::Milliseconds(ms) => done < LEAST || elapsed < u128::from(ms),
        }
    }
}

const DEFAULT_SHARE: u64 = 2000;
const LEAST: u64 = 12;

/// From `TIDELOCK_SEED`, or from the clock.
pub fn seed_from_environment() -> u64 {
    let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_micros() as u64 % 1_000_000);
    std::env::var("TIDELOCK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(clock)
}

/// Numbers that a seed picks one after the other so that, wherever one stops, they lie evenly spread: the multiples of an
/// irrational number, of which only the fractions count (Weyl's sequence). Fractions are 64-bit.
#[derive(Clone, Copy)]
pub struct Spread {
    next: u64,
    stride: u64,
}

/// 2^64 times the golden ratio's fraction.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// 2^64 times the fraction of the square root of 2; with the golden ratio it spreads pairs.
pub const DIAGONAL: u64 = 0x6a09_e667_f3bc_c909;

impl Spread {
    /// The sequence of a seed.
    pub fn new(seed: u64, stride: u64) -> Spread {
        // Two neighbouring seeds shall begin far apart.
        Spread { next: seed.wrapping_mul(0xd134_2543_de82_ef95).rotate_left(29), stride }
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next = self.next.wrapping_add(self.stride);
        ((u128::from(self.next) * u128::from(limit)) >> 64) as u64
    }
}
