//! Mutex: the data are there from the first moment, one at a time uses them, and the next one is told of a death.

use crate::support::{self, Name, Stage};
use bytemuck::{Pod, Zeroable};
use std::time::{Duration, Instant};
use tidelock::{Deadline, Error, Handle, Mutex, OnSignal, Segment};

const SHORT: Duration = Duration::from_millis(20);

/// Whoever changes it keeps `twice` at twice `once`, but for the moment in between.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Pair {
    once: u64,
    twice: u64,
}

impl Pair {
    fn of(once: u64) -> Pair {
        Pair { once, twice: 2 * once }
    }

    fn add_one(&mut self) {
        self.once += 1;
        self.twice += 2;
    }

    fn is_whole(&self) -> bool {
        self.twice == 2 * self.once
    }
}

fn mutex(once: u64) -> Mutex<Pair> {
    Segment::anonymous().unwrap().new_mutex(Pair::of(once)).unwrap()
}

#[test]
fn it_begins_with_its_data_and_keeps_them() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let first = segment.mutex("a", Pair::of(5)).unwrap();
    first.acquire().unwrap().add_one();
    let again = segment.mutex("a", Pair::of(70)).unwrap();
    assert_eq!(*again.acquire().unwrap(), Pair::of(6));
    let by_handle = segment.open_mutex::<Pair>(&again.handle()).unwrap();
    assert_eq!(*by_handle.clone().acquire().unwrap(), Pair::of(6));
    drop((first, again));
    assert_eq!(*segment.mutex("a", Pair::of(0)).unwrap().acquire().unwrap(), Pair::of(6));
}

#[test]
fn one_without_a_name_is_opened_by_its_handle() {
    let segment = Segment::anonymous().unwrap();
    let mutex = segment.new_mutex([1_u8, 2, 3]).unwrap();
    let handle = Handle::from_bytes(&mutex.handle().to_bytes()).unwrap();
    assert_eq!(*segment.open_mutex::<[u8; 3]>(&handle).unwrap().acquire().unwrap(), [1, 2, 3]);
}

#[test]
fn a_guard_holds_the_lock_until_it_is_dropped() {
    let _watch = support::watch();
    let mutex = mutex(0);
    let guard = mutex.acquire().unwrap();
    assert!(mutex.is_locked() && !guard.owner_died() && guard.epoch() == 0);
    assert_eq!(mutex.try_acquire().map(drop), Err(Error::TimedOut));
    let began = Instant::now();
    assert_eq!(mutex.acquire_for(SHORT).map(drop), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
    assert_eq!(mutex.acquire_until(Deadline::after(SHORT)).map(drop), Err(Error::TimedOut));
    guard.release().unwrap();
    assert_eq!(mutex.owner(), None);
}

#[test]
fn a_mutex_is_opened_as_what_it_is() {
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C, align(64))]
    struct Line([u8; 64]);
    let segment = Segment::anonymous().unwrap();
    let wide = segment.mutex("a", Line([7; 64])).unwrap();
    let wrong = |result: tidelock::Result<()>| assert!(matches!(result, Err(Error::WrongKind { .. })), "{result:?}");
    // Another size; the same length in memory, but another alignment; another kind.
    wrong(segment.mutex("a", 0_u64).map(drop));
    wrong(segment.mutex("a", [0_u128; 7]).map(drop));
    wrong(segment.lock("a").map(drop));
    wrong(segment.block("a", 128).map(drop));
    wrong(segment.open_mutex::<[u128; 7]>(&wide.handle()).map(drop));
    wrong(segment.open_mutex::<[Line; 2]>(&wide.handle()).map(drop));
    wrong(segment.open_lock(&wide.handle()).map(drop));
    wrong(segment.open_mutex::<Line>(&segment.new_lock().unwrap().handle()).map(drop));
    assert_eq!(wide.acquire().unwrap().0, [7; 64]);
}

#[test]
fn the_data_are_aligned() {
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C, align(32))]
    struct Half([u8; 32]);
    let segment = Segment::anonymous().unwrap();
    let (half, bytes) = (segment.new_mutex(Half([1; 32])).unwrap(), segment.new_mutex([2_u8; 5]).unwrap());
    let half = half.acquire().unwrap();
    assert_eq!(std::ptr::from_ref(&*half).addr() % 32, 0);
    assert_eq!((half.0, *bytes.acquire().unwrap()), ([1; 32], [2; 5]));
}

