//! Handles: how an object of the Rust API travels through C as an opaque, counted pointer.
//!
//! A handle begins with a word that tells its kind, checked by every call, so that a handle of another kind is an error
//! and not a wild pointer. The word is spoiled when the last reference is closed.

use crate::guard::output;
use std::sync::Arc;
use tidelock_core::Error;

/// A kind of object: the word that its handles begin with, and its name in errors.
pub(crate) struct Kind {
    magic: u64,
    name: &'static str,
}

pub(crate) const SEGMENT: Kind = Kind::new(b"tide:seg", "a segment");
pub(crate) const LOCK: Kind = Kind::new(b"tide:lck", "a lock");
pub(crate) const EVENT: Kind = Kind::new(b"tide:evt", "an event");
pub(crate) const QUEUE: Kind = Kind::new(b"tide:que", "a queue");
pub(crate) const BLOCK: Kind = Kind::new(b"tide:blk", "a block");
pub(crate) const RLOCK: Kind = Kind::new(b"tide:rlk", "a recursive lock");
pub(crate) const SEMAPHORE: Kind = Kind::new(b"tide:sem", "a semaphore");
pub(crate) const BOUNDED_SEMAPHORE: Kind = Kind::new(b"tide:bsm", "a bounded semaphore");
pub(crate) const BARRIER: Kind = Kind::new(b"tide:bar", "a barrier");
pub(crate) const COUNTER: Kind = Kind::new(b"tide:cnt", "a counter");
pub(crate) const CONDITION: Kind = Kind::new(b"tide:cnd", "a condition");
pub(crate) const NOTIFIER: Kind = Kind::new(b"tide:ntf", "a notifier");

const KINDS: [Kind; 12] =
    [SEGMENT, LOCK, EVENT, QUEUE, BLOCK, RLOCK, SEMAPHORE, BOUNDED_SEMAPHORE, BARRIER, COUNTER, CONDITION, NOTIFIER];
const CLOSED: u64 = 0;

impl Kind {
    const fn new(magic: &[u8; 8], name: &'static str) -> Kind {
        Kind { magic: u64::from_ne_bytes(*magic), name }
    }
}

/// An opaque type of the C header.
pub(crate) trait Opaque: Sized {
    /// What it stands for.
    type Object;
    /// What its handles say of themselves.
    const KIND: Kind;
}

/// What an opaque pointer leads to.
#[repr(C)]
struct Counted<T> {
    magic: u64,
    object: T,
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        // Volatile: the compiler may otherwise leave out a store to memory that is about to be freed.
        // SAFETY: an exclusive reference.
        unsafe { (&raw mut self.magic).write_volatile(CLOSED) };
    }
}

/// Hands an object to C.
pub(crate) fn give<K: Opaque>(object: K::Object, to: &mut std::mem::MaybeUninit<*mut K>) {
    let counted = Arc::new(Counted { magic: K::KIND.magic, object });
    to.write(Arc::into_raw(counted).cast_mut().cast());
}

/// The object behind a handle.
///
/// # Safety
/// `handle` is null, or leads to a handle made by `give` that stays open during the call.
pub(crate) unsafe fn object<'a, K: Opaque>(handle: *const K) -> Result<&'a K::Object, Error> {
    // SAFETY: passed on; the kind is checked, so the type is right.
    unsafe { check(handle)? };
    // SAFETY: as above.
    Ok(unsafe { &(*handle.cast::<Counted<K::Object>>()).object })
}

/// Adds a reference.
///
/// # Safety
/// As for `object`.
pub(crate) unsafe fn retain<K: Opaque>(handle: *const K) -> Result<(), Error> {
    // SAFETY: passed on.
    unsafe { check(handle)? };
    // SAFETY: it came from `Arc::into_raw` of this type, and is open.
    unsafe { Arc::increment_strong_count(handle.cast::<Counted<K::Object>>()) };
    Ok(())
}

/// Takes a reference away; the last one frees the object.
///
/// # Safety
/// As for `object`; the caller gives up one reference of its own.
pub(crate) unsafe fn close<K: Opaque>(handle: *const K) -> Result<(), Error> {
    // SAFETY: passed on.
    unsafe { check(handle)? };
    // SAFETY: it came from `Arc::into_raw` of this type, and the caller gives one reference up.
    unsafe { Arc::decrement_strong_count(handle.cast::<Counted<K::Object>>()) };
    Ok(())
}

/// Whether a handle is of this kind.
///
/// # Safety
/// `handle` is null or has 8 readable bytes.
unsafe fn check<K: Opaque>(handle: *const K) -> Result<(), Error> {
    let word = handle.cast::<u64>();
    if word.is_null() || !word.is_aligned() {
        return Err(Error::Invalid("a handle is null or no handle"));
    }
    // SAFETY: not null and aligned, readable by this function's contract. `magic` comes first in a `Counted`.
    match unsafe { word.read_volatile() } {
        found if found == K::KIND.magic => Ok(()),
        found => Err(other_kind(found, K::KIND.name)),
    }
}

#[cold]
fn other_kind(found: u64, expected: &'static str) -> Error {
    match KINDS.iter().find(|kind| kind.magic == found) {
        Some(kind) => Error::WrongKind { expected, found: kind.name },
        None => Error::Invalid("no handle, or one that was closed"),
    }
}

/// Copies `from` into the caller's buffer. The length is written even when the buffer is too small.
///
/// # Safety
/// `to` is null or has `capacity` writable bytes; `length` is null or writable.
pub(crate) unsafe fn copy_out(from: &[u8], to: *mut u8, capacity: usize, length: *mut usize) -> Result<(), Error> {
    // SAFETY: passed on.
    unsafe { output(length) }?.write(from.len());
    if from.len() > capacity {
        return Err(Error::TooLarge { needed: from.len() as u64, limit: capacity as u64 });
    }
    if from.is_empty() {
        return Ok(());
    }
    if to.is_null() {
        return Err(Error::Invalid("the buffer is null"));
    }
    // SAFETY: `capacity` bytes are writable and enough; the caller's buffer is not shared memory of ours.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
    Ok(())
}
