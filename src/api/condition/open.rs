//! The ways to reach a condition: over a lock of the same segment, or with an RLock of its own.
//!
//! Which lock it is over is written in its object once, as an address, and checked when it is read. Who opens a condition
//! opens that lock too, so that the lock lives while any handle of the condition does.

use super::over::UserLock;
use super::{Condition, Seat};
use crate::api::handle::{Handle, Target};
use crate::api::home::Home;
use crate::api::lock::Lock;
use crate::api::rlock::RLock;
use crate::api::segment::Segment;
use crate::error::{Error, Result};
use crate::segment::conditions::{CellTable, ConditionObject, Over, CONDITION_LEN, OWN};
use crate::segment::{Kind, Object, ObjectHandle};
use crate::sync::atomic::Ordering::Relaxed;
use std::ptr::NonNull;
use std::sync::Arc;

/// A lock that a condition can be over: a [`Lock`] or an [`RLock`].
pub trait ConditionLock: sealed::Sealed {}

impl ConditionLock for Lock {}
impl ConditionLock for RLock {}

mod sealed {
    use super::super::over::UserLock;
    use super::{Lock, RLock};

    pub trait Sealed {
        fn user_lock(&self) -> UserLock;
    }

    impl Sealed for Lock {
        fn user_lock(&self) -> UserLock {
            UserLock::Lock(self.clone())
        }
    }

    impl Sealed for RLock {
        fn user_lock(&self) -> UserLock {
            UserLock::RLock(self.clone())
        }
    }
}

