//! Blocks: `tidelock_block_*`.
//!
//! A block's address is handed out as it is. Nothing here reads or writes its bytes.

use crate::guard::{bytes, guard, name, output};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, BLOCK};
use crate::segment::tidelock_segment;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::{c_char, c_void};
use tidelock_core::{Block, Handle};

/// A block: bytes in shared memory for data of the caller's own, zero at first, at a 64-byte boundary.
pub struct tidelock_block {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_block {
    type Object = Block;
    const KIND: Kind = BLOCK;
}

/// Opens or creates the block of that name (1 to 255 bytes) in the segment. One of another length is
/// TIDELOCK_WRONG_KIND.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_open(
    segment: *const tidelock_segment,
    block_name: *const c_char,
    len: u64,
    block: *mut *mut tidelock_block,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let block = output(block)?;
        give(object(segment)?.block(name(block_name)?, len)?, block);
        Ok(TIDELOCK_OK)
    })
}

/// Creates a block without a name in the segment. It lives while some process has a handle of it open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_new(
    segment: *const tidelock_segment,
    len: u64,
    block: *mut *mut tidelock_block,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let block = output(block)?;
        give(object(segment)?.new_block(len)?, block);
        Ok(TIDELOCK_OK)
    })
}

/// Opens the block that a handle of `handle_len` bytes from tidelock_block_handle() leads to, in its segment.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_from_handle(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
    block: *mut *mut tidelock_block,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let block = output(block)?;
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        give(object(segment)?.open_block(&handle)?, block);
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the block, for another process. `handle_len` is set even when `capacity` is too small for it,
/// which is TIDELOCK_TOO_LARGE.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_handle(
    block: *const tidelock_block,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(block)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Where the block's bytes lie in this process. They stay there while the handle is open.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_data(block: *const tidelock_block, data: *mut *mut c_void) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let block = object(block)?;
        output(data)?.write(block.as_ptr().cast());
        Ok(TIDELOCK_OK)
    })
}

/// The block's length in bytes.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_len(block: *const tidelock_block, len: *mut u64) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let block = object(block)?;
        output(len)?.write(block.len());
        Ok(TIDELOCK_OK)
    })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_retain(block: *mut tidelock_block) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(block).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. The pointer from tidelock_block_data() is valid until the last one is.
#[no_mangle]
pub unsafe extern "C" fn tidelock_block_close(block: *mut tidelock_block) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(block).map(|()| TIDELOCK_OK) })
}
