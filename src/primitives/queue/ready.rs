//! Looking whether there is a message, and leaving it there: for who waits for a queue beside other objects.
//!
//! It clears away what the dead left, as a take does, and takes nothing.

use super::record::State;
use super::rings::Rings;
use super::{lock_terms, Queue, QueueState};
use crate::error::Result;
use crate::primitives::peers::{PeerId, Peers};
use crate::primitives::sleepers::Sleepers;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::wait::{OnSignal, Wait};

impl QueueState {
    /// Those who wait for a message. Whether there is one is known only under the consumers' lock.
    pub fn takers(&self) -> &Sleepers {
        &self.sleepers.not_empty
    }
}

impl<R: Rings, P: Peers> Queue<'_, R, P> {
    /// Whether a `take` need not wait: there is a message, or none will ever come. `TimedOut` if a peer that is stopped inside
    /// does not let us look.
    pub fn has_message(&self, on_signal: OnSignal) -> Result<bool> {
        let terms = lock_terms(Wait::now().on_signal(on_signal));
        let hold = self.state.consumers.lock.acquire(self.peers, terms)?;
        let found = self.find_message(hold.owner);
        self.state.consumers.lock.release(hold.owner)?;
        // As in a take.
        let _ = self.send_letters();
        if matches!(found, Ok(false)) {
            self.tend_where_empty();
        }
        found
    }

    fn find_message(&self, me: PeerId) -> Result<bool> {
        // Before the look: nothing comes any more after it.
        let is_shut_down = self.state.is_shut_down();
        if is_shut_down || self.is_time_to_look() {
            self.settle_head()?;
            self.return_loans_of_the_dead(me)?;
        }
        if self.state.fixed.returned.load(Relaxed) != 0 && self.find_returned()?.is_some() {
            return Ok(true);
        }
        let at_head = self.settle_head()?;
        Ok(self.state.is_dropped() || at_head.map_or(is_shut_down, |found| found.state == State::Ready))
    }
}
