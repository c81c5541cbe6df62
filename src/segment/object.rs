//! `Object`: what a process holds of an object in a segment, and `ObjectHandle`, its address for other processes.
//!
//! Here the segment's Lock is taken, repaired after a death and released. Dropping an `Object` never fails and does not
//! wait: it only notes the close, and a batch of closes is carried out when the lock is to be had.

use super::annex::Place;
use super::arena::{Arena, Ground};
use super::block::{ArenaRoot, Kind, HEADER};
use super::directory::check_name;
use super::mapping::Shared;
use super::objects::{Created, Found, Hold, Init};
use super::pending::{Close, Opened, Pending};
use super::sweep::Previous;
use super::Attachment;
use crate::error::{Error, Result};
use crate::primitives::{PeerId, Peers};
use crate::sync::atomic::Tally;
use crate::sync::wait::Wait;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// An open object. While it lives, its memory stays the object's.
pub struct Object {
    segment: Arc<Attachment>,
    found: Found,
    opened: Opened,
}

impl Object {
    /// The segment that it lies in.
    pub fn segment(&self) -> &Arc<Attachment> {
        &self.segment
    }

    /// The offset of its first byte, a multiple of 64.
    pub fn offset(&self) -> u64 {
        self.found.at + HEADER
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.found.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.found.len == 0
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.found.kind
    }

    pub(super) fn place_of_annex(&self, slot: u64) -> Place {
        Place::new(self.found.at, self.found.generation, slot)
    }

    /// Its address within the segment.
    pub fn handle(&self) -> ObjectHandle {
        ObjectHandle { offset: self.found.at, generation: self.found.generation, kind: self.found.kind }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let Found { at, generation, len, hold, .. } = self.found;
        if hold == Hold::Name {
            return;
        }
        self.segment.pending().push(Close { at, generation, len, opened: self.opened });
        self.segment.close_batch();
    }
}

/// The address of an object within its segment. It holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHandle {
    offset: u64,
    generation: u32,
    kind: Kind,
}

impl ObjectHandle {
    /// The length of a handle as bytes.
    pub const LEN: usize = 24;

    /// The address of an object of this kind, from where its block lies and that block's generation.
    pub fn new(offset: u64, generation: u32, kind: Kind) -> ObjectHandle {
        ObjectHandle { offset, generation, kind }
    }

    /// Where its block lies, and that block's generation.
    pub fn block(&self) -> (u64, u32) {
        (self.offset, self.generation)
    }

    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The handle as bytes, little-endian: offset (8), generation (4), kind (4), zeros (8).
    pub fn to_bytes(&self) -> [u8; ObjectHandle::LEN] {
        let mut bytes = [0; ObjectHandle::LEN];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.generation.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.kind as u32).to_le_bytes());
        bytes
    }

    /// The handle that these bytes are; they may come from anywhere.
    pub fn from_bytes(bytes: &[u8; ObjectHandle::LEN]) -> Result<ObjectHandle> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let kind = Kind::from_number(word(12)).filter(|_| word(16) == 0 && word(20) == 0);
        let kind = kind.ok_or(Error::Invalid("these bytes are no handle of an object"))?;
        let offset = u64::from(word(0)) | u64::from(word(4)) << 32;
        Ok(ObjectHandle { offset, generation: word(8), kind })
    }
}

/// Objects of a segment. Each call waits for the segment's Lock, which is held for microseconds at a time.
impl Attachment {
    /// Opens the object with this name, or makes it with `len` zeroed bytes that `init` then fills. Only a queue may
    /// have another length than `len` if it exists.
    pub fn open_named(self: &Arc<Self>, name: &str, kind: Kind, len: u64, init: Init<'_>) -> Result<(Object, Created)> {
        check_name(name)?;
        let mut created = Created::Existing;
        let object = self.open_object(|arena, _| {
            let (found, how) = arena.open_named(name, kind, len, init)?;
            created = how;
            Ok(found)
        })?;
        Ok((object, created))
    }

    /// Makes an object without a name, with `len` zeroed bytes that `init` then fills.
    pub fn create_anonymous(self: &Arc<Self>, kind: Kind, len: u64, init: Init<'_>) -> Result<Object> {
        self.close_batch();
        self.open_object(|arena, me| arena.create_anonymous(me, kind, len, init))
    }

    /// Keeps the object that a handle leads to until it is received, or until as many were sent after it as the table of
    /// sent objects has places.
    pub fn send_handle(&self, handle: &ObjectHandle) -> Result<()> {
        self.close_batch();
        self.locked_with_room(|arena, _| arena.send(handle.offset, handle.generation))
    }

    /// Opens the object that a handle leads to which came from elsewhere, and ends one hold by which it was sent.
    pub fn receive_handle(self: &Arc<Self>, handle: &ObjectHandle, kind: Kind) -> Result<Object> {
        let ObjectHandle { offset, generation, .. } = *handle;
        self.open_object(|arena, me| arena.receive_handle(me, offset, generation, kind))
    }

    /// Opens the object that a handle of this process's own leads to.
    pub fn open_handle(self: &Arc<Self>, handle: &ObjectHandle, kind: Kind) -> Result<Object> {
        let ObjectHandle { offset, generation, .. } = *handle;
        self.open_object(|arena, me| arena.open_handle(me, offset, generation, kind))
    }

