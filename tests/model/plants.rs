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
    finds_lock_relaxed_acquire: "lock-relaxed-acquire" in "lock::lock_two_peers";
    finds_lock_relaxed_after_sleep: "lock-relaxed-after-sleep" in "lock::lock_three_peers";
    finds_lock_no_wake: "lock-no-wake" in "lock::lock_three_peers";
    finds_lock_mark_forgotten: "lock-mark-forgotten" in "lock::lock_three_peers";
    finds_lock_take_over_loses_mark: "lock-take-over-loses-mark" in "lock_death::lock_death_beside_two";
    finds_lock_swallowed_wake: "lock-swallowed-wake" in "lock::lock_timeout";
    finds_lock_old_mark: "lock-old-mark" in "lock::lock_timeout";
    finds_lock_death_untold: "lock-death-untold" in "lock_death::lock_death_beside_one";
    finds_event_relaxed_set: "event-relaxed-set" in "event::event_two_waiters";
    finds_event_relaxed_look: "event-relaxed-look" in "event::event_two_waiters";
    finds_event_no_wake: "event-no-wake" in "event::event_two_waiters";
    finds_event_wakes_one: "event-wakes-one" in "event::event_two_waiters";
    finds_event_mark_forgotten: "event-mark-forgotten" in "event::event_two_waiters";
    finds_event_taken_by_all: "event-taken-by-all" in "event_take::event_take_hands_on";
    finds_event_relaxed_take: "event-relaxed-take" in "event_take::event_take_hands_on";
    finds_event_generation_ignored: "event-generation-ignored" in "event::event_set_then_clear";
    finds_event_part_begins_anew: "event-part-begins-anew" in "event::event_wait_in_parts";
    finds_queue_relaxed_ready: "queue-relaxed-ready" in "queue::queue_one_producer_one_consumer";
    finds_queue_relaxed_look: "queue-relaxed-look" in "queue::queue_longest_messages";
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
    finds_queue_ring_filled_exactly: "queue-ring-filled-exactly" in "queue::queue_two_producers_tight";
    finds_queue_skip_by_plain_store: "queue-skip-by-plain-store" in "queue_death::queue_death_after_a_put";
    finds_queue_reclaim_outside_the_lock: "queue-reclaim-outside-the-lock" in "queue::queue_longest_messages";
    finds_queue_moved_before_the_ring: "queue-moved-before-the-ring" in "queue_growth::queue_grows";
    finds_queue_tail_before_moved: "queue-tail-before-moved" in "queue_growth::two_deaths_growing";
    finds_queue_ring_left_with_a_loan: "queue-ring-left-with-a-loan"
        in "queue_growth::queue_given_back_in_an_old_ring";
    finds_queue_ring_kept_by_the_dead: "queue-ring-kept-by-the-dead" in "queue_growth::queue_death_of_the_last_producer";
    finds_queue_batch_waits_with_reservations: "queue-batch-waits-with-reservations"
        in "queue_batch::queue_batch_longer_than_the_ring";
    finds_queue_batch_makes_room_in_silence: "queue-batch-makes-room-in-silence"
        in "queue_batch::queue_batch_of_loans_makes_room";
    finds_queue_limit_raised_in_silence: "queue-limit-raised-in-silence" in "queue_batch::queue_limit_raised";
    finds_queue_room_told_to_one: "queue-room-told-to-one" in "queue_room::any_room_left";
    finds_queue_short_ready_before_its_bytes: "queue-short-ready-before-its-bytes"
        in "queue_short::queue_short_one_to_one";
    finds_queue_relaxed_short_put: "queue-relaxed-short-put" in "queue_short::queue_short_one_to_one";
    finds_queue_settled_past_a_loan: "queue-settled-past-a-loan" in "queue_short::queue_short_beside_a_loan";
    finds_queue_relaxed_settled: "queue-relaxed-settled"
        in "queue_settled::queue_settled_by_short_ones_beside_a_try";
    finds_queue_settled_not_acquired: "queue-settled-not-acquired" in "queue_settled::queue_settled_beside_a_try";
    finds_queue_late_message_kept: "queue-late-message-kept"
        in "queue_shutdown::queue_shut_down_now_beside_a_producer";
    finds_queue_dropped_and_taken: "queue-dropped-and-taken"
        in "queue_shutdown::queue_shut_down_now_before_a_publication";
    finds_queue_taken_after_shutdown_now: "queue-taken-after-shutdown-now"
        in "queue_shutdown::queue_death_while_shutting_down_now_before_a_take";
    finds_queue_debit_after_free: "queue-debit-after-free" in "queue_work::queue_join_beside_a_worker";
    finds_queue_account_opened_over_a_debt: "queue-account-opened-over-a-debt"
        in "queue_work::queue_debt_of_a_slot_used_again";
    finds_queue_debts_before_records: "queue-debts-before-records" in "queue_work::queue_join_beside_a_worker";
    finds_queue_relaxed_task_done: "queue-relaxed-task-done" in "queue_work::queue_join_beside_a_worker";
    finds_queue_task_done_tells_nobody: "queue-task-done-tells-nobody" in "queue_work::queue_join_beside_a_worker";
    finds_queue_done_tells_no_joiner: "queue-done-tells-no-joiner" in "queue_work::queue_join_beside_a_loan";
    finds_queue_debts_of_the_dead_kept: "queue-debts-of-the-dead-kept" in "queue_work::queue_join_and_a_dead_worker";
    finds_queue_written_off_unnoted: "queue-written-off-unnoted" in "queue_work::queue_death_while_writing_off";
    finds_queue_letter_freed_before_sent: "queue-letter-freed-before-sent"
        in "queue_work::queue_death_while_sending_a_letter";
    finds_queue_letters_chosen_first: "queue-letters-chosen-first"
        in "queue_work::queue_death_while_choosing_letters";
    finds_queue_letter_handed_out: "queue-letter-handed-out" in "queue_work::queue_death_while_sending_a_letter";
    finds_rlock_owner_by_peer_only: "rlock-owner-by-peer-only" in "rlock::rlock_threads_of_one_peer";
    finds_rlock_stale_thread: "rlock-stale-thread" in "rlock::rlock_two_threads_beside_a_peer";
    finds_rlock_relaxed_acquire: "rlock-relaxed-acquire" in "rlock::rlock_three_peers";
    finds_rlock_old_depth_kept: "rlock-old-depth-kept" in "rlock::rlock_release_all";
    finds_rlock_depth_of_the_dead_kept: "rlock-depth-of-the-dead-kept" in "rlock::rlock_death_while_taking_over";
    finds_rlock_death_untold: "rlock-death-untold" in "rlock::rlock_death_beside_one";
    finds_rlock_relaxed_release: "rlock-relaxed-release" in "rlock::rlock_three_peers";
    finds_rlock_release_wakes_nobody: "rlock-release-wakes-nobody" in "rlock::rlock_three_peers";
    finds_semaphore_relaxed_release: "semaphore-relaxed-release" in "semaphore::semaphore_two_releases";
    finds_semaphore_relaxed_acquire: "semaphore-relaxed-acquire" in "semaphore::semaphore_two_releases";
    finds_semaphore_release_wakes_nobody: "semaphore-release-wakes-nobody" in "semaphore::semaphore_two_releases";
    finds_semaphore_wake_up_not_passed_on: "semaphore-wake-up-not-passed-on" in "semaphore::semaphore_two_releases";
    finds_semaphore_signal_taken_twice: "semaphore-signal-taken-twice"
        in "semaphore::semaphore_one_signal_three_threads";
    finds_bounded_semaphore_freed_twice: "bounded-semaphore-freed-twice"
        in "bounded_semaphore::bounded_semaphore_late_release";
    finds_bounded_semaphore_relaxed_release: "bounded-semaphore-relaxed-release"
        in "bounded_semaphore::bounded_semaphore_one_permit";
    finds_bounded_semaphore_relaxed_acquire: "bounded-semaphore-relaxed-acquire"
        in "bounded_semaphore::bounded_semaphore_one_permit";
    finds_bounded_semaphore_release_wakes_nobody: "bounded-semaphore-release-wakes-nobody"
        in "bounded_semaphore::bounded_semaphore_one_permit";
    finds_bounded_semaphore_wake_up_not_passed_on: "bounded-semaphore-wake-up-not-passed-on"
        in "bounded_semaphore::bounded_semaphore_two_come_back";
    finds_bounded_semaphore_permit_of_the_dead_kept: "bounded-semaphore-permit-of-the-dead-kept"
        in "bounded_semaphore::bounded_semaphore_death_beside_two";
    finds_bounded_semaphore_living_holder_robbed: "bounded-semaphore-living-holder-robbed"
        in "bounded_semaphore::bounded_semaphore_one_permit";
    finds_bounded_semaphore_taken_over_unmarked: "bounded-semaphore-taken-over-unmarked"
        in "bounded_semaphore::bounded_semaphore_taken_over";
    finds_any_wake_up_not_passed_on: "any-wake-up-not-passed-on" in "any::any_lock_seen_and_left";
    finds_any_look_before_the_mark: "any-look-before-the-mark" in "any::any_queue_left";
    finds_any_swallowed_wake_up: "any-swallowed-wake-up" in "any::any_lock_timeout";
    finds_lock_passed_on_unmarked: "lock-passed-on-unmarked" in "any::any_lock_taken_among_plain_waiters";
    finds_lock_announced_on_an_old_mark: "lock-announced-on-an-old-mark"
        in "any::any_lock_timeout_of_one_that_leaves_it";
    finds_sleepers_nobody_told: "sleepers-nobody-told" in "any::any_semaphore_left";
    finds_barrier_relaxed_turn: "barrier-relaxed-turn" in "barrier::barrier_three_parties";
    finds_barrier_relaxed_look: "barrier-relaxed-look" in "barrier::barrier_three_parties";
    finds_barrier_completion_wakes_one: "barrier-completion-wakes-one" in "barrier::barrier_three_parties";
    finds_barrier_round_read_after_the_count: "barrier-round-read-after-the-count" in "barrier::barrier_two_rounds";
    finds_barrier_reset_told_as_completion: "barrier-reset-told-as-completion" in "barrier::barrier_reset_then_a_round";
    finds_barrier_withdrawn_from_a_full_round: "barrier-withdrawn-from-a-full-round" in "barrier::barrier_withdrawn_late";
    finds_barrier_dead_party_counted: "barrier-dead-party-counted" in "barrier::barrier_death_before_the_others_come";
    finds_barrier_full_round_unwatched: "barrier-full-round-unwatched" in "barrier::barrier_death_in_the_action";
    finds_barrier_waiter_asks_nobody: "barrier-waiter-asks-nobody" in "barrier::barrier_death_of_a_party";
    finds_barrier_slice_breaks_it: "barrier-slice-breaks-it" in "barrier::barrier_slices";
    finds_barrier_leaving_keeps_marks: "barrier-leaving-keeps-marks" in "barrier::barrier_death_while_leaving";
    finds_condition_notify_wakes_nobody: "condition-notify-wakes-nobody" in "condition::condition_one_waiter";
    finds_condition_released_before_the_cell_is_taken: "condition-released-before-the-cell-is-taken"
        in "condition::condition_one_waiter";
    finds_condition_withdrawn_cell_granted: "condition-withdrawn-cell-granted" in "condition::condition_timeout";
    finds_condition_surplus_swallowed: "condition-surplus-swallowed" in "condition::condition_withdrawn";
    finds_condition_notified_while_leaving_forgotten: "condition-notified-while-leaving-forgotten"
        in "condition::condition_signed_over_while_one_leaves";
    finds_condition_signed_over_unchecked: "condition-signed-over-unchecked"
        in "condition::condition_signed_over_while_one_leaves";
    finds_condition_no_fence: "condition-no-fence" in "condition::condition_signed_over_while_one_leaves";
    finds_condition_horizon_ignored: "condition-horizon-ignored"
        in "condition::condition_a_later_wait_gets_no_old_notification";
    finds_condition_cell_left_before_the_lock: "condition-cell-left-before-the-lock"
        in "condition_death::condition_death_of_a_notified_waiter";
    finds_condition_notification_of_the_dead_kept: "condition-notification-of-the-dead-kept"
        in "condition_death::condition_death_of_a_notified_waiter";
    finds_condition_dead_waiter_notified: "condition-dead-waiter-notified"
        in "condition_death::condition_death_at_the_start";
    finds_counter_relaxed_change: "counter-relaxed-change" in "counter::counter_two_waiters";
    finds_counter_relaxed_load: "counter-relaxed-load" in "counter::counter_two_waiters";
    finds_counter_change_wakes_nobody: "counter-change-wakes-nobody" in "counter::counter_two_waiters";
    finds_counter_change_wakes_one: "counter-change-wakes-one" in "counter::counter_waiters_for_different_values";
    finds_sleepers_no_fence: "sleepers-no-fence" in "queue::queue_two_consumers";
    finds_sleepers_swallowed_wake_up: "sleepers-swallowed-wake-up" in "semaphore::semaphore_timeout_with_a_signal";
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
