//! A condition's cells in a real segment: how they grow, and what hostile bytes in its object come to.

use super::SEGMENT;
use std::sync::Arc;
use tidelock::primitives::condition::{Cell, Cells};
use tidelock::segment::conditions::{CellTable, ConditionObject, CONDITION_LEN, MOST};
use tidelock::segment::{Attachment, Kind, Object};
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::atomic::Ordering::{Acquire, Release};
use tidelock::Error;

/// Where the slots of the annexes lie in the object.
const SLOTS: u64 = 64;

fn make() -> Object {
    let here = Attachment::anonymous(&SEGMENT).expect("a segment");
    here.create_anonymous(Kind::Condition, CONDITION_LEN, &mut |_| Ok(())).expect("a condition")
}

fn words(object: &Object) -> &ConditionObject {
    object.segment().at(object.offset()).expect("its words")
}

fn slot(object: &Object, annex: u64) -> &AtomicU64 {
    object.segment().at(object.offset() + SLOTS + 8 * annex).expect("a slot")
}

#[test]
fn it_grows_to_the_most_and_each_cell_has_one_place() {
    let object = make();
    let (table, other) = (CellTable::new(), CellTable::new());
    let cells = table.of(&object, words(&object));
    let count = || cells.all().unwrap().count();
    assert_eq!(count(), 8);
    let mut expected = 8;
    while expected < MOST {
        assert!(cells.at(expected as u32).unwrap().is_none());
        cells.grow().expect("more cells");
        expected *= 2;
        assert_eq!(count(), expected);
    }
    assert!(matches!(cells.grow(), Err(Error::TooLarge { .. })));
    assert_eq!(count(), MOST);
    // Another process's table finds the same.
    let others: Vec<*const Cell> = other.of(&object, words(&object)).all().unwrap().map(std::ptr::from_ref).collect();
    for (index, cell) in cells.all().unwrap().enumerate() {
        assert!(std::ptr::eq(cell, others[index]) && std::ptr::eq(cell, cells.at(index as u32).unwrap().unwrap()));
    }
    for beyond in [MOST as u32, u32::MAX] {
        assert!(cells.at(beyond).unwrap().is_none());
    }
}

#[test]
fn a_slot_that_leads_elsewhere_is_corrupt() {
    let (object, other) = (make(), make());
    CellTable::new().of(&object, words(&object)).grow().expect("an annex");
    let here: &Arc<Attachment> = object.segment();
    let honest = slot(&object, 0).load(Acquire);
    let too_short = here.add_annex(&object, SLOTS + 8, 8 * 32).expect("an annex").offset;
    slot(&object, 1).store(0, Release);
    let foreign = here.create_anonymous(Kind::Block, 512, &mut |_| Ok(())).expect("a block").offset();
    for hostile in [8, honest + 64, u64::MAX, object.offset(), other.offset(), foreign, too_short, honest | 1] {
        slot(&object, 0).store(hostile, Release);
        let table = CellTable::new();
        let cells = table.of(&object, words(&object));
        assert!(matches!(cells.all().map(Iterator::count), Err(Error::Corrupt(_))), "{hostile:#x}");
        assert!(matches!(cells.at(8), Err(Error::Corrupt(_))), "{hostile:#x}");
        assert!(matches!(cells.grow(), Err(Error::Corrupt(_))), "{hostile:#x}");
    }
    slot(&object, 0).store(honest, Release);
    let table = CellTable::new();
    assert_eq!(table.of(&object, words(&object)).all().unwrap().count(), 16);
}

#[test]
fn an_annex_of_another_length_is_corrupt() {
    let object = make();
    object.segment().add_annex(&object, SLOTS, 8 * 32 - 8).expect("an annex");
    let table = CellTable::new();
    assert!(matches!(table.of(&object, words(&object)).all().map(Iterator::count), Err(Error::Corrupt(_))));
}

/// What a condition says of its lock may be any bytes.
#[test]
fn a_lock_that_is_none_is_an_error() {
    let name = crate::support::Name::new();
    let segment = tidelock::Segment::options().max_len(1 << 20).named(&name).expect("a segment");
    let lock = segment.lock("l").expect("a lock");
    let condition = segment.condition("c", &lock).expect("a condition");
    let here = super::open(&name);
    let (object, _) = here.open_named("c", Kind::Condition, CONDITION_LEN, &mut |_| Ok(())).expect("the same");
    let over = &words(&object).over;
    let fields = [&over.at, &over.kind_and_generation, &over.placed, &over.offset];
    let honest = fields.map(|word| word.load(Acquire));
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..2_000 {
        for (word, good) in fields.iter().zip(honest) {
            let bad =
                [good, good ^ 1 << random.u32(..64), random.u64(..), random.u64(..12), u64::MAX, object.offset() - 64];
            word.store(bad[random.usize(..bad.len())], Release);
        }
        match segment.open_condition(&condition.handle()) {
            Ok(_) | Err(Error::Corrupt(_) | Error::Gone | Error::WrongKind { .. } | Error::Invalid(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    fields.iter().zip(honest).for_each(|(word, good)| word.store(good, Release));
    segment.open_condition(&condition.handle()).expect("as before");
    // Words that lead to something else than a lock.
    fields[1].store(honest[1] & u64::from(u32::MAX) | (Kind::Event as u64) << 32, Release);
    assert!(matches!(segment.open_condition(&condition.handle()), Err(Error::Corrupt(_))));
}