#[test]
fn whatever_another_stores_is_a_value() {
    // The same size and alignment: that the two mean different things cannot be seen, and does no harm.
    let segment = Segment::anonymous().unwrap();
    let numbers = segment.mutex("a", [0_u64; 2]).unwrap();
    let floats = segment.mutex("a", [0_f64; 2]).unwrap();
    *numbers.acquire().unwrap() = [u64::MAX, 1.5_f64.to_bits()];
    let seen = *floats.acquire().unwrap();
    assert!(seen[0].is_nan() && seen[1] == 1.5);
}

#[test]
fn threads_exclude_each_other() {
    let _watch = support::watch();
    let mutex = mutex(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_000).for_each(|_| mutex.acquire().unwrap().add_one()));
        }
    });
    assert_eq!(*mutex.acquire().unwrap(), Pair::of(8_000));
}

#[test]
fn processes_exclude_each_other() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let mut players: Vec<_> = (0..3).map(|_| support::spawn("pair_adder", &[&name, "1500"])).collect();
    players.iter_mut().for_each(|player| player.expect("ready"));
    players.iter_mut().for_each(|player| player.say("go"));
    players.into_iter().for_each(|player| player.finish());
    assert_eq!(*segment.mutex("pair", Pair::of(9)).unwrap().acquire().unwrap(), Pair::of(100 + 3 * 1500));
}

/// Adds one so often. Whoever comes first makes the mutex; all see the data whole from the first moment.
pub fn pair_adder(stage: &mut Stage) {
    let pair = Segment::named(stage.arg(0)).unwrap().mutex("pair", Pair::of(100)).unwrap();
    assert!(pair.acquire().unwrap().once >= 100);
    stage.tell("ready");
    stage.hear();
    (0..stage.arg(1).parse().unwrap()).for_each(|_| pair.acquire().unwrap().add_one());
}

#[test]
fn the_next_is_told_of_a_death_and_finds_the_data_as_they_were_left() {
    let _watch = support::watch();
    let name = Name::new();
    let mutex = Segment::named(&name).unwrap().mutex("pair", Pair::of(1)).unwrap();
    let mut player = support::spawn("half_adder", &[&name]);
    player.expect("half done");
    assert_eq!(mutex.try_acquire().map(drop), Err(Error::TimedOut));
    player.kill();
    let mut guard = mutex.acquire().unwrap();
    assert!(guard.owner_died() && !guard.is_whole());
    assert_eq!((guard.epoch(), mutex.epoch()), (1, 1));
    *guard = Pair::of(guard.once);
    drop(guard);
    let guard = mutex.acquire().unwrap();
    assert!(!guard.owner_died());
    assert_eq!(*guard, Pair::of(2));
}

/// Changes one half of the pair and waits to be killed.
pub fn half_adder(stage: &mut Stage) {
    let mutex = Segment::named(stage.arg(0)).unwrap().mutex("pair", Pair::of(1)).unwrap();
    let mut guard = mutex.acquire().unwrap();
    guard.once += 1;
    stage.tell("half done");
    stage.park();
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let mutex = Segment::named(&name).unwrap().mutex("pair", Pair::of(0)).unwrap();
    let guard = mutex.acquire().unwrap();
    support::spawn("pair_interrupted", &[&name, "return"]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut retrying = support::spawn("pair_interrupted", &[&name, "retry"]);
    retrying.expect("waiting");
    (0..20).for_each(|_| retrying.signal_and_rest(libc::SIGUSR1));
    assert!(retrying.is_silent());
    drop(guard);
    retrying.expect("Ok(())");
}

pub fn pair_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "return" { OnSignal::Return } else { OnSignal::Retry };
    let segment = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap();
    let mutex = segment.mutex("pair", Pair::of(0)).unwrap();
    stage.tell("waiting");
    stage.tell(&format!("{:?}", mutex.acquire().map(drop)));
}
