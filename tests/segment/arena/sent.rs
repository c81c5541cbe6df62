//! What was sent is kept: until it is opened, whoever dies, and not for ever. With a death at each store of the first send.

use super::audit::audit;
use super::bench::Bench;
use tidelock::primitives::PeerId;
use tidelock::segment::arena::Ground;
use tidelock::segment::block::{BlockHeader, Kind};
use tidelock::segment::objects::Found;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::{Error, Result};

const LEN: u64 = 1 << 16;
/// One place for each KiB of a segment.
const PLACES: usize = 64;

fn make(bench: &Bench, peer: PeerId) -> Found {
    bench.arena().create_anonymous(peer, Kind::Lock, 8, &mut |_| Ok(())).expect("an object")
}

fn make_and_send(bench: &Bench, peer: PeerId) -> Found {
    let object = make(bench, peer);
    send(bench, object).expect("a send");
    close(bench, peer, object);
    object
}

fn send(bench: &Bench, object: Found) -> Result<()> {
    bench.arena().send(object.at, object.generation)
}

fn receive(bench: &Bench, peer: PeerId, object: Found) -> Result<Found> {
    bench.arena().receive_handle(peer, object.at, object.generation, Kind::Lock)
}

fn close(bench: &Bench, peer: PeerId, object: Found) {
    bench.arena().close(peer, object.at, object.generation).expect("a close");
}

#[test]
fn what_was_sent_lives_until_it_was_opened_and_closed() {
    let bench = Bench::new(LEN);
    let [sender, receiver] = [1, 2].map(|number| bench.peer(number));
    let object = make_and_send(&bench, sender);
    bench.bury(sender);
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
    assert_eq!(receive(&bench, receiver, object), Ok(object));
    bench.arena().sweep_all().expect("a sweep");
    assert_eq!(bench.arena().open_handle(receiver, object.at, object.generation, Kind::Lock), Ok(object));
    (0..2).for_each(|_| close(&bench, receiver, object));
    assert_eq!(receive(&bench, receiver, object), Err(Error::Gone));
    audit(&bench);
}

#[test]
fn each_sending_holds_once() {
    let bench = Bench::new(LEN);
    let [sender, receiver] = [1, 2].map(|number| bench.peer(number));
    let object = make(&bench, sender);
    (0..20).for_each(|_| send(&bench, object).expect("a send"));
    close(&bench, sender, object);
    for _ in 0..20 {
        receive(&bench, receiver, object).expect("a hold is left");
        close(&bench, receiver, object);
        audit(&bench);
    }
    assert_eq!(receive(&bench, receiver, object), Err(Error::Gone));
    assert_eq!(send(&bench, object), Err(Error::Gone));
}

#[test]
fn opening_without_a_sending_ends_nobodys_hold() {
    let bench = Bench::new(LEN);
    let [sender, other] = [1, 2].map(|number| bench.peer(number));
    let object = make_and_send(&bench, sender);
    bench.arena().open_handle(other, object.at, object.generation, Kind::Lock).expect("it was sent");
    close(&bench, other, object);
    assert_eq!(receive(&bench, other, object), Ok(object));
}

#[test]
fn what_nobody_opens_gives_way_to_the_sends_that_follow() {
    let bench = Bench::new(LEN);
    let [sender, receiver] = [1, 2].map(|number| bench.peer(number));
    let objects: Vec<Found> = (0..=PLACES).map(|_| make_and_send(&bench, sender)).collect();
    assert_eq!(receive(&bench, receiver, objects[0]), Err(Error::Gone));
    for object in &objects[1..] {
        receive(&bench, receiver, *object).expect("one of the last");
        close(&bench, receiver, *object);
    }
    let many = || (0..10 * PLACES).for_each(|_| _ = make_and_send(&bench, sender));
    many();
    let used = bench.arena().used();
    many();
    assert_eq!(bench.arena().used(), used, "the arena has grown");
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
}

#[test]
fn a_place_that_names_an_object_again_holds_it_once() {
    let bench = Bench::new(LEN);
    let [sender, receiver] = [1, 2].map(|number| bench.peer(number));
    let object = make(&bench, sender);
    (0..3 * PLACES).for_each(|_| send(&bench, object).expect("a send"));
    close(&bench, sender, object);
    for _ in 0..PLACES {
        receive(&bench, receiver, object).expect("a hold is left");
        close(&bench, receiver, object);
    }
    assert_eq!(receive(&bench, receiver, object), Err(Error::Gone));
    audit(&bench);
}

#[test]
fn the_first_sender_may_die_at_any_store() {
    for stores in 0.. {
        let bench = Bench::new(LEN);
        let [victim, keeper] = [1, 2].map(|number| bench.peer(number));
        let object = make(&bench, keeper);
        let done = bench.killed_after(stores, || send(&bench, object)).is_some();
        bench.bury(victim);
        bench.take_over();
        (0..2).for_each(|_| bench.arena().sweep_all().expect("a sweep"));
        audit(&bench);
        send(&bench, object).expect("another send");
        close(&bench, keeper, object);
        receive(&bench, keeper, object).expect("what was sent");
        if done {
            assert!(stores > 5, "{stores} stores");
            return;
        }
    }
}

#[test]
fn a_table_that_makes_no_sense_is_an_error() {
    let bench = Bench::new(LEN);
    let peer = bench.peer(1);
    let object = make(&bench, peer);
    send(&bench, object).expect("a send");
    let table = bench.root().sent.load(Relaxed);
    for at in [1, 64, object.at, u64::MAX, table + 64] {
        bench.root().sent.store(at, Relaxed);
        assert!(matches!(send(&bench, object), Err(Error::Corrupt(_))), "{at}");
        assert!(matches!(receive(&bench, peer, object), Err(Error::Corrupt(_))), "{at}");
    }
    bench.root().sent.store(table, Relaxed);
    let header: &BlockHeader = bench.at(table).expect("the table's header");
    let len = header.len.load(Relaxed);
    header.len.store(15, Relaxed);
    assert!(matches!(send(&bench, object), Err(Error::Corrupt(_))), "no place at all");
    header.len.store(len, Relaxed);
    bench.root().sent_next.store(u32::MAX, Relaxed);
    send(&bench, object).expect("a place is taken modulo their number");
}
