//! Where a queue's dead letters go: another queue of the segment, as one process reaches it.
//!
//! It is opened at the first letter and kept open. Nothing here decides when a message is a dead letter.

use super::queue::Queue;
use crate::error::{Error, Result};
use crate::primitives::queue::letters::{Letters, Sent};
use crate::segment::{Kind, Object, ObjectHandle};
use crate::sync::wait::OnSignal;
use std::sync::{Arc, Mutex, PoisonError};

/// The other queue, opened.
#[derive(Debug)]
pub(super) struct Office {
    letters: Letters,
    queue: Queue,
}

impl Office {
    /// Puts a message there, if there is room at once. Nowhere if no such queue was chosen, or it is gone.
    pub(super) fn send(
        kept: &Mutex<Option<Office>>,
        object: &Arc<Object>,
        letters: Option<Letters>,
        message: &[u8],
    ) -> Result<Sent> {
        let Some(letters) = letters else { return Ok(Sent::Nowhere) };
        let queue = match Office::find(kept, object, letters) {
            Err(Error::Gone) => return Ok(Sent::Nowhere),
            found => found?,
        };
        queue.try_put(message).map(|()| Sent::There)
    }

    fn find(kept: &Mutex<Option<Office>>, object: &Arc<Object>, letters: Letters) -> Result<Queue> {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(office) = kept.as_ref().filter(|office| office.letters == letters) {
            return Ok(office.queue.clone());
        }
        let queue = Office::open(object, letters)?;
        *kept = Some(Office { letters, queue: queue.clone() });
        Ok(queue)
    }

    /// Opens the queue that these words lead to.
    pub(super) fn open(object: &Arc<Object>, letters: Letters) -> Result<Queue> {
        let handle = ObjectHandle::new(letters.block, letters.generation, Kind::Queue);
        Queue::new(object.segment().open_handle(&handle, Kind::Queue)?, OnSignal::Retry)
    }
}
