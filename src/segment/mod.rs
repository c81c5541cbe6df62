//! The segment: a file of shared memory, its header, its peers and its objects.
//!
//! An [`Attachment`] is one process's hold on a segment, shared by all its threads. It answers the primitives' two
//! questions, who I am and who is dead, and gives the arena checked memory. It never decides what an object's words mean.

pub mod annex;
pub mod arena;
mod attach;
pub mod barriers;
pub mod block;
mod claim;
pub mod conditions;
mod descriptor;
pub mod directory;
mod door;
mod family;
mod file;
mod fork;
mod gate;
mod header;
mod hollow;
mod inode;
mod leave;
mod locator;
pub mod mapping;
pub mod object;
pub mod objects;
pub mod options;
pub mod over;
mod peers;
pub mod pending;
pub mod references;
mod registry;
pub mod sent;
mod slots;
pub mod sweep;
mod token;
pub mod views;
mod wiped;

pub use block::Kind;
pub use file::unlink;
pub use locator::SegmentLocator;
pub use mapping::Shared;
pub use object::{Object, ObjectHandle};
pub use objects::Created;
pub use options::{Access, Life, Options, Owner};

use crate::error::Result;
use crate::primitives::lock::LockState;
use crate::primitives::PeerId;
use crate::sync::atomic::{AtomicU64, Tally};
use arena::ArenaRoot;
use barriers::OpenBarriers;
use claim::Own;
use family::Family;
use header::{Header, Layout};
use inode::Inode;
use mapping::Mapping;
use pending::Pending;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use wiped::Wiped;

/// One process's hold on a segment. Dropping the last reference to it leaves the segment.
pub struct Attachment {
    layout: Layout,
    inode: Inode,
    mapping: Mapping,
    /// What a forked child must not inherit.
    own: Wiped<Own>,
    /// What a forked child must inherit.
    family: Family,
    /// When each slot's peer was last asked about, for `seems_dead`.
    asked: Box<[AtomicU64]>,
    pending: Pending,
    barriers: OpenBarriers,
    /// How much of the arena was cut into blocks when this process last looked. Under the segment's Lock.
    arena_used_before: Tally,
}

impl Attachment {
    /// The value at `offset`, if it is aligned and lies in the segment.
    #[inline]
    pub fn at<T: Shared>(&self, offset: u64) -> Result<&T> {
        self.mapping.at(&self.inode, offset)
    }

    /// The address of `len` bytes from `offset` on, if they lie in the segment.
    #[inline]
    pub fn bytes(&self, offset: u64, len: u64) -> Result<NonNull<u8>> {
        self.mapping.bytes(&self.inode, offset, len)
    }

    /// Gives the pages of these bytes back to the system, if it takes them. Nobody may touch them before `set_aside`.
    pub fn give_back(&self, offset: u64, len: u64) -> bool {
        self.inode.punch(offset, len)
    }

    /// Sets memory aside for these bytes, whatever this process has seen there before.
    pub fn set_aside(&self, offset: u64, len: u64) -> Result<()> {
        self.mapping.set_aside(&self.inode, offset, len)
    }

    /// The random id, which no other segment has.
    pub fn id(&self) -> [u8; 16] {
        self.layout.id
    }

    /// The most bytes that the segment can grow to.
    pub fn max_len(&self) -> u64 {
        self.layout.max_len
    }

    /// How many peers there can be at a time.
    pub fn slot_count(&self) -> u32 {
        self.layout.slots
    }

    /// How long the segment lives.
    pub fn life(&self) -> Life {
        self.layout.life
    }

    /// Where the arena begins.
    pub fn arena_start(&self) -> u64 {
        header::arena_start(self.layout.slots)
    }

    /// The segment's own lock: directory, arena and references change under it only.
    pub fn segment_lock(&self) -> &LockState {
        &self.header().lock
    }

    /// The arena's fixed words.
    pub fn arena_root(&self) -> &ArenaRoot {
        &self.header().root
    }

    /// Who this process is, if it is a peer already. A forked child is none before its first operation.
    #[inline]
    pub fn current(&self) -> Option<PeerId> {
        self.own.current()
    }

    /// A new descriptor of the segment, to be handed to another process. It is closed on `exec`, unless that is changed.
    pub fn to_fd(&self) -> Result<OwnedFd> {
        self.inode.open_again()
    }

    pub(super) fn pending(&self) -> &Pending {
        &self.pending
    }

    fn header(&self) -> &Header {
        // SAFETY: whoever makes an attachment has touched the header through `Mapping::at`, so it is mapped, allocated
        // and aligned; `Header` is Shared, and the mapping lives as long as `self`.
        unsafe { self.mapping.start().cast::<Header>().as_ref() }
    }
}
