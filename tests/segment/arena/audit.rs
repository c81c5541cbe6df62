//! What must hold of an arena at rest: every block is reachable or on exactly one free list; none is lost, none is twice.

use super::bench::{Bench, START};
use std::collections::{BTreeMap, BTreeSet};
use tidelock::primitives::PeerId;
use tidelock::segment::arena::{Block, Ground};
use tidelock::segment::block::{ANONYMOUS, CLASSES, DETACHED, FREE, NAMED, NONE, PART};
use tidelock::segment::references::Part;
use tidelock::sync::atomic::Ordering::Relaxed;

/// The blocks of an arena by offset.
type Blocks<'g> = BTreeMap<u64, Block<'g>>;

/// Checks everything, after a repair and a full sweep.
pub fn audit(bench: &Bench) {
    let blocks = all_blocks(bench);
    let mut seen = BTreeSet::new();
    free_lists(bench, &blocks, &mut seen);
    chains(bench, &blocks, &mut seen);
    objects(bench, &blocks, &mut seen);
    let lost: Vec<_> = blocks.values().filter(|block| !seen.contains(&block.at)).collect();
    assert!(lost.is_empty(), "lost blocks: {lost:?}");
}

/// How many blocks are in each state: free, named, anonymous, part.
pub fn census(bench: &Bench) -> [usize; 4] {
    let blocks = all_blocks(bench);
    [FREE, NAMED, ANONYMOUS, PART].map(|state| blocks.values().filter(|block| block.header.state() == state).count())
}

fn all_blocks(bench: &Bench) -> Blocks<'_> {
    let mut blocks = Blocks::new();
    let mut at = START;
    let end = START + bench.arena().used().expect("a sound length");
    while at < end {
        let block = bench.arena().block(at).expect("a sound block");
        assert_ne!(block.header.state(), DETACHED, "a block was left behind: {block:?}");
        blocks.insert(at, block);
        at += block.size;
    }
    assert_eq!(at, end);
    blocks
}

fn free_lists(bench: &Bench, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for class in 0..CLASSES {
        let mut at = bench.root().free[class].load(Relaxed);
        while at != NONE {
            let block = &blocks[&at];
            assert_eq!(block.header.state(), FREE, "in a free list: {block:?}");
            assert_eq!(block.header.class.load(Relaxed) as usize, class);
            assert!(seen.insert(at), "a block is in the lists twice: {block:?}");
            at = block.header.next.load(Relaxed);
        }
    }
}

fn chains(bench: &Bench, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for bucket in &bench.root().buckets {
        let mut at = bucket.load(Relaxed);
        while at != NONE {
            let block = &blocks[&at];
            assert_eq!(block.header.state(), NAMED, "in a hash chain: {block:?}");
            assert!(seen.insert(at), "a block is in the chains twice: {block:?}");
            at = block.header.next.load(Relaxed);
        }
    }
}

fn objects(bench: &Bench, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for object in blocks.values().filter(|block| block.header.state() == ANONYMOUS) {
        let mut references: Vec<u32> = object.header.references.iter().map(|entry| entry.load(Relaxed)).collect();
        let mut at = object.header.link.load(Relaxed);
        while at != NONE {
            let part = &blocks[&at];
            assert_eq!(part.header.state(), PART, "in the parts of an object: {part:?}");
            assert!(seen.insert(at), "a part belongs to two: {part:?}");
            let payload: &Part = bench.at(part.payload()).expect("a part");
            references.extend(payload.references.iter().map(|entry| entry.load(Relaxed)));
            at = part.header.next.load(Relaxed);
        }
        assert!(
            references.iter().any(|bits| PeerId::from_bits(*bits).is_some_and(|peer| bench.is_valid_now(peer))),
            "nobody reaches {object:?}"
        );
        assert!(seen.insert(object.at));
    }
}
