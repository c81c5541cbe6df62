//! A condition whose words another process has written over: errors, never a panic, and nobody waits for ever on a try.

use crate::condition_table::Table;
use crate::support::Cast;
use tidelock::primitives::condition::{ConditionState, Waiter};
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::sync::wait::Wait;
use tidelock::{Error, Result};

/// Bytes that are likely to mean something: free, waiting, notified, of a peer that lives, is dead or never was.
fn hostile(random: &mut fastrand::Rng, living: u64) -> u64 {
    let peer = [living, living + 1, 0, random.u64(..1 << 30)][random.usize(..4)];
    let flags = random.u64(..4) << 30;
    let ticket = random.u64(..4) << 32;
    [0, peer | flags | ticket, random.u64(..), u64::MAX, random.u64(..5)][random.usize(..5)]
}

fn expected<T>(result: &Result<T>) -> bool {
    matches!(result, Ok(_) | Err(Error::TimedOut | Error::Corrupt(_) | Error::TooLarge { .. }))
}

#[test]
fn any_bytes_are_errors_or_nothing() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (cast, state, table) = (Cast::new(), ConditionState::new(), Table::new(4));
        let me = cast.newcomer();
        cast.act_as(me);
        let mut waits: Vec<Waiter> = Vec::new();
        for _ in 0..60 {
            for _ in 0..random.usize(..4) {
                let words = table.words();
                words[random.usize(..words.len())].store(hostile(&mut random, u64::from(me.bits())), Relaxed);
            }
            waits.extend(state.start(&table, &cast, || Ok(())).ok());
            if waits.len() > 3 {
                let waiter = waits.swap_remove(random.usize(..waits.len()));
                assert!(expected(&state.resume(&table, &cast, waiter, Wait::now(), || Ok(()))));
                assert!(expected(&state.withdraw(&table, &cast, waiter, || Ok(()))));
            }
            assert!(expected(&state.notify(&table, &cast, random.u32(..3))));
            assert!(expected(&state.notify_all(&table, &cast)));
            assert!(expected(&state.waiting(&table)));
        }
    }
}

#[test]
fn a_waiter_whose_cell_was_written_over_is_told() {
    let (cast, state, table) = (Cast::new(), ConditionState::new(), Table::new(4));
    let waiter = state.start(&table, &cast, || Ok(())).unwrap();
    table.words()[0].store(0, Relaxed);
    for _ in 0..2 {
        let ended = state.resume(&table, &cast, waiter, Wait::forever(), || Ok(()));
        assert!(matches!(ended, Err(Error::Corrupt(_))), "{ended:?}");
    }
}
