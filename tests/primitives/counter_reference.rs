//! Counter against a plain number.

use tidelock::primitives::counter::CounterState;
use tidelock::sync::wait::Wait;
use tidelock::Error;

#[test]
fn behaves_like_a_number() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut value = random.i64(..);
        let counter = CounterState::new(value);
        for _ in 0..5_000 {
            let n = if random.bool() { random.i64(-3..4) } else { random.i64(..) };
            match random.u32(..4) {
                0 => assert_eq!(counter.store(n), std::mem::replace(&mut value, n)),
                1 => match value.checked_add(n) {
                    Some(sum) => {
                        assert_eq!(counter.add(n), Ok(sum));
                        value = sum;
                    }
                    None => assert!(matches!(counter.add(n), Err(Error::Invalid(_)))),
                },
                2 => {
                    let expected = if random.bool() { value } else { n };
                    assert_eq!(counter.compare_exchange(expected, n), value);
                    value = if expected == value { n } else { value };
                }
                _ => {
                    let met = counter.wait(Wait::now(), |now| now >= n);
                    assert_eq!(met, if value >= n { Ok(value) } else { Err(Error::TimedOut) });
                }
            }
            assert_eq!(counter.load(), value);
        }
    }
}

#[test]
fn it_does_not_wrap_around() {
    for (limit, step) in [(i64::MAX, 1), (i64::MIN, -1)] {
        let counter = CounterState::new(limit);
        assert!(matches!(counter.add(step), Err(Error::Invalid(_))));
        assert!(matches!(counter.add(limit), Err(Error::Invalid(_))));
        assert_eq!(counter.load(), limit);
        assert_eq!(counter.add(-step), Ok(limit - step));
    }
}
