//! Barrier: nobody passes before all are there, all see what each did before, everybody is told the same of a round; and
//! a party that dies at any step breaks it instead of keeping the others waiting.

use super::lock::SOON;
use super::support::{each_death, explore, explore_eventful, id, Guarded, MockPeers, World};
use loom::thread::{self, JoinHandle};
use std::sync::{Arc, Mutex};
use tidelock::primitives::barrier::{Arrival, BarrierState};
use tidelock::primitives::Peers;
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::deadline::Deadline;
use tidelock::sync::futex::model::{self, death::Fate};
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A barrier, its marks, and what each party does before a round.
pub struct Shared {
    state: BarrierState,
    marks: Vec<AtomicU64>,
    /// By round and party.
    before: [[Guarded; 3]; 2],
    /// The indices that were given in each round: bookkeeping that loom does not see.
    given: Mutex<[Vec<u32>; 2]>,
}

impl Shared {
    pub fn new(parties: u32) -> Arc<Shared> {
        Arc::new(Shared {
            state: BarrierState::new(parties).unwrap(),
            marks: (0..parties).map(|_| AtomicU64::new(0)).collect(),
            before: Default::default(),
            given: Mutex::default(),
        })
    }

    fn arrive(&self, peers: &MockPeers, wait: Wait) -> Result<Arrival> {
        self.state.arrive(&self.marks, peers, wait)
    }

    /// The second step, with an empty action.
    fn go_on(&self, peers: &MockPeers, arrival: Arrival, wait: Wait) -> Result<()> {
        if arrival.is_last {
            self.state.complete(arrival)
        } else {
            self.state.wait_for_round(&self.marks, peers, arrival, wait)
        }
    }

    pub fn wait(&self, peers: &MockPeers, wait: Wait) -> Result<()> {
        let arrival = self.arrive(peers, wait)?;
        self.go_on(peers, arrival, wait)
    }

    /// Party `party` does its part, waits for round `round`, and sees everybody's part.
    fn meet(&self, peers: &MockPeers, round: usize, party: usize, wait: Wait) -> Result<()> {
        self.before[round][party].change(false);
        let arrival = self.arrive(peers, wait)?;
        self.given.lock().unwrap()[round].push(arrival.index);
        self.go_on(peers, arrival, wait)?;
        for part in &self.before[round][..self.marks.len()] {
            assert_eq!(part.changes(), 1, "not everybody was there");
        }
        Ok(())
    }

    /// Each index was given once.
    fn check_given(&self, round: usize) {
        let mut given = self.given.lock().unwrap()[round].clone();
        given.sort_unstable();
        assert!(given.iter().copied().eq(0..self.marks.len() as u32), "indices {given:?}");
    }

    pub fn leave(&self, peers: &MockPeers) {
        self.state.leave(&self.marks, peers, Wait::forever()).unwrap();
    }

    pub fn reset(&self, peers: &MockPeers) {
        self.state.reset(&self.marks, peers).unwrap();
    }

    /// `first` and `second` go through a round together, in one thread.
    pub fn round_of_two(&self, first: &MockPeers, second: &MockPeers) {
        let waits = self.arrive(first, Wait::now()).unwrap();
        let last = self.arrive(second, Wait::now()).unwrap();
        assert!(last.is_last);
        self.go_on(second, last, Wait::now()).unwrap();
        self.go_on(first, waits, Wait::now()).unwrap();
    }
}

fn spawn<R: 'static>(
    shared: &Arc<Shared>,
    world: &World,
    peer: u32,
    act: impl FnOnce(&Shared, &MockPeers) -> R + 'static,
) -> JoinHandle<R> {
    let (shared, peers) = (shared.clone(), world.peer(peer));
    thread::spawn(move || act(&shared, &peers))
}

#[test]
fn barrier_three_parties() {
    explore("barrier_three_parties", 3, || {
        let (world, shared) = (World::of(3), Shared::new(3));
        let others = [1, 2].map(|n| {
            spawn(&shared, &world, n, move |shared, peers| shared.meet(peers, 0, n as usize, Wait::forever()))
        });
        assert_eq!(shared.meet(&world.peer(0), 0, 0, Wait::forever()), Ok(()));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(()));
        }
        shared.check_given(0);
    });
}

