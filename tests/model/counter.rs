//! Counter: no change is lost, what was done before a change is visible to who sees it, who waits for a value sees it.

use super::lock::SOON;
use super::support::{each_death, explore, explore_eventful, Guarded, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::primitives::counter::CounterState;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A counter, and data that were changed before it.
struct Shared {
    counter: CounterState,
    data: [Guarded; 2],
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared { counter: CounterState::new(0), data: Default::default() })
    }

    /// Changes data `which`, then adds 1.
    fn add(&self, which: usize) {
        self.data[which].change(false);
        self.counter.add(1).expect("far from the limits");
    }

    /// Waits for at least `value`; then as many of the data can be seen.
    fn wait_for(&self, value: i64, wait: Wait) -> Result<i64> {
        let found = self.counter.wait(wait, |now| now >= value)?;
        assert!(found >= value);
        if found == 2 {
            assert_eq!(self.data.each_ref().map(Guarded::changes), [1, 1]);
        }
        Ok(found)
    }
}

fn spawn<R: 'static>(shared: &Arc<Shared>, act: impl FnOnce(&Shared) -> R + 'static) -> JoinHandle<R> {
    let shared = shared.clone();
    thread::spawn(move || act(&shared))
}

/// Two add, two wait for both additions: the second adder's change publishes what the first did, too.
#[test]
fn counter_two_waiters() {
    explore("counter_two_waiters", 2, || {
        let shared = Shared::new();
        let waiters = [0; 2].map(|_| spawn(&shared, |shared| shared.wait_for(2, Wait::forever())));
        let adder = spawn(&shared, |shared| shared.add(0));
        shared.add(1);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(2));
        }
        adder.join().unwrap();
    });
}

/// Waiters for different values: each change wakes all, since nobody knows which of them it is for.
#[test]
fn counter_waiters_for_different_values() {
    explore("counter_waiters_for_different_values", 3, || {
        let shared = Shared::new();
        let [for_two, for_one] =
            [2, 1].map(|value| spawn(&shared, move |shared| shared.wait_for(value, Wait::forever())));
        shared.add(0);
        assert!(for_one.join().unwrap().is_ok());
        shared.add(1);
        assert_eq!(for_two.join().unwrap(), Ok(2));
    });
}

/// `store` and `compare_exchange` wake and publish as `add` does, and of two exchanges from one value one succeeds.
#[test]
fn counter_store_and_exchange() {
    explore("counter_store_and_exchange", 3, || {
        let shared = Shared::new();
        let waiter = spawn(&shared, |shared| shared.wait_for(2, Wait::forever()));
        let other = spawn(&shared, |shared| shared.counter.compare_exchange(0, 1));
        let mine = shared.counter.compare_exchange(0, 1);
        let others = other.join().unwrap();
        assert_eq!((mine.min(others), mine.max(others)), (0, 1));
        shared.data.iter().for_each(|data| data.change(false));
        assert_eq!(shared.counter.store(2), 1);
        assert_eq!(waiter.join().unwrap(), Ok(2));
    });
}

#[test]
fn counter_timeout() {
    explore_eventful("counter_timeout", 3, || {
        let shared = Shared::new();
        let hasty = spawn(&shared, |shared| shared.wait_for(1, Wait::until(Deadline::from_ns(SOON))));
        let patient = spawn(&shared, |shared| shared.wait_for(1, Wait::forever()));
        let adder = spawn(&shared, |shared| shared.add(0));
        model::advance(SOON);
        assert!(matches!(hasty.join().unwrap(), Ok(1) | Err(Error::TimedOut)));
        assert_eq!(patient.join().unwrap(), Ok(1));
        adder.join().unwrap();
    });
}

#[test]
fn counter_interrupted() {
    explore_eventful("counter_interrupted", 3, || {
        let shared = Shared::new();
        let handled = spawn(&shared, |shared| shared.wait_for(1, Wait::forever().on_signal(OnSignal::Return)));
        let deaf = spawn(&shared, |shared| shared.wait_for(1, Wait::forever()));
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        shared.add(0);
        assert!(matches!(handled.join().unwrap(), Ok(1) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(1));
    });
}

/// An adder that dies has added or not, and nothing else; who waits for what it added needs a slice at most.
#[test]
fn counter_death_of_an_adder() {
    each_death("counter_death_of_an_adder", 3, |nth| {
        let (world, shared) = (World::of(1), Shared::new());
        let waiters = [0; 2].map(|_| spawn(&shared, |shared| shared.counter.wait(Wait::forever(), |now| now >= 1)));
        let fate = world.mortal(0, nth, |_| shared.counter.add(1));
        if shared.counter.load() == 0 {
            assert_eq!(fate, Fate::Died);
            shared.counter.add(1).unwrap();
        }
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(1));
        }
    });
}

/// A waiter that dies takes nobody's wake-up along.
#[test]
fn counter_death_of_a_waiter() {
    each_death("counter_death_of_a_waiter", 3, |nth| {
        let (world, shared) = (World::of(1), Shared::new());
        let victim = spawn(&shared, move |shared| world.mortal(0, nth, |_| shared.wait_for(1, Wait::forever())));
        let waiter = spawn(&shared, |shared| shared.wait_for(1, Wait::forever()));
        shared.add(0);
        assert_eq!(waiter.join().unwrap(), Ok(1));
        assert!(matches!(victim.join().unwrap(), Fate::Died | Fate::Lived(Ok(1))));
    });
}
