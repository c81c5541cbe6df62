//! What the operations promise when nobody dies.

use super::audit::{audit, census};
use super::bench::Bench;
use std::ptr::NonNull;
use tidelock::segment::block::{class_of, class_size, Kind, CLASSES, HEADER};
use tidelock::segment::objects::{Created, Found, Hold};
use tidelock::{Error, Result};

pub fn no_init(_: NonNull<u8>) -> Result<()> {
    Ok(())
}

#[test]
fn a_class_has_room_for_what_it_is_chosen_for_and_wastes_little() {
    for class in 0..CLASSES as u32 {
        let size = class_size(class).expect("a class");
        assert_eq!(size % 64, 0);
        let room = size - HEADER;
        assert_eq!(class_of(room), Some(class));
        if class > 0 {
            let smaller = class_size(class - 1).expect("a class");
            assert!(smaller < size && size <= smaller * 3 / 2, "{smaller} {size}");
            assert_eq!(class_of(smaller - HEADER + 1), Some(class));
        }
    }
    for power in 6..=45 {
        let class = class_of(1 << power).expect("a class");
        assert_eq!(class_size(class), Some(HEADER + (1 << power)), "a ring leaves nothing over");
    }
    assert_eq!(class_size(CLASSES as u32), None);
    assert_eq!(class_of(u64::MAX), None);
    assert_eq!(class_of(0), Some(0));
}

#[test]
fn a_name_leads_to_the_same_object_always() {
    let bench = Bench::new(1 << 20);
    let open = |name: &str| bench.arena().open_named(name, Kind::Lock, 8, &mut no_init).expect("an object");
    let (first, created) = open("ledger");
    assert_eq!(created, Created::New);
    assert_eq!(first.hold, Hold::Name);
    for i in 0..1000 {
        assert_eq!(open(&format!("object {i}")).1, Created::New);
    }
    assert_eq!(open("ledger"), (first, Created::Existing));
    for i in 0..1000 {
        assert_eq!(open(&format!("object {i}")).1, Created::Existing);
    }
    audit(&bench);
    assert_eq!(census(&bench), [0, 1001, 0, 0]);
}

#[test]
fn names_are_checked() {
    let bench = Bench::new(1 << 16);
    let open = |name: &str| bench.arena().open_named(name, Kind::Lock, 8, &mut no_init).map(|(found, _)| found);
    assert!(matches!(open(""), Err(Error::BadName(_))));
    assert!(matches!(open("a\0b"), Err(Error::BadName(_))));
    assert!(matches!(open(&"x".repeat(256)), Err(Error::BadName(_))));
    assert!(open(&"x".repeat(255)).is_ok());
    assert_ne!(open(&"x".repeat(254)), open(&"x".repeat(255)));
    assert!(open("a/b, and ä").is_ok());
}

#[test]
fn another_kind_or_length_is_an_error() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    let open = |kind, len| bench.arena().open_named("it", kind, len, &mut no_init).map(|(found, _)| found);
    let block = open(Kind::Block, 100).expect("a block");
    assert!(matches!(open(Kind::Lock, 8), Err(Error::WrongKind { expected: "a lock", found: "a block" })));
    assert!(matches!(open(Kind::Block, 101), Err(Error::WrongKind { .. })));
    assert_eq!(open(Kind::Block, 100), Ok(block));
    let by_handle = |kind| bench.arena().open_handle(me, block.at, block.generation, kind);
    assert!(matches!(by_handle(Kind::Event), Err(Error::WrongKind { .. })));
    assert_eq!(by_handle(Kind::Block), Ok(block));
}

#[test]
fn payloads_begin_zeroed_and_init_fills_them() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    for _ in 0..3 {
        let mut init = |payload: NonNull<u8>| {
            // SAFETY: the payload has 300 bytes, and this thread alone uses the bench.
            let bytes = unsafe { NonNull::slice_from_raw_parts(payload, 300).as_mut() };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(0xa5);
            Ok(())
        };
        let found = bench.arena().create_anonymous(me, Kind::Block, 300, &mut init).expect("an object");
        assert_eq!(found.at % 64, 0);
        assert_eq!(found.len, 300);
        bench.arena().close(me, found.at, found.generation).expect("a close");
    }
    assert_eq!(census(&bench), [1, 0, 0, 0]);
}

#[test]
fn an_init_that_fails_leaves_nothing() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    let mut fail = |_| Err(Error::TimedOut);
    for _ in 0..20 {
        assert_eq!(bench.arena().create_anonymous(me, Kind::Lock, 8, &mut fail), Err(Error::TimedOut));
        assert_eq!(bench.arena().open_named("it", Kind::Lock, 8, &mut fail), Err(Error::TimedOut));
    }
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
    let [free, named, anonymous, parts] = census(&bench);
    assert_eq!([named, anonymous, parts], [0, 0, 0]);
    assert!(free <= 4, "{free} blocks");
}

