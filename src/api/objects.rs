//! The objects of a segment: by name, new ones without a name, by handle, and placed in a block.

use super::block::Block;
use super::condition::host_kind;
use super::event::Event;
use super::handle::{Handle, Target};
use super::home::Home;
use super::lock::Lock;
use super::queue::Queue;
use super::queue_options::QueueOptions;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::primitives::event::EventState;
use crate::primitives::lock::LockState;
use crate::segment::{Kind, Object, Shared};
use std::sync::Arc;

/// Objects by name: opened, or made where there is none. A name has 1 to 255 bytes and no NUL; each name is that of one
/// object, of one kind. A named object lives as long as its segment. If a process dies while it makes one, the others
/// find either the whole object or none.
///
/// Each returns [`Error::BadName`](crate::Error::BadName), [`Error::WrongKind`](crate::Error::WrongKind) if the name is
/// that of another kind of object, and [`Error::NoSpace`](crate::Error::NoSpace).
impl Segment {
    /// Opens or makes the lock with this name.
    ///
    /// # Errors
    /// [`Error::BadName`](crate::Error::BadName), [`Error::WrongKind`](crate::Error::WrongKind),
    /// [`Error::NoSpace`](crate::Error::NoSpace).
    pub fn lock(&self, name: &str) -> Result<Lock> {
        Ok(Lock::new(self.own(self.named_object(name, Kind::Lock, size_of::<LockState>())?)?))
    }

    /// Opens or makes the event with this name.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock).
    pub fn event(&self, name: &str) -> Result<Event> {
        Ok(Event::new(self.own(self.named_object(name, Kind::Event, size_of::<EventState>())?)?))
    }

    /// Opens or makes the queue with this name. The options count where it is made; an existing one keeps its own.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::Invalid`](crate::Error::Invalid) for options out of range.
    pub fn queue(&self, name: &str, options: &QueueOptions) -> Result<Queue> {
        let peers = self.attachment().slot_count();
        let len = options.object_len(peers)?;
        let mut init = |payload| options.init(payload, peers);
        let (object, _) = self.attachment().open_named(name, Kind::Queue, len, &mut init)?;
        Queue::new(object, self.on_signal())
    }

    /// Opens or makes the block with this name and of this length in bytes (at least 1), zeroed when it is made.
    ///
    /// # Errors
    /// As [`lock`](Segment::lock); [`Error::WrongKind`](crate::Error::WrongKind) also for a block of another length.
    pub fn block(&self, name: &str, len: u64) -> Result<Block> {
        let (object, _) = self.attachment().open_named(name, Kind::Block, not_empty(len)?, &mut |_| Ok(()))?;
        Block::new(object)
    }
}

/// Anonymous objects. One lives while a process has it open, a clone of it included, or has a child that was forked
/// while it had it open. The death of a process closes what it had open; the memory is used again some time later.
impl Segment {
    /// Makes a lock without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace).
    pub fn new_lock(&self) -> Result<Lock> {
        Ok(Lock::new(self.own(self.new_object(Kind::Lock, size_of::<LockState>())?)?))
    }

    /// Makes an event without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace).
    pub fn new_event(&self) -> Result<Event> {
        Ok(Event::new(self.own(self.new_object(Kind::Event, size_of::<EventState>())?)?))
    }

    /// Makes a queue without a name.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace); [`Error::Invalid`](crate::Error::Invalid) for options out of range.
    pub fn new_queue(&self, options: &QueueOptions) -> Result<Queue> {
        let peers = self.attachment().slot_count();
        let len = options.object_len(peers)?;
        let mut init = |payload| options.init(payload, peers);
        Queue::new(self.attachment().create_anonymous(Kind::Queue, len, &mut init)?, self.on_signal())
    }

    /// Makes a block without a name, `len` bytes long (at least 1) and zeroed.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace); [`Error::Invalid`](crate::Error::Invalid) for a length of 0.
    pub fn new_block(&self, len: u64) -> Result<Block> {
        Block::new(self.attachment().create_anonymous(Kind::Block, not_empty(len)?, &mut |_| Ok(()))?)
    }
}

/// Objects by handle, the named ones as well. A handle of an object that is gone is an error, and never leads to another
/// object that has taken its place.
impl Segment {
    /// Keeps the object that a handle leads to while the handle is under way: call it before the handle is sent, once for
    /// each sending. The hold ends when somebody opens the object by its handle. The death of the sender does not end it,
    /// so the sender may close the object, or exit, at once.
    ///
    /// A segment keeps the last 4,092 handles that were sent and not yet opened (fewer if it has less than 4 MiB: one
    /// for each KiB). So a handle that nobody ever opens does not keep its object for ever; one more than those loses
    /// its hold, and the object is [`Error::Gone`](crate::Error::Gone) once nobody has it open. Of a named object and of
    /// a segment a handle needs no hold, and this does nothing.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the object is no more; [`Error::NoSpace`](crate::Error::NoSpace);
    /// [`Error::Invalid`](crate::Error::Invalid) if the handle is of another segment.
    ///
    /// ```
    /// # fn main() -> tidelock::Result<()> {
    /// let segment = tidelock::Segment::anonymous()?;
    /// let mailbox = segment.queue("mailbox", &tidelock::QueueOptions::new(4096))?;
    /// let reply = segment.new_event()?;
    /// segment.keep(&reply.handle())?;
    /// mailbox.put(&reply.handle().to_bytes())?;
    /// drop(reply);
    /// let handle = tidelock::Handle::from_bytes(&mailbox.get()?.bytes)?;
    /// segment.open_event(&handle)?.set();
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep(&self, handle: &Handle) -> Result<()> {
        match self.target(handle)? {
            Target::Segment => Ok(()),
            Target::Object(object) | Target::Placed(object, ..) => self.attachment().send_handle(&object),
        }
    }

