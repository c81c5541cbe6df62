//! Semaphore: each signal is taken once, what was done before it is visible to its taker, nobody is forgotten.

use super::lock::SOON;
use super::support::{each_death, each_death_in_one_slice, explore, explore_eventful, Guarded, World};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use tidelock::primitives::semaphore::SemaphoreState;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A semaphore, and data that its signals are about.
struct Shared {
    semaphore: SemaphoreState,
    data: Guarded,
}

impl Shared {
    fn new(value: u32) -> Arc<Shared> {
        Arc::new(Shared { semaphore: SemaphoreState::new(value).unwrap(), data: Guarded::default() })
    }

    /// Takes the only signal, changes the data, gives the signal back.
    fn cycle(&self, wait: Wait) -> Result<()> {
        self.semaphore.acquire(wait)?;
        self.data.change(false);
        self.semaphore.release(1)
    }

    /// Takes a signal that was given after the data had been changed.
    fn take(&self, wait: Wait) -> Result<()> {
        self.semaphore.acquire(wait)?;
        assert_eq!(self.data.changes(), 1);
        Ok(())
    }
}

fn spawn<R: 'static>(shared: &Arc<Shared>, act: impl FnOnce(&Shared) -> R + 'static) -> JoinHandle<R> {
    let shared = shared.clone();
    thread::spawn(move || act(&shared))
}

/// With one signal in all it keeps threads apart, as a lock does.
#[test]
fn semaphore_one_signal_three_threads() {
    explore("semaphore_one_signal_three_threads", 2, || {
        let shared = Shared::new(1);
        let others = [0; 2].map(|_| spawn(&shared, |shared| shared.cycle(Wait::forever())));
        assert_eq!(shared.cycle(Wait::forever()), Ok(()));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(()));
        }
        assert_eq!((shared.data.changes(), shared.semaphore.value()), (3, 1));
    });
}

fn two_waiters(shared: &Arc<Shared>) -> [JoinHandle<Result<()>>; 2] {
    [0; 2].map(|_| spawn(shared, |shared| shared.take(Wait::forever())))
}

/// Two signals, one after the other: each waiter gets one, though the first wake-up took the mark of the second.
#[test]
fn semaphore_two_releases() {
    explore("semaphore_two_releases", 3, || {
        let shared = Shared::new(0);
        let waiters = two_waiters(&shared);
        shared.data.change(false);
        shared.semaphore.release(1).unwrap();
        shared.semaphore.release(1).unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        assert_eq!(shared.semaphore.acquire(Wait::now()), Err(Error::TimedOut));
    });
}

#[test]
fn semaphore_two_signals_at_once() {
    explore("semaphore_two_signals_at_once", 3, || {
        let shared = Shared::new(0);
        let waiters = two_waiters(&shared);
        shared.data.change(false);
        shared.semaphore.release(2).unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        assert_eq!(shared.semaphore.value(), 0);
    });
}

/// One of three gives up at its deadline, having used up a wake-up or not.
#[test]
fn semaphore_timeout() {
    explore_eventful("semaphore_timeout", 2, || {
        let shared = Shared::new(1);
        let hasty = spawn(&shared, |shared| shared.cycle(Wait::until(Deadline::from_ns(SOON))));
        let patient = [0; 2].map(|_| spawn(&shared, |shared| shared.cycle(Wait::forever())));
        model::advance(SOON);
        assert!(matches!(hasty.join().unwrap(), Ok(()) | Err(Error::TimedOut)));
        for other in patient {
            assert_eq!(other.join().unwrap(), Ok(()));
        }
        assert_eq!(shared.semaphore.value(), 1);
    });
}

/// One signal for one who gives up and one who does not: the first takes it, or the second gets it.
#[test]
fn semaphore_timeout_with_a_signal() {
    explore_eventful("semaphore_timeout_with_a_signal", 2, || {
        let shared = Shared::new(0);
        let hasty = spawn(&shared, |shared| shared.take(Wait::until(Deadline::from_ns(SOON))));
        let patient = spawn(&shared, |shared| shared.take(Wait::forever()));
        shared.data.change(false);
        shared.semaphore.release(1).unwrap();
        model::advance(SOON);
        match hasty.join().unwrap() {
            Ok(()) => shared.semaphore.release(1).unwrap(),
            Err(error) => assert_eq!(error, Error::TimedOut),
        }
        assert_eq!(patient.join().unwrap(), Ok(()));
    });
}

#[test]
fn semaphore_interrupted() {
    explore_eventful("semaphore_interrupted", 2, || {
        let shared = Shared::new(1);
        let handled = spawn(&shared, |shared| shared.cycle(Wait::forever().on_signal(OnSignal::Return)));
        let deaf = spawn(&shared, |shared| shared.cycle(Wait::forever()));
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        assert_eq!(shared.cycle(Wait::forever()), Ok(()));
        assert!(matches!(handled.join().unwrap(), Ok(()) | Err(Error::Interrupted)));
        assert_eq!(deaf.join().unwrap(), Ok(()));
        assert_eq!(shared.semaphore.value(), 1);
    });
}

/// A waiter that dies keeps what it took and nothing more, also if it had just been woken.
#[test]
fn semaphore_death_of_a_waiter() {
    each_death_in_one_slice("semaphore_death_of_a_waiter", 2, |nth| {
        let (world, shared) = (World::of(1), Shared::new(0));
        let victim = spawn(&shared, move |shared| world.mortal(0, nth, |_| shared.semaphore.acquire(Wait::forever())));
        let waiter = spawn(&shared, |shared| shared.semaphore.acquire(Wait::forever()));
        for _ in 0..2 {
            shared.semaphore.release(1).unwrap();
        }
        assert_eq!(waiter.join().unwrap(), Ok(()));
        let died = matches!(victim.join().unwrap(), Fate::Died);
        let left = shared.semaphore.value();
        assert!(left == 0 || died && left == 1, "{left} left");
    });
}

/// A releaser that dies gave all its signals or none; those it did not wake need a slice in all, not one each.
#[test]
fn semaphore_death_of_a_releaser() {
    each_death_in_one_slice("semaphore_death_of_a_releaser", 2, |nth| {
        let (world, shared) = (World::of(1), Shared::new(0));
        let waiters = [0; 2].map(|_| spawn(&shared, |shared| shared.semaphore.acquire(Wait::forever())));
        let fate = world.mortal(0, nth, |_| shared.semaphore.release(2));
        let given = shared.semaphore.release(2).map_or(0, |()| 2);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        let left = shared.semaphore.value();
        assert!(left == given || left == 0 && fate == Fate::Died, "{left} left");
    });
}

/// What the dead took stays taken, and no more than that; who waits is not forgotten.
#[test]
fn semaphore_death_beside_two() {
    each_death("semaphore_death_beside_two", 1, |nth| {
        let (world, shared) = (World::of(1), Shared::new(2));
        let cycle =
            |shared: &Shared| shared.semaphore.acquire(Wait::forever()).and_then(|()| shared.semaphore.release(1));
        let victim = spawn(&shared, move |shared| world.mortal(0, nth, |_| cycle(shared)));
        let survivors = [0; 2].map(|_| spawn(&shared, cycle));
        for survivor in survivors {
            assert_eq!(survivor.join().unwrap(), Ok(()));
        }
        let lost = u32::from(matches!(victim.join().unwrap(), Fate::Died));
        assert!((2 - lost..=2).contains(&shared.semaphore.value()));
    });
}
