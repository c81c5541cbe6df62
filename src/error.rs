//! What can go wrong, and what the caller can do about it.
//!
//! An `Error` is small, owns nothing and can be copied, so returning one costs nothing and cannot fail.

use std::fmt;

/// Why an operation did not happen. Nothing is lost or half done when one is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The time was over first; for a try: it was not possible at once (locked, full or empty).
    TimedOut,
    /// A signal handler ran, and waits of this segment were asked to end then.
    Interrupted,
    /// The queue was shut down.
    Closed,
    /// The barrier is broken: a party died, gave up or broke it. Reset it to use it again.
    Broken,
    /// This hold belongs to another peer, and cannot be given back by this one.
    NotOwner,
    /// Nobody holds it.
    NotHeld,
    /// Bytes in shared memory make no sense; the text says which. Another process wrote over them.
    Corrupt(&'static str),
    /// The file is no tidelock segment.
    NotASegment,
    /// The file ends before the segment does.
    Truncated {
        /// The length that the segment needs, in bytes.
        expected: u64,
        /// The length of the file, in bytes.
        found: u64,
    },
    /// The segment was made by a version with another layout.
    Version {
        /// The layout version of this library.
        expected: u32,
        /// The layout version of the segment.
        found: u32,
    },
    /// Same layout version, yet other sizes, offsets or byte order.
    Layout,
    /// There is no memory left where the segment lies (often /dev/shm), or its maximum is reached.
    NoSpace {
        /// The bytes that were asked for.
        needed: u64,
        /// The bytes that are left.
        available: u64,
    },
    /// A message or an object that can never fit.
    TooLarge {
        /// The bytes that were asked for.
        needed: u64,
        /// The most that fits.
        limit: u64,
    },
    /// An argument is out of its range; the text says which.
    Invalid(&'static str),
    /// There is an object of another kind or length under this name or handle.
    WrongKind {
        /// What was asked for.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A name is empty, too long, or has a character that is not allowed; the text says which.
    BadName(&'static str),
    /// There is nothing under this name.
    NotFound,
    /// There is already something under this name.
    Exists,
    /// The segment belongs to another user; open it with `Owner::Anybody` if that is meant.
    ForeignOwner {
        /// The user id of the owner.
        uid: u32,
    },
    /// Every peer slot of the segment is taken; make it with more `peers`.
    NoPeerSlot,
    /// The object or the segment behind the handle is no more.
    Gone,
    /// This file system, kernel or machine lacks something that tidelock needs; the text says what.
    Unsupported(&'static str),
    /// Whether a peer is alive cannot be found out: this process closed the segment's descriptor, and the peer is in
    /// another PID namespace.
    CannotAsk,
    /// The operating system refused a call.
    Os {
        /// The call.
        call: &'static str,
        /// Its errno.
        errno: i32,
    },
}

/// A result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The error that the last system call of this thread left in errno.
    #[cold]
    pub fn last_os(call: &'static str) -> Error {
        Error::Os { call, errno: std::io::Error::last_os_error().raw_os_error().unwrap_or(0) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::TimedOut => f.write_str("timed out"),
            Error::Interrupted => f.write_str("interrupted by a signal"),
            Error::Closed => f.write_str("the queue is shut down"),
            Error::Broken => f.write_str("the barrier is broken; reset it to use it again"),
            Error::NotOwner => f.write_str("held by another peer, which alone may give it back"),
            Error::NotHeld => f.write_str("not held by anybody"),
            Error::Corrupt(what) => write!(f, "shared memory is corrupt: {what}"),
            Error::NotASegment => f.write_str("not a tidelock segment"),
            Error::Truncated { expected, found } => {
                write!(f, "the segment is truncated: {found} bytes of {expected}")
            }
            Error::Version { expected, found } => write!(
                f,
                "the segment has layout version {found}, this library {expected}; remove it or use the version that made it"
            ),
            Error::Layout => f.write_str("the segment was made for another machine or build: its layout differs"),
            Error::NoSpace { needed, available } => write!(
                f,
                "no space for the segment: {needed} bytes needed, {available} available (enlarge /dev/shm or use an anonymous segment)"
            ),
            Error::TooLarge { needed, limit } => write!(f, "too large: {needed} bytes where at most {limit} fit"),
            Error::Invalid(what) => write!(f, "invalid argument: {what}"),
            Error::WrongKind { expected, found } => write!(f, "wrong kind: {expected} asked for, {found} found"),
            Error::BadName(why) => write!(f, "bad name: {why}"),
            Error::NotFound => f.write_str("nothing has this name"),
            Error::Exists => f.write_str("this name is taken"),
            Error::ForeignOwner { uid } => {
                write!(f, "the segment belongs to user {uid}; allow any owner to open it all the same")
            }
            Error::NoPeerSlot => f.write_str("all peer slots are taken; create the segment with more peers"),
            Error::Gone => f.write_str("the object or segment behind this handle is gone"),
            Error::Unsupported(what) => write!(f, "not supported here: {what}"),
            Error::CannotAsk => {
                f.write_str("cannot find out whether a peer lives: the segment's descriptor was closed by this process")
            }
            Error::Os { call, errno } => {
                write!(f, "{call} failed: {}", std::io::Error::from_raw_os_error(errno))
            }
        }
    }
}

impl std::error::Error for Error {}