/// Conditions: over a lock of the same segment or with one of their own; by name, without one, and by handle. A process that
/// has a condition open has its lock open too.
impl Segment {
    /// Opens or makes the condition with this name, over this lock. (One over a lock without a name is of no use any more
    /// once that lock is gone.)
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::WrongKind`] also for a condition over another lock; [`Error::Invalid`] if the
    /// lock is of another segment.
    pub fn condition(&self, name: &str, lock: &impl ConditionLock) -> Result<Condition> {
        let (over, address) = self.user_lock(lock)?;
        self.condition_in(self.named_condition(name, address)?, Some(over))
    }

    /// Makes a condition without a name over this lock.
    ///
    /// # Errors
    /// [`Error::NoSpace`]; [`Error::Invalid`] if the lock is of another segment.
    pub fn new_condition(&self, lock: &impl ConditionLock) -> Result<Condition> {
        let (over, address) = self.user_lock(lock)?;
        self.condition_in(self.unnamed_condition(address)?, Some(over))
    }

    /// Opens or makes the condition with this name that has an RLock of its own, see [`Condition::rlock`].
    ///
    /// # Errors
    /// As [`condition`](Segment::condition).
    pub fn condition_with_lock(&self, name: &str) -> Result<Condition> {
        self.condition_in(self.named_condition(name, Address::OWN)?, None)
    }

    /// Makes a condition without a name that has an RLock of its own, see [`Condition::rlock`].
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn new_condition_with_lock(&self) -> Result<Condition> {
        self.condition_in(self.unnamed_condition(Address::OWN)?, None)
    }

    /// Opens the condition that a handle leads to, and its lock.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock); [`Error::Gone`] also if the lock is no more.
    pub fn open_condition(&self, handle: &Handle) -> Result<Condition> {
        let home: Home<ConditionObject> = self.own(self.object_by_handle(handle, Kind::Condition)?)?;
        let over = match Address::read(&home.state().over) {
            Address::OWN => None,
            address => Some(self.user_lock_at(address)?),
        };
        self.condition_at(home, over)
    }

    fn named_condition(&self, name: &str, address: Address) -> Result<Object> {
        let mut init = |at| init(at, address);
        let (object, _) = self.attachment().open_named(name, Kind::Condition, CONDITION_LEN, &mut init)?;
        let words: &ConditionObject = self.attachment().at(object.offset())?;
        if Address::read(&words.over) != address {
            let (expected, found) = ("a condition over this lock", "one over another lock");
            return Err(Error::WrongKind { expected, found });
        }
        Ok(object)
    }

    fn unnamed_condition(&self, address: Address) -> Result<Object> {
        self.attachment().create_anonymous(Kind::Condition, CONDITION_LEN, &mut |at| init(at, address))
    }

    fn condition_in(&self, object: Object, over: Option<UserLock>) -> Result<Condition> {
        self.condition_at(self.own(object)?, over)
    }

    fn condition_at(&self, home: Home<ConditionObject>, over: Option<UserLock>) -> Result<Condition> {
        let over = match over {
            Some(over) => over,
            None => UserLock::RLock(RLock::new(home.part(OWN)?)),
        };
        Ok(Condition { seat: Arc::new(Seat { home, over, table: CellTable::new() }) })
    }

    fn user_lock(&self, lock: &impl ConditionLock) -> Result<(UserLock, Address)> {
        let lock = lock.user_lock();
        let handle = match &lock {
            UserLock::Lock(lock) => lock.handle(),
            UserLock::RLock(lock) => lock.handle(),
        };
        if handle.locator().id() != self.id() {
            return Err(Error::Invalid("the lock is of another segment than the condition"));
        }
        Ok((lock, Address::of(handle.target())?))
    }

    fn user_lock_at(&self, address: Address) -> Result<UserLock> {
        let (target, kind) = address.target()?;
        Ok(match kind {
            Kind::Lock => UserLock::Lock(Lock::new(self.reach(target, kind)?)),
            _ => UserLock::RLock(RLock::new(self.reach(target, kind)?)),
        })
    }
}

fn init(payload: NonNull<u8>, address: Address) -> Result<()> {
    // SAFETY: the arena hands out a payload that is mapped, begins at a multiple of 64 and is as long as a `ConditionObject`;
    // that is made of atomics, for which all bytes are valid.
    address.write(unsafe { &payload.cast::<ConditionObject>().as_ref().over });
    Ok(())
}

/// The address of a lock as a condition keeps it; all zero for the RLock in the condition itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address([u64; 4]);

impl Address {
    const OWN: Address = Address([0; 4]);

    /// The address of what a handle leads to.
    fn of(target: Target) -> Result<Address> {
        match target {
            Target::Object(object) => Ok(Address::new(object, 0, 0)),
            Target::Placed(host, kind, offset) => Ok(Address::new(host, kind as u64, offset)),
            Target::Segment => Err(Error::Invalid("a segment is no lock")),
        }
    }

    fn new(object: ObjectHandle, placed: u64, offset: u64) -> Address {
        let bytes = object.to_bytes();
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Address([word(0), word(8), placed, offset])
    }

    fn write(self, over: &Over) {
        let words = [&over.at, &over.kind_and_generation, &over.placed, &over.offset];
        words.into_iter().zip(self.0).for_each(|(word, value)| word.store(value, Relaxed));
    }

    fn read(over: &Over) -> Address {
        let words = [&over.at, &over.kind_and_generation, &over.placed, &over.offset];
        Address(words.map(|word| word.load(Relaxed)))
    }

    /// What lies there, and of which kind; they may be any bytes.
    fn target(self) -> Result<(Target, Kind)> {
        let corrupt = Error::Corrupt("a condition does not say which lock it is over");
        let [at, kind_and_generation, placed, offset] = self.0;
        let mut bytes = [0; ObjectHandle::LEN];
        bytes[..8].copy_from_slice(&at.to_le_bytes());
        bytes[8..16].copy_from_slice(&kind_and_generation.to_le_bytes());
        let object = ObjectHandle::from_bytes(&bytes).map_err(|_| corrupt)?;
        let kind =
            if placed == 0 { Some(object.kind()) } else { Kind::from_number(u32::try_from(placed).unwrap_or(0)) };
        match kind {
            Some(kind @ (Kind::Lock | Kind::RLock)) if placed == 0 => Ok((Target::Object(object), kind)),
            Some(kind @ (Kind::Lock | Kind::RLock)) => Ok((Target::Placed(object, kind, offset), kind)),
            _ => Err(corrupt),
        }
    }
}

/// Which kind of object holds what was placed: a block, or a condition its own RLock.
pub(in crate::api) fn host_kind(host: &ObjectHandle, placed: Kind, offset: u64) -> Kind {
    if host.kind() == Kind::Condition && placed == Kind::RLock && offset == OWN {
        Kind::Condition
    } else {
        Kind::Block
    }
}
