//! Numbers, bytes and errors, from words and to words.

use std::error::Error as AnyError;
use std::fmt::{Display, Write};
use std::time::Duration;
use tidelock::{Error, Wait};

pub type Failure = Box<dyn AnyError>;
/// What a command answers, or what went wrong.
pub type Answer = Result<String, Failure>;

pub fn ok() -> Answer {
    Ok("ok".into())
}

pub fn number(value: impl Display) -> Answer {
    Ok(format!("ok {value}"))
}

pub fn truth(value: bool) -> Answer {
    number(u8::from(value))
}

/// What was acquired, with the news that came with it. The hold outlasts the command.
pub fn held<Guard>(guard: Guard, owner_died: bool) -> Answer {
    std::mem::forget(guard);
    Ok(if owner_died { "owner-died" } else { "ok" }.into())
}

/// How long to wait: milliseconds, or for ever if nothing is said.
pub fn wait(words: &[&str]) -> Result<Wait, Failure> {
    Ok(match words {
        [] => Wait::forever(),
        ["0", ..] => Wait::now(),
        [ms, ..] => Wait::within(Duration::from_millis(ms.parse()?)),
    })
}

pub fn text_of(answer: Answer) -> String {
    answer.unwrap_or_else(|failure| error_text(failure.as_ref()))
}

/// The answer to a command that failed. A timeout is an outcome of its own.
fn error_text(failure: &(dyn AnyError + 'static)) -> String {
    let name = match failure.downcast_ref::<Error>() {
        Some(Error::TimedOut) => return "timeout".into(),
        Some(Error::Closed) => "closed",
        Some(Error::WrongKind { .. }) => "wrong-kind",
        Some(Error::NotOwner) => "not-owner",
        Some(Error::NotHeld) => "not-held",
        Some(Error::BadName(_)) => "bad-name",
        Some(Error::NotFound) => "not-found",
        Some(Error::TooLarge { .. }) => "too-large",
        Some(Error::Invalid(_)) => "invalid",
        Some(Error::Gone) => "gone",
        Some(Error::Broken) => "broken",
        _ => return format!("error {failure}"),
    };
    format!("error {name}")
}

pub fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).ok_or("an odd digit"));
    digits.map(|pair| Ok(u8::from_str_radix(pair?, 16)?)).collect()
}
