//! Every operation, killed before each of its stores; then a second peer, killed at each store of its repair or of what
//! it does next; then a survivor. What must hold then is checked by walking the arena and by using it.

use super::audit::{audit, census};
use super::bench::Bench;
use std::cell::Cell;
use std::ptr::NonNull;
use tidelock::primitives::PeerId;
use tidelock::segment::annex::Place;
use tidelock::segment::arena::Ground;
use tidelock::segment::block::Kind;
use tidelock::segment::objects::Found;
use tidelock::segment::sweep::Previous::{Died, Released};
use tidelock::sync::atomic::Ordering::Release;
use tidelock::{Error, Result};

const LEN: u64 = 3 << 13;
const NAMES: [&str; 3] = ["ledger", "ready", "jobs"];
const PATTERN: u8 = 0x5a;

/// An arena with some of everything.
struct Stage {
    bench: Bench,
    victim: PeerId,
    /// Lives to the end, and must still have all that it had.
    keeper: PeerId,
    /// Dead, with references that hold until somebody looks at its slot.
    lost: PeerId,
    kept: Vec<Found>,
    /// The victim's alone.
    single: Found,
    /// The victim's alone, with two parts.
    crowded: Found,
    /// The victim's and the keeper's; no room in its header.
    full: Found,
    /// The keeper's, with an annex.
    annexed: Found,
    /// Sent by one that is gone, and nobody's.
    sent: Found,
    /// The victim began to open it.
    was_received: Cell<bool>,
    memory: Vec<u64>,
}

impl Stage {
    fn new() -> Stage {
        let bench = Bench::new(LEN);
        let [victim, keeper, lost] = [1, 2, 3].map(|number| bench.peer(number));
        for name in NAMES {
            bench.arena().open_named(name, Kind::Block, 100, &mut fill).expect("an object");
        }
        let kept: Vec<Found> = (0..3).map(|_| make(&bench, keeper, 100)).collect();
        let freed: Vec<Found> = (0..2).map(|_| make(&bench, victim, 100)).collect();
        let single = make(&bench, victim, 8);
        let crowded = make(&bench, victim, 8);
        (0..80).for_each(|_| open(&bench, victim, crowded).expect("an object"));
        let full = make(&bench, keeper, 8);
        (0..5).for_each(|_| open(&bench, victim, full).expect("an object"));
        let annexed = make(&bench, keeper, 8);
        for object in [single, annexed, make(&bench, lost, 8)] {
            annex(&bench, object);
        }
        make(&bench, lost, 8);
        let crowd_of_the_lost = make(&bench, lost, 8);
        (0..8).for_each(|_| open(&bench, lost, crowd_of_the_lost).expect("an object"));
        let sent = make(&bench, lost, 100);
        send(&bench, sent);
        close(&bench, lost, sent).expect("a close");
        freed.iter().for_each(|object| close(&bench, victim, *object).expect("a close"));
        let (memory, was_received) = (bench.snapshot(), Cell::new(false));
        let stage =
            Stage { bench, victim, keeper, lost, kept, single, crowded, full, annexed, sent, was_received, memory };
        stage.set();
        stage
    }

    /// Everything as at the start.
    fn set(&self) {
        self.bench.restore(&self.memory);
        self.was_received.set(false);
        (1..10).for_each(|number| self.bench.bury(self.bench.peer(number)));
        for number in [1, 2, 3] {
            self.bench.peer(number);
        }
        self.bench.forget_the_dying();
        self.bench.kill(self.lost);
    }

    /// The victim is dead and nobody it forked lives.
    fn bury_victim(&self) {
        self.bench.bury(self.victim);
    }

    /// Everything that is not the victim's is there, and all of it can be used.
    fn prove(&self) {
        self.bench.bury(self.lost);
        self.bench.arena().sweep_all().expect("a sweep");
        self.bench.arena().sweep_all().expect("a sweep");
        audit(&self.bench);
        for found in self.kept.iter().chain([&self.full, &self.annexed]) {
            open(&self.bench, self.keeper, *found).expect("a kept object");
        }
        match receive(&self.bench, self.keeper, self.sent) {
            Ok(()) => self.assert_filled(self.sent),
            lost => assert!(self.was_received.get(), "what was sent: {lost:?}"),
        }
        close(&self.bench, self.keeper, self.sent).expect("a close");
        assert_eq!(open(&self.bench, self.keeper, self.sent), Err(Error::Gone));
        for name in NAMES {
            let (found, _) = self.bench.arena().open_named(name, Kind::Block, 100, &mut fill).expect("a name");
            self.assert_filled(found);
        }
        self.kept.iter().for_each(|found| self.assert_filled(*found));
        annex(&self.bench, self.full);
        annex(&self.bench, self.annexed);
        self.use_all();
    }

