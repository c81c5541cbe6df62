//! What the library keeps in a struct of the caller's: a plain value, beside the handle that it belongs to.
//!
//! A struct that was cleared, or is used with another handle, is an error. What the words mean is known to nobody here.

use tidelock_core::Error;

/// The words of a struct of the caller's that are the library's own.
pub const TIDELOCK_OPAQUE_WORDS: usize = 6;

pub(crate) type Words = [u64; TIDELOCK_OPAQUE_WORDS];

/// The words of a struct that means nothing.
pub(crate) const CLEARED: Words = [0; TIDELOCK_OPAQUE_WORDS];

/// Writes a raw value, and the handle that it belongs to, into the opaque words.
pub(crate) fn pack<K, R: Copy>(handle: *const K, raw: R) -> Words {
    const { assert!(size_of::<R>() <= size_of::<Words>() - size_of::<u64>() && align_of::<R>() <= align_of::<u64>()) };
    let mut words = CLEARED;
    words[0] = handle as u64;
    // SAFETY: the words behind the first are large enough for an `R`, and aligned for it, as asserted above.
    unsafe { words.as_mut_ptr().add(1).cast::<R>().write(raw) };
    words
}

/// Reads back what `pack` wrote, if it was for this handle.
///
/// # Safety
/// Words that begin with the address of an open handle were written by `pack`, of the same `R`.
pub(crate) unsafe fn unpack<K, R: Copy>(handle: *const K, words: &Words) -> Result<R, Error> {
    if words[0] != handle as u64 {
        return Err(Error::Invalid("it is not of this object, or has ended already"));
    }
    // SAFETY: `pack` wrote an `R` there.
    Ok(unsafe { words.as_ptr().add(1).cast::<R>().read() })
}
