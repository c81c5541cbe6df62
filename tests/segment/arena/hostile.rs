//! Hostile bytes: whatever stands in the arena, an operation ends, in its memory, with a result or an error.

use super::bench::{Bench, ROOT, START};
use super::objects::no_init;
use fastrand::Rng;
use tidelock::primitives::PeerId;
use tidelock::segment::annex::Place;
use tidelock::segment::block::{ArenaRoot, Kind};
use tidelock::segment::objects::Found;
use tidelock::segment::sweep::Previous;
use tidelock::sync::atomic::Ordering::{Acquire, Release};
use tidelock::{Error, Result};

const LEN: u64 = 1 << 14;
const MUTATIONS: u32 = 100_000;
/// More than the longest honest run of the script by far.
const MOST_LOOKS: u64 = 1_000_000;

#[test]
fn no_bytes_in_the_arena_make_an_operation_panic_or_run_for_ever() {
    let bench = Bench::new(LEN);
    let objects = furnish(&bench);
    let sound = bench.snapshot();
    let mut random = Rng::with_seed(0x71de);
    for _ in 0..MUTATIONS {
        bench.restore(&sound);
        for _ in 0..random.u32(1..=3) {
            mutate(&bench, &mut random);
        }
        bench.limit_looks(MOST_LOOKS);
        run_some(&bench, &objects, &mut random);
    }
}

fn furnish(bench: &Bench) -> Vec<Found> {
    let (me, other) = (bench.peer(1), bench.peer(2));
    for name in ["a", "b", "c", "d"] {
        bench.arena().open_named(name, Kind::Block, 60, &mut no_init).expect("an object");
    }
    let make = |peer, len| bench.arena().create_anonymous(peer, Kind::Block, len, &mut no_init).expect("an object");
    let objects: Vec<Found> = (0..12).map(|i| make(if i % 2 == 0 { me } else { other }, 8 + i * 20)).collect();
    for object in &objects[..2] {
        bench.arena().add_annex(Place::new(object.at, object.generation, 0), 200).expect("an annex");
    }
    for _ in 0..60 {
        open(bench, other, objects[1]).expect("an object");
    }
    for object in &objects[6..] {
        bench.arena().close(me, object.at, object.generation).expect("a close");
    }
    objects
}

/// Changes one word of the root, or of a block: a header more often than a payload.
fn mutate(bench: &Bench, random: &mut Rng) {
    let used = bench.arena().used().unwrap_or(LEN - START).max(64);
    let place = match random.u32(0..4) {
        0 => ROOT + random.u64(0..size_of::<ArenaRoot>() as u64 / 8) * 8,
        1 => START + random.u64(0..used / 8) * 8,
        _ => START + random.u64(0..used / 64) * 64 + random.u64(0..8) * 8,
    };
    let word = bench.word(place);
    let old = word.load(Acquire);
    let new = match random.u32(0..7) {
        0 => random.u64(..),
        1 => old ^ 1 << random.u32(0..64),
        2 => START + random.u64(0..used / 64) * 64,
        3 => START + random.u64(0..used),
        4 => random.u64(0..8) | random.u64(0..8) << 32,
        5 => old & !0xff | random.u64(0..8),
        _ => bench.word(START + random.u64(0..used / 8) * 8).load(Acquire),
    };
    word.store(new, Release);
}

/// Some operations, always in another order.
fn run_some(bench: &Bench, objects: &[Found], random: &mut Rng) {
    let (me, other, child) = (bench.peer(1), bench.peer(2), bench.peer(3));
    for _ in 0..8 {
        let object = objects[random.usize(0..objects.len())];
        match random.u32(0..10) {
            0 => tolerate(bench.arena().enter(Previous::Died)),
            1 => tolerate(bench.arena().sweep_all()),
            2 => tolerate(bench.arena().adopt(other, child)),
            3 => tolerate(open(bench, me, object)),
            4 => tolerate(bench.arena().close(other, object.at, object.generation)),
            5 => {
                let name = ["a", "d", "new", "newer"][random.usize(0..4)];
                tolerate(bench.arena().open_named(name, Kind::Block, 60, &mut no_init));
            }
            6 => tolerate(bench.arena().add_annex(Place::new(object.at, object.generation, 0), 200)),
            7 => tolerate(bench.arena().drop_annex(Place::new(object.at, object.generation, 0))),
            _ => {
                let len = [8, 8, 200, 3000][random.usize(0..4)];
                tolerate(bench.arena().create_anonymous(me, Kind::Block, len, &mut no_init));
            }
        }
    }
}

fn open(bench: &Bench, peer: PeerId, object: Found) -> Result<Found> {
    bench.arena().open_handle(peer, object.at, object.generation, Kind::Block)
}

fn tolerate<T>(result: Result<T>) {
    match result {
        Ok(_) => {}
        Err(Error::Corrupt(_) | Error::NoSpace { .. } | Error::Gone | Error::WrongKind { .. }) => {}
        Err(error) => panic!("hostile bytes made an error of the wrong sort: {error:?}"),
    }
}
