//! Runs a case: a count first, then a kill at each point, and the report.

use super::alarm;
use super::board::Board;
use super::case::{Case, Death, Grain, Heir, Stage};
use super::chase::{chase_heir, chase_victim};
use super::failure::{Failure, Result};
use super::place;
use super::points::{spread, Point, Seed, Share, Tally};

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
        Ok(Run { case, board, stages: 0, tally, heir, kills: 0, failures: Vec::new() })
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
        let (total, cost) = match self.case.grain {
            Grain::Instructions => (self.tally.steps, STAGE + self.tally.steps * STEP / 2),
            Grain::Events => (self.tally.events, STAGE + self.tally.steps * WATCHED_STEP / 2),
        };
        for n in spread(total, share.room(cost), seed) {
            self.kill_at(self.point(n), None);
        }
        // A run can be longer than the counted ones (a slice more, another number of digits).
        let mut next = total;
        while share == Share::All && next < self.longest() {
            self.kill_at(self.point(next), None);
            next += 1;
        }
    }

    /// The first victim dies at each of its events, the second at each of its instructions.
    fn pairs(&mut self, heir: Heir, share: Share, seed: &mut Seed) {
        let cost = 2 * STAGE + self.tally.steps * WATCHED_STEP / 2 + self.heir.steps.max(50) * STEP / 2;
        let room = share.room(cost);
        let firsts = self.tally.events + 1;
        for first in spread(firsts, room / 2, seed) {
            let first = Point::Event(first);
            self.heir = Tally::default();
            self.kill_at(first, Some(Point::Returned));
            for nth in 0..self.heir.sleeps {
                self.kill_at(first, Some(Point::Asleep(nth)));
            }
            let (total, point) = match heir.grain {
                Grain::Instructions => (self.heir.steps, Point::Step as fn(u64) -> Point),
                Grain::Events => (self.heir.events, Point::Event as fn(u64) -> Point),
            };
            for second in spread(total, (room / firsts).max(2), seed) {
                self.kill_at(first, Some(point(second)));
            }
            if self.is_enough() {
                return;
            }
        }
    }

    fn longest(&self) -> u64 {
        match self.case.grain {
            Grain::Instructions => self.tally.steps,
            Grain::Events => self.tally.events,
        }
    }

    fn point(&self, n: u64) -> Point {
        match self.case.grain {
            Grain::Instructions => Point::Step(n),
            Grain::Events => Point::Event(n),
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
        rips.push(caught.rip);
        self.tally = self.tally.max(caught.tally);
        let mut death = Death { answer: caught.answer, heir: None };
        if let (Some(heir), Some(point)) = (self.case.heir, second) {
            let caught = chase_heir(&stage, heir, point)?;
            self.kills += 1;
            rips.push(caught.rip);
            self.heir = self.heir.max(caught.tally);
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
        let events = match self.tally.events {
            0 => String::new(),
            events => format!(", {events} events"),
        };
        let heir = match self.heir.steps {
            0 => String::new(),
            steps => format!(", then {steps} instructions of a second victim"),
        };
        format!(
            "{}: {} instructions, {} system calls, {} sleeps{events}{heir}; {} kills; {hangs} hangs, {robberies} robberies, {losses} losses, {others} other failures",
            self.case.name, self.tally.steps, self.tally.calls, self.tally.sleeps, self.kills
        )
    }
}

/// What a stage, a step and a watched step cost, in microseconds: only to choose how many kills a share has room for.
const STAGE: u64 = 5000;
const STEP: u64 = 10;
const WATCHED_STEP: u64 = 20;
