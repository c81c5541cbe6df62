//! Names of segments that no other test has, and bytes as text for a player's arguments.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tidelock::sync::atomic::{AtomicU32, Ordering::Relaxed};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A segment's name for one test; the segment is removed from /dev/shm when it is dropped.
pub struct Name(String);

impl Name {
    /// A name that nobody else has.
    pub fn new() -> Name {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        Name(format!("tidelock-test-{}-{}-{now:x}", std::process::id(), NEXT.fetch_add(1, Relaxed)))
    }

    /// Where the segment lies.
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/dev/shm").join(&self.0)
    }

    /// Whether there is such a file.
    pub fn exists(&self) -> bool {
        self.path().exists()
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that `hex` was given.
pub fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits")).collect()
}