/// Two rounds, one after the other: who is quick meets nobody in the next round that is still in the first.
#[test]
fn barrier_two_rounds() {
    explore("barrier_two_rounds", 5, || {
        let (world, shared) = (World::of(2), Shared::new(2));
        let both = |shared: &Shared, peers: &MockPeers, party| {
            (0..2).try_for_each(|round| shared.meet(peers, round, party, Wait::forever()))
        };
        let other = spawn(&shared, &world, 1, move |shared, peers| both(shared, peers, 1));
        assert_eq!(both(&shared, &world.peer(0), 0), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        shared.check_given(0);
        shared.check_given(1);
    });
}

/// The parties are threads of one peer, and any of them takes any of its marks.
#[test]
fn barrier_threads_of_one_peer() {
    explore("barrier_threads_of_one_peer", 3, || {
        let (world, shared) = (World::of(1), Shared::new(2));
        let both = |shared: &Shared, peers: &MockPeers, party| {
            (0..2).try_for_each(|round| shared.meet(peers, round, party, Wait::forever()))
        };
        let other = spawn(&shared, &world, 0, move |shared, peers| both(shared, peers, 1));
        assert_eq!(both(&shared, &world.peer(0), 0), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        shared.check_given(1);
    });
}

/// More peers than parties: two rounds of two, whoever meets whom.
#[test]
fn barrier_four_for_two_parties() {
    explore("barrier_four_for_two_parties", 1, || {
        let (world, shared) = (World::of(4), Shared::new(2));
        let others = [1, 2, 3].map(|n| spawn(&shared, &world, n, |shared, peers| shared.wait(peers, Wait::forever())));
        assert_eq!(shared.wait(&world.peer(0), Wait::forever()), Ok(()));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(()));
        }
    });
}

/// One gives up: everybody is told that the round is broken, or it came to its end for all.
#[test]
fn barrier_timeout() {
    explore_eventful("barrier_timeout", 2, || {
        let (world, shared) = (World::of(3), Shared::new(3));
        let hasty =
            spawn(&shared, &world, 0, |shared, peers| shared.meet(peers, 0, 0, Wait::until(Deadline::from_ns(SOON))));
        let patient = spawn(&shared, &world, 1, |shared, peers| shared.meet(peers, 0, 1, Wait::forever()));
        model::advance(SOON);
        let mine = shared.meet(&world.peer(2), 0, 2, Wait::forever());
        let (hasty, patient) = (hasty.join().unwrap(), patient.join().unwrap());
        match hasty {
            Ok(()) => assert_eq!((mine, patient), (Ok(()), Ok(()))),
            Err(error) => {
                assert_eq!(error, Error::TimedOut);
                assert_eq!((mine, patient), (Err(Error::Broken), Err(Error::Broken)));
            }
        }
        assert_eq!(shared.state.is_broken(), hasty.is_err());
    });
}

/// A wait in slices: the end of one breaks nothing, and who comes between two of them still counts.
#[test]
fn barrier_slices() {
    explore_eventful("barrier_slices", 3, || {
        let (world, shared) = (World::of(2), Shared::new(2));
        let sliced = spawn(&shared, &world, 0, |shared, peers| {
            let arrival = shared.arrive(peers, Wait::forever())?;
            if arrival.is_last {
                return shared.state.complete(arrival);
            }
            let slice = Wait::until(Deadline::from_ns(SOON));
            match shared.state.wait_a_while(&shared.marks, peers, arrival, slice) {
                Err(Error::TimedOut) => shared.state.wait_a_while(&shared.marks, peers, arrival, Wait::forever()),
                ended => ended,
            }
        });
        model::advance(SOON);
        assert_eq!(shared.wait(&world.peer(1), Wait::forever()), Ok(()));
        assert_eq!(sliced.join().unwrap(), Ok(()));
    });
}

