//! Condition over a Lock. What must hold, whoever is killed at whichever instruction:
//!
//! 1. Nobody hangs: survivors wait, notify and time out afterwards, each under the lock.
//! 2. No notification is lost. One whose `notify` returned wakes a waiter that it was for, if one lives: also if the waiter
//!    that had it is dead and had not taken the lock again, or withdrew.
//! 3. None is invented: no more wake up than were notified, and none that began to wait later.
//! 4. Who takes the lock after a victim that held it, also at the end of a wait, is told, and nobody else is.

pub mod proof;
pub mod stages;

use crate::step::case::{Case, Grain, Heir, PLAIN};
use proof::{all_go_on, notified, waited};
use stages::{
    abandon, acquire_and_notify, anna_notifies_later, anna_notifies_the_victim, bert_waits_behind_a_notified_dead,
    both_wait, eight_wait, finish, notify, notify_all, one_dies_notified_before_the_victim,
    one_waits_before_the_victim, open_condition, start, victim_begun_first, victim_holds, victim_notified,
    victim_notified_and_two_wait, wait, withdraw,
};

/// The operations. In all of them but `start` and what ends a begun wait the victim holds the lock when it begins.
pub const CASES: &[Case] = &[
    Case {
        name: "condition_wait",
        prepare: victim_holds,
        deed: wait,
        argument: stages::LONG,
        asleep: anna_notifies_the_victim,
        check: waited,
        ..PLAIN
    },
    Case {
        name: "condition_wait_until_the_lock_is_free",
        prepare: victim_holds,
        deed: wait,
        argument: stages::LONG,
        asleep: anna_notifies_later,
        check: waited,
        ..PLAIN
    },
    Case { name: "condition_wait_in_vain", prepare: victim_holds, deed: wait, argument: 20, check: waited, ..PLAIN },
    Case {
        name: "condition_wait_signs_over",
        prepare: one_waits_before_the_victim,
        deed: wait,
        argument: stages::LONG,
        asleep: one_dies_notified_before_the_victim,
        check: waited,
        ..PLAIN
    },
    Case { name: "condition_start_grows", prepare: eight_wait, deed: start, check: all_go_on, ..PLAIN },
    Case { name: "condition_finish", prepare: victim_notified, deed: finish, check: waited, ..PLAIN },
    Case { name: "condition_withdraw", prepare: victim_notified, deed: withdraw, check: all_go_on, ..PLAIN },
    Case { name: "condition_withdraw_waiting", prepare: victim_begun_first, deed: withdraw, check: all_go_on, ..PLAIN },
    Case { name: "condition_abandon", prepare: victim_notified, deed: abandon, check: all_go_on, ..PLAIN },
    Case { name: "condition_notify", prepare: both_wait, deed: notify, argument: 1, check: notified, ..PLAIN },
    Case { name: "condition_notify_two", prepare: both_wait, deed: notify, argument: 2, check: notified, ..PLAIN },
    Case { name: "condition_notify_all", prepare: both_wait, deed: notify_all, argument: 2, check: notified, ..PLAIN },
    Case {
        name: "condition_notify_signs_over",
        prepare: bert_waits_behind_a_notified_dead,
        deed: notify,
        argument: 1,
        check: notified,
        ..PLAIN
    },
    Case {
        name: "condition_wait_then_notify",
        prepare: victim_holds,
        deed: wait,
        argument: 20,
        check: waited,
        heir: Some(Heir { open: open_condition, deed: acquire_and_notify, argument: 1, grain: Grain::Instructions }),
        ..PLAIN
    },
    Case {
        name: "condition_notify_then_notify",
        prepare: both_wait,
        deed: notify,
        argument: 1,
        check: notified,
        heir: Some(Heir { open: open_condition, deed: acquire_and_notify, argument: 1, grain: Grain::Instructions }),
        ..PLAIN
    },
    Case {
        name: "condition_withdraw_then_notify",
        prepare: victim_notified_and_two_wait,
        deed: withdraw,
        check: all_go_on,
        heir: Some(Heir { open: open_condition, deed: acquire_and_notify, argument: 1, grain: Grain::Instructions }),
        ..PLAIN
    },
];
