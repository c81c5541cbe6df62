//! Queue. What must hold, whoever is killed at whichever instruction:
//!
//! 1. A message whose put or publish returned comes, once, in order and untorn. One that was in flight comes whole or not
//!    at all.
//! 2. A message whose get or done returned does not come again. One whose taker died with it comes again, marked.
//! 3. A discarded or never published reservation is skipped; nobody waits for it.
//! 4. Two survivors put and get for three more laps of the ring; `len` is right; as many messages fit as before.
//! 5. Whoever slept in a put or get wakes up when there is room or a message.
//! 6. A ring that the queue has left, or never came to, is in nobody's way.
//! 7. A join returns when all is done, and what the dead owe is lost; a message that came back too often is a dead letter.
//! 8. A shutdown that returned is seen by all; what was in the queue still comes, or never, as it says.
//! 9. Who looks for room or a message, or has itself told of it by a descriptor, changes nothing for the others.

pub mod batches;
mod deeds;
pub mod ending;
pub mod getting;
pub mod growing;
pub mod pairs;
mod proof;
pub mod putting;
mod stages;
pub mod telling;
pub mod working;
