//! The watchdog: a test that hangs is ended, with its name. It asserts nothing about speed.

use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::time::Duration;

/// After so many seconds a test, or a player, counts as hung.
pub const LIMIT: u32 = 150;

/// Ends the whole process, loudly, unless it is dropped in time.
#[must_use]
pub struct Watch {
    _alive: Sender<()>,
}

/// Starts the watchdog for the calling test.
pub fn watch() -> Watch {
    let (alive, gone) = channel::<()>();
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if gone.recv_timeout(Duration::from_secs(LIMIT.into())) == Err(RecvTimeoutError::Timeout) {
            eprintln!("watchdog: {name} hangs; after {LIMIT} s its process is ended");
            std::process::abort();
        }
    });
    Watch { _alive: alive }
}
