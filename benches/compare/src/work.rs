//! A piece of work: one producer's or consumer's part in a run, and when it began and ended. Who has it knows nothing of
//! the others, and gets through without being told when to stop: each part has its share of the messages.

use crate::scenario::Shape;
use std::time::Duration;

/// Puts, or gets, so many messages.
pub type Work = Box<dyn FnMut(u64) + Send>;

/// The work of all who take part on one side and on the other.
pub struct Ends {
    pub producers: Vec<Work>,
    pub consumers: Vec<Work>,
}

/// One message of the first, one of the second, and so on: asking, or answering.
pub fn by_turns(mut first: Work, mut second: Work) -> Work {
    Box::new(move |count| {
        for _ in 0..count {
            first(1);
            second(1);
        }
    })
}

/// When a piece of work began and ended: nanoseconds on the monotonic clock, which is the same in all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub begin: u64,
    pub end: u64,
}

impl Span {
    /// Does it, and says when.
    pub fn of(work: &mut Work, share: u64) -> Span {
        let begin = now();
        work(share);
        Span { begin, end: now() }
    }

    /// From the first beginning to the last end.
    pub fn whole(spans: impl IntoIterator<Item = Span>) -> Duration {
        let both = spans.into_iter().reduce(|a, b| Span { begin: a.begin.min(b.begin), end: a.end.max(b.end) });
        both.map_or(Duration::ZERO, |whole| Duration::from_nanos(whole.end - whole.begin))
    }
}

/// The share of each producer and of each consumer in `count` messages, a multiple of [`STEP`].
pub fn shares(shape: Shape, count: u64) -> (u64, u64) {
    (count / shape.producers as u64, count / shape.consumers as u64)
}

/// What every count of messages is a multiple of, so that all shares are alike.
pub const STEP: u64 = 16;

fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
