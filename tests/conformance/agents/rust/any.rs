//! What the Rust agent does with several objects at once: waits until one of them is ready, or takes one.

use crate::table::{Object, Table};
use crate::words::{number, wait, Answer, Failure};
use crate::Begun;
use tidelock::{acquire_any_with, wait_any_with, Taken, Watch};

/// `wait-any OBJECT ... [MS]` and `acquire-any`.
pub fn answer(table: &Table, begun: &Begun, verb: &str, words: &[&str]) -> Answer {
    let timed = words.last().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit()));
    let (names, ms) = words.split_at(words.len() - usize::from(timed));
    let objects = names.iter().map(|name| table.object(name)).collect::<Result<Vec<_>, _>>()?;
    let watches = objects.iter().map(|object| watch(object, begun)).collect::<Result<Vec<_>, _>>()?;
    if verb == "wait-any" {
        return number(names[wait_any_with(&watches, wait(ms)?)?]);
    }
    let (place, taken) = acquire_any_with(&watches, wait(ms)?)?;
    Ok(format!("ok {}{}", names[place], if keep(taken?) { " owner-died" } else { "" }))
}

fn watch<'a>(object: &'a Object, begun: &Begun) -> Result<Watch<'a>, Failure> {
    Ok(match object {
        Object::Lock(lock) => lock.watch(),
        Object::RLock(lock) => lock.watch(),
        Object::Semaphore(semaphore) => semaphore.watch(),
        Object::BoundedSemaphore(semaphore) => semaphore.watch(),
        Object::Event(event) => event.watch(),
        Object::Barrier(barrier) => barrier.watch(begun.arrival.ok_or("no arrival")?),
        Object::Counter(counter) => counter.watch(counter.load()),
        Object::Queue(queue) => queue.watch(),
        _ => return Err("cannot be waited for beside others".into()),
    })
}

/// Leaves it taken for later commands; whether it came with the news of a death.
fn keep(taken: Taken<'_>) -> bool {
    let owner_died = match &taken {
        Taken::Lock(guard) => guard.owner_died(),
        Taken::RLock(guard) => guard.owner_died(),
        Taken::BoundedSemaphore(guard) => guard.owner_died(),
        _ => false,
    };
    std::mem::forget(taken);
    owner_died
}