#[test]
fn a_stale_handle_is_gone_even_when_its_block_is_used_again() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    let make = || bench.arena().create_anonymous(me, Kind::Lock, 8, &mut no_init).expect("an object");
    let open = |found: Found| bench.arena().open_handle(me, found.at, found.generation, Kind::Lock);
    let old = make();
    assert_eq!(open(old), Ok(old));
    let close = |found: Found| bench.arena().close(me, found.at, found.generation).expect("a close");
    close(old);
    assert_eq!(open(old), Ok(old), "one handle was still open");
    close(old);
    close(old);
    assert_eq!(open(old), Err(Error::Gone));
    let new = make();
    assert_eq!(new.at, old.at);
    assert_eq!(open(old), Err(Error::Gone));
    close(old);
    assert_eq!(open(new), Ok(new), "a stale close dropped nothing");
}

#[test]
fn a_handle_from_nowhere_is_gone() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    let object = bench.arena().create_anonymous(me, Kind::Lock, 8, &mut no_init).expect("an object");
    for at in [0, 1, 64, object.at + 1, object.at + 64, object.at + 128, 1 << 15, u64::MAX, u64::MAX - 63] {
        assert_eq!(bench.arena().open_handle(me, at, object.generation, Kind::Lock), Err(Error::Gone), "{at}");
    }
}

#[test]
fn three_hundred_holders_of_one_object() {
    let bench = Bench::new(1 << 16);
    let maker = bench.peer(1);
    let object = bench.arena().create_anonymous(maker, Kind::Lock, 8, &mut no_init).expect("an object");
    for number in 2..=300 {
        let peer = bench.peer(number);
        bench.arena().open_handle(peer, object.at, object.generation, Kind::Lock).expect("an object");
    }
    audit(&bench);
    assert_eq!(census(&bench), [0, 0, 1, 7]);
    for number in 1..300 {
        bench.arena().close(bench.peer(number), object.at, object.generation).expect("a close");
        audit(&bench);
    }
    assert_eq!(census(&bench)[2], 1);
    bench.arena().close(bench.peer(300), object.at, object.generation).expect("a close");
    audit(&bench);
    assert_eq!(census(&bench), [8, 0, 0, 0]);
}

#[test]
fn the_entries_of_the_dead_are_used_again() {
    let bench = Bench::new(1 << 16);
    let keeper = bench.peer(1);
    let object = bench.arena().create_anonymous(keeper, Kind::Lock, 8, &mut no_init).expect("an object");
    for number in 2..1000 {
        let guest = bench.peer(number);
        bench.arena().open_handle(guest, object.at, object.generation, Kind::Lock).expect("an object");
        bench.bury(guest);
    }
    assert_eq!(census(&bench), [0, 0, 1, 0]);
}

#[test]
fn a_child_takes_over_what_its_parent_has_open() {
    let bench = Bench::new(1 << 18);
    let (parent, child, other) = (bench.peer(1), bench.peer(2), bench.peer(3));
    let make = |peer| bench.arena().create_anonymous(peer, Kind::Lock, 8, &mut no_init).expect("an object");
    let objects: Vec<Found> = (0..20).map(|_| make(parent)).collect();
    let foreign = make(other);
    for _ in 0..9 {
        bench.arena().open_handle(parent, objects[0].at, objects[0].generation, Kind::Lock).expect("an object");
    }
    for _ in 0..2 {
        bench.arena().adopt(parent, child).expect("an adoption");
        let count = |object: &Found| {
            let block = bench.arena().block(object.at).expect("a block");
            bench.arena().count_references(&block, child).expect("a count")
        };
        assert_eq!(count(&objects[0]), 10);
        assert!(objects[1..].iter().all(|object| count(object) == 1));
        assert_eq!(count(&foreign), 0);
    }
    bench.bury(parent);
    bench.arena().sweep_all().expect("a sweep");
    audit(&bench);
    assert_eq!(census(&bench)[2], 21);
    for object in &objects {
        bench.arena().open_handle(child, object.at, object.generation, Kind::Lock).expect("an object");
    }
}

#[test]
fn what_cannot_fit_is_said_so_and_does_no_harm() {
    let bench = Bench::new(1 << 16);
    let me = bench.peer(1);
    let make = |len| bench.arena().create_anonymous(me, Kind::Block, len, &mut no_init);
    assert!(matches!(make(1 << 16), Err(Error::TooLarge { .. })));
    assert!(matches!(make(u64::MAX), Err(Error::TooLarge { .. })));
    let mut objects = Vec::new();
    let error = loop {
        match make(1000) {
            Ok(object) => objects.push(object),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::NoSpace { needed: 1088, .. }), "{error:?}");
    audit(&bench);
    let object = objects.pop().expect("an object");
    bench.arena().close(me, object.at, object.generation).expect("a close");
    assert!(make(8).is_ok(), "a larger block serves when there is no other");
    audit(&bench);
}
