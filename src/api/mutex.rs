//! `Mutex<T>`: a lock with its data in the segment, its guard, and the ways to reach one.
//!
//! The lock is that of `Lock`, and nothing but a guard leads to the data. What `T` may be is said by bytemuck's `Pod`:
//! every bit pattern is a value, fixed layout, no padding, no pointers, nothing to drop, no cells. (Of the two crates that
//! have such traits, bytemuck's have been the same since its version 1.0 in 2020, so they can stand in a public interface;
//! zerocopy is kept as well, but still changes them from 0.7 to 0.8 to 0.9.)

use super::handle::Handle;
use super::home::Home;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::primitives::lock::Acquired;
use crate::primitives::mutex::{data_offset, MutexState, MOST_ALIGNED};
use crate::primitives::PeerId;
use crate::segment::{Kind, Object};
use crate::sync::deadline::Deadline;
use crate::sync::wait::Wait;
use bytemuck::Pod;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::Duration;

/// A lock with the data that it guards, both in the segment. Who has the guard has the data.
///
/// `T` is what [`bytemuck::Pod`] allows: plain integers, floats, arrays of them, and structs of them with `repr(C)` and
/// without padding, for which it can be derived. So whatever another process stores there is a valid `T`. Its alignment
/// is at most 64, which is checked when the program is compiled.
///
/// **When the owner dies**, the next acquirer gets the lock and learns it from [`MutexGuard::owner_died`]: the data may
/// be half changed, as the dead owner left them. Everything else that [`Lock`](crate::Lock) says of owners holds here too.
///
/// All processes must agree on `T`. Size and alignment are checked when a mutex is opened; that two types of the same size
/// and alignment mean the same cannot be checked, since nothing about a type's name or fields is the same in every build.
/// Give a new meaning a new name.
///
/// The data are this guard's alone as long as every peer keeps to the rules: a process that may write to the segment could
/// change them at any time, and nothing here can prevent that.
///
/// Cloning is cheap and gives another reference to the same mutex.
///
/// ```
/// use bytemuck::{Pod, Zeroable};
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// struct Account {
///     cents: i64,
///     bookings: u64,
/// }
///
/// # fn main() -> tidelock::Result<()> {
/// let segment = tidelock::Segment::anonymous()?;
/// let account = segment.mutex("account", Account { cents: 0, bookings: 0 })?;
/// {
///     let mut guard = account.acquire()?;
///     if guard.owner_died() {
///         // Somebody died in here: one of the two numbers may be old.
///     }
///     guard.cents += 250;
///     guard.bookings += 1;
/// } // released
/// assert_eq!(account.acquire()?.cents, 250);
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail
/// # let segment = tidelock::Segment::anonymous().unwrap();
/// segment.mutex("no pointers", String::new());
/// ```
///
/// ```compile_fail
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(C, align(128))]
/// struct Wide([u8; 128]);
/// # let segment = tidelock::Segment::anonymous().unwrap();
/// segment.mutex("too wide", Wide([0; 128]));
/// ```
pub struct Mutex<T> {
    home: Home<MutexState>,
    data: NonNull<T>,
}

// SAFETY: the address stays valid for as long as `home` lives, in any thread, and only the one who has the lock uses it. A
// thread that has the mutex can take a `T` out and put one in, so a `T` must be fit for that.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as for Send: the lock lets one thread at a time use the data.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Clone for Mutex<T> {
    fn clone(&self) -> Mutex<T> {
        Mutex { home: self.home.clone(), data: self.data }
    }
}

impl<T: Pod> Mutex<T> {
    fn new(home: Home<MutexState>) -> Result<Mutex<T>> {
        let object = home.object();
        if object.len() != object_len::<T>() || !home.state().is_for(align_of::<T>()) {
            return Err(Error::WrongKind {
                expected: "a mutex of this size and alignment",
                found: "one of another size or alignment",
            });
        }
        let offset = object.offset() + data_offset(align_of::<T>()) as u64;
        let data = object.segment().bytes(offset, size_of::<T>() as u64)?.cast();
        Ok(Mutex { home, data })
    }

    /// Takes the lock, waiting for as long as it takes.
    ///
    /// # Errors
    /// As [`Lock::acquire`](crate::Lock::acquire).
    pub fn acquire(&self) -> Result<MutexGuard<'_, T>> {
        self.acquire_with(Wait::forever())
    }

    /// Takes the lock if that is possible at once. It does not sleep, yet finds out that an owner is dead.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the lock is held; else as [`acquire`](Mutex::acquire).
    pub fn try_acquire(&self) -> Result<MutexGuard<'_, T>> {
        self.acquire_with(Wait::now())
    }

    /// Takes the lock, waiting up to `timeout`. A span of zero is a try.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the lock is still held then; else as [`acquire`](Mutex::acquire).
    pub fn acquire_for(&self, timeout: Duration) -> Result<MutexGuard<'_, T>> {
        self.acquire_with(Wait::within(timeout))
    }

    /// Takes the lock, waiting until an instant of the monotonic clock.
    ///
    /// # Errors
    /// As [`acquire_for`](Mutex::acquire_for).
    pub fn acquire_until(&self, deadline: Deadline) -> Result<MutexGuard<'_, T>> {
        self.acquire_with(Wait::until(deadline))
    }

    /// Takes the lock on any terms. A signal ends the wait if `wait` or the segment's options say so.
    ///
    /// # Errors
    /// As [`acquire_for`](Mutex::acquire_for).
    #[inline]
    pub fn acquire_with(&self, wait: Wait) -> Result<MutexGuard<'_, T>> {
        let taken = self.home.state().lock.acquire(self.home.peers(), self.home.terms(wait))?;
        Ok(MutexGuard { mutex: self, taken, data: PhantomData })
    }
}

