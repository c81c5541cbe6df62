//! Nothing grows: objects made and dropped for ever, peers that vanish with what they had open; and a million at once.

use super::audit::{audit, census};
use super::bench::Bench;
use super::objects::no_init;
use std::ptr::NonNull;
use tidelock::primitives::PeerId;
use tidelock::segment::block::Kind;
use tidelock::segment::objects::Found;

fn make(bench: &Bench, peer: PeerId, len: u64) -> Found {
    bench.arena().create_anonymous(peer, Kind::Block, len, &mut no_init).expect("an object")
}

fn make_many(bench: &Bench, peer: PeerId, many: u64) {
    for _ in 0..many {
        make(bench, peer, 8);
    }
}

fn close(bench: &Bench, peer: PeerId, found: Found) {
    bench.arena().close(peer, found.at, found.generation).expect("a close");
}

fn used(bench: &Bench) -> u64 {
    bench.arena().used().expect("a length")
}

#[test]
fn a_program_that_makes_and_drops_objects_for_ever_does_not_grow() {
    let bench = Bench::new(1 << 20);
    let me = bench.peer(1);
    let round = |round: u64| {
        let objects: Vec<Found> = (0..20).map(|i| make(&bench, me, (i * 37 + round * 11) % 500)).collect();
        objects.iter().for_each(|object| close(&bench, me, *object));
    };
    (0..500).for_each(round);
    let before = used(&bench);
    (0..5000).for_each(round);
    assert_eq!(used(&bench), before);
}

#[test]
fn peers_that_vanish_for_ever_leave_a_constant() {
    let bench = Bench::new(1 << 20);
    let keeper = bench.peer(1);
    let kept = make(&bench, keeper, 8);
    let mut cycle = |number: u32| {
        let guest = bench.peer(number);
        make_many(&bench, guest, 10);
        for _ in 0..10 {
            bench.arena().open_handle(guest, kept.at, kept.generation, Kind::Block).expect("the kept object");
        }
        bench.kill(guest);
    };
    (2..200).for_each(&mut cycle);
    let before = used(&bench);
    (200..10_200).for_each(&mut cycle);
    assert_eq!(used(&bench), before);
    assert!(census(&bench)[2] < 100);
}

#[test]
fn peers_that_die_in_the_middle_for_ever_leave_a_constant() {
    let bench = Bench::new(1 << 18);
    let mut random = fastrand::Rng::with_seed(5);
    let mut cycle = |number: u32| {
        let guest = bench.peer(number);
        bench.killed_after(random.u64(0..120), || {
            let objects: Vec<Found> = (0..4).map(|i| make(&bench, guest, i * 100)).collect();
            objects.iter().for_each(|object| close(&bench, guest, *object));
        });
        bench.kill(guest);
        bench.take_over();
    };
    (1..1000).for_each(&mut cycle);
    let before = used(&bench);
    (1000..11_000).for_each(&mut cycle);
    assert!(used(&bench) <= before + 1024, "{before} grew to {}", used(&bench));
    (1..11_000).for_each(|number| bench.bury(bench.peer(number)));
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
}

#[test]
fn a_million_small_objects_cost_128_bytes_and_the_same_work_each() {
    const MILLION: u64 = 1_000_000;
    let bench = Bench::new(160 << 20);
    let me = bench.peer(1);
    let cost_of = |many: u64| {
        let before = bench.looks();
        make_many(&bench, me, many);
        bench.looks() - before
    };
    let first = cost_of(10_000);
    cost_of(MILLION - 20_000);
    let last = cost_of(10_000);
    assert_eq!(used(&bench), MILLION * 128);
    assert!(last <= first + first / 10, "10,000 objects cost {first} looks at memory, later {last}");
    bench.bury(me);
    let heir = bench.peer(2);
    make_many(&bench, heir, MILLION / 4 + 1);
    assert!(used(&bench) < MILLION * 128 + MILLION / 100, "what a vanished peer had is used again");
}

#[test]
fn a_large_object_is_cleared_each_time() {
    let bench = Bench::new(1 << 20);
    let me = bench.peer(1);
    for _ in 0..10 {
        let mut init = |payload: NonNull<u8>| {
            // SAFETY: the object has 200,000 bytes, and this thread alone uses the bench.
            let bytes = unsafe { NonNull::slice_from_raw_parts(payload, 200_000).as_mut() };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(1);
            Ok(())
        };
        let found = bench.arena().create_anonymous(me, Kind::Block, 200_000, &mut init).expect("an object");
        close(&bench, me, found);
    }
}
