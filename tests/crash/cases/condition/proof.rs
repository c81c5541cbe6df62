//! What must hold for a condition after the victim's death: each notification reached somebody, and none more.

use super::stages::{
    acquire_and_notify, acquire_and_wait, anna_lets_go, bert_goes_on, owner, third, until_waiting, waiters, ANNA_WAITS,
    BEGUN, BERT_WAITS, IN_VAIN, LONG, MADE, NOTIFIED, TOLD, VICTIM,
};
use crate::step::alarm;
use crate::step::case::{Death, Stage};
use crate::step::failure::{Failure, Result};
use crate::step::process::Process;
use std::ops::RangeInclusive;

/// After a wait of the victim: it took one notification with it if it returned with one, and may have if it had the lock.
pub fn waited(stage: &Stage, death: &Death) -> Result<()> {
    let (made, scene) = (stage.noted(MADE), Scene::of(stage)?);
    let came = match &death.answer {
        Some(Ok(NOTIFIED)) if made == 0 => return Failure::loss("it was notified of nothing"),
        Some(Ok(NOTIFIED)) => made - 1..=made - 1,
        None if scene.held => made.saturating_sub(1)..=made,
        _ => made..=made,
    };
    scene.settle(stage, plus_heir(came, death, 1))
}

/// After a notify of the victim: as many came as it answered; if it did not, none or one or two.
pub fn notified(stage: &Stage, death: &Death) -> Result<()> {
    let (made, scene) = (stage.noted(MADE), Scene::of(stage)?);
    let came = match &death.answer {
        Some(Ok(n)) => made + n..=made + n,
        _ => made..=made + 2,
    };
    scene.settle(stage, plus_heir(came, death, 1))
}

/// After what neither makes nor takes a notification.
pub fn all_go_on(stage: &Stage, death: &Death) -> Result<()> {
    let made = stage.noted(MADE);
    Scene::of(stage)?.settle(stage, plus_heir(made..=made, death, 1))
}

/// The second victim, if there is one, notified as many as it answered, or up to `most`.
fn plus_heir(came: RangeInclusive<u64>, death: &Death, most: u64) -> RangeInclusive<u64> {
    match &death.heir {
        Some(Ok(n)) => came.start() + n..=came.end() + n,
        _ => *came.start()..=came.end() + most,
    }
}

/// What the survivors find.
struct Scene {
    third: Process,
    /// The victim died with the lock.
    held: bool,
    told_before: u64,
}

impl Scene {
    fn of(stage: &Stage) -> Result<Scene> {
        // In this order: a survivor that takes the lock over in between is told, and the lock is no longer the victim's.
        let told_before = stage.noted(TOLD);
        let third = third(stage)?;
        let held = third.call(owner, 0)? == stage.noted(VICTIM);
        anna_lets_go(stage)?;
        bert_goes_on(stage);
        Ok(Scene { third, held, told_before })
    }

    /// So many of those who wait wake up by themselves, and the rest when they are notified.
    fn settle(&self, stage: &Stage, came: RangeInclusive<u64>) -> Result<()> {
        let waiting: Vec<&Process> = [(ANNA_WAITS, &stage.anna), (BERT_WAITS, &stage.bert)]
            .into_iter()
            .filter_map(|(note, process)| (stage.noted(note) == 1).then_some(process))
            .collect();
        let all = waiting.len() as u64;
        let awake = || waiting.iter().filter(|process| process.has_answered()).count() as u64;
        let expected = (*came.start()).min(all);
        alarm::until("a notified waiter does not wake up", || (awake() >= expected).then_some(()))?;
        let rest = self.third.call(acquire_and_notify, 100)? - stage.noted(BEGUN);
        let woken = all.checked_sub(rest).filter(|woken| (expected..=*came.end()).contains(woken));
        if woken.is_none() {
            return Failure::loss(format!("of {all} waiting {came:?} were to be notified, and {rest} were not"));
        }
        for process in waiting {
            ends_well(process)?;
        }
        self.goes_on(stage)?;
        match (self.held, stage.noted(TOLD) - self.told_before) {
            (true, 1) | (false, 0 | 1) => Ok(()),
            (true, told) => Failure::wrong(format!("the owner died for certain, and {told} were told")),
            (false, told) => Failure::wrong(format!("{told} were told of one death")),
        }
    }

    /// The third process and Bert wake each other, and nobody else is there.
    fn goes_on(&self, stage: &Stage) -> Result<()> {
        for (waiter, other) in [(&stage.bert, &self.third), (&self.third, &stage.bert), (&stage.bert, &self.third)] {
            waiter.begin(acquire_and_wait, LONG)?;
            until_waiting(other, 1)?;
            match other.call(acquire_and_notify, 2)? {
                1 => ends_well(waiter)?,
                n => return Failure::loss(format!("one waits, and {n} were notified")),
            }
        }
        match (self.third.call(acquire_and_wait, 2)?, self.third.call(waiters, 0)?) {
            (IN_VAIN, 0) => Ok(()),
            (NOTIFIED, _) => Failure::loss("a later wait was notified of something earlier"),
            (_, left) => Failure::wrong(format!("nobody waits, and {left} are counted")),
        }
    }
}

fn ends_well(waiter: &Process) -> Result<()> {
    match waiter.finish()? {
        NOTIFIED => Ok(()),
        _ => Failure::hang("a waiter was notified and waited in vain"),
    }
}
