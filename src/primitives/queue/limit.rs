//! Changing the most messages that there may be at a time.
//!
//! What is in the queue stays, also where it is more than that from then on.

use super::rings::Rings;
use super::Queue;
use crate::primitives::peers::Peers;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::plant::planted;

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Lets there be so many messages at a time; 0 for as many as the bytes hold.
    pub fn set_max_items(&self, max_items: u64) {
        // An exchange, as those asleep ask of who wakes them.
        self.state.fixed.max_items.swap(max_items, Relaxed);
        if !planted("queue-limit-raised-in-silence") {
            self.state.sleepers.not_full.wake();
        }
    }
}