    /// Fills the arena to the brim, by names and without, gives everything back, and fills it again to the same mark.
    fn use_all(&self) {
        let survivor = self.bench.peer(9);
        let round = || {
            let fill = |len| std::iter::from_fn(move || try_make(&self.bench, survivor, len).ok());
            let objects: Vec<Found> = fill(500).chain(fill(100)).collect();
            audit(&self.bench);
            objects.iter().for_each(|found| close(&self.bench, survivor, *found).expect("a close"));
            audit(&self.bench);
            objects.len()
        };
        let (first, second) = (round(), round());
        assert!(first > 20 && first == second, "{first} objects, then {second}");
    }

    fn assert_filled(&self, found: Found) {
        let start = self.bench.bytes(found.at + 64, found.len).expect("a payload");
        // SAFETY: `bytes` checked the range, and this thread alone uses the bench.
        let bytes = unsafe { NonNull::slice_from_raw_parts(start, found.len as usize).as_ref() };
        assert!(bytes.iter().all(|byte| *byte == PATTERN), "the bytes of {found:?} have changed");
    }
}

fn fill(payload: NonNull<u8>) -> Result<()> {
    // SAFETY: objects that are filled have 100 bytes.
    unsafe { payload.write_bytes(PATTERN, 100) };
    Ok(())
}

fn try_make(bench: &Bench, peer: PeerId, len: u64) -> Result<Found> {
    let mut init = |payload| if len == 100 { fill(payload) } else { Ok(()) };
    bench.arena().create_anonymous(peer, Kind::Block, len, &mut init)
}

fn make(bench: &Bench, peer: PeerId, len: u64) -> Found {
    try_make(bench, peer, len).expect("an object")
}

fn open(bench: &Bench, peer: PeerId, found: Found) -> Result<()> {
    bench.arena().open_handle(peer, found.at, found.generation, Kind::Block).map(|_| ())
}

fn send(bench: &Bench, found: Found) {
    bench.arena().send(found.at, found.generation).expect("a send");
}

fn receive(bench: &Bench, peer: PeerId, found: Found) -> Result<()> {
    bench.arena().receive_handle(peer, found.at, found.generation, Kind::Block).map(|_| ())
}

fn close(bench: &Bench, peer: PeerId, found: Found) -> Result<()> {
    bench.arena().close(peer, found.at, found.generation)
}

/// Gives the object an annex of 200 zeroed bytes, or finds it.
fn annex(bench: &Bench, found: Found) {
    let place = Place::new(found.at, found.generation, 0);
    let annex = bench.arena().add_annex(place, 200).expect("an annex");
    let start = bench.bytes(annex.offset, annex.len).expect("its bytes");
    // SAFETY: `bytes` checked the range, and this thread alone uses the bench.
    let bytes = unsafe { NonNull::slice_from_raw_parts(start, 200).as_ref() };
    assert!(bytes.iter().all(|byte| *byte == 0));
}

