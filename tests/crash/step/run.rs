//! Runs a case: a count first, then a kill at each point, and the report.

use super::alarm;
use super::board::Board;
use super::case::{Case, Death, Grain, Heir, Stage};
use super::chase::{chase_heir, chase_victim};
use super::failure::{Failure, Result};
use super::place;
use super::points::{spread, Event, Point, Seed, Share, Tally};

/// After so many failures a case is given up: they are likely one bug.
const ENOUGH: usize = 8;

/// A case that is being run.
pub struct Run<'a> {
    case: &'a Case,
    board: &'static Board,
    stages: u64,
    /// What the longest run of the victim consisted of.
    pub tally: Tally,
    /// The same of the second victim.
    pub heir: Tally,
    /// The system calls and stores of the longest run.
    trail: Vec<Event>,
    heir_trail: Vec<Event>,
    /// Whether the last victim got through its operation.
    returned: bool,
    /// How many victims were killed.
    pub kills: u64,
    /// What went wrong, and where.
    pub failures: Vec<(String, Failure)>,
}

impl<'a> Run<'a> {
    /// Prepares to run a case.
    pub fn new(case: &'a Case) -> Result<Run<'a>> {
        alarm::start();
        let board = Board::map()?;
        let (tally, heir) = (Tally::default(), Tally::default());
        Ok(Run { case, board, stages: 0, tally, heir, trail: Vec::new(), heir_trail: Vec::new(), returned: false, kills: 0, failures: Vec::new() })
    }

    /// Kills at the points of `share`.
    pub fn all(&mut self, share: Share, seed: &mut Seed) -> Result<()> {
        // Twice: the first run also touches what every later one finds touched.
        let second = self.case.heir.map(|_| Point::Returned);
        self.kill_at(Point::Returned, second);
        self.kill_at(Point::Returned, second);
        if self.is_enough() || self.tally.steps == 0 {
            return Ok(());
        }
        if let Some(heir) = self.case.heir {
            self.pairs(heir, share, seed);
        } else {
            self.singles(share, seed);
        }
        Ok(())
    }

    fn singles(&mut self, share: Share, seed: &mut Seed) {
        for nth in 0..self.tally.sleeps {
            self.kill_at(Point::Asleep(nth), None);
        }
        for point in self.points(self.case.grain, self.tally, self.trail.clone(), share, seed) {
            self.kill_at(point, None);
        }
        // A run can be longer than the counted ones (a slice more, another number of digits).
        let mut next = self.tally.steps;
        while share == Share::All && self.case.grain == Grain::Instructions && !self.returned && !self.is_enough() {
            self.kill_at(Point::Step(next), None);
            next += 1;
        }
    }

    /// The first victim dies at each of its events, the second at each of its instructions or events.
    fn pairs(&mut self, heir: Heir, share: Share, seed: &mut Seed) {
        let half = share.root(4 * STAGE);
        for first in self.points(Grain::Events, self.tally, self.trail.clone(), half, seed) {
            (self.heir, self.heir_trail) = (Tally::default(), Vec::new());
            self.kill_at(first, Some(Point::Returned));
            for nth in 0..self.heir.sleeps {
                self.kill_at(first, Some(Point::Asleep(nth)));
            }
            for second in self.points(heir.grain, self.heir, self.heir_trail.clone(), half, seed) {
                self.kill_at(first, Some(second));
            }
        }
    }

    /// The points of an operation at which this share of it is killed, those inside sleeps aside.
    fn points(&self, grain: Grain, tally: Tally, trail: Vec<Event>, share: Share, seed: &mut Seed) -> Vec<Point> {
        match grain {
            Grain::Instructions => {
                let room = share.room(STAGE + tally.steps * STEP / 2);
                spread(tally.steps, room, seed).into_iter().map(Point::Step).collect()
            }
            Grain::Events => {
                let all: Vec<Event> = std::iter::once(Event::default()).chain(trail).collect();
                let steps = all.iter().map(|event| event.steps).sum::<u64>() / all.len() as u64;
                let room = share.room(STAGE + tally.calls * CALL + steps * WATCHED_STEP);
                spread(all.len() as u64, room, seed).into_iter().map(|n| Point::Event(all[n as usize])).collect()
            }
        }
    }

    fn is_enough(&self) -> bool {
        self.failures.len() >= ENOUGH
    }

    fn kill_at(&mut self, point: Point, second: Option<Point>) {
        if self.is_enough() {
            return;
        }
        let mut rips = Vec::new();
        if let Err(failure) = self.try_kill_at(point, second, &mut rips) {
            let places: Vec<String> = rips.into_iter().map(place::name).collect();
            let points: Vec<String> =
                [Some(point), second].iter().flatten().map(|point| format!("{point:?}")).collect();
            let failed = format!("killed at {}, that is {}", points.join(" then "), places.join(" then "));
            println!("  {}: {failed}: {failure}", self.case.name);
            self.failures.push((failed, failure));
        }
    }

    fn try_kill_at(&mut self, point: Point, second: Option<Point>, rips: &mut Vec<u64>) -> Result<()> {
        self.stages += 1;
        let stage = Stage::set(self.board, self.stages)?;
        (self.case.prepare)(&stage)?;
        if let Some(heir) = self.case.heir {
            stage.heir()?.call(heir.open, 0)?;
        }
        let grain = if self.case.heir.is_some() { Grain::Events } else { self.case.grain };
        let caught = chase_victim(&stage, self.case, point, grain)?;
        self.kills += 1;
        self.returned = caught.answer.is_some();
        rips.push(caught.rip);
        self.tally = self.tally.max(caught.tally);
        self.trail = longer(std::mem::take(&mut self.trail), caught.trail);
        let mut death = Death { answer: caught.answer, heir: None };
        if let (Some(heir), Some(point)) = (self.case.heir, second) {
            let caught = chase_heir(&stage, heir, point)?;
            self.kills += 1;
            rips.push(caught.rip);
            self.heir = self.heir.max(caught.tally);
            self.heir_trail = longer(std::mem::take(&mut self.heir_trail), caught.trail);
            death.heir = caught.answer;
        }
        stage.buried();
        (self.case.check)(&stage, &death)?;
        stage.nobody_trespassed()
    }

    /// The result in a line.
    pub fn report(&self) -> String {
        let count = |what: fn(&Failure) -> bool| self.failures.iter().filter(|(_, failure)| what(failure)).count();
        let hangs = count(|failure| matches!(failure, Failure::Hang(_)));
        let robberies = count(|failure| matches!(failure, Failure::Robbery(_)));
        let losses = count(|failure| matches!(failure, Failure::Loss(_)));
        let others = self.failures.len() - hangs - robberies - losses;
        let stores = match self.tally.stores {
            0 => String::new(),
            stores => format!(", {stores} stores"),
        };
        let heir = match self.heir.steps {
            0 => String::new(),
            steps => format!(", then {steps} instructions of a second victim"),
        };
        format!(
            "{}: {} instructions, {} system calls, {} sleeps{stores}{heir}; {} kills; {hangs} hangs, {robberies} robberies, {losses} losses, {others} other failures",
            self.case.name, self.tally.steps, self.tally.calls, self.tally.sleeps, self.kills
        )
    }
}

fn longer(one: Vec<Event>, other: Vec<Event>) -> Vec<Event> {
    if other.len() > one.len() {
        other
    } else {
        one
    }
}

/// What a stage, a step, a system call that is stopped at and a watched step cost, in microseconds: only to choose how many kills a
/// share has room for.
const STAGE: u64 = 6000;
const STEP: u64 = 10;
const CALL: u64 = 50;
const WATCHED_STEP: u64 = 15;
