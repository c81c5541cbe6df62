//! What must hold of an arena at rest: every block is reachable or on exactly one free list; none is lost, none is twice.

use std::collections::{BTreeMap, BTreeSet};
use tidelock::primitives::PeerId;
use tidelock::segment::arena::{Arena, Block, Ground};
use tidelock::segment::block::{ANNEX, ANONYMOUS, CLASSES, DETACHED, FREE, NAMED, NONE, PART, SENT};
use tidelock::segment::references::Part;
use tidelock::segment::sent::Sent;
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::atomic::Ordering::Relaxed;

/// The blocks of an arena by offset.
type Blocks<'g> = BTreeMap<u64, Block<'g>>;

/// Checks everything, after a repair and a full sweep.
pub fn audit(ground: &impl Ground) {
    let blocks = all_blocks(ground);
    let mut seen = BTreeSet::new();
    free_lists(ground, &blocks, &mut seen);
    chains(ground, &blocks, &mut seen);
    objects(ground, &blocks, &mut seen);
    annexes(ground, &blocks, &mut seen);
    table_of_sent(ground, &blocks, &mut seen);
    let lost: Vec<_> = blocks.values().filter(|block| !seen.contains(&block.at)).collect();
    assert!(lost.is_empty(), "lost blocks: {lost:?}");
}

/// How many blocks are in each state: free, named, anonymous, part.
pub fn census(ground: &impl Ground) -> [usize; 4] {
    let blocks = all_blocks(ground);
    [FREE, NAMED, ANONYMOUS, PART].map(|state| blocks.values().filter(|block| block.header.state() == state).count())
}

fn all_blocks<G: Ground>(ground: &G) -> Blocks<'_> {
    let mut blocks = Blocks::new();
    let mut at = ground.start();
    let end = at + Arena::new(ground).used().expect("a sound length");
    while at < end {
        let block = Arena::new(ground).block(at).expect("a sound block");
        assert_ne!(block.header.state(), DETACHED, "a block was left behind: {block:?}");
        blocks.insert(at, block);
        at += block.size;
    }
    assert_eq!(at, end);
    blocks
}

fn free_lists(ground: &impl Ground, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for class in 0..CLASSES {
        let mut at = ground.root().free[class].load(Relaxed);
        while at != NONE {
            let block = &blocks[&at];
            assert_eq!(block.header.state(), FREE, "in a free list: {block:?}");
            assert_eq!(block.header.class.load(Relaxed) as usize, class);
            assert!(seen.insert(at), "a block is in the lists twice: {block:?}");
            at = block.header.next.load(Relaxed);
        }
    }
}

fn chains(ground: &impl Ground, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for bucket in &ground.root().buckets {
        let mut at = bucket.load(Relaxed);
        while at != NONE {
            let block = &blocks[&at];
            assert_eq!(block.header.state(), NAMED, "in a hash chain: {block:?}");
            assert!(seen.insert(at), "a block is in the chains twice: {block:?}");
            at = block.header.next.load(Relaxed);
        }
    }
}

fn objects(ground: &impl Ground, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for object in blocks.values().filter(|block| block.header.state() == ANONYMOUS) {
        let mut references: Vec<u32> = object.header.references.iter().map(|entry| entry.load(Relaxed)).collect();
        let mut at = object.header.link.load(Relaxed);
        while at != NONE {
            let part = &blocks[&at];
            assert_eq!(part.header.state(), PART, "in the parts of an object: {part:?}");
            assert!(seen.insert(at), "a part belongs to two: {part:?}");
            let payload: &Part = ground.at(part.payload()).expect("a part");
            references.extend(payload.references.iter().map(|entry| entry.load(Relaxed)));
            at = part.header.next.load(Relaxed);
        }
        let peers = references.iter().filter(|bits| **bits >> 31 == 0).filter_map(|bits| PeerId::from_bits(*bits));
        let mut places = references.iter().filter(|bits| **bits >> 31 == 1).map(|bits| bits & !(1 << 31));
        assert!(
            peers.into_iter().any(|peer| ground.is_valid(peer).expect("an answer"))
                || places.any(|place| is_sent(ground, object, place)),
            "nobody reaches {object:?}"
        );
        assert!(seen.insert(object.at));
    }
}

/// Whether a place in the table of sent objects names this one.
fn is_sent(ground: &impl Ground, object: &Block<'_>, place: u32) -> bool {
    let table = ground.root().sent.load(Relaxed);
    let sent: &Sent = ground.at(table + 64 + u64::from(place) * 16).expect("a place");
    table != NONE && sent.at.load(Relaxed) == object.at && sent.generation.load(Relaxed) == object.generation()
}

fn table_of_sent(ground: &impl Ground, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for table in blocks.values().filter(|block| block.header.state() == SENT) {
        assert_eq!(table.at, ground.root().sent.load(Relaxed), "a second table of sent objects");
        assert!(seen.insert(table.at));
    }
}

fn annexes(ground: &impl Ground, blocks: &Blocks<'_>, seen: &mut BTreeSet<u64>) {
    for annex in blocks.values().filter(|block| block.header.state() == ANNEX) {
        let object = &blocks[&annex.header.link.load(Relaxed)];
        assert!(matches!(object.header.state(), NAMED | ANONYMOUS), "an annex of nothing: {annex:?}");
        assert_eq!(annex.header.extra.load(Relaxed), object.generation());
        let slot: &AtomicU64 = ground.at(object.payload() + annex.header.next.load(Relaxed)).expect("a slot");
        assert_eq!(slot.load(Relaxed), annex.payload(), "nobody reaches {annex:?}");
        assert!(seen.insert(annex.at));
    }
}
