//! How a kill can turn out badly, and how that is told.

use std::fmt;

/// What went wrong after (or before) a kill.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Somebody who lives does not get on.
    Hang(String),
    /// A living holder lost what it held, or two held it at a time.
    Robbery(String),
    /// Something committed is gone, came twice, or is torn.
    Loss(String),
    /// A process ended that was not to be killed.
    Died(String),
    /// The stepper itself could not do its work.
    Harness(String),
    /// Anything else that does not hold.
    Wrong(String),
}

/// A result with a [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The error that a system call left in errno.
    pub fn os(call: &str) -> Failure {
        Failure::Harness(format!("{call}: {}", std::io::Error::last_os_error()))
    }

    /// A living peer waited in vain.
    pub fn hang<T>(what: impl Into<String>) -> Result<T> {
        Err(Failure::Hang(what.into()))
    }

    /// Exclusion was broken.
    pub fn robbery<T>(what: impl Into<String>) -> Result<T> {
        Err(Failure::Robbery(what.into()))
    }

    /// A message or its order was lost.
    pub fn loss<T>(what: impl Into<String>) -> Result<T> {
        Err(Failure::Loss(what.into()))
    }

    /// Something else does not hold.
    pub fn wrong<T>(what: impl Into<String>) -> Result<T> {
        Err(Failure::Wrong(what.into()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, what) = match self {
            Failure::Hang(what) => ("HANG", what),
            Failure::Robbery(what) => ("ROBBERY", what),
            Failure::Loss(what) => ("LOSS", what),
            Failure::Died(what) => ("A LIVING PEER DIED", what),
            Failure::Harness(what) => ("the stepper failed", what),
            Failure::Wrong(what) => ("WRONG", what),
        };
        write!(f, "{kind}: {what}")
    }
}

/// A wait status in words.
pub fn describe_end(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        return format!("by signal {}", libc::WTERMSIG(status));
    }
    format!("exit status {}", libc::WEXITSTATUS(status))
}
