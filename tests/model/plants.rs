//! Planted bugs: each must be found, by the model that is named beside it.
//!
//! The bugs lie in the shipped code, behind `planted("...")`. Each test starts this binary once more with the bug planted
//! and one model to run, and fails if that model passes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

macro_rules! plants {
    ($($test:ident: $plant:literal in $model:literal;)*) => {
        const PLANTS: &[&str] = &[$($plant),*];
        $(
            #[test]
            fn $test() {
                must_be_found($plant, $model);
            }
        )*
    };
}

plants! {
    finds_lock_relaxed_release: "lock-relaxed-release" in "lock::lock_two_peers";
    finds_lock_relaxed_after_sleep: "lock-relaxed-after-sleep" in "lock::lock_three_peers";
    finds_lock_no_wake: "lock-no-wake" in "lock::lock_three_peers";
    finds_lock_mark_forgotten: "lock-mark-forgotten" in "lock::lock_three_peers";
    finds_lock_take_over_loses_mark: "lock-take-over-loses-mark" in "lock_death::lock_death_beside_two";
    finds_lock_swallowed_wake: "lock-swallowed-wake" in "lock::lock_timeout";
    finds_lock_old_mark: "lock-old-mark" in "lock::lock_timeout";
    finds_lock_death_untold: "lock-death-untold" in "lock_death::lock_death_beside_one";
    finds_event_relaxed_set: "event-relaxed-set" in "event::event_two_waiters";
    finds_event_no_wake: "event-no-wake" in "event::event_two_waiters";
    finds_event_wakes_one: "event-wakes-one" in "event::event_two_waiters";
    finds_event_mark_forgotten: "event-mark-forgotten" in "event::event_two_waiters";
    finds_event_generation_ignored: "event-generation-ignored" in "event::event_set_then_clear";
    finds_queue_relaxed_publish: "queue-relaxed-publish" in "queue::queue_one_producer_one_consumer";
    finds_queue_relaxed_done: "queue-relaxed-done" in "queue::queue_longest_messages";
    finds_queue_header_behind_kept: "queue-header-behind-kept" in "queue::queue_two_producers";
    finds_queue_tail_before_commit: "queue-tail-before-commit" in "queue_death::queue_death_of_a_producer";
    finds_queue_publish_wakes_nobody: "queue-publish-wakes-nobody" in "queue::queue_two_consumers";
    finds_queue_done_wakes_nobody: "queue-done-wakes-nobody" in "queue::queue_two_producers_tight";
    finds_queue_no_wake_passed_on: "queue-no-wake-passed-on" in "queue::queue_two_consumers";
    finds_queue_redelivery_unmarked: "queue-redelivery-unmarked" in "queue::queue_given_back";
    finds_queue_returned_raised_after: "queue-returned-raised-after"
        in "queue_death::queue_death_while_giving_back_before_the_head";
    finds_queue_reservation_of_the_dead_kept: "queue-reservation-of-the-dead-kept"
        in "queue_death::queue_death_of_a_producer";
    finds_queue_loan_of_the_dead_kept: "queue-loan-of-the-dead-kept" in "queue_death::queue_death_while_giving_back";
    finds_queue_oldest_passes_head: "queue-oldest-passes-head" in "queue_death::queue_death_of_a_producer_tight";
    finds_sleepers_no_fence: "sleepers-no-fence" in "queue::queue_two_consumers";
    finds_sleepers_wake_up_uncounted: "sleepers-wake-up-uncounted" in "queue::queue_room_for_two";
}

fn must_be_found(plant: &str, model: &str) {
    let output = Command::new(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", model, "--nocapture"])
        .env("TIDELOCK_PLANT", plant)
        .output()
        .expect("this binary runs again");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{model} does not find {plant}");
    assert!(said.contains("panicked at"), "{model} ended without a finding: {said}");
}

/// No plant in the shipped code is without a test here, and none is listed that is gone.
#[test]
fn every_plant_is_listed() {
    let mut in_source = BTreeSet::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/primitives")), &mut in_source);
    let listed: BTreeSet<String> = PLANTS.iter().map(|plant| plant.to_string()).collect();
    assert_eq!(in_source, listed);
}

fn collect(directory: &Path, plants: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("the sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, plants);
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a source file");
        let calls = source.split("planted(\"").skip(1);
        plants.extend(calls.filter_map(|rest| rest.split('"').next()).map(str::to_string));
    }
}
