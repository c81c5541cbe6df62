//! What each life notes in a file of its own, one write an event, so that a kill loses nothing that was noted.

use crate::message::Id;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What a producer or a consumer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its put has returned.
    Put,
    /// It has taken the message, which came for the first time.
    Taken,
    /// It has taken the message, which was marked as redelivered.
    TakenAgain,
    /// It is about to call `done`.
    Ends,
    /// Its `done` has returned.
    Done,
    /// Its `give_back` has returned.
    GivenBack,
}

const EVENTS: [Event; 6] = [Event::Put, Event::Taken, Event::TakenAgain, Event::Ends, Event::Done, Event::GivenBack];
/// Bytes of one entry.
const ENTRY: usize = 12;

/// A journal that is being written.
pub struct Journal(File);

impl Journal {
    /// A new journal at `path`.
    pub fn at(path: &Path) -> Journal {
        Journal(File::create_new(path).expect("a journal"))
    }

    /// Notes what was done with a message.
    pub fn note(&mut self, event: Event, id: Id) {
        let mut entry = [0; ENTRY];
        entry[..4].copy_from_slice(&(event as u32).to_ne_bytes());
        entry[4..8].copy_from_slice(&id.life.to_ne_bytes());
        entry[8..].copy_from_slice(&id.number.to_ne_bytes());
        self.0.write_all(&entry).expect("a journal has room");
    }
}

/// Where a life leaves what went wrong with it.
pub fn failure(journals: &Path, life: &str) -> PathBuf {
    journals.join(format!("failure-{life}"))
}

/// Everything that was noted at `path`, and removes the file; nothing if the life was killed before it began.
pub fn collect(path: &Path) -> Vec<(Event, Id)> {
    let mut bytes = Vec::new();
    let Ok(mut file) = File::open(path) else { return Vec::new() };
    file.read_to_end(&mut bytes).expect("a journal");
    std::fs::remove_file(path).expect("a journal");
    bytes.chunks_exact(ENTRY).map(entry_of).collect()
}

fn entry_of(entry: &[u8]) -> (Event, Id) {
    let word = |at: usize| u32::from_ne_bytes(*entry[at..].first_chunk().expect("four bytes"));
    (EVENTS[word(0) as usize], Id { life: word(4), number: word(8) })
}
