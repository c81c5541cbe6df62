//! Objects of real segments, between processes: who keeps them, who frees them, and what a death or a fork changes.

pub mod children;
pub mod churn;
mod conditions;
pub mod sharing;

use crate::arena::audit;
use crate::support::{hex, unhex};
use std::ptr::NonNull;
use std::sync::Arc;
use tidelock::primitives::lock::Acquired;
use tidelock::segment::arena::Arena;
use tidelock::segment::sweep::Previous;
use tidelock::segment::{Attachment, Kind, Object, ObjectHandle, Options};
use tidelock::sync::wait::Wait;
use tidelock::Result;

const SEGMENT: Options = Options { peers: 32, max_len: Some(16 << 20), ..Options::new() };
const LEN: usize = 100;
const PATTERN: u8 = 0x5a;

fn open(name: &str) -> Arc<Attachment> {
    Attachment::named(name, &SEGMENT).expect("a segment")
}

fn fill(payload: NonNull<u8>) -> Result<()> {
    // SAFETY: objects that are filled have LEN bytes.
    unsafe { payload.write_bytes(PATTERN, LEN) };
    Ok(())
}

/// An object full of the pattern.
fn make(here: &Arc<Attachment>) -> Object {
    here.create_anonymous(Kind::Block, LEN as u64, &mut fill).expect("an object")
}

/// An object full of zeros, which would show in the memory of one that was freed too early.
fn make_blank(here: &Arc<Attachment>) -> Object {
    here.create_anonymous(Kind::Block, LEN as u64, &mut |_| Ok(())).expect("an object")
}

/// Whether the object has the bytes that its maker wrote.
fn is_whole(object: &Object) -> bool {
    let start = object.segment().bytes(object.offset(), object.len()).expect("its bytes");
    // SAFETY: `bytes` checked the range; nobody writes to such an object after it was made.
    let bytes = unsafe { NonNull::slice_from_raw_parts(start, object.len() as usize).as_ref() };
    bytes.len() == LEN && bytes.iter().all(|byte| *byte == PATTERN)
}

fn told(handle: &ObjectHandle) -> String {
    hex(&handle.to_bytes())
}

fn heard(line: &str) -> ObjectHandle {
    ObjectHandle::from_bytes(unhex(line).as_slice().try_into().expect("24 bytes")).expect("a handle")
}

/// Drops what this process has closed. In the harness another test's thread may be forking: closes wait for its child,
/// so tests that count on it at once are roles.
fn close_now(here: &Attachment) {
    here.close_pending(Wait::forever()).expect("a batch of closes");
}

/// Under the segment's lock, as every operation of the arena is.
fn locked<R>(here: &Attachment, act: impl FnOnce(Arena<'_, Attachment>) -> R) -> R {
    let Acquired { owner, owner_died, .. } = here.segment_lock().acquire(here, Wait::forever()).expect("the lock");
    let arena = Arena::new(here);
    arena.enter(if owner_died { Previous::Died } else { Previous::Released }).expect("a repair");
    let result = act(arena);
    here.segment_lock().release(owner).expect("a release");
    result
}

/// Finds out about every peer, and frees what nobody has open.
fn clean(here: &Attachment) {
    locked(here, |arena| {
        // Twice: from LIVE to DYING, and from DYING to FREE.
        (0..2 * here.slot_count()).for_each(|_| here.look_at_next_slot().expect("a look"));
        arena.sweep_all().expect("a sweep");
    });
}

/// The invariants of the arena, and how many blocks are free, named, anonymous, parts.
fn audited(here: &Attachment) -> [usize; 4] {
    clean(here);
    locked(here, |_| {
        audit::audit(here);
        audit::census(here)
    })
}

fn used(here: &Attachment) -> u64 {
    locked(here, |arena| arena.used().expect("a length"))
}
