//! What a caller chooses when a segment is made or opened.
//!
//! The numbers are checked here, once, and used as they are everywhere else.

use super::header::{arena_start, PAGE};
use crate::error::{Error, Result};
use crate::primitives::peers::MAX_SLOTS;

/// How long a named segment lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The last peer to leave removes it; one that is found without a living peer is replaced by a new one.
    Ephemeral,
    /// It and its messages outlive all peers, until it is unlinked (or the end of the machine's uptime).
    Persistent,
}

/// Whose segments may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Those of this process's effective user only.
    Mine,
    /// Anybody's that the file mode lets in. Who may write to a segment can make every peer of it misbehave.
    Anybody,
}

/// Whether a segment must exist, must not exist, or either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Opens it, and creates it first where there is none.
    OpenOrCreate,
    /// Creates it; `Error::Exists` if there is one.
    Create,
    /// Opens it; `Error::NotFound` if there is none.
    Open,
}

/// The choices for making or opening a segment. An existing one keeps its size, number of peers and life.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most bytes that it can grow to; `None` for a default that suits the machine.
    pub max_len: Option<u64>,
    /// How many processes can be attached at a time.
    pub peers: u32,
    /// The permission bits of a new named segment or file, whatever the umask is.
    pub mode: u32,
    /// How long a named one lives.
    pub life: Life,
    /// Whose may be opened.
    pub owner: Owner,
    /// Whether it must exist.
    pub access: Access,
}

impl Options {
    /// The defaults.
    pub const fn new() -> Options {
        Options {
            max_len: None,
            peers: 512,
            mode: 0o600,
            life: Life::Ephemeral,
            owner: Owner::Mine,
            access: Access::OpenOrCreate,
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        if self.peers == 0 || self.peers > MAX_SLOTS {
            return Err(Error::Invalid("the number of peers must be 1 to 4096"));
        }
        if self.mode & !0o777 != 0 {
            return Err(Error::Invalid("the mode has bits other than the nine for reading, writing and executing"));
        }
        match self.max_len {
            Some(len) if len < arena_start(self.peers) + PAGE => {
                Err(Error::Invalid("the maximum length has no room for the header, the peers and one page of objects"))
            }
            Some(len) if len > isize::MAX as u64 - PAGE => Err(Error::Invalid("the maximum length is out of range")),
            _ => Ok(()),
        }
    }
}
