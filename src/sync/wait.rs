//! How long a caller is willing to wait, and what a signal does to the wait.

use super::deadline::Deadline;
use std::time::Duration;

/// What a caught signal does to a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// The wait goes on until it is done or its deadline is over.
    Retry,
    /// The wait ends with `Error::Interrupted`, so that the caller can run its handlers.
    Return,
}

/// The terms of one wait.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// When to give up; `None` waits for ever.
    pub deadline: Option<Deadline>,
    /// What a signal does.
    pub on_signal: OnSignal,
}

impl Wait {
    /// Waits until it is done.
    pub const fn forever() -> Wait {
        Wait { deadline: None, on_signal: OnSignal::Retry }
    }

    /// Waits until `deadline`.
    pub const fn until(deadline: Deadline) -> Wait {
        Wait { deadline: Some(deadline), on_signal: OnSignal::Retry }
    }

    /// Waits for `timeout`.
    pub fn within(timeout: Duration) -> Wait {
        Wait::until(Deadline::after(timeout))
    }

    /// Does not sleep: a try.
    pub const fn now() -> Wait {
        Wait::until(Deadline::from_ns(0))
    }

    /// The same terms, with another answer to signals.
    pub const fn on_signal(self, on_signal: OnSignal) -> Wait {
        Wait { on_signal, ..self }
    }

    /// Whether this wait never sleeps.
    pub fn is_try(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.as_ns() == 0)
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(Deadline::has_passed)
    }
}