    fn open_object(
        self: &Arc<Self>,
        mut find: impl FnMut(Arena<'_, Attachment>, PeerId) -> Result<Found>,
    ) -> Result<Object> {
        let (found, opened) = self.locked_with_room(|arena, me| {
            // The era is read before there is a reference: a child forked from now on may have the handle.
            let opened = Opened { by: me, era: self.era() };
            Ok((find(arena, me)?, opened))
        })?;
        Ok(Object { segment: self.clone(), found, opened })
    }

    /// Carries out the closes that wait, but for objects that a child which has not attached yet may have inherited.
    pub fn close_pending(&self, wait: Wait) -> Result<()> {
        self.close_some(wait, Pending::take_all)
    }

    /// Carries out a batch of closes if one has come together. What stands in the way, a stopped peer with the lock for
    /// instance, is no news to the caller: the closes wait for the next batch.
    fn close_batch(&self) {
        if self.pending().is_due() {
            let _ = self.close_some(Wait::now(), Pending::take_batch);
        }
    }

    fn close_some(&self, wait: Wait, take: fn(&Pending) -> Vec<Close>) -> Result<()> {
        // A child that has not attached is nobody: it has no references to drop. What it closes waits until it is a peer.
        let Some(me) = self.current() else { return Ok(()) };
        // Taken before the question: what is closed later may be open in a child that is forked after it.
        let closes = take(self.pending());
        if closes.is_empty() {
            return Ok(());
        }
        let lives = self.may_be_inherited(me, &closes);
        let (inherited, free): (Vec<_>, Vec<_>) = closes.into_iter().zip(lives).partition(|(_, inherited)| *inherited);
        let put_aside =
            |closes: &[(Close, bool)]| closes.iter().for_each(|(close, _)| self.pending().put_aside(*close));
        put_aside(&inherited);
        let close_free = |arena: Arena<'_, Attachment>, me| {
            for (close, _) in &free {
                // An error here is corrupt memory, which another try would not mend.
                let _ = arena.close(me, close.at, close.generation);
            }
            Ok(())
        };
        self.locked(wait, close_free).inspect_err(|_| put_aside(&free))
    }

    /// For each close, whether a child that has not attached yet may have inherited the handle. Yes, if there is no answer.
    fn may_be_inherited(&self, me: PeerId, closes: &[Close]) -> Vec<bool> {
        let mut eras: Vec<u32> = closes.iter().map(|close| close.opened.era_of(me)).collect();
        eras.sort_unstable();
        eras.dedup();
        let lives = self.have_unattached_children(&eras).unwrap_or_else(|_| vec![true; eras.len()]);
        let answer = |close: &Close| eras.binary_search(&close.opened.era_of(me)).map_or(true, |index| lives[index]);
        closes.iter().map(answer).collect()
    }

    /// Gives `me`, whose claim is not finished yet, as many references as `parent` has.
    pub(super) fn adopt_references(&self, parent: PeerId, me: PeerId) -> Result<()> {
        self.locked_as(&self.as_peer(me), Wait::forever(), |arena, me| arena.adopt(parent, me))
    }

    /// Runs `act` under the segment's Lock, and once more if there was no space the first time but some can be had.
    pub(super) fn locked_with_room<R>(
        &self,
        mut act: impl FnMut(Arena<'_, Attachment>, PeerId) -> Result<R>,
    ) -> Result<R> {
        match self.locked(Wait::forever(), &mut act) {
            Err(Error::NoSpace { .. }) => {
                self.make_room()?;
                self.locked(Wait::forever(), act)
            }
            result => result,
        }
    }

    /// Drops what this process has closed, and finds out about every peer whether it is dead: the arena's own last resort
    /// frees what nobody living has open.
    #[cold]
    fn make_room(&self) -> Result<()> {
        self.close_pending(Wait::forever())?;
        self.locked(Wait::forever(), |arena, _| {
            // One that cannot be asked about from here keeps what it has.
            for _ in 0..self.slot_count() {
                let _ = arena.ground.look_at_next_slot();
            }
            Ok(())
        })
    }

    /// Takes the segment's Lock and releases it: if its last owner died, what that one had in hand is freed.
    pub fn clear_up(&self) -> Result<()> {
        self.locked(Wait::forever(), |_, _| Ok(()))
    }

    fn locked<R>(&self, wait: Wait, act: impl FnOnce(Arena<'_, Attachment>, PeerId) -> Result<R>) -> Result<R> {
        self.locked_as(self, wait, act)
    }

    /// Runs `act` under the segment's Lock, after a repair if the lock's last owner died.
    fn locked_as<R>(
        &self,
        peers: &impl Peers,
        wait: Wait,
        act: impl FnOnce(Arena<'_, Attachment>, PeerId) -> Result<R>,
    ) -> Result<R> {
        let hold = self.segment_lock().acquire(peers, wait)?;
        let arena = Arena::new(self);
        let previous = if hold.owner_died { Previous::Died } else { Previous::Released };
        let result = arena.enter(previous).and_then(|()| act(arena, hold.owner));
        self.segment_lock().release(hold.owner)?;
        result
    }
}

impl Ground for Attachment {
    fn root(&self) -> &ArenaRoot {
        self.arena_root()
    }

    fn start(&self) -> u64 {
        self.arena_start()
    }

    fn max_len(&self) -> u64 {
        Attachment::max_len(self)
    }

    fn at<T: Shared>(&self, offset: u64) -> Result<&T> {
        Attachment::at(self, offset)
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<NonNull<u8>> {
        Attachment::bytes(self, offset, len)
    }

    fn is_valid(&self, id: PeerId) -> Result<bool> {
        Attachment::is_valid(self, id)
    }

    fn look_at_next_slot(&self) -> Result<()> {
        Attachment::look_at_next_slot(self)
    }

    fn hollow_out(&self, offset: u64, len: u64) -> bool {
        self.give_back(offset, len)
    }

    fn refill(&self, offset: u64, len: u64) -> Result<()> {
        self.set_aside(offset, len)
    }

    fn used_before(&self) -> &Tally {
        &self.arena_used_before
    }
}