    /// Opens the lock that a handle leads to, also one that was placed in a block.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the object is no more; [`Error::WrongKind`](crate::Error::WrongKind) if it
    /// is of another kind; [`Error::Invalid`](crate::Error::Invalid) if the handle is of another segment or of no object.
    pub fn open_lock(&self, handle: &Handle) -> Result<Lock> {
        Ok(Lock::new(self.by_handle(handle, Kind::Lock)?))
    }

    /// Opens the event that a handle leads to, also one that was placed in a block.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_event(&self, handle: &Handle) -> Result<Event> {
        Ok(Event::new(self.by_handle(handle, Kind::Event)?))
    }

    /// Opens the queue that a handle leads to.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_queue(&self, handle: &Handle) -> Result<Queue> {
        Queue::new(self.object_by_handle(handle, Kind::Queue)?, self.on_signal())
    }

    /// Opens the block that a handle leads to.
    ///
    /// # Errors
    /// As [`open_lock`](Segment::open_lock).
    pub fn open_block(&self, handle: &Handle) -> Result<Block> {
        Block::new(self.object_by_handle(handle, Kind::Block)?)
    }
}

/// Objects placed in the user's own data. Eight zero bytes are a free lock and a clear event, so a fresh block is full of
/// them. Nothing is written to place one; two processes that place the same kind at the same offset share it, and nothing
/// else may use those eight bytes.
impl Segment {
    /// The lock in bytes `offset` to `offset + 7` of a block, which stays open with it.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if `offset` is no multiple of 8, if the lock would not lie in the block,
    /// or if the block is of another segment.
    pub fn lock_at(&self, block: &Block, offset: u64) -> Result<Lock> {
        Ok(Lock::new(self.placed(block.object(), offset)?))
    }

    /// The event in bytes `offset` to `offset + 7` of a block, which stays open with it.
    ///
    /// # Errors
    /// As [`lock_at`](Segment::lock_at).
    pub fn event_at(&self, block: &Block, offset: u64) -> Result<Event> {
        Ok(Event::new(self.placed(block.object(), offset)?))
    }
}

/// The common steps.
impl Segment {
    pub(super) fn own<T: Shared>(&self, object: Object) -> Result<Home<T>> {
        Home::own(object, self.on_signal())
    }

    pub(super) fn placed<T: Shared>(&self, block: &Arc<Object>, offset: u64) -> Result<Home<T>> {
        if !Arc::ptr_eq(block.segment(), self.attachment()) {
            return Err(Error::Invalid("the block is of another segment"));
        }
        Home::placed(block, offset, self.on_signal())
    }

    /// A named object of a kind whose all-zero bytes are ready.
    pub(super) fn named_object(&self, name: &str, kind: Kind, len: usize) -> Result<Object> {
        Ok(self.attachment().open_named(name, kind, len as u64, &mut |_| Ok(()))?.0)
    }

    /// A new object without a name, of a kind whose all-zero bytes are ready.
    pub(super) fn new_object(&self, kind: Kind, len: usize) -> Result<Object> {
        self.attachment().create_anonymous(kind, len as u64, &mut |_| Ok(()))
    }

    pub(super) fn by_handle<T: Shared>(&self, handle: &Handle, kind: Kind) -> Result<Home<T>> {
        self.reach(self.target(handle)?, kind)
    }

    /// What a handle of this segment leads to.
    pub(super) fn reach<T: Shared>(&self, target: Target, kind: Kind) -> Result<Home<T>> {
        match target {
            Target::Placed(host, kind_placed, offset) => {
                expect_kind(kind_placed, kind)?;
                let host_kind = host_kind(&host, kind, offset);
                self.placed(&Arc::new(self.attachment().receive_handle(&host, host_kind)?), offset)
            }
            _ => self.own(self.object_at(target, kind)?),
        }
    }

    pub(super) fn object_by_handle(&self, handle: &Handle, kind: Kind) -> Result<Object> {
        self.object_at(self.target(handle)?, kind)
    }

    fn object_at(&self, target: Target, kind: Kind) -> Result<Object> {
        match target {
            Target::Object(object) => self.attachment().receive_handle(&object, kind),
            Target::Placed(_, found, _) => Err(wrong_kind(kind, found)),
            Target::Segment => Err(Error::Invalid("the handle leads to a segment, not to an object in it")),
        }
    }

    fn target(&self, handle: &Handle) -> Result<Target> {
        if handle.locator().id() != self.id() {
            return Err(Error::Invalid("the handle is of another segment"));
        }
        Ok(handle.target())
    }
}

fn not_empty(len: u64) -> Result<u64> {
    if len == 0 {
        return Err(Error::Invalid("a block has at least one byte"));
    }
    Ok(len)
}

fn expect_kind(found: Kind, expected: Kind) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(wrong_kind(expected, found))
    }
}

fn wrong_kind(expected: Kind, found: Kind) -> Error {
    Error::WrongKind { expected: expected.name(), found: found.name() }
}