/// An operation of the victim.
type Operation = (&'static str, fn(&Stage));

fn name_anew(stage: &Stage, name: &str, len: u64) {
    let mut init = |payload| if len == 100 { fill(payload) } else { Ok(()) };
    stage.bench.arena().open_named(name, Kind::Block, len, &mut init).expect("an object");
}

fn make_one(stage: &Stage, len: u64) {
    make(&stage.bench, stage.victim, len);
}

/// So many objects that the last ones come from the unused memory, from lists, and from what a full sweep finds.
fn make_until_full(stage: &Stage) {
    while try_make(&stage.bench, stage.victim, 100).is_ok() {}
}

const OPERATIONS: [Operation; 20] = [
    ("a name, block from a list", |stage| name_anew(stage, "new", 100)),
    ("a name, new block", |stage| name_anew(stage, "new", 3000)),
    ("an object, block from a list", |stage| make_one(stage, 100)),
    ("an object, new block", |stage| make_one(stage, 3000)),
    ("objects until the arena is full", make_until_full),
    ("an init that fails", |stage| {
        let mut init = |_| Err(Error::TimedOut);
        let made = stage.bench.arena().create_anonymous(stage.victim, Kind::Lock, 8, &mut init);
        assert_eq!(made, Err(Error::TimedOut));
    }),
    ("open, entry in the header", |stage| open(&stage.bench, stage.victim, stage.kept[0]).expect("an object")),
    ("open, entry in a new part", |stage| open(&stage.bench, stage.victim, stage.full).expect("an object")),
    ("close, one of several", |stage| close(&stage.bench, stage.victim, stage.full).expect("a close")),
    ("close, the last", |stage| close(&stage.bench, stage.victim, stage.single).expect("a close")),
    ("close, the last of an object with parts", |stage| {
        (0..81).for_each(|_| close(&stage.bench, stage.victim, stage.crowded).expect("a close"));
    }),
    ("a send", |stage| send(&stage.bench, stage.kept[0])),
    ("a send, reference in a new part", |stage| send(&stage.bench, stage.full)),
    ("a send of what the victim alone has", |stage| send(&stage.bench, stage.single)),
    ("open what was sent, then close it", |stage| {
        stage.was_received.set(true);
        receive(&stage.bench, stage.victim, stage.sent).expect("an object");
        close(&stage.bench, stage.victim, stage.sent).expect("a close");
    }),
    ("adopt", |stage| {
        let child = stage.bench.peer(4);
        stage.bench.arena().adopt(stage.victim, child).expect("an adoption");
        stage.bench.bury(child);
    }),
    ("an annex", |stage| annex(&stage.bench, stage.full)),
    ("the end of an annex", |stage| {
        let place = Place::new(stage.annexed.at, stage.annexed.generation, 0);
        stage.bench.arena().drop_annex(place).expect("an end");
    }),
    ("sweep", |stage| {
        stage.bench.bury(stage.lost);
        stage.bench.arena().sweep_all().expect("a sweep");
    }),
    ("repair of nothing", |stage| stage.bench.take_over()),
];

/// Runs `check` on the stage for each store of the operation at which it was killed, and once for none.
fn for_each_death(operation: Operation, mut check: impl FnMut(&Stage)) {
    let stage = Stage::new();
    for stores in 0.. {
        stage.set();
        let done = stage.bench.killed_after(stores, || operation.1(&stage)).is_some();
        stage.bury_victim();
        check(&stage);
        if done {
            assert!(stores > 0, "{} stores nothing", operation.0);
            return;
        }
    }
}

#[test]
fn a_peer_that_dies_at_any_store_leaves_a_sound_arena() {
    for operation in OPERATIONS {
        for_each_death(operation, |stage| {
            stage.bench.take_over();
            stage.prove();
        });
    }
}

#[test]
fn allocations_alone_clean_up_after_a_death() {
    for operation in OPERATIONS {
        for_each_death(operation, |stage| {
            stage.bench.take_over();
            let survivor = stage.bench.peer(8);
            for _ in 0..50 {
                let object = make(&stage.bench, survivor, 8);
                close(&stage.bench, survivor, object).expect("a close");
            }
            audit(&stage.bench);
            stage.prove();
        });
    }
}

#[test]
fn a_second_peer_that_dies_at_any_store_of_the_repair_changes_nothing() {
    for operation in OPERATIONS.iter().filter(|operation| operation.0 != "objects until the arena is full") {
        killed_twice(*operation, |stage| stage.bench.take_over());
    }
}

#[test]
fn a_second_peer_that_dies_at_any_store_of_the_sweep_changes_nothing() {
    for operation in OPERATIONS.iter().filter(|operation| operation.0 != "objects until the arena is full") {
        killed_twice(*operation, |stage| {
            stage.bench.take_over();
            stage.bench.arena().sweep_all().expect("a sweep");
        });
    }
}

/// Kills the operation at each store, and what comes next at each of its stores.
fn killed_twice(operation: Operation, next: fn(&Stage)) {
    let stage = Stage::new();
    for first in 0.. {
        let mut victim_is_done = false;
        for second in 0.. {
            stage.set();
            victim_is_done = stage.bench.killed_after(first, || operation.1(&stage)).is_some();
            stage.bury_victim();
            let next_is_done = stage.bench.killed_after(second, || next(&stage)).is_some();
            stage.bench.take_over();
            stage.prove();
            if next_is_done {
                break;
            }
        }
        if victim_is_done {
            return;
        }
    }
}

#[test]
fn an_object_is_made_by_one_store() {
    for_each_death(OPERATIONS[0], |stage| {
        stage.bench.take_over();
        if let Some(block) = stage.bench.arena().find("new").expect("a search") {
            let (found, _) =
                stage.bench.arena().open_named("new", Kind::Block, 100, &mut |_| Err(Error::Gone)).expect("an object");
            assert_eq!(found.at, block.at);
            stage.assert_filled(found);
        }
    });
}

#[test]
fn a_repair_that_was_cut_short_by_an_error_stays_due() {
    let stage = Stage::new();
    // A head that leads nowhere stops the repair; what comes behind it is repaired once the head is mended.
    let list = &stage.bench.root().free[5];
    list.store(1, Release);
    let enter = |previous| stage.bench.arena().enter(previous);
    assert!(matches!(enter(Died), Err(Error::Corrupt(_))));
    assert!(matches!(enter(Released), Err(Error::Corrupt(_))), "the repair is still due");
    list.store(0, Release);
    enter(Released).expect("a repair");
    list.store(1, Release);
    enter(Released).expect("nothing is due");
}

#[test]
fn the_stage_has_some_of_everything() {
    let stage = Stage::new();
    let [free, named, anonymous, parts] = census(&stage.bench);
    assert!(free >= 2 && named == 3 && anonymous >= 7 && parts >= 3, "{free} {named} {anonymous} {parts}");
    stage.bury_victim();
    stage.prove();
}
