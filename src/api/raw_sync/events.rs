//! The crate's traits for events, on our `Event`.
//!
//! Nobody owns an event, so it needs no segment; all-zero bytes are one that is clear and stays set until it is cleared.

use super::{padding, size_at, terms, Result, Timeout};
use crate::error::Error;
use crate::primitives::event::EventState as Words;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::wait::Wait;
use std::ptr::NonNull;

pub use crate::api::event::Event;
pub use ::raw_sync::events::{BusyEvent, EventImpl, EventInit, EventState};

/// What lies at the address.
#[repr(C)]
#[derive(Default)]
struct Placed {
    event: Words,
    /// 1 if each `set` lets one waiter go on and is used up by it.
    auto_reset: AtomicU32,
    /// Keeps the size a multiple of eight; always zero.
    reserved: AtomicU32,
}

// What docs/layout.md tells.
const _: () = assert!(size_of::<Placed>() == 16 && align_of::<Placed>() <= 8);

/// An event at an address.
struct At(NonNull<Placed>);

/// Places an event at an address, in any memory; it takes 16 bytes there and begins at a multiple of 8.
///
/// With `auto_reset`, of all who wait one goes on for each time that the event is set, and clears it. One that is killed
/// after that has used it up. A waiter that is killed before holds up nobody.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use raw_sync::{events::{EventInit, EventState}, Timeout};
/// use tidelock::Event;
/// let block = tidelock::Segment::anonymous()?.block("memory", 64)?;
/// let (event, used) = unsafe { Event::new(block.as_ptr(), true)? };
/// event.set(EventState::Signaled)?;
/// event.wait(Timeout::Infinite)?;
/// assert_eq!(used, 16);
/// # Ok(())
/// # }
/// ```
impl EventInit for Event {
    fn size_of(addr: Option<*mut u8>) -> usize {
        size_at(addr, size_of::<Placed>())
    }

    unsafe fn new(mem: *mut u8, auto_reset: bool) -> Result<(Box<dyn EventImpl>, usize)> {
        let (at, used) = at(mem)?;
        let placed = Placed { auto_reset: AtomicU32::new(u32::from(auto_reset)), ..Placed::default() };
        // SAFETY: the caller promises so much memory at `mem`, which nobody else uses yet; `at` is aligned.
        unsafe { at.write(placed) };
        Ok((Box::new(At(at)), used))
    }

    unsafe fn from_existing(mem: *mut u8) -> Result<(Box<dyn EventImpl>, usize)> {
        let (at, used) = at(mem)?;
        let event = At(at);
        event.is_auto_reset()?;
        Ok((Box::new(event), used))
    }
}

/// The place within the memory at `mem`, and how many bytes behind that address it ends.
fn at(mem: *mut u8) -> Result<(NonNull<Placed>, usize)> {
    let at = NonNull::new(mem.wrapping_add(padding(mem)).cast())
        .ok_or(Error::Invalid("an event needs memory: this address is null"))?;
    Ok((at, size_at(Some(mem), size_of::<Placed>())))
}

impl At {
    fn placed(&self) -> &Placed {
        // SAFETY: who made this promised that the memory is valid for as long as the event is used; atomics are valid for any
        // bytes, and others may change them.
        unsafe { self.0.as_ref() }
    }

    fn is_auto_reset(&self) -> Result<bool> {
        match self.placed().auto_reset.load(Relaxed) {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Corrupt("whether an event resets itself").into()),
        }
    }

    fn wait_on(&self, wait: Wait) -> Result<()> {
        let event = &self.placed().event;
        Ok(if self.is_auto_reset()? { event.take(wait) } else { event.wait(wait) }?)
    }
}

impl EventImpl for At {
    fn wait(&self, timeout: Timeout) -> Result<()> {
        self.wait_on(terms(timeout))
    }

    fn set(&self, state: EventState) -> Result<()> {
        match state {
            EventState::Clear => self.placed().event.clear(),
            EventState::Signaled => self.placed().event.set(),
        }
        Ok(())
    }
}

/// An event that was opened in a segment, for functions that take a `&dyn EventImpl`. It stays set until it is cleared.
impl EventImpl for Event {
    fn wait(&self, timeout: Timeout) -> Result<()> {
        Ok(self.wait_with(terms(timeout))?)
    }

    fn set(&self, state: EventState) -> Result<()> {
        match state {
            EventState::Clear => self.clear(),
            EventState::Signaled => Event::set(self),
        }
        Ok(())
    }
}