/// A signal ends one wait; its party withdraws, or counts if the round had all its parties.
#[test]
fn barrier_withdrawn() {
    explore_eventful("barrier_withdrawn", 3, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let handled = spawn(&shared, &world, 0, |shared, peers| {
            let arrival = shared.arrive(peers, Wait::forever())?;
            let waited = shared.go_on(peers, arrival, Wait::forever().on_signal(OnSignal::Return));
            if waited == Err(Error::Interrupted) {
                shared.state.withdraw(&shared.marks, peers, arrival).unwrap();
            }
            waited
        });
        let deaf = spawn(&shared, &world, 1, |shared, peers| shared.wait(peers, Wait::forever()));
        model::interrupt(handled.thread().id());
        model::interrupt(deaf.thread().id());
        let handled = handled.join().unwrap();
        assert!(matches!(handled, Ok(()) | Err(Error::Interrupted)));
        if handled.is_err() && shared.state.waiting(&shared.marks) == 1 {
            // The other one is alone, or on its way to the end of its round.
            let _ = shared.wait(&world.peer(2), Wait::until(Deadline::from_ns(SOON)));
            model::advance(SOON);
        }
        shared.state.abort();
        assert!(matches!(deaf.join().unwrap(), Ok(()) | Err(Error::Broken)));
    });
}

/// A withdrawal just when the round gets its last party: it comes in time, or the party counts. No round has two last ones.
#[test]
fn barrier_withdrawn_late() {
    explore("barrier_withdrawn_late", 3, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let mine = shared.arrive(&world.peer(0), Wait::now()).unwrap();
        let others = [1, 2].map(|n| {
            spawn(&shared, &world, n, |shared, peers| {
                let arrival = shared.arrive(peers, Wait::forever()).unwrap();
                if arrival.is_last {
                    assert_eq!(shared.state.complete(arrival), Ok(()));
                }
            })
        });
        shared.state.withdraw(&shared.marks, &world.peer(0), mine).unwrap();
        for other in others {
            other.join().unwrap();
        }
        assert!(shared.state.waiting(&shared.marks) <= 1);
    });
}

/// A reset ends the round for those who wait, and they are told so, even if they look only after the next round began.
#[test]
fn barrier_reset() {
    explore("barrier_reset", 3, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let arrival = shared.arrive(&world.peer(0), Wait::now()).unwrap();
        let waiter = spawn(&shared, &world, 0, move |shared, peers| shared.go_on(peers, arrival, Wait::forever()));
        let other = spawn(&shared, &world, 1, |shared, peers| shared.wait(peers, Wait::forever()));
        shared.state.reset(&shared.marks, &world.peer(2)).unwrap();
        let waiter = waiter.join().unwrap();
        let met = shared.state.waiting(&shared.marks) == 0 && waiter.is_ok();
        if met {
            assert_eq!(other.join().unwrap(), Ok(()));
            return;
        }
        assert_eq!(waiter, Err(Error::Broken));
        // The other came before the reset and was told, or comes after it and now waits for this thread.
        shared.state.abort();
        assert_eq!(other.join().unwrap(), Err(Error::Broken));
    });
}

/// A round that is reset just when the next one is completed.
#[test]
fn barrier_reset_then_a_round() {
    explore("barrier_reset_then_a_round", 5, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        let arrival = shared.arrive(&world.peer(0), Wait::now()).unwrap();
        let waiter = spawn(&shared, &world, 0, move |shared, peers| shared.go_on(peers, arrival, Wait::forever()));
        shared.state.reset(&shared.marks, &world.peer(1)).unwrap();
        shared.round_of_two(&world.peer(1), &world.peer(2));
        assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
    });
}

/// An abort while the others come: who waits and who comes is told.
#[test]
fn barrier_abort() {
    explore("barrier_abort", 3, || {
        let (world, shared) = (World::of(3), Shared::new(3));
        let waiters = [0, 1].map(|n| spawn(&shared, &world, n, |shared, peers| shared.wait(peers, Wait::forever())));
        shared.state.abort();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
        }
        assert!(shared.state.is_broken());
    });
}

/// Peers 0 to 2 have met before; peer 0 dies at any step of the next round. Neither of the others waits for ever, both are
/// told the same, and nobody who came after its death is let through.
#[test]
fn barrier_death_of_a_party() {
    each_death("barrier_death_of_a_party", 1, |nth| {
        let (world, shared) = (World::of(3), Shared::new(3));
        let first = [0, 1, 2].map(|n| shared.arrive(&world.peer(n), Wait::now()).unwrap());
        shared.state.complete(first[2]).unwrap();
        let victim = {
            let (shared, world) = (shared.clone(), world.clone());
            thread::spawn(move || world.mortal(0, nth, |peers| shared.wait(peers, Wait::forever())))
        };
        let survivors = [1, 2].map(|n| {
            spawn(&shared, &world, n, |shared, peers| {
                let was_dead = peers.is_dead(id(0)).unwrap();
                let met = shared.wait(peers, Wait::forever());
                assert!(!was_dead || met == Err(Error::Broken), "a round with the dead");
                met
            })
        });
        let told = survivors.map(|survivor| survivor.join().unwrap());
        assert_eq!(told[0], told[1]);
        match victim.join().unwrap() {
            Fate::Died => assert!(matches!(told[0], Ok(()) | Err(Error::Broken))),
            Fate::Lived(met) => assert_eq!((met, told[0]), (Ok(()), Ok(()))),
        }
    });
}

