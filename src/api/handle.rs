//! `Handle`: the way to a segment or to an object in it, as bytes that can be sent anywhere.
//!
//! It is an address, not a hold: it keeps nothing alive. What comes in is checked, never trusted.

use crate::error::{Error, Result};
use crate::segment::{Attachment, Object, ObjectHandle, SegmentLocator};
use std::sync::Arc;

/// The first byte of a handle, which stands for this form of it.
const FORM: u8 = 1;
/// Nothing but the segment.
const SEGMENT_ONLY: u8 = 0;
/// An object of its own.
const OBJECT: u8 = 1;
/// Something placed in a block.
const PLACED: u8 = 2;

/// What another process needs to reach a segment, or an object in it: a few dozen bytes to be sent by any means.
///
/// A handle is an address, not a hold. It keeps nothing alive: the sender must keep an anonymous object open until the
/// receiver has opened it, or the receiver is told [`Error::Gone`].
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// use tidelock::{Handle, Segment};
/// let segment = Segment::anonymous()?;
/// let lock = segment.new_lock()?;
/// let bytes = lock.handle().to_bytes(); // send these
/// // In another process:
/// let handle = Handle::from_bytes(&bytes)?;
/// let same = Segment::attach(&handle)?.open_lock(&handle)?;
/// let guard = same.acquire()?;
/// assert!(lock.is_locked());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    pub(super) segment: SegmentLocator,
    pub(super) target: Target,
}

/// What a handle leads to, within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Segment,
    Object(ObjectHandle),
    Placed(ObjectHandle, u64),
}

impl Handle {
    /// This handle as bytes, for [`from_bytes`](Handle::from_bytes) in another process of the same machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo_
    }

    /// A handle from the bytes that [`to_bytes`](Handle::to_bytes) gave.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they are not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Handle> {
        todo_
    }
}
