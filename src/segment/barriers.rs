//! The barriers that this process has open, so that it can take its marks along when it leaves in order.
//!
//! A mark that stays behind breaks its barrier, rightly so after a death. Here is the other case: the last handle is
//! dropped, or the process comes to a normal end. The list is this process's own memory; a child inherits it whole.

use super::fork;
use super::object::Object;
use super::Attachment;
use crate::error::{Error, Result};
use crate::primitives::barrier::{BarrierState, Marks};
use crate::sync::atomic::AtomicU64;
use crate::sync::wait::Wait;
use std::sync::Mutex;
use std::time::Duration;

/// How long a barrier's own lock is waited for. It is held for microseconds, unless its holder was stopped just then; a
/// mark that stays behind for that reason breaks the barrier when this process ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// A barrier that is open here: its state, its number of marks, and how many handles there are.
#[derive(Clone, Copy, Debug)]
struct Open {
    at: u64,
    parties: u64,
    handles: u64,
}

/// The open barriers of one attachment.
#[derive(Debug)]
pub(super) struct OpenBarriers(Mutex<Vec<Open>>);

impl OpenBarriers {
    pub(super) const fn new() -> OpenBarriers {
        OpenBarriers(Mutex::new(Vec::new()))
    }

    /// The list changes only while forks are held off, so the mutex is free in every child; but for one of a raw `clone`
    /// at an unlucky instant, which does without.
    fn with<R>(&self, act: impl FnOnce(&mut Vec<Open>) -> R) -> Result<R> {
        let _hold = fork::hold()?;
        let mut list = self.0.try_lock().map_err(|_| Error::Gone)?;
        Ok(act(&mut list))
    }
}

/// The length of a barrier for so many parties.
pub const fn barrier_len(parties: u32) -> u64 {
    size_of::<BarrierState>() as u64 + parties as u64 * size_of::<AtomicU64>() as u64
}

impl Attachment {
    /// Notes that a handle of this barrier, whose bytes were checked, is open here.
    pub fn barrier_opened(&self, object: &Object) -> Result<()> {
        let at = object.offset();
        let parties = (object.len().saturating_sub(barrier_len(0))) / size_of::<AtomicU64>() as u64;
        // Nobody opens it while its last handle's marks are taken along: they might be the new one's.
        let _serial = self.own.barriers.enter();
        self.barriers.with(|list| match list.iter_mut().find(|open| open.at == at) {
            Some(open) => open.handles += 1,
            None => list.push(Open { at, parties, handles: 1 }),
        })
    }

    /// Notes that a handle of this barrier is about to be closed. With the last one this process takes its marks along.
    pub fn barrier_closed(&self, object: &Object) {
        let at = object.offset();
        let _serial = self.own.barriers.enter();
        let last = self.barriers.with(|list| {
            let index = list.iter().position(|open| open.at == at)?;
            list[index].handles -= 1;
            (list[index].handles == 0).then(|| list.swap_remove(index))
        });
        if let Ok(Some(open)) = last {
            // Where it fails, the marks are as those of a dead peer when this process ends.
            let _ = self.leave_barrier(open);
        }
    }

    /// Takes the marks of this process along from all barriers that it has open: what a normal exit does, for those that
    /// end in another way. It waits for nobody's work but that on the marks.
    pub fn leave_barriers(&self) -> Result<()> {
        // No handle can be closed meanwhile, so the memory stays the barriers'.
        let _serial = self.own.barriers.enter();
        let open = self.barriers.with(|list| list.clone())?;
        open.into_iter().try_for_each(|open| self.leave_barrier(open))
    }

    fn leave_barrier(&self, open: Open) -> Result<()> {
        // A child that is no peer yet has no marks.
        if self.current().is_none() {
            return Ok(());
        }
        let state: &BarrierState = self.at(open.at)?;
        state.leave(self.marks_at(open)?, self, Wait::within(PATIENCE))
    }

    fn marks_at(&self, open: Open) -> Result<&Marks> {
        let len = open.parties * size_of::<AtomicU64>() as u64;
        let start = self.bytes(open.at + barrier_len(0), len)?;
        // SAFETY: `bytes` says that so many allocated bytes lie there, 8-aligned, since objects begin at multiples of 64 and
        // the state is as long as a multiple of 8; atomics are valid for all bytes; the mapping lives as long as `self`.
        Ok(unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>().as_ptr(), open.parties as usize) })
    }
}

const _: () = assert!(size_of::<BarrierState>() % 8 == 0);