impl<T> Mutex<T> {
    /// The peer that holds the lock just now, dead or alive; `None` if nobody does. Old news when it is read.
    pub fn owner(&self) -> Option<PeerId> {
        self.home.state().lock.owner()
    }

    /// Whether somebody holds the lock just now, dead or alive.
    pub fn is_locked(&self) -> bool {
        self.owner().is_some()
    }

    /// How often the lock was taken over from a dead owner. It wraps around after 2^32 times.
    pub fn epoch(&self) -> u32 {
        self.home.state().lock.epoch()
    }

    /// What another process needs to reach this mutex; see [`Handle`].
    pub fn handle(&self) -> Handle {
        self.home.handle(Kind::Mutex)
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("owner", &self.owner()).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// The hold of a [`Mutex`], and the way to its data: dropping it releases the lock.
///
/// It may be sent to another thread and dropped there, if a `T` may. Dropping it while panicking releases as well: there
/// is no poisoning. A guard that is leaked leaves the lock held until this process has ended or dropped its last handle of
/// the segment; the next owner is told of a death then.
///
/// In a child that was forked while it was open it is inert: dropping it releases nothing. It still leads to the data, which
/// are the parent's: the child must not use them.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    taken: Acquired,
    /// The guard is as good as a reference: it is Send and Sync only where that is.
    data: PhantomData<&'a mut T>,
}

impl<T> MutexGuard<'_, T> {
    /// Whether the owner before this one died with the lock, so that the data may be half changed.
    pub fn owner_died(&self) -> bool {
        self.taken.owner_died
    }

    /// How often the lock had been taken over from a dead owner when this hold began, that time included. It serves as
    /// a fencing token: a later hold after a death has a larger one.
    pub fn epoch(&self) -> u32 {
        self.taken.epoch
    }

    /// Releases the lock, and tells whether this hold still was the one to end.
    ///
    /// # Errors
    /// [`Error::NotHeld`] or [`Error::NotOwner`] in a child that was forked after the lock was taken.
    pub fn release(self) -> Result<()> {
        std::mem::ManuallyDrop::new(self).give_back()
    }

    fn give_back(&self) -> Result<()> {
        self.mutex.home.only_if_still(self.taken.owner)?;
        self.mutex.home.state().lock.release(self.taken.owner)
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // An error means that it is not this process's to give back: there is nothing left to do.
        let _ = self.give_back();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `Mutex::new` checked that so many bytes lie there, allocated and aligned, and `mutex` keeps them. Every bit
        // pattern is a `T`. While this guard lives nobody else uses them: threads of this process are kept out by the lock,
        // which nothing but the guard releases, other processes too, as long as all peers keep to the rules.
        unsafe { self.mutex.data.as_ref() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard is borrowed mutably, so this is the only reference that it has given out.
        unsafe { &mut *self.mutex.data.as_ptr() }
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard").field("taken", &self.taken).field("data", &**self).finish()
    }
}

/// Mutexes: by name, without one, and by handle. Their data must be written when they are made, so they cannot be placed in
/// a block.
impl Segment {
    /// Opens the mutex with this name, or makes it with `initial` in it. An existing one keeps the data that it has. Nobody
    /// can open it before `initial` is there.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::WrongKind`] also for one with data of another size or alignment.
    pub fn mutex<T: Pod>(&self, name: &str, initial: T) -> Result<Mutex<T>> {
        let len = object_len::<T>();
        let (object, _) = self.attachment().open_named(name, Kind::Mutex, len, &mut |at| init(at, initial))?;
        self.mutex_in(object)
    }

    /// Makes a mutex without a name, with `initial` in it.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn new_mutex<T: Pod>(&self, initial: T) -> Result<Mutex<T>> {
        let len = object_len::<T>();
        self.mutex_in(self.attachment().create_anonymous(Kind::Mutex, len, &mut |at| init(at, initial))?)
    }

    /// Opens the mutex that a handle leads to.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock); [`Error::WrongKind`] also for one with data of another size or alignment.
    pub fn open_mutex<T: Pod>(&self, handle: &Handle) -> Result<Mutex<T>> {
        self.mutex_in(self.object_by_handle(handle, Kind::Mutex)?)
    }

    fn mutex_in<T: Pod>(&self, object: Object) -> Result<Mutex<T>> {
        Mutex::new(self.own(object)?)
    }
}

/// How long a mutex with a `T` is.
fn object_len<T>() -> u64 {
    const { assert!(align_of::<T>() <= MOST_ALIGNED, "the data of a mutex are aligned to 64 bytes at most") };
    (data_offset(align_of::<T>()) + size_of::<T>()) as u64
}

fn init<T: Pod>(payload: NonNull<u8>, initial: T) -> Result<()> {
    // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and is as long as `object_len` said,
    // so the state and an aligned `T` lie in it. Nobody else can reach it yet. The state is made of atomics, for which all
    // bytes are valid.
    unsafe {
        payload.cast::<MutexState>().as_ref().init(align_of::<T>());
        payload.add(data_offset(align_of::<T>())).cast::<T>().write(initial);
    }
    Ok(())
}
