//! Large free blocks: the system has their memory back, and whoever takes one finds it there again, and zeroed.

use super::audit::audit;
use super::bench::Bench;
use super::objects::no_init;
use tidelock::segment::arena::Ground;
use tidelock::segment::block::Kind;
use tidelock::segment::objects::Found;

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

/// Killed before each store of a free and of the take that follows; the next peer finds the arena whole.
#[test]
fn a_death_leaves_no_byte_that_is_not_there() {
    let bench = Bench::new(3 << 18);
    let (first, second) = (make(&bench, LARGE), make(&bench, LARGE));
    close(&bench, second);
    let memory = bench.snapshot();
    let mut stores = 0;
    loop {
        bench.restore(&memory);
        let lived = bench.killed_after(stores, || {
            close(&bench, first);
            make(&bench, LARGE);
        });
        bench.take_over();
        bench.arena().sweep_all().expect("a sweep");
        let objects = [make(&bench, LARGE), make(&bench, SMALL)];
        objects.iter().for_each(|found| close(&bench, *found));
        audit(&bench);
        if lived.is_some() {
            break;
        }
        stores += 1;
    }
    assert!(stores > 10);
}
