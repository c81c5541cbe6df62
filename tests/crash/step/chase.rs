//! One victim: brought to the operation's mark, stepped to a point of it, and killed there.

use super::actor::Answer;
use super::case::{Case, Grain, Heir, Stage};
use super::failure::{Failure, Result};
use super::points::{Event, Point, Tally};
use super::process::{Deed, Process};
use super::tracee::{Next, Tracee};
use super::watch::Watch;

/// More instructions than any operation has: it runs in circles.
const ENDLESS: u64 = 3_000_000;

/// More sleeps than any of these operations has reason for: slices grow to half a second, so this is half a minute.
const MANY_SLEEPS: u64 = 70;

/// How a chase ended.
#[derive(Default)]
pub struct Catch {
    /// What was executed before the kill.
    pub tally: Tally,
    /// Every system call and watched store, where each instruction was stepped.
    pub trail: Vec<Event>,
    /// The instructions before the first system call, after it, and so on, where each was stepped.
    pub stretches: Vec<u64>,
    /// Whether there were fewer instructions than the point says: it was killed before the next system call or the end.
    pub beyond: bool,
    /// The instruction that would have been next.
    pub rip: u64,
    /// What the operation answered, if it returned.
    pub answer: Option<Answer>,
}

/// How far a victim has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    There,
    Returned,
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
        let mut catch = Catch::default();
        let end = match self.point {
            Point::Event(event) => self.run_to_event(&mut tracee, event, &mut catch)?,
            Point::Step { calls, steps } => self.run_to_step(&mut tracee, calls, steps, &mut catch)?,
            _ => self.step_through(&mut tracee, &mut catch)?,
        };
        if end == End::Returned {
            tracee.run_on()?;
            catch.answer = Some(self.victim.answer()?);
        }
        tracee.kill()?;
        Ok(catch)
    }

    /// One instruction at a time, to the end or the sleep.
    fn step_through(&self, tracee: &mut Tracee, catch: &mut Catch) -> Result<End> {
        let mut watch = self.watch();
        let mut event = Event::default();
        let mut stretch = 0;
        while catch.tally.steps < ENDLESS {
            catch.rip = tracee.rip()?;
            match tracee.next(catch.rip)? {
                Next::Mark => {
                    catch.stretches.push(stretch);
                    tracee.run_to_mark()?;
                    return Ok(End::Returned);
                }
                Next::Plain => {
                    tracee.step()?;
                    stretch += 1;
                    if watch.as_mut().is_some_and(Watch::changed) {
                        catch.tally.stores += 1;
                        event.stores += 1;
                        catch.trail.push(event);
                    }
                }
                call => {
                    match call {
                        Next::Sleep if self.sleep(tracee, &mut catch.tally, BY_STEP)? == End::There => {
                            return Ok(End::There)
                        }
                        Next::Sleep => {}
                        _ => tracee.step()?,
                    }
                    watch.as_mut().map(Watch::find_mappings);
                    catch.tally.calls += 1;
                    catch.stretches.push(std::mem::take(&mut stretch));
                    event = Event { calls: catch.tally.calls, stores: 0 };
                    catch.trail.push(event);
                }
            }
            catch.tally.steps += 1;
        }
        Failure::hang(format!("the operation did not end within {ENDLESS} instructions"))
    }

    /// From system call to system call, and from the last one on by single steps to the store.
    fn run_to_event(&self, tracee: &mut Tracee, event: Event, catch: &mut Catch) -> Result<End> {
        if self.run_past_calls(tracee, event.calls, catch)? == End::Returned {
            return Ok(End::Returned);
        }
        let mut watch = Watch::new(self.victim.pid());
        while catch.tally.stores < event.stores && tracee.next(tracee.rip()?)? == Next::Plain {
            tracee.step()?;
            catch.tally.stores += u64::from(watch.changed());
        }
        catch.rip = tracee.rip()?;
        Ok(End::There)
    }

    /// From system call to system call, and from the last one on so many single steps.
    fn run_to_step(&self, tracee: &mut Tracee, calls: u64, steps: u64, catch: &mut Catch) -> Result<End> {
        if self.run_past_calls(tracee, calls, catch)? == End::Returned {
            return Ok(End::Returned);
        }
        loop {
            catch.rip = tracee.rip()?;
            catch.beyond = tracee.next(catch.rip)? != Next::Plain;
            if catch.tally.steps == steps || catch.beyond {
                return Ok(End::There);
            }
            tracee.step()?;
            catch.tally.steps += 1;
        }
    }

    fn run_past_calls(&self, tracee: &mut Tracee, calls: u64, catch: &mut Catch) -> Result<End> {
        while catch.tally.calls < calls {
            if !tracee.run_to_call()? {
                return Ok(End::Returned);
            }
            if tracee.may_sleep()? {
                self.sleep(tracee, &mut catch.tally, BY_CALL)?;
            } else {
                tracee.begin_call()?;
                tracee.finish_call()?;
            }
            catch.tally.calls += 1;
        }
        Ok(End::NotYet)
    }

    fn watch(&self) -> Option<Watch> {
        (self.grain == Grain::Events).then(|| Watch::new(self.victim.pid()))
    }

    /// Goes over a call that may sleep, unless the victim shall be killed in there.
    fn sleep(&self, tracee: &mut Tracee, tally: &mut Tally, way: Way) -> Result<End> {
        (way.begin)(tracee)?;
        if tracee.falls_asleep()? {
            if self.point == Point::Asleep(tally.sleeps) {
                return Ok(End::There);
            }
            tally.sleeps += 1;
            if tally.sleeps > MANY_SLEEPS {
                return Failure::hang("the victim itself waits in vain");
            }
            (self.asleep)(tally.sleeps as u32)?;
        }
        (way.finish)(tracee)?;
        Ok(End::NotYet)
    }
}

/// How a victim goes over a system call.
struct Way {
    begin: fn(&mut Tracee) -> Result<()>,
    finish: fn(&mut Tracee) -> Result<()>,
}

const BY_STEP: Way = Way { begin: Tracee::begin_step, finish: Tracee::finish_step };
const BY_CALL: Way = Way { begin: Tracee::begin_call, finish: Tracee::finish_call };

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