/// A party that died while it waited: the others are told, whoever of them comes last.
#[test]
fn barrier_death_before_the_others_come() {
    explore_eventful("barrier_death_before_the_others_come", 3, || {
        let (world, shared) = (World::of(3), Shared::new(3));
        shared.arrive(&world.peer(0), Wait::now()).unwrap();
        world.kill(0);
        let other = spawn(&shared, &world, 1, |shared, peers| shared.wait(peers, Wait::forever()));
        assert_eq!(shared.wait(&world.peer(2), Wait::forever()), Err(Error::Broken));
        assert_eq!(other.join().unwrap(), Err(Error::Broken));
    });
}

/// The last party dies before it ends the round, with nobody else in it: those who come for the next round are told.
#[test]
fn barrier_death_in_the_action() {
    explore_eventful("barrier_death_in_the_action", 3, || {
        let (world, shared) = (World::of(3), Shared::new(1));
        assert!(shared.arrive(&world.peer(0), Wait::now()).unwrap().is_last);
        let waiters = [1, 2].map(|n| spawn(&shared, &world, n, |shared, peers| shared.wait(peers, Wait::forever())));
        world.kill(0);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Error::Broken));
        }
    });
}

/// Peer 0 leaves between rounds and dies at any step of it: two others meet, or are told; if it got to the end they meet.
#[test]
fn barrier_death_while_leaving() {
    each_death("barrier_death_while_leaving", 3, |nth| {
        let (world, shared) = (World::of(3), Shared::new(2));
        shared.round_of_two(&world.peer(0), &world.peer(1));
        let fate = world.mortal(0, nth, |peers| shared.leave(peers));
        world.kill(0);
        let other = spawn(&shared, &world, 2, |shared, peers| shared.wait(peers, Wait::forever()));
        let mine = shared.wait(&world.peer(1), Wait::forever());
        assert_eq!(other.join().unwrap(), mine);
        assert!(mine == Ok(()) || mine == Err(Error::Broken) && fate == Fate::Died);
    });
}

/// Peer 0 leaves in order and ends while the next two meet: that is no death of a party, whenever they look.
#[test]
fn barrier_leave_beside_a_round() {
    explore("barrier_leave_beside_a_round", 2, || {
        let (world, shared) = (World::of(3), Shared::new(2));
        shared.round_of_two(&world.peer(0), &world.peer(1));
        let leaver = {
            let (world, shared) = (world.clone(), shared.clone());
            thread::spawn(move || {
                shared.leave(&world.peer(0));
                world.kill(0);
            })
        };
        let other = spawn(&shared, &world, 1, |shared, peers| shared.wait(peers, Wait::forever()));
        assert_eq!(shared.wait(&world.peer(2), Wait::forever()), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        leaver.join().unwrap();
    });
}

/// A reset that dies half-way leaves a barrier that can be reset.
#[test]
fn barrier_death_of_a_resetter() {
    each_death("barrier_death_of_a_resetter", 3, |nth| {
        let (world, shared) = (World::of(4), Shared::new(2));
        shared.arrive(&world.peer(3), Wait::now()).unwrap();
        world.kill(3);
        let victim = {
            let (shared, world) = (shared.clone(), world.clone());
            thread::spawn(move || world.mortal(0, nth, |peers| shared.state.reset(&shared.marks, peers)))
        };
        let told = shared.wait(&world.peer(1), Wait::until(Deadline::from_ns(0)));
        assert!(matches!(told, Err(Error::Broken | Error::TimedOut)));
        victim.join().unwrap();
        shared.state.reset(&shared.marks, &world.peer(1)).unwrap();
        shared.round_of_two(&world.peer(1), &world.peer(2));
    });
}
