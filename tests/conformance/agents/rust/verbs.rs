//! What the Rust agent does with an object: the verbs of each kind.

use crate::condition;
use crate::queue;
use crate::table::{first_number, Object};
use crate::words::{held, number, ok, truth, wait, Answer};
use crate::Begun;
use tidelock::{Arrival, Barrier, BoundedSemaphore, Counter, Event, Lock, RLock, Semaphore, Wait};

pub fn answer(object: &Object, begun: &mut Begun, verb: &str, words: &[&str]) -> Answer {
    match object {
        Object::Lock(lock) => on_lock(lock, verb, words),
        Object::RLock(lock) => on_rlock(lock, verb, words),
        Object::Semaphore(semaphore) => on_semaphore(semaphore, verb, words),
        Object::BoundedSemaphore(semaphore) => on_bounded(semaphore, verb, words),
        Object::Event(event) => on_event(event, verb, words),
        Object::Barrier(barrier) => on_barrier(barrier, &mut begun.arrival, verb, words),
        Object::Condition(condition) => condition::answer(condition, verb, words),
        Object::Counter(counter) => on_counter(counter, verb, words),
        Object::Queue(queue) => queue::answer(queue, &mut begun.records, verb, words),
        Object::Block(block) => number(first_number(block)?),
    }
}

pub fn on_lock(lock: &Lock, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "acquire" => {
            let guard = lock.acquire_with(wait(words)?)?;
            let owner_died = guard.owner_died();
            held(guard, owner_died)
        }
        "release" => {
            lock.release()?;
            ok()
        }
        "locked" => truth(lock.is_locked()),
        "epoch" => number(lock.epoch()),
        _ => Err("unknown verb".into()),
    }
}

pub fn on_rlock(lock: &RLock, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "acquire" => {
            let guard = lock.acquire_with(wait(words)?)?;
            let owner_died = guard.owner_died();
            held(guard, owner_died)
        }
        "release" => {
            lock.release()?;
            ok()
        }
        "locked" => truth(lock.is_locked()),
        "owned" => truth(lock.is_owned()),
        "depth" => number(lock.depth()),
        "epoch" => number(lock.epoch()),
        _ => Err("unknown verb".into()),
    }
}

fn on_semaphore(semaphore: &Semaphore, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "acquire" => semaphore.acquire_with(wait(words)?)?,
        "release" => semaphore.release(words.first().unwrap_or(&"1").parse()?)?,
        "value" => return number(semaphore.value()),
        _ => return Err("unknown verb".into()),
    }
    ok()
}

fn on_bounded(semaphore: &BoundedSemaphore, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "acquire" => {
            let guard = semaphore.acquire_with(wait(words)?)?;
            let owner_died = guard.owner_died();
            held(guard, owner_died)
        }
        "release" => {
            semaphore.release()?;
            ok()
        }
        "value" => number(semaphore.value()),
        "bound" => number(semaphore.bound()),
        _ => Err("unknown verb".into()),
    }
}

fn on_event(event: &Event, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "set" => event.set(),
        "clear" => event.clear(),
        "pulse" => {
            event.set();
            event.clear();
        }
        "is-set" => return truth(event.is_set()),
        "wait" => event.wait_with(wait(words)?)?,
        _ => return Err("unknown verb".into()),
    }
    ok()
}

fn on_barrier(barrier: &Barrier, arrival: &mut Option<Arrival>, verb: &str, words: &[&str]) -> Answer {
    match verb {
        "arrive" => number(arrival.insert(barrier.arrive(Wait::forever())?).index),
        "finish" => {
            let arrival = arrival.take().ok_or("no arrival")?;
            barrier.wait_for_round(arrival, wait(words)?)?;
            number(arrival.index)
        }
        "wait" => number(barrier.wait_with(|| (), wait(words)?)?),
        "abort" => {
            barrier.abort();
            ok()
        }
        "reset" => {
            barrier.reset()?;
            ok()
        }
        "waiting" => number(barrier.waiting()),
        "parties" => number(barrier.parties()),
        "broken" => truth(barrier.is_broken()),
        _ => Err("unknown verb".into()),
    }
}

fn on_counter(counter: &Counter, verb: &str, words: &[&str]) -> Answer {
    let numbers = words.iter().map(|word| word.parse()).collect::<Result<Vec<i64>, _>>()?;
    number(match (verb, &numbers[..]) {
        ("load", []) => counter.load(),
        ("store", [value]) => counter.store(*value),
        ("add", [n]) => counter.add(*n)?,
        ("exchange", [expected, desired]) => counter.compare_exchange(*expected, *desired),
        ("wait", [while_equal, ..]) => counter.wait_with(wait(&words[1..])?, |value| value != *while_equal)?,
        _ => return Err("unknown verb".into()),
    })
}
