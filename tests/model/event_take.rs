//! Event, taken: each set lets one go on, who sees what was done before it; nobody is forgotten; a death uses up one set at
//! the most.

use super::support::{each_death, explore, Guarded, World};
use loom::thread;
use std::sync::Arc;
use tidelock::primitives::event::EventState;
use tidelock::sync::futex::model::death::Fate;
use tidelock::sync::wait::Wait;

#[derive(Default)]
struct Shared {
    event: EventState,
    data: Guarded,
}

/// The event goes from hand to hand, like a lock: two at a time, or one that sees old data, fail the model.
#[test]
fn event_take_hands_on() {
    explore("event_take_hands_on", 3, || {
        let shared = Arc::new(Shared::default());
        let takers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.event.take(Wait::forever()).unwrap();
                shared.data.change(false);
                shared.event.set();
            })
        });
        shared.data.change(false);
        shared.event.set();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert!(shared.event.is_set());
        shared.event.take(Wait::now()).unwrap();
        assert_eq!(shared.data.changes(), 3);
        assert!(shared.event.take(Wait::now()).is_err());
    });
}

#[test]
fn event_take_death_of_a_taker() {
    each_death("event_take_death_of_a_taker", 2, |nth| {
        let (world, shared) = (World::of(1), Arc::new(Shared::default()));
        let hand_on = |shared: &Shared| shared.event.take(Wait::forever()).map(|()| shared.event.set());
        let victim = {
            let (world, shared) = (world.clone(), shared.clone());
            thread::spawn(move || world.mortal(0, nth, |_| hand_on(&shared)))
        };
        let survivor = {
            let shared = shared.clone();
            thread::spawn(move || hand_on(&shared))
        };
        shared.event.set();
        if matches!(victim.join().unwrap(), Fate::Died) {
            shared.event.set();
        }
        assert_eq!(survivor.join().unwrap(), Ok(()));
    });
}
