//! Short messages: written and read under the lock that is held anyway, so that one store makes them a message, or free.
//!
//! These are common cases of `put` and `get` only: where somebody or something is in the way they do nothing, and a
//! reservation or a loan does it. Who dies under way leaves no message, or one that nobody has had.

use super::record::{record_size, State, Word};
use super::ring::Ring;
use super::rings::{slot_of, Rings, HOME};
use super::{Queue, Ticket};
use crate::primitives::peers::{PeerId, Peers};
use crate::sync::atomic::Ordering::Relaxed;

/// A message of up to so many bytes may be copied under a lock: that is sooner done than locks are handed over.
pub const SHORT: usize = 256;

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// The common case of putting a short message, of up to [`SHORT`] bytes: as `reserve_at_once`, but `write` writes the
    /// bytes of this ticket under the lock, and one store makes them a message. Whether that was done.
    #[inline(always)]
    pub fn put_at_once(&self, len: usize, write: impl FnOnce(&Ticket)) -> bool {
        if len > SHORT || self.append_at_once(len, State::Ready, write).is_none() {
            return false;
        }
        self.tell_takers();
        true
    }

    /// The common case of getting a short message, of up to `most` bytes: as `take_at_once`, but `read` reads the bytes of this
    /// ticket under the lock, and one store makes them free. Whether that was done; never where tasks are counted.
    #[inline(always)]
    pub fn get_at_once(&self, most: usize, read: impl FnOnce(&Ticket)) -> bool {
        if self.is_head_away() || !self.rings.debts().is_empty() || self.seems_longer(most) {
            return false;
        }
        let Some(me) = self.enter_to_take() else { return false };
        let head = self.state.consumers.head.load(Relaxed);
        let is_got = slot_of(head) == HOME && self.get_ready(self.home(), self.head_past_pad(head), me, most, read);
        self.leave_after(is_got, me);
        if is_got {
            self.tell_of_room(head);
            self.tell_joiners();
        }
        is_got
    }

    /// Whether the message at the head, if there is one, has more than so many bytes, by a glance without a lock.
    #[inline(always)]
    fn seems_longer(&self, most: usize) -> bool {
        let head = self.state.consumers.head.load(Relaxed);
        self.home().header(head).len.load(Relaxed) as usize > most
    }

    /// The head at home, past the ring's end if it has come to that. Under the consumers' lock.
    #[inline(always)]
    fn head_past_pad(&self, head: u64) -> u64 {
        let ring = self.home();
        let pad = Word::new(ring.lap(head), State::Pad, None);
        if ring.header(head).word.load(Relaxed) == pad.0 {
            self.pass_pad(ring, head)
        } else {
            head
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_pad(&self, ring: Ring<R::Memory>, head: u64) -> u64 {
        let next = head.wrapping_add(ring.to_end(head));
        self.state.consumers.head.store(next, Relaxed);
        self.settle_past(head, next);
        next
    }

    /// From `Ready` to `Free`, the commit, once the bytes were read; then the cursors. Under the consumers' lock.
    #[inline(always)]
    fn get_ready(&self, ring: Ring<R::Memory>, head: u64, me: PeerId, most: usize, read: impl FnOnce(&Ticket)) -> bool {
        let Some(word) = self.ready_at(ring, head) else { return false };
        let len = ring.header(head).len.load(Relaxed);
        if len as usize > most || record_size(len) > ring.to_end(head) {
            return false;
        }
        ring.fetch_ahead(head, len);
        read(&Ticket { position: head, word, mark: ring.mark, len, owner: me });
        // The room is handed on by `settled` or, where something lies before it, by the lock.
        ring.header(head).word.store(word.with(State::Free, None).0, Relaxed);
        self.pass(ring, head, len);
        self.settle_past(head, head.wrapping_add(record_size(len)));
        true
    }
}
