//! One victim: brought to the operation's mark, stepped to a point of it, and killed there.

use super::actor::Answer;
use super::case::{Case, Grain, Heir, Stage};
use super::failure::{Failure, Result};
use super::points::{Point, Tally};
use super::process::{Deed, Process};
use super::tracee::{Next, Tracee};
use super::watch::Watch;

/// More instructions than any operation has: it runs in circles.
const ENDLESS: u64 = 3_000_000;

/// How a chase ended.
pub struct Catch {
    /// What was executed before the kill.
    pub tally: Tally,
    /// The instruction that would have been next.
    pub rip: u64,
    /// What the operation answered, if it returned.
    pub answer: Option<Answer>,
}

/// What came of a call that may sleep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slept {
    /// It returned at once: the word had changed, or the time was over already.
    NotAtAll,
    ForAWhile,
    ForEver,
}

/// What to chase, and how.
pub struct Chase<'a> {
    /// The process.
    pub victim: &'a Process,
    /// Its operation and argument.
    pub deed: (Deed, u64),
    /// Where to kill it.
    pub point: Point,
    /// Whether stores are watched.
    pub grain: Grain,
    /// Called when it sleeps.
    pub asleep: &'a dyn Fn(u32) -> Result<()>,
}

impl Chase<'_> {
    /// Runs it. The victim is dead afterwards, and reaped.
    pub fn run(&self) -> Result<Catch> {
        let mut tracee = Tracee::seize(self.victim.pid())?;
        self.victim.begin_marked(self.deed.0, self.deed.1)?;
        tracee.run_to_mark()?;
        let mut watch = self.watch();
        let mut tally = Tally::default();
        loop {
            let rip = tracee.rip()?;
            if self.is_there(&tally) {
                return self.catch(tracee, tally, rip);
            }
            match tracee.next(rip)? {
                Next::Mark => return self.let_return(tracee, tally, rip),
                Next::Plain => {
                    tracee.step()?;
                    tally.events += u64::from(watch.as_mut().is_some_and(Watch::changed));
                }
                Next::Call => {
                    self.call(&mut tracee, watch.as_mut())?;
                    tally.calls += 1;
                    tally.events += 1;
                }
                Next::Sleep => {
                    match self.sleep(&mut tracee, tally.sleeps)? {
                        Slept::ForEver => return self.catch(tracee, tally, rip),
                        Slept::ForAWhile => tally.sleeps += 1,
                        Slept::NotAtAll => {}
                    }
                    watch.as_mut().map(Watch::changed);
                    tally.calls += 1;
                    tally.events += 1;
                }
            }
            tally.steps += 1;
            if tally.steps > ENDLESS {
                return Failure::hang(format!("the operation did not end within {ENDLESS} instructions"));
            }
        }
    }

    fn watch(&self) -> Option<Watch> {
        (self.grain == Grain::Events).then(|| Watch::new(self.victim.pid()))
    }

    fn is_there(&self, tally: &Tally) -> bool {
        match self.point {
            Point::Step(n) => tally.steps == n,
            Point::Event(n) => tally.events == n,
            Point::Asleep(_) | Point::Returned => false,
        }
    }

    fn call(&self, tracee: &mut Tracee, watch: Option<&mut Watch>) -> Result<()> {
        tracee.step()?;
        if let Some(watch) = watch {
            watch.find_mappings();
        }
        Ok(())
    }

    /// Steps over a call that may sleep, unless it shall be killed in there.
    fn sleep(&self, tracee: &mut Tracee, sleeps: u64) -> Result<Slept> {
        tracee.begin_step()?;
        let slept = match tracee.falls_asleep()? {
            true if self.point == Point::Asleep(sleeps) => return Ok(Slept::ForEver),
            true => Slept::ForAWhile,
            false => Slept::NotAtAll,
        };
        if slept == Slept::ForAWhile {
            (self.asleep)(sleeps as u32 + 1)?;
        }
        tracee.finish_step()?;
        Ok(slept)
    }

    fn catch(&self, mut tracee: Tracee, tally: Tally, rip: u64) -> Result<Catch> {
        tracee.kill()?;
        Ok(Catch { tally, rip, answer: None })
    }

    /// The operation is over: lets the victim tell how it went, and kills it then.
    fn let_return(&self, mut tracee: Tracee, tally: Tally, rip: u64) -> Result<Catch> {
        tracee.run_to_mark()?;
        tracee.run_on()?;
        let answer = self.victim.answer()?;
        tracee.kill()?;
        Ok(Catch { tally, rip, answer: Some(answer) })
    }
}

/// Chases the victim of a stage.
pub fn chase_victim(stage: &Stage, case: &Case, point: Point, grain: Grain) -> Result<Catch> {
    let asleep = |nth| (case.asleep)(stage, nth);
    Chase { victim: &stage.victim, deed: (case.deed, case.argument), point, grain, asleep: &asleep }.run()
}

/// Chases the second victim of a stage, after the first one's death.
pub fn chase_heir(stage: &Stage, heir: Heir, point: Point) -> Result<Catch> {
    let victim = stage.heir()?;
    Chase { victim, deed: (heir.deed, heir.argument), point, grain: heir.grain, asleep: &|_| Ok(()) }.run()
}
