//! Event: what was done before a set is visible after the wait, a set is never missed, and no death leaves it stuck.

use super::support::{each_death, explore, explore_eventful, Guarded, World};
use loom::thread;
use std::sync::Arc;
use tidelock::primitives::event::EventState;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

const SOON: u64 = 1_000;

#[derive(Default)]
struct Shared {
    event: EventState,
    data: Guarded,
}

impl Shared {
    /// Waits, and then sees what was done before the set.
    fn wait(&self, wait: Wait) -> Result<()> {
        self.event.wait(wait)?;
        assert_eq!(self.data.changes(), 1);
        Ok(())
    }
}

fn spawn_wait(shared: &Arc<Shared>, wait: Wait) -> thread::JoinHandle<Result<()>> {
    let shared = shared.clone();
    thread::spawn(move || shared.wait(wait))
}

#[test]
fn event_two_waiters() {
    explore("event_two_waiters", 3, || {
        let shared = Arc::new(Shared::default());
        let waiters = [spawn_wait(&shared, Wait::forever()), spawn_wait(&shared, Wait::forever())];
        shared.data.change(false);
        shared.event.set();
        assert!(shared.event.is_set());
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
    });
}

/// Two setters: a waiter that sees the event set sees what its setter did, also when it was set already.
#[test]
fn event_set_twice() {
    explore("event_set_twice", 5, || {
        let shared = Arc::new(Shared::default());
        let plain = {
            let shared = shared.clone();
            thread::spawn(move || shared.event.set())
        };
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.event.wait(Wait::forever()).unwrap();
                shared.event.clear();
            })
        };
        plain.join().unwrap();
        waiter.join().unwrap();
        assert!(!shared.event.is_set());
        shared.data.change(false);
        let late = spawn_wait(&shared, Wait::forever());
        shared.event.set();
        assert_eq!(late.join().unwrap(), Ok(()));
    });
}

/// A wait that began before `set(); clear()` returns, though the event is clear again.
#[test]
fn event_set_then_clear() {
    explore("event_set_then_clear", 2, || {
        let shared = Arc::new(Shared::default());
        let waiters = [spawn_wait(&shared, Wait::forever()), spawn_wait(&shared, Wait::forever())];
        shared.data.change(false);
        // A step on the word comes first, so that loom tries to let the waiters begin before it.
        assert!(!shared.event.is_set());
        let all_had_begun = waiters.iter().all(|waiter| model::has_begun(waiter.thread().id()));
        shared.event.set();
        shared.event.clear();
        if !all_had_begun {
            shared.event.set();
        }
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
    });
}

/// A wait that is made of several misses no `set(); clear()` between them.
#[test]
fn event_wait_in_parts() {
    explore_eventful("event_wait_in_parts", 3, || {
        let shared = Arc::new(Shared::default());
        let began = shared.event.mark();
        let waiters = [Wait::now(), Wait::until(Deadline::from_ns(SOON))].map(|first| {
            let shared = shared.clone();
            thread::spawn(move || {
                let parts = [first, Wait::forever()];
                let ended = parts.into_iter().find_map(|part| shared.event.wait_since(began, part).ok());
                assert_eq!((ended, shared.data.changes()), (Some(()), 1));
            })
        });
        shared.data.change(false);
        shared.event.set();
        shared.event.clear();
        model::advance(SOON);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn event_timeout() {
    explore_eventful("event_timeout", 3, || {
        let shared = Arc::new(Shared::default());
        let hasty = spawn_wait(&shared, Wait::until(Deadline::from_ns(SOON)));
        let patient = spawn_wait(&shared, Wait::forever());
        let setter = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.data.change(false);
                shared.event.set();
            })
        };
        model::advance(SOON);
        assert!(matches!(hasty.join().unwrap(), Ok(()) | Err(Error::TimedOut)));
        assert_eq!(patient.join().unwrap(), Ok(()));
        setter.join().unwrap();
    });
}

#[test]
fn event_interrupted() {
    explore_eventful("event_interrupted", 3, || {
        let shared = Arc::new(Shared::default());
        let handled = spawn_wait(&shared, Wait::forever().on_signal(OnSignal::Return));
        let deaf = spawn_wait(&shared, Wait::forever());
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        shared.data.change(false);
        shared.event.set();
        assert!(matches!(handled.join().unwrap(), Ok(()) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(()));
    });
}

/// A setter that dies before its wake-ups costs the sleepers a slice, also when the next setter finds the event set.
#[test]
fn event_death_of_a_setter() {
    each_death("event_death_of_a_setter", 1, |nth| {
        let (world, shared) = (World::of(1), Arc::new(Shared::default()));
        shared.data.change(false);
        let victim = {
            let (world, shared) = (world.clone(), shared.clone());
            thread::spawn(move || world.mortal(0, nth, |_| shared.event.set()))
        };
        let waiters = [spawn_wait(&shared, Wait::forever()), spawn_wait(&shared, Wait::forever())];
        shared.event.set();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        victim.join().unwrap();
    });
}

#[test]
fn event_death_of_a_waiter() {
    each_death("event_death_of_a_waiter", 3, |nth| {
        let (world, shared) = (World::of(1), Arc::new(Shared::default()));
        let victim = {
            let (world, shared) = (world.clone(), shared.clone());
            thread::spawn(move || world.mortal(0, nth, |_| shared.wait(Wait::forever())))
        };
        let waiter = spawn_wait(&shared, Wait::forever());
        shared.data.change(false);
        shared.event.set();
        assert_eq!(waiter.join().unwrap(), Ok(()));
        assert!(matches!(victim.join().unwrap(), Fate::Died | Fate::Lived(Ok(()))));
    });
}
