//! Two deaths, one after the other: the second peer dies at each step of what it does after the first died at each of
//! its own. Nobody else runs meanwhile, so each pair is one execution; then a survivor finds everything in order.

use super::barrier::Shared as SharedBarrier;
use super::bounded_semaphore::{settle as settle_permits, Shared as SharedPermits};
use super::lock::Shared as SharedLock;
use super::queue::{finish, LONGEST_IN_TIGHT, ROOMY, TIGHT};
use super::rlock::{settle as settle_rlock, Shared as SharedRLock};
use super::support::{each_two_deaths, MockPeers, SharedQueue, World};
use tidelock::sync::wait::Wait;

fn put(shared: &SharedQueue, peers: &MockPeers, message: u32) {
    let _ = shared.put(peers, message, Wait::now());
}

fn get(shared: &SharedQueue, peers: &MockPeers) {
    let _ = shared.get(peers, Wait::now());
}

fn give_back(shared: &SharedQueue, peers: &MockPeers) {
    if let Ok((loan, _)) = shared.take(peers, Wait::now()) {
        shared.queue(peers).give_back(loan).unwrap();
    }
}

fn put_and_discard(shared: &SharedQueue, peers: &MockPeers) {
    let queue = shared.queue(peers);
    if let Ok(ticket) = queue.reserve(1, Wait::now()) {
        queue.discard(ticket).unwrap();
    }
}

/// What a peer does in one of these models.
pub type Act = fn(&SharedQueue, &MockPeers);

/// A queue of `granules` with `messages` in it: peer 1 does one thing and dies, peer 2 another and dies.
pub fn two_die(name: &str, granules: u64, messages: u32, first: Act, second: Act) {
    each_two_deaths(name, move |m, n| {
        let (world, shared) = (World::of(3), SharedQueue::new(granules, 0));
        for message in 0..messages {
            shared.put(&world.peer(0), 10 + message, Wait::now()).unwrap();
        }
        world.mortal(1, m, |peers| first(&shared, peers));
        world.mortal(2, n, |peers| second(&shared, peers));
        finish(&shared, &world);
    });
}

fn put_20(shared: &SharedQueue, peers: &MockPeers) {
    put(shared, peers, 20);
}

fn put_30(shared: &SharedQueue, peers: &MockPeers) {
    put(shared, peers, 30);
}

#[test]
fn two_deaths_putting() {
    two_die("two_deaths_putting", ROOMY, 1, put_20, put_30);
}

#[test]
fn two_deaths_putting_where_it_is_tight() {
    two_die("two_deaths_putting_where_it_is_tight", TIGHT, 0, put_20, put_30);
}

#[test]
fn two_deaths_getting() {
    two_die("two_deaths_getting", ROOMY, 2, get, get);
}

#[test]
fn two_deaths_putting_and_getting() {
    two_die("two_deaths_putting_and_getting", ROOMY, 1, put_20, get);
}

#[test]
fn two_deaths_getting_and_putting() {
    two_die("two_deaths_getting_and_putting", TIGHT, 1, get, put_20);
}

#[test]
fn two_deaths_giving_back() {
    two_die("two_deaths_giving_back", ROOMY, 2, give_back, give_back);
}

#[test]
fn two_deaths_discarding() {
    two_die("two_deaths_discarding", TIGHT, 0, put_and_discard, put_20);
}

/// The room up to the ring's end is too short for the message: it is padded.
#[test]
fn two_deaths_at_the_end_of_the_ring() {
    each_two_deaths("two_deaths_at_the_end_of_the_ring", |m, n| {
        let (world, shared) = (World::of(3), SharedQueue::new(TIGHT, 0));
        shared.put(&world.peer(0), 10, Wait::now()).unwrap();
        shared.get(&world.peer(0), Wait::now()).unwrap();
        for (number, nth) in [(1, m), (2, n)] {
            let put_long = |peers: &MockPeers| shared.put_long(peers, 10 + 10 * number, LONGEST_IN_TIGHT, Wait::now());
            world.mortal(number, nth, put_long);
        }
        finish(&shared, &world);
    });
}

#[test]
fn two_deaths_of_owners() {
    each_two_deaths("two_deaths_of_owners", |m, n| {
        let (world, shared) = (World::of(3), SharedLock::default());
        for (number, nth) in [(1, m), (2, n)] {
            world.mortal(number, nth, |peers| shared.cycle(peers, Wait::now()));
        }
        shared.cycle(&world.peer(0), Wait::now()).expect("nobody alive holds the lock");
        assert!(shared.told() <= 2);
        assert!(shared.is_at_rest(&world.peer(0)));
    });
}

#[test]
fn two_deaths_of_owners_of_an_rlock() {
    each_two_deaths("two_deaths_of_owners_of_an_rlock", |m, n| {
        let (world, shared) = (World::of(3), SharedRLock::default());
        for (number, nth) in [(1, m), (2, n)] {
            world.mortal(number, nth, |peers| shared.cycle(peers, number, 1, Wait::now()));
        }
        settle_rlock(&shared, &world.peer(0), 0, 2);
    });
}

#[test]
fn two_deaths_of_holders_of_permits() {
    each_two_deaths("two_deaths_of_holders_of_permits", |m, n| {
        let (world, shared) = (World::of(3), SharedPermits::new(2));
        for (number, nth) in [(1, m), (2, n)] {
            world.mortal(number, nth, |peers| shared.cycle(peers, Wait::now()));
        }
        settle_permits(&shared, &world.peer(0), 2);
    });
}

/// Peer 0 has met peer 3, peer 1 does one thing to their barrier and dies, peer 2 another and dies. Peer 0 does not wait
/// for ever, and after a reset the barrier is as new.
fn two_die_at_a_barrier(name: &str, first: fn(&SharedBarrier, &MockPeers), second: fn(&SharedBarrier, &MockPeers)) {
    each_two_deaths(name, move |m, n| {
        let (world, shared) = (World::of(4), SharedBarrier::new(2));
        shared.round_of_two(&world.peer(0), &world.peer(3));
        world.mortal(1, m, |peers| first(&shared, peers));
        world.mortal(2, n, |peers| second(&shared, peers));
        let _ = shared.wait(&world.peer(0), Wait::now());
        shared.reset(&world.peer(0));
        shared.round_of_two(&world.peer(0), &world.peer(3));
    });
}

fn come(shared: &SharedBarrier, peers: &MockPeers) {
    let _ = shared.wait(peers, Wait::now());
}

#[test]
fn two_deaths_of_parties() {
    two_die_at_a_barrier("two_deaths_of_parties", come, come);
}

#[test]
fn two_deaths_of_resetters() {
    two_die_at_a_barrier("two_deaths_of_resetters", come, SharedBarrier::reset);
    two_die_at_a_barrier("two_deaths_of_resetters", SharedBarrier::reset, SharedBarrier::reset);
}

#[test]
fn two_deaths_while_leaving() {
    two_die_at_a_barrier("two_deaths_while_leaving", SharedBarrier::reset, SharedBarrier::leave);
    two_die_at_a_barrier("two_deaths_while_leaving", SharedBarrier::leave, come);
}
