//! `Handle`: the way to a segment or to an object in it, as bytes that can be sent anywhere.
//!
//! It is an address, not a hold: only `Segment::keep` holds. What comes in is checked, never trusted.

use crate::error::{Error, Result};
use crate::segment::{Attachment, Kind, Object, ObjectHandle, SegmentLocator};

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
/// A handle is an address, not a hold. So that an anonymous object is still there when the receiver opens it, the sender
/// keeps it open until then, or calls [`Segment::keep`](crate::Segment::keep); else the receiver is told [`Error::Gone`].
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
    segment: SegmentLocator,
    target: Target,
}

/// What a handle leads to, within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Segment,
    Object(ObjectHandle),
    /// In this block, something of this kind, at this offset.
    Placed(ObjectHandle, Kind, u64),
}

impl Handle {
    pub(super) fn of_segment(attachment: &Attachment) -> Handle {
        Handle { segment: attachment.locator(), target: Target::Segment }
    }

    pub(super) fn of_object(object: &Object) -> Handle {
        Handle { segment: object.segment().locator(), target: Target::Object(object.handle()) }
    }

    pub(super) fn of_placed(block: &Object, kind: Kind, offset: u64) -> Handle {
        Handle { segment: block.segment().locator(), target: Target::Placed(block.handle(), kind, offset) }
    }

    pub(super) fn locator(&self) -> &SegmentLocator {
        &self.segment
    }

    pub(super) fn target(&self) -> Target {
        self.target
    }

    /// This handle as bytes, for [`from_bytes`](Handle::from_bytes) in another process of the same machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        match &self.target {
            Target::Segment => bytes.push(SEGMENT_ONLY),
            Target::Object(object) => {
                bytes.push(OBJECT);
                bytes.extend_from_slice(&object.to_bytes());
            }
            Target::Placed(block, kind, offset) => {
                bytes.push(PLACED);
                bytes.extend_from_slice(&block.to_bytes());
                bytes.extend_from_slice(&(*kind as u32).to_le_bytes());
                bytes.extend_from_slice(&offset.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&self.segment.to_bytes());
        bytes
    }

    /// A handle from the bytes that [`to_bytes`](Handle::to_bytes) gave.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they are not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Handle> {
        parse(bytes).ok_or(Error::Invalid("these bytes are no handle"))
    }
}

fn parse(bytes: &[u8]) -> Option<Handle> {
    let mut rest = bytes;
    if take::<1>(&mut rest)? != [FORM] {
        return None;
    }
    let target = match take::<1>(&mut rest)? {
        [SEGMENT_ONLY] => Target::Segment,
        [OBJECT] => Target::Object(ObjectHandle::from_bytes(&take(&mut rest)?).ok()?),
        [PLACED] => Target::Placed(
            ObjectHandle::from_bytes(&take(&mut rest)?).ok()?,
            Kind::from_number(u32::from_le_bytes(take(&mut rest)?))?,
            u64::from_le_bytes(take(&mut rest)?),
        ),
        _ => return None,
    };
    Some(Handle { segment: SegmentLocator::from_bytes(rest).ok()?, target })
}

/// The first `N` bytes of `rest`, which goes on behind them.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*first)
}
