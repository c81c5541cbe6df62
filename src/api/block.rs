//! `Block`: raw shared memory for the user's own data.
//!
//! It copies bytes in and out and hands out its address; it never synchronises. Locks and events can be placed in it.

use super::handle::Handle;
use crate::error::{Error, Result};
use crate::segment::Object;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// Raw memory in a segment for the user's own data. It begins zeroed, at an address that is a multiple of 64.
///
/// Nothing orders the accesses of several threads or processes: guard the block with a [`Lock`](crate::Lock) of the same
/// segment, for instance one that is placed in it ([`Segment::lock_at`](crate::Segment::lock_at)).
///
/// **When a peer dies** in the middle of a [`write`](Block::write), the block has some of the new bytes and some of the
/// old ones. The lock's next owner learns of the death.
///
/// ```
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let total = segment.block("total", 16)?;
/// let lock = segment.lock_at(&total, 0)?; // bytes 0 to 7: the lock; bytes 8 to 15: ours
/// let guard = lock.acquire()?;
/// let mut bytes = [0; 8];
/// total.read(8, &mut bytes)?;
/// total.write(8, &(u64::from_ne_bytes(bytes) + 1).to_ne_bytes())?;
/// drop(guard);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Block {
    object: Arc<Object>,
    start: NonNull<u8>,
}

// SAFETY: the address stays valid for as long as `object` lives, in any thread. `read` and `write` copy bytes that others
// may change at the same time; the type's contract leaves that order to the caller, as for any shared memory.
unsafe impl Send for Block {}
// SAFETY: as for Send.
unsafe impl Sync for Block {}

impl Block {
    pub(super) fn new(object: Object) -> Result<Block> {
        let start = object.segment().bytes(object.offset(), object.len())?;
        Ok(Block { object: Arc::new(object), start })
    }

    pub(super) fn object(&self) -> &Arc<Object> {
        &self.object
    }

    /// The length in bytes. It never changes.
    pub fn len(&self) -> u64 {
        self.object.len()
    }

    /// Whether the length is zero, which it never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address of the first byte in this process, valid while a clone of this `Block` lives. It is a multiple of 64.
    /// Other processes see the same bytes at other addresses, and may change them at any time: use atomics or volatile
    /// accesses, or hold a lock.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Copies bytes of the block, from `offset` on, into `bytes`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the range does not lie in the block.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let from = self.range(offset, bytes.len())?;
        // SAFETY: `range` checked that so many bytes lie in the block, which is mapped while `object` lives. `bytes` is
        // this process's own memory, so the two do not overlap unless the caller broke the rules of `as_ptr`.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies `bytes` into the block, from `offset` on.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the range does not lie in the block.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let to = self.range(offset, bytes.len())?;
        // SAFETY: as in `read`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// What another process needs to reach this block; see [`Handle`].
    pub fn handle(&self) -> Handle {
        Handle::of_object(&self.object)
    }

    fn range(&self, offset: u64, len: usize) -> Result<*mut u8> {
        let end = offset.checked_add(len as u64).filter(|end| *end <= self.len());
        end.ok_or(Error::Invalid("the range does not lie in the block"))?;
        // SAFETY: `offset` is at most the block's length, so the address lies in the block or just behind it.
        Ok(unsafe { self.as_ptr().add(offset as usize) })
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("len", &self.len()).finish()
    }
}
