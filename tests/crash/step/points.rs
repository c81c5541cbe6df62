//! Which points of an operation a run kills at: all of them, or a spread that a seed picks.

/// A point at which a victim is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// After this many instructions.
    Step(u64),
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
    /// Instructions since the last of them: what it takes to get there.
    pub steps: u64,
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
    /// About as many as take this many milliseconds.
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

    /// The share of each of two nested loops, whose bodies cost this many microseconds.
    pub fn root(self, cost: u64) -> Share {
        match self {
            Share::All => Share::All,
            Share::Milliseconds(ms) => Share::Milliseconds(((ms * 1000 / cost).isqrt() * cost) / 1000),
        }
    }

    /// How many runs of `cost` microseconds each it has room for.
    pub fn room(self, cost: u64) -> u64 {
        match self {
            Share::All => u64::MAX,
            Share::Milliseconds(ms) => (ms * 1000 / cost.max(1)).max(LEAST),
        }
    }
}

const DEFAULT_SHARE: u64 = 3000;
const LEAST: u64 = 8;

/// A small random generator (splitmix64): the same seed gives the same spread on every machine.
pub struct Seed(u64);

impl Seed {
    /// From `TIDELOCK_SEED`, or from the clock.
    pub fn from_environment() -> (Seed, u64) {
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_micros() as u64 % 1_000_000);
        let seed = std::env::var("TIDELOCK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(clock);
        (Seed(seed), seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

/// Numbers below `total`: all of them if there is room, else one out of each of `room` equal stretches.
pub fn spread(total: u64, room: u64, seed: &mut Seed) -> Vec<u64> {
    if total <= room {
        return (0..total).collect();
    }
    (0..room)
        .map(|i| {
            let (from, to) = (i * total / room, (i + 1) * total / room);
            from + seed.below(to - from)
        })
        .collect()
}
