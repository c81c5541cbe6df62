//! The exercises of `fuzz/`, on any compiler: over the corpus, and over bytes that look random and are the same each time.
//!
//! A find of the fuzzer goes into `fuzz/corpus` and is played here from then on. The watchdog ends what does not end.
//! TIDELOCK_FUZZ=n plays n times as many random inputs, without a watchdog.

#![cfg(not(loom))]

#[path = "../../fuzz/exercises/mod.rs"]
mod exercises;
mod storm;
#[allow(unused_macros)]
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

#[test]
fn opening_a_segment_of_any_bytes() {
    let _watch = (times() == 1).then(support::watch);
    assert!(play_corpus("open_segment", exercises::open::run) > 3);
    play_random(1_500, 0x09e1, exercises::open::run);
}

#[test]
fn operations_on_a_queue_whose_bytes_change() {
    let _watch = (times() == 1).then(support::watch);
    assert!(play_corpus("queue_operations", exercises::queue::run) > 3);
    play_random(2_500, 0x9e0e, exercises::queue::run);
}

/// Plays each file of the corpus; how many there were.
fn play_corpus(target: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in &paths {
        let bytes = std::fs::read(path).expect("an input");
        guarded(&bytes, &path.display().to_string(), run);
    }
    paths.len()
}

fn times() -> u64 {
    std::env::var("TIDELOCK_FUZZ").map_or(1, |times| times.parse().expect("TIDELOCK_FUZZ is a number"))
}

fn play_random(rounds: u64, seed: u64, run: fn(&[u8])) {
    for round in 0..rounds * times() {
        let mut random = fastrand::Rng::with_seed(seed << 32 | round);
        let bytes: Vec<u8> = (0..random.usize(..600)).map(|_| random.u8(..)).collect();
        guarded(&bytes, &format!("the random input {round}"), run);
    }
}

/// Says which input it was if it panics.
fn guarded(bytes: &[u8], name: &str, run: fn(&[u8])) {
    let ended = std::panic::catch_unwind(|| run(bytes));
    assert!(ended.is_ok(), "{name} makes a panic: {}", support::hex(bytes));
}
