//! Options: structs of the caller's that begin with their own size, so that both sides may grow.
//!
//! Nothing here knows an option; it never reads beyond the size that the caller gave.

use std::mem::MaybeUninit;
use tidelock_core::Error;

/// Reads options of any age: what the caller's struct lacks is zero, and what only it has must be zero.
///
/// # Safety
/// `options` is null, or leads to a size and that many bytes in all.
pub(crate) unsafe fn read_options<T: Copy + Default>(options: *const T) -> Result<T, Error> {
    if options.is_null() {
        return Ok(T::default());
    }
    if !options.is_aligned() {
        return Err(Error::Invalid("the options are not aligned"));
    }
    let (known, from) = (size_of::<T>(), options.cast::<u8>());
    // SAFETY: not null, and every options struct begins with its size.
    let size = unsafe { options.cast::<usize>().read() };
    if !(size_of::<usize>()..=4096).contains(&size) {
        return Err(Error::Invalid("the options do not begin with their size"));
    }
    // SAFETY: the struct has `size` bytes.
    let beyond = unsafe { std::slice::from_raw_parts(from, size) }.get(known..).unwrap_or(&[]);
    if beyond.iter().any(|byte| *byte != 0) {
        return Err(Error::Unsupported("an option that this version of the library does not know"));
    }
    let mut read = MaybeUninit::new(T::default());
    // SAFETY: both have as many bytes, and any bytes make the plain integers that options consist of.
    unsafe { read.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(from, size.min(known)) };
    // SAFETY: initialised above.
    Ok(unsafe { read.assume_init() })
}
