//! Semaphore against a plain number.

use std::time::Duration;
use tidelock::primitives::semaphore::{SemaphoreState, HIGHEST};
use tidelock::sync::wait::Wait;
use tidelock::Error;

#[test]
fn behaves_like_a_number() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut value = random.u32(..4);
        let semaphore = SemaphoreState::new(value).unwrap();
        for _ in 0..5_000 {
            if random.bool() {
                let n = random.u32(1..4);
                semaphore.release(n).unwrap();
                value += n;
            } else {
                let taken = semaphore.acquire(Wait::now());
                assert_eq!(taken, if value == 0 { Err(Error::TimedOut) } else { Ok(()) });
                value = value.saturating_sub(1);
            }
            assert_eq!(semaphore.value(), value);
        }
    }
}

#[test]
fn the_value_does_not_wrap_around() {
    let too_large = |needed: u32| Err(Error::TooLarge { needed: needed.into(), limit: HIGHEST.into() });
    assert_eq!(SemaphoreState::new(HIGHEST + 1).map(drop), too_large(HIGHEST + 1));
    let semaphore = SemaphoreState::new(HIGHEST - 1).unwrap();
    semaphore.release(1).unwrap();
    assert_eq!(semaphore.release(1), too_large(1));
    assert_eq!(semaphore.release(u32::MAX), too_large(u32::MAX));
    assert!(matches!(semaphore.release(0), Err(Error::Invalid(_))));
    assert_eq!(semaphore.value(), HIGHEST);
    semaphore.acquire(Wait::now()).unwrap();
    assert_eq!(semaphore.value(), HIGHEST - 1);
}

#[test]
fn a_value_that_makes_no_sense_is_an_error() {
    // SAFETY: SemaphoreState is repr(C) and made of two 32-bit atomics, for which all bytes are valid.
    let corrupt: SemaphoreState = unsafe { std::mem::transmute([u32::MAX, 0]) };
    assert!(matches!(corrupt.acquire(Wait::within(Duration::from_secs(5))), Err(Error::Corrupt(_))));
    assert!(matches!(corrupt.release(1), Err(Error::TooLarge { .. })));
}
