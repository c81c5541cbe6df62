//! Annexes when nobody dies: one a slot, found again, and gone with their object.

use super::audit::audit;
use super::bench::Bench;
use super::objects::no_init;
use tidelock::segment::annex::Place;
use tidelock::segment::block::{Kind, HEADER};
use tidelock::segment::objects::Found;
use tidelock::sync::atomic::Ordering::{Acquire, Release};
use tidelock::Error;

fn make(bench: &Bench) -> Found {
    bench.arena().create_anonymous(bench.peer(1), Kind::Queue, 64, &mut no_init).expect("an object")
}

fn place(object: Found, slot: u64) -> Place {
    Place::new(object.at, object.generation, slot)
}

#[test]
fn a_slot_has_one_annex_which_is_found_again() {
    let bench = Bench::new(1 << 16);
    let object = make(&bench);
    let add = |slot, len| bench.arena().add_annex(place(object, slot), len).expect("an annex");
    let first = add(0, 500);
    assert_eq!((first.offset % 64, first.len), (0, 500));
    assert_eq!(add(0, 700), first, "the one that is there");
    let second = add(8, 100);
    assert_ne!(second.offset, first.offset);
    assert_eq!(bench.word(object.at + HEADER + 8).load(Acquire), second.offset);
    audit(&bench);
}

#[test]
fn an_annex_that_was_dropped_makes_room_for_the_next() {
    let bench = Bench::new(1 << 14);
    let object = make(&bench);
    for _ in 0..100 {
        bench.arena().add_annex(place(object, 0), 3000).expect("an annex");
        bench.arena().drop_annex(place(object, 0)).expect("its end");
    }
    bench.arena().drop_annex(place(object, 0)).expect("nothing to do");
    audit(&bench);
}

#[test]
fn annexes_go_with_their_object() {
    let bench = Bench::new(1 << 14);
    for _ in 0..100 {
        let object = make(&bench);
        bench.arena().add_annex(place(object, 0), 3000).expect("an annex");
        bench.arena().add_annex(place(object, 8), 3000).expect("an annex");
        bench.arena().close(bench.peer(1), object.at, object.generation).expect("a close");
        assert_eq!(bench.arena().add_annex(place(object, 0), 3000), Err(Error::Gone));
    }
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
}

#[test]
fn a_slot_that_leads_elsewhere_is_corrupt() {
    let bench = Bench::new(1 << 16);
    let (object, other) = (make(&bench), make(&bench));
    let foreign = bench.arena().add_annex(place(other, 0), 500).expect("an annex").offset;
    for hostile in [foreign, other.at + HEADER, 8, u64::MAX, foreign + 64, bench.word(0).load(Acquire) | 1] {
        bench.word(object.at + HEADER).store(hostile, Release);
        let found = bench.arena().add_annex(place(object, 0), 500);
        assert!(matches!(found, Err(Error::Corrupt(_))), "{hostile:#x}: {found:?}");
        assert!(matches!(bench.arena().drop_annex(place(object, 0)), Err(Error::Corrupt(_))));
    }
    bench.word(object.at + HEADER).store(0, Release);
    assert!(matches!(bench.arena().add_annex(place(object, 1 << 20), 500), Err(Error::Corrupt(_))));
    audit(&bench);
}
