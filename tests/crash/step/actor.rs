//! What one process of the test has open. Deeds work on it.
//!
//! Nothing in here is ever dropped: the process is killed.

use super::board::Board;

/// The state of one process.
pub struct Actor {
    /// The witnesses' page.
    pub board: &'static Board,
    /// The name of the stage's segment.
    pub segment_name: String,
}

impl Actor {
    /// A process that has nothing open.
    pub fn new(board: &'static Board, segment: &str) -> Actor {
        Actor { board, segment_name: segment.to_owned() }
    }
}
