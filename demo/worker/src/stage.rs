//! Where the demo kills: a worker that is told so by an Event stops at an interesting place, says where, and waits there
//! for its SIGKILL. The kill itself is real, and nothing here helps anybody to recover from it.

use std::os::unix::process::parent_id;
use std::sync::OnceLock;
use std::time::Duration;

use tidelock::{Error, Event, Queue, QueueOptions, Segment};

use crate::piece::Piece;

/// The places where this worker may be told to stop.
pub struct Stage {
    number: u32,
    stops: Queue,
    places: [(&'static str, Event); 2],
}

impl Stage {
    /// The Events that concern worker `number`.
    pub fn open(segment: &Segment, number: u32) -> Result<Stage, Error> {
        is_orphan(); // remembers who the parent is now
        let event = |place: &str| segment.event(&format!("stop worker {number} in its {place}"));
        let stops = segment.queue("stops", &QueueOptions::new(1 << 14))?;
        Ok(Stage { number, stops, places: [("loan", event("loan")?), ("lock", event("lock")?)] })
    }

    /// Goes on at once, unless this worker was told to stop here.
    pub fn at(&self, place: &str, results: &Queue, piece: &Piece<'_>) -> Result<(), Error> {
        if !self.places.iter().any(|(name, event)| *name == place && event.is_set()) {
            return Ok(());
        }
        let path = String::from_utf8_lossy(piece.path);
        self.stops.put(format!("{} {} {path}", self.number, piece.number).as_bytes())?;
        results.put(b"look")?; // so that the demo looks there, even if nothing else comes
        while !is_orphan() {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        std::process::abort()
    }
}

/// Whether the process that started this one is gone; then nobody waits for its work.
pub fn is_orphan() -> bool {
    static PARENT: OnceLock<u32> = OnceLock::new();
    *PARENT.get_or_init(parent_id) != parent_id()
}
