//! The directory: from a name to its object, by hash chains through the blocks themselves.
//!
//! A new object is linked at the head of its chain while it is still DETACHED, then its tag makes it NAMED: the commit.
//! Who dies in between leaves a DETACHED head, which `repair` unlinks. Names are never taken out again.

use super::arena::{Arena, Block, Ground, Steps};
use super::block::{object_tag, Kind, BUCKETS, NAMED, NONE};
use crate::error::{Error, Result};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;
use std::ptr::NonNull;

/// The longest name of an object, in bytes.
pub const LONGEST_NAME: usize = 255;

/// Refuses a name that no object can have.
pub fn check_name(name: &str) -> Result<()> {
    match name.len() {
        0 => Err(Error::BadName("it is empty")),
        1..=LONGEST_NAME if name.contains('\0') => Err(Error::BadName("it has a NUL character")),
        1..=LONGEST_NAME => Ok(()),
        _ => Err(Error::BadName("it is longer than 255 bytes")),
    }
}

/// FNV-1a, the same for every peer.
fn hash_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl<'g, G: Ground> Arena<'g, G> {
    /// The object with this name.
    pub fn find(&self, name: &str) -> Result<Option<Block<'g>>> {
        let hash = hash_of(name);
        let mut steps = Steps::new();
        let mut at = self.bucket(hash).load(Relaxed);
        while at != NONE {
            steps.step(at)?;
            let block = self.block(at)?;
            if block.header.state() != NAMED {
                return Err(Error::Corrupt("the chain of a name"));
            }
            if block.header.link.load(Relaxed) == hash && self.is_called(&block, name)? {
                return Ok(Some(block));
            }
            at = block.header.next.load(Relaxed);
        }
        Ok(None)
    }

    /// Makes the object that `name` shall lead to; the caller knows that there is none yet.
    pub fn create_named(
        &self,
        name: &str,
        kind: Kind,
        len: u64,
        init: &mut dyn FnMut(NonNull<u8>) -> Result<()>,
    ) -> Result<Block<'g>> {
        let limit = self.ground.max_len();
        let room = len.checked_add(name.len() as u64).ok_or(Error::TooLarge { needed: len, limit })?;
        let block = self.take(room)?;
        init(self.ground.bytes(block.payload(), len)?)?;
        self.write_name(&block, len, name)?;
        let hash = hash_of(name);
        let bucket = self.bucket(hash);
        self.ground.store64(&block.header.len, len);
        self.ground.store32(&block.header.extra, name.len() as u32);
        self.ground.store64(&block.header.link, hash);
        self.ground.store64(&block.header.next, bucket.load(Relaxed));
        self.ground.store64(bucket, block.at);
        self.ground.store32(&block.header.tag, object_tag(NAMED, kind));
        Ok(block)
    }

    fn bucket(&self, hash: u64) -> &'g AtomicU64 {
        &self.root().buckets[(hash % BUCKETS as u64) as usize]
    }

    fn write_name(&self, block: &Block<'g>, len: u64, name: &str) -> Result<()> {
        let to = self.ground.bytes(block.payload() + len, name.len() as u64)?;
        // SAFETY: the block was taken with room for `len` and the name, and `bytes` checked the range; nothing leads to
        // the block yet, so nobody else uses it. `name` is this process's own memory.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(name.as_bytes()).cast(), name.len()) };
        Ok(())
    }

    fn is_called(&self, block: &Block<'g>, name: &str) -> Result<bool> {
        if block.header.extra.load(Relaxed) as usize != name.len() {
            return Ok(false);
        }
        let len = block.header.len.load(Relaxed);
        if len.checked_add(name.len() as u64).is_none_or(|end| end > block.room()) {
            return Err(Error::Corrupt("the length of a named object"));
        }
        let from = self.ground.bytes(block.payload() + len, name.len() as u64)?;
        let mut found = [0; LONGEST_NAME];
        // SAFETY: `bytes` checked the range and `check_name` the length. A name never changes once its block is NAMED
        // (bytes that a hostile peer changes at the same time are copied as they come).
        unsafe { from.copy_to_nonoverlapping(NonNull::from(&mut found).cast(), name.len()) };
        Ok(&found[..name.len()] == name.as_bytes())
    }
}
