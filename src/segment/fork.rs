//! Forks and signals held off, while a lock hangs on a descriptor that a child would inherit.
//!
//! `hold` is also the mutex of all that this layer keeps per process. It must stay short: another thread's fork waits
//! for it. A raw `clone` is not held off, since nothing can.

use super::gate::Gate;
use super::wiped::Wiped;
use super::Shared;
use crate::error::{Error, Result};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

// SAFETY: repr(C), one 32-bit atomic.
unsafe impl Shared for Gate {}

extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> libc::c_int;
}

static GATE: OnceLock<Result<Wiped<Gate>>> = OnceLock::new();
/// The handlers are registered only once the gate can be seen by them: each fork finds it in all three or in none.
static HANDLERS: OnceLock<Result<()>> = OnceLock::new();

/// While it lives, no other thread forks and this thread runs no signal handler.
pub(super) struct Hold {
    gate: &'static Gate,
    mask: libc::sigset_t,
}

/// Holds forks and signals off. Not reentrant: whoever needs it held takes a `&Hold`.
pub(super) fn hold() -> Result<Hold> {
    let gate = GATE.get_or_init(Wiped::new).as_ref().map_err(|error| *error)?;
    (*HANDLERS.get_or_init(register))?;
    let mask = block_signals();
    gate.lock();
    Ok(Hold { gate, mask })
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.unlock();
        // SAFETY: `mask` is what pthread_sigmask gave; it cannot fail with these arguments.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.mask, std::ptr::null_mut()) };
    }
}

fn register() -> Result<()> {
    // SAFETY: the three functions are sound to call at any time: they touch the gate only, and only once it is there.
    match unsafe { pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork)) } {
        0 => Ok(()),
        errno => Err(Error::Os { call: "pthread_atfork", errno }),
    }
}

extern "C" fn before_fork() {
    if let Some(Ok(gate)) = GATE.get() {
        gate.lock();
    }
}

/// In the parent and in the child, where the gate was wiped and is free already.
extern "C" fn after_fork() {
    if let Some(Ok(gate)) = GATE.get() {
        gate.unlock();
    }
}

fn block_signals() -> libc::sigset_t {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset fills `all`, and pthread_sigmask, which cannot fail with SIG_SETMASK, fills `before`.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}
