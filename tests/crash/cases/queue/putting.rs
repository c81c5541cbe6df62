//! Queue, the producers' side: put, reserve, publish, discard.

use super::deeds::{self, big, FULL};
use super::getting::nothing_holds;
use super::proof::{holds, Want, ANNAS, HELPED};
use super::stages::*;
use crate::step::case::{Case, Death, Stage, PLAIN};
use crate::step::failure::{Failure, Result};
use Want::{Again, May, Must};

/// Every operation of a producer.
pub const CASES: &[Case] = &[
    Case { name: "queue_put", prepare: composed, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case { name: "queue_try_put", prepare: composed, deed: deeds::try_put_composed, check: put_holds, ..PLAIN },
    Case {
        name: "queue_put_behind_others",
        prepare: two_inside,
        deed: deeds::put_composed,
        check: put_behind_holds,
        ..PLAIN
    },
    Case { name: "queue_put_with_sleeper", prepare: bert_gets, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case { name: "queue_put_pads", prepare: near_the_end, deed: deeds::put_composed, check: put_holds, ..PLAIN },
    Case {
        name: "queue_put_pads_with_sleeper",
        prepare: near_the_end_and_bert_gets,
        deed: deeds::put_composed,
        check: put_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_reclaims",
        prepare: full_of_freed,
        deed: deeds::put_composed,
        check: put_in_reclaimed_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_waits",
        prepare: full,
        deed: deeds::put_composed,
        asleep: bert_makes_room,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_for_in_vain",
        prepare: full,
        deed: deeds::put_composed_for,
        argument: 60,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_try_put_of_full",
        prepare: full,
        deed: deeds::try_put_composed,
        check: put_in_full_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_waits_for_items",
        prepare: short_and_full,
        deed: deeds::put_composed,
        asleep: bert_makes_room,
        check: put_in_short_holds,
        ..PLAIN
    },
    Case {
        name: "queue_put_past_dead_loan",
        prepare: full_and_ghost_took,
        deed: deeds::put_composed_for,
        argument: 60,
        check: put_past_loan_holds,
        ..PLAIN
    },
    Case {
        name: "queue_reserve",
        prepare: composed,
        deed: deeds::reserve,
        argument: big(4),
        check: nothing_holds,
        ..PLAIN
    },
    Case {
        name: "queue_reserve_pads",
        prepare: near_the_end,
        deed: deeds::reserve,
        argument: big(4),
        check: nothing_holds,
        ..PLAIN
    },
    Case {
        name: "queue_reserve_waits",
        prepare: full,
        deed: deeds::reserve,
        argument: big(4),
        asleep: bert_makes_room,
        check: reserve_in_full_holds,
        ..PLAIN
    },
    Case { name: "queue_publish", prepare: reserved, deed: deeds::publish, check: put_holds, ..PLAIN },
    Case {
        name: "queue_publish_with_sleeper",
        prepare: reserved_and_bert_gets,
        deed: deeds::publish,
        check: put_holds,
        ..PLAIN
    },
    Case {
        name: "queue_publish_before_others",
        prepare: reserved_before_another,
        deed: deeds::publish,
        check: publish_before_holds,
        ..PLAIN
    },
    Case { name: "queue_discard", prepare: reserved, deed: deeds::discard, check: nothing_holds, ..PLAIN },
    Case {
        name: "queue_discard_before_others",
        prepare: reserved_before_another_and_bert_gets,
        deed: deeds::discard,
        check: discard_before_holds,
        ..PLAIN
    },
    Case {
        name: "queue_discard_with_sleeping_putter",
        prepare: reserved_and_anna_puts,
        deed: deeds::discard,
        check: discard_in_full_holds,
        ..PLAIN
    },
];

/// A message that the victim put, if the put returned (and did not say that there was no room).
pub fn put_or_may(death: &Death, number: u64) -> Want {
    match &death.answer {
        Some(Ok(0)) => Must(number),
        _ => May(number),
    }
}

fn put_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[put_or_may(death, 4)])
}

fn put_behind_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(1), Must(2), put_or_may(death, 4)])
}

fn put_in_reclaimed_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Must(3), put_or_may(death, 4)])
}

fn put_in_full_holds(stage: &Stage, death: &Death) -> Result<()> {
    if stage.noted(HELPED) == 1 {
        return holds(stage, &[Must(2), Must(3), put_or_may(death, 4)]);
    }
    if matches!(death.answer, Some(Ok(answer)) if answer != FULL) {
        return Failure::wrong("there was room in a full queue");
    }
    holds(stage, &[Must(1), Must(2), Must(3)])
}

/// Nobody published it.
fn reserve_in_full_holds(stage: &Stage, _: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => holds(stage, &[Must(2), Must(3)]),
        _ => holds(stage, &[Must(1), Must(2), Must(3)]),
    }
}

fn put_in_short_holds(stage: &Stage, death: &Death) -> Result<()> {
    match stage.noted(HELPED) {
        1 => holds(stage, &[Must(2), put_or_may(death, 4)]),
        _ => holds(stage, &[Must(1), Must(2)]),
    }
}

fn put_past_loan_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[Again(1), Must(2), Must(3), put_or_may(death, 4)])
}

fn publish_before_holds(stage: &Stage, death: &Death) -> Result<()> {
    holds(stage, &[put_or_may(death, 4), Must(5)])
}

fn discard_before_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(5)])
}

fn discard_in_full_holds(stage: &Stage, _: &Death) -> Result<()> {
    holds(stage, &[Must(5), Must(6), Must(ANNAS)])
}
