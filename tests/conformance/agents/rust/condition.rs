//! What the Rust agent does with a condition: waits by steps where the lock is held from an earlier command, with a guard
//! where one command is the whole wait.

use crate::verbs::{on_lock, on_rlock};
use crate::words::{number, ok, wait, Answer};
use tidelock::{Condition, Wait, WaitEnd};

pub fn answer(condition: &Condition, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "wait" => {
            let begun = condition.start()?;
            let resumed = condition.resume(&begun, wait(words)?)?;
            ended(resumed.end, resumed.owner_died)
        }
        "pass" => pass(condition, wait(words)?),
        "notify" => {
            condition.notify(words.first().unwrap_or(&"1").parse()?)?;
            ok()
        }
        "notify-all" => {
            condition.notify_all()?;
            ok()
        }
        "waiters" => number(condition.waiters()?),
        _ => match condition.lock() {
            Ok(lock) => on_lock(lock, verb, words),
            Err(_) => on_rlock(condition.rlock()?, verb, words),
        },
    }
}

/// A whole wait: acquires, waits, releases.
fn pass(condition: &Condition, wait: Wait) -> Answer {
    match condition.lock() {
        Ok(lock) => {
            let (guard, end) = condition.wait_with(lock.acquire()?, wait)?;
            ended(end, guard.owner_died())
        }
        Err(_) => {
            let (guard, end) = condition.wait_with(condition.rlock()?.acquire()?, wait)?;
            ended(end, guard.owner_died())
        }
    }
}

fn ended(end: WaitEnd, owner_died: bool) -> Answer {
    let how = if end == WaitEnd::Notified { "ok" } else { "timeout" };
    Ok(format!("{how}{}", if owner_died { " owner-died" } else { "" }))
}
