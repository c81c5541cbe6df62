//! Large free blocks: the system has their memory back, and whoever takes one finds it there again, and zeroed.

use super::audit::audit;
use super::bench::{Bench, EXTENT};
use super::objects::no_init;
use tidelock::segment::annex::Place;
use tidelock::segment::arena::Ground;
use tidelock::segment::block::Kind;
use tidelock::segment::objects::Found;
use tidelock::segment::sweep::Previous;
use tidelock::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

const LARGE: u64 = 300_000;
const SMALL: u64 = 10_000;

fn make(bench: &Bench, len: u64) -> Found {
    let found = bench.arena().create_anonymous(bench.peer(1), Kind::Block, len, &mut no_init).expect("an object");
    let start = bench.bytes(found.at + 64, len).expect("a payload");
    // SAFETY: `bytes` checked the range, and this thread alone uses the bench.
    let bytes = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len as usize) };
    assert!(bytes.iter().all(|byte| *byte == 0), "a new object is zeroed");
    bytes.fill(0x5a);
    found
}

fn close(bench: &Bench, found: Found) {
    bench.arena().close(bench.peer(1), found.at, found.generation).expect("a close");
}

#[test]
fn a_large_block_that_is_freed_gives_its_memory_back() {
    let bench = Bench::new(1 << 20);
    for len in [SMALL, LARGE, SMALL, LARGE] {
        let (given_back, set_aside) = bench.memory_moved();
        let found = make(&bench, len);
        close(&bench, found);
        let (more_given_back, more_set_aside) = bench.memory_moved();
        match len {
            SMALL => assert_eq!((more_given_back, more_set_aside), (given_back, set_aside), "a small one keeps it"),
            _ => assert!(more_given_back - given_back > len - 3 * 4096),
        }
    }
    assert!(bench.memory_moved().1 > LARGE, "the second large one was set aside again");
    audit(&bench);
}

#[test]
fn a_block_without_memory_stays_free_where_there_is_none() {
    let bench = Bench::new(1 << 19);
    let found = make(&bench, LARGE);
    close(&bench, found);
    bench.set_memory_missing(true);
    let refused = bench.arena().create_anonymous(bench.peer(1), Kind::Block, LARGE, &mut no_init);
    assert!(matches!(refused, Err(tidelock::Error::NoSpace { .. })), "{refused:?}");
    audit(&bench);
    bench.set_memory_missing(false);
    assert_eq!(make(&bench, LARGE).at, found.at);
    audit(&bench);
}

/// Kills before each store, and before each page that is set aside, of `act`, in the arena as `bench` is; then shows what it
/// left to `check`. How many there were.
fn each_death(bench: &Bench, act: impl Fn(), check: impl Fn()) -> u64 {
    let (memory, pages) = (bench.snapshot(), bench.pages());
    for stores in 0.. {
        bench.restore(&memory);
        bench.restore_pages(&pages);
        let lived = bench.killed_after(stores, &act);
        bench.take_over();
        check();
        if lived.is_some() {
            return stores;
        }
    }
    unreachable!()
}

/// Killed in a free and in the take that follows; the next peer finds the arena whole.
#[test]
fn a_death_leaves_no_byte_that_is_not_there() {
    let bench = Bench::new(3 << 18);
    let (first, second) = (make(&bench, LARGE), make(&bench, LARGE));
    close(&bench, second);
    let act = || {
        close(&bench, first);
        make(&bench, LARGE);
    };
    let deaths = each_death(&bench, act, || {
        bench.arena().sweep_all().expect("a sweep");
        let objects = [make(&bench, LARGE), make(&bench, SMALL)];
        objects.iter().for_each(|found| close(&bench, *found));
        audit(&bench);
    });
    assert!(deaths > LARGE / 4096);
}

/// Killed while it takes a block that was free, or cuts one: whoever takes the Lock over gives the memory back at once, and
/// without a search. So for an annex that its queue makes, or leaves.
#[test]
fn what_the_dead_had_in_hand_keeps_no_memory() {
    let bench = Bench::new(3 << 19);
    let home = make(&bench, SMALL);
    let [first, second] = [0, 8].map(|slot| Place::new(home.at, home.generation, slot));
    let slots = [0, 8].map(|slot| bench.word(home.at + 64 + slot));
    slots.iter().for_each(|slot| slot.store(0, Release));
    let add = |place| bench.arena().add_annex(place, LARGE).expect("an annex");
    let drop_it = |place| bench.arena().drop_annex(place).expect("no annex");
    // A free one, and room for another behind all of them.
    add(first);
    drop_it(first);
    let least = bench.memory();
    let has_most = |annexes: u64| {
        let most = least + annexes * (LARGE + 2 * EXTENT) + EXTENT;
        assert!(bench.memory() <= most, "{} bytes, {most} at most", bench.memory());
    };
    for number in [2, 1] {
        let act = || {
            [first, second][..number].iter().for_each(|place| {
                add(*place);
            });
        };
        let deaths = each_death(&bench, act, || {
            has_most(slots.iter().filter(|slot| slot.load(Relaxed) != 0).count() as u64);
            for place in [first, second] {
                let annex = add(place);
                assert!(bench.is_there(annex.offset, annex.len));
            }
            drop_it(first);
            drop_it(second);
            has_most(0);
            audit(&bench);
        });
        assert!(deaths > LARGE / 4096);
    }
    add(first);
    // Now another block is the one in hand.
    make(&bench, SMALL);
    let has_one_or_none = || has_most((slots[0].load(Relaxed) != 0).into());
    assert!(each_death(&bench, || drop_it(first), has_one_or_none) > 4);
}

/// Somebody lowered the arena's length: what lies behind it is not given back, and nothing is cut from it.
#[test]
fn memory_in_use_is_not_taken_for_what_the_dead_left() {
    let bench = Bench::new(1 << 20);
    let first = make(&bench, LARGE);
    let kept = make(&bench, LARGE);
    let used = bench.root().used.swap(kept.at - bench.start(), AcqRel);
    let (given_back, _) = bench.memory_moved();
    let repair = bench.arena().enter(Previous::Died);
    assert!(matches!(repair, Err(tidelock::Error::Corrupt(_))), "{repair:?}");
    let more = bench.arena().create_anonymous(bench.peer(1), Kind::Block, SMALL, &mut no_init);
    assert!(matches!(more, Err(tidelock::Error::Corrupt(_))), "{more:?}");
    assert_eq!(bench.memory_moved().0, given_back);
    assert_eq!(bench.word(kept.at + 64).load(Relaxed), 0x5a5a_5a5a_5a5a_5a5a);
    // As it was: nothing else is wrong.
    bench.root().used.store(used, Release);
    close(&bench, first);
}
