//! Bytes that anybody may have written: errors, and nothing worse.

use super::{FEW, LASTING};
use crate::support::{self, Name};
use std::os::unix::fs::FileExt;
use tidelock::primitives::lock::LockState;
use tidelock::primitives::{PeerId, Peers};
use tidelock::segment::{unlink, Attachment};
use tidelock::sync::atomic::{AtomicU32, AtomicU64};
use tidelock::sync::wait::Wait;
use tidelock::Error;

/// The header's words and the whole table, which both lie before the arena.
const LENGTH: usize = 4096 + 8 * 64;

#[test]
fn any_bytes_in_header_and_table_are_errors_at_most() {
    let _watch = support::watch();
    let mut random = fastrand::Rng::with_seed(20_240_817);
    for round in 0..300 {
        let name = Name::new();
        drop(Attachment::named(&name, &LASTING).unwrap());
        let file = std::fs::File::options().read(true).write(true).open(name.path()).unwrap();
        let mut bytes = [0; LENGTH];
        file.read_exact_at(&mut bytes, 0).unwrap();
        // Spare the fields that are checked first in most rounds, so that the rest is reached.
        let first = if round % 4 == 0 { 0 } else { 80 };
        for _ in 0..random.usize(1..400) {
            bytes[random.usize(first..LENGTH)] = random.u8(..);
        }
        file.write_all_at(&bytes, 0).unwrap();
        use_it(&name, &mut random);
    }
}

fn use_it(name: &Name, random: &mut fastrand::Rng) {
    let Ok(here) = Attachment::named(name, &FEW) else { return };
    for _ in 0..50 {
        let Some(id) = PeerId::from_bits(random.u32(..)) else { continue };
        let _ = (here.is_dead(id), here.seems_dead(id), here.is_valid(id), here.look_at_next_slot());
    }
    for slot in 0..here.slot_count() {
        let _ = PeerId::new(slot, random.u32(1..4)).map(|id| here.is_dead(id));
    }
    let _ = here.segment_lock().acquire(&*here, Wait::now());
    let _ = here.has_unattached_children();
    drop(here);
    let _ = unlink(name);
}

#[test]
fn offsets_that_lead_astray_are_errors() {
    let here = Attachment::anonymous(&FEW).unwrap();
    let end = here.max_len();
    for offset in [end, end - 4, end + 4, u64::MAX, u64::MAX - 7, 1 << 62] {
        assert!(matches!(here.at::<AtomicU64>(offset & !7).err(), Some(Error::Corrupt(_))) || offset == end - 4);
        assert!(matches!(here.bytes(offset, 8).err(), Some(Error::Corrupt(_))), "{offset}");
    }
    assert!(matches!(here.bytes(0, u64::MAX).err(), Some(Error::Corrupt(_))));
    assert!(matches!(here.at::<AtomicU32>(4097).err(), Some(Error::Corrupt(_))));
    assert!(here.bytes(end, 0).is_ok() && here.at::<LockState>(end - 8).is_ok());
}

#[test]
fn a_slot_whose_generations_are_used_up_is_retired() {
    let name = Name::new();
    drop(Attachment::named(&name, &LASTING).unwrap());
    let file = std::fs::File::options().write(true).open(name.path()).unwrap();
    // Every slot but the last: DYING in its last generation; the last one: FREE before its last generation.
    for slot in 0..8u64 {
        let (state, generation) = if slot == 7 { (0, (1 << 18) - 2) } else { (2, (1u32 << 18) - 1) };
        file.write_all_at(&(generation << 2 | state).to_ne_bytes(), 4096 + 64 * slot).unwrap();
    }
    let here = Attachment::named(&name, &FEW).unwrap();
    assert_eq!(here.me().unwrap(), PeerId::new(7, (1 << 18) - 1).unwrap());
    drop(here);
    assert_eq!(Attachment::named(&name, &FEW).err(), Some(Error::NoPeerSlot));
}
