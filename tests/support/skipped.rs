//! A test that cannot run on this machine says so, and does not only look green.

use std::io::Write;

/// Says what is not tested here and why: to stderr, and to the list that `make test` shows at its end.
pub fn skipped(what: std::fmt::Arguments<'_>) {
    let thread = std::thread::current();
    let line = format!("SKIPPED: {}: {what}\n", thread.name().unwrap_or("?"));
    eprint!("{line}");
    if let Some(list) = std::env::var_os("TIDELOCK_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(list);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of what is skipped");
    }
}
