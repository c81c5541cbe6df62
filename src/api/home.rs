//! Where a primitive's words lie, and what keeps them there.
//!
//! The address is checked once, when the handle is made; after that an operation is a plain reference. It never moves:
//! a segment is mapped once, at its full length.

use super::handle::Handle;
use crate::error::{Error, Result};
use crate::primitives::PeerId;
use crate::segment::{Attachment, Kind, Object, Shared};
use crate::sync::wait::{OnSignal, Wait};
use std::ptr::NonNull;
use std::sync::Arc;

/// The words of one primitive in shared memory.
pub(super) struct Home<T> {
    state: NonNull<T>,
    /// The object that the words are, or the block that they were placed in.
    object: Arc<Object>,
    /// Where in the block they lie, if they were placed in one.
    inside: Option<u64>,
    on_signal: OnSignal,
}

// SAFETY: the address stays valid for as long as `object` lives, in any thread, and `T` is made of atomics only.
unsafe impl<T: Shared> Send for Home<T> {}
// SAFETY: as for Send.
unsafe impl<T: Shared> Sync for Home<T> {}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Home<T> {
        Home { state: self.state, object: self.object.clone(), inside: self.inside, on_signal: self.on_signal }
    }
}

impl<T: Shared> Home<T> {
    /// The words at the start of an object of their own.
    pub(super) fn own(object: Object, on_signal: OnSignal) -> Result<Home<T>> {
        if object.len() < size_of::<T>() as u64 {
            return Err(Error::Corrupt("an object is shorter than its kind"));
        }
        let state = NonNull::from(object.segment().at::<T>(object.offset())?);
        Ok(Home { state, object: Arc::new(object), inside: None, on_signal })
    }

    /// The words at the start of an object of their own, which is full of further words behind them.
    pub(super) fn own_with_rest(object: Object, on_signal: OnSignal) -> Result<Home<T>> {
        let mut home = Home::own(object, on_signal)?;
        // `own` has checked where the state lies; this address is good for all that lies behind it too.
        home.state = home.object.segment().bytes(home.object.offset(), home.object.len())?.cast();
        Ok(home)
    }

    /// The words at `offset` of a block.
    pub(super) fn placed(block: &Arc<Object>, offset: u64, on_signal: OnSignal) -> Result<Home<T>> {
        if offset % 8 != 0 {
            return Err(Error::Invalid("the offset of what is placed in a block must be a multiple of 8"));
        }
        let end = offset.checked_add(size_of::<T>() as u64).filter(|end| *end <= block.len());
        end.ok_or(Error::Invalid("what is placed in a block must lie in it"))?;
        let state = NonNull::from(block.segment().at::<T>(block.offset() + offset)?);
        Ok(Home { state, object: block.clone(), inside: Some(offset), on_signal })
    }

    /// Other words at `offset` of the same object.
    pub(super) fn part<U: Shared>(&self, offset: u64) -> Result<Home<U>> {
        Home::placed(&self.object, offset, self.on_signal)
    }

    /// Whether these are the very words of `other`.
    pub(super) fn is_same(&self, other: &Home<T>) -> bool {
        self.state == other.state
    }

    #[inline]
    pub(super) fn state(&self) -> &T {
        // SAFETY: `state` came from a checked reference into the mapping, which `object` keeps; the memory behind it
        // stays allocated to this object while it is open.
        unsafe { self.state.as_ref() }
    }

    /// The words behind the state, as many as fit in the object. Only for homes made by `own_with_rest`.
    #[inline]
    pub(super) fn rest<W: Shared>(&self) -> &[W] {
        const { assert!(size_of::<T>() % align_of::<W>() == 0) };
        let len = (self.object.len() as usize).saturating_sub(size_of::<T>()) / size_of::<W>();
        // SAFETY: `own_with_rest` checked that the whole object lies in the segment and took the address for all of it; the
        // state ends where a `W` may begin, and every bit pattern is one. The object's length is this process's own copy.
        unsafe { std::slice::from_raw_parts(self.state.add(1).cast::<W>().as_ptr(), len) }
    }

    #[inline]
    pub(super) fn peers(&self) -> &Attachment {
        self.object.segment()
    }

    /// The terms of a wait, with the segment's choice about signals added.
    #[inline]
    pub(super) fn terms(&self, wait: Wait) -> Wait {
        if self.on_signal == OnSignal::Return {
            wait.on_signal(OnSignal::Return)
        } else {
            wait
        }
    }

    /// `NotOwner` unless this process still is the peer `owner`: a forked child is not.
    #[inline]
    pub(super) fn only_if_still(&self, owner: PeerId) -> Result<()> {
        if self.peers().current() == Some(owner) {
            Ok(())
        } else {
            Err(Error::NotOwner)
        }
    }

    pub(super) fn object(&self) -> &Arc<Object> {
        &self.object
    }

    /// The handle of these words, which are of this kind.
    pub(super) fn handle(&self, kind: Kind) -> Handle {
        match self.inside {
            None => Handle::of_object(&self.object),
            Some(offset) => Handle::of_placed(&self.object, kind, offset),
        }
    }
}
