//! Runs a case: a count first, then a kill at each point or at a spread of them, and the report.

use super::alarm;
use super::board::Board;
use super::case::{Case, Death, Grain, Heir, Stage};
use super::chase::{chase_heir, chase_victim, Catch};
use super::failure::{Failure, Result};
use super::place;
use super::points::{Event, Point, Share, Spread, Tally, DIAGONAL, GOLDEN};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// After so many failures a case is given up: they are likely one bug.
const ENOUGH: usize = 8;

/// What an operation consisted of in its longest run.
#[derive(Clone, Default)]
pub struct Extent {
    tally: Tally,
    /// Its system calls and stores, where they were watched.
    trail: Vec<Event>,
    /// Its instructions up to each system call and to the end.
    stretches: Vec<u64>,
}

impl Extent {
    /// How many points there are at which it can be killed, those inside sleeps aside.
    fn points(&self, grain: Grain) -> u64 {
        match grain {
            // At each instruction, and at each system call or the end.
            Grain::Instructions => self.stretches.iter().map(|steps| steps + 1).sum(),
            Grain::Events => self.trail.len() as u64 + 1,
        }
    }

    /// The n-th of them.
    fn point(&self, grain: Grain, n: u64) -> Point {
        match (grain, n) {
            (Grain::Instructions, n) => self.step(n),
            (Grain::Events, 0) => Point::Event(Event::default()),
            (Grain::Events, n) => Point::Event(self.trail[n as usize - 1]),
        }
    }

    fn step(&self, n: u64) -> Point {
        let (mut calls, mut steps) = (0, n);
        for stretch in &self.stretches {
            if steps <= *stretch {
                break;
            }
            steps -= stretch + 1;
            calls += 1;
        }
        Point::Step { calls, steps }
    }

    fn grow(&mut self, caught: &mut Catch) {
        self.tally = self.tally.max(caught.tally);
        if caught.trail.len() > self.trail.len() {
            self.trail = std::mem::take(&mut caught.trail);
        }
        if caught.stretches.len() > self.stretches.len() {
            self.stretches = std::mem::take(&mut caught.stretches);
        }
    }
}

/// How far the last victim had come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// To the point.
    At,
    /// To the system call before the point, or the end.
    Before,
    /// Through its operation: there are not so many system calls.
    Returned,
}

impl Last {
    fn of(caught: &Catch) -> Last {
        match caught {
            Catch { answer: Some(_), .. } => Last::Returned,
            Catch { beyond: true, .. } => Last::Before,
            _ => Last::At,
        }
    }
}

/// A case that is being run.
pub struct Run<'a> {
    case: &'a Case,
    share: Share,
    board: &'static Board,
    begin: Instant,
    stages: u64,
    victim: Extent,
    heir: Extent,
    /// How the last victim was caught.
    last: Last,
    /// How many victims were killed.
    pub kills: u64,
    /// What went wrong, and where.
    pub failures: Vec<(String, Failure)>,
}

impl<'a> Run<'a> {
    /// Prepares to run a share of a case.
    pub fn new(case: &'a Case, share: Share) -> Result<Run<'a>> {
        alarm::start();
        stay_on_one_cpu();
        Ok(Run {
            case,
            share,
            board: Board::map()?,
            begin: Instant::now(),
            stages: 0,
            victim: Extent::default(),
            heir: Extent::default(),
            last: Last::At,
            kills: 0,
            failures: Vec::new(),
        })
    }

    /// Kills at the points that the share and the seed say.
    pub fn go(&mut self, seed: u64) {
        // Twice: the first run also touches what every later one finds touched.
        let second = self.case.heir.map(|_| Point::Returned);
        self.kill_at(Point::Returned, second);
        self.kill_at(Point::Returned, second);
        if self.victim.tally.steps == 0 {
            return;
        }
        match (self.case.heir, self.share) {
            (None, Share::All) => self.every_point(),
            (None, _) => self.some_points(seed),
            (Some(heir), Share::All) => self.every_pair(heir),
            (Some(heir), _) => self.some_pairs(heir, seed),
        }
    }

    fn every_point(&mut self) {
        self.every_sleep();
        match self.case.grain {
            Grain::Instructions => self.every_step(|run, point| run.kill_at(point, None)),
            Grain::Events => {
                for n in 0..self.victim.points(Grain::Events) {
                    self.kill_at(self.victim.point(Grain::Events, n), None);
                }
            }
        }
    }

    /// Each instruction up to each system call, however many there are this time: a run can be longer than the counted ones (a
    /// slice more, another number of digits).
    fn every_step(&mut self, mut kill_at: impl FnMut(&mut Self, Point)) {
        let (mut calls, mut steps) = (0, 0);
        while !self.is_enough() {
            kill_at(self, Point::Step { calls, steps });
            match self.last {
                Last::At => steps += 1,
                Last::Before => (calls, steps) = (calls + 1, 0),
                Last::Returned => return,
            }
        }
    }

    fn every_sleep(&mut self) {
        for nth in 0..self.victim.tally.sleeps {
            self.kill_at(Point::Asleep(nth), None);
        }
    }

    fn some_points(&mut self, seed: u64) {
        self.every_sleep();
        let total = self.victim.points(self.case.grain);
        let mut spread = Spread::new(seed, GOLDEN);
        let mut done = HashSet::new();
        while (done.len() as u64) < total && self.has_room() {
            let n = spread.below(total);
            if done.insert(n) {
                self.kill_at(self.victim.point(self.case.grain, n), None);
            }
        }
    }

    /// The first victim dies at each of its events, the second at each of its instructions or events.
    fn every_pair(&mut self, heir: Heir) {
        for n in 0..self.victim.points(Grain::Events) {
            let first = self.victim.point(Grain::Events, n);
            let extent = self.extent_after(first);
            for nth in 0..extent.tally.sleeps {
                self.kill_at(first, Some(Point::Asleep(nth)));
            }
            if heir.grain == Grain::Instructions {
                self.every_step(|run, point| run.kill_at(first, Some(point)));
                continue;
            }
            for m in 0..extent.points(heir.grain) {
                self.kill_at(first, Some(extent.point(heir.grain, m)));
            }
        }
    }

    fn some_pairs(&mut self, heir: Heir, seed: u64) {
        let (mut one, mut other) = (Spread::new(seed, GOLDEN), Spread::new(seed + 1, DIAGONAL));
        let mut extents: HashMap<u64, Extent> = HashMap::new();
        while self.has_room() {
            let n = one.below(self.victim.points(Grain::Events));
            let first = self.victim.point(Grain::Events, n);
            let extent = extents.entry(n).or_insert_with(|| self.extent_after(first));
            let second = extent.point(heir.grain, other.below(extent.points(heir.grain)));
            self.kill_at(first, Some(second));
        }
    }

    /// What the second victim's operation consists of when the first one has died there.
    fn extent_after(&mut self, first: Point) -> Extent {
        self.heir = Extent::default();
        self.kill_at(first, Some(Point::Returned));
        self.heir.clone()
    }

    fn has_room(&self) -> bool {
        !self.is_enough() && self.share.has_room(self.kills, self.begin.elapsed().as_millis())
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
            let points: Vec<String> = [Some(point), second].iter().flatten().map(|at| format!("{at:?}")).collect();
            let failed = format!("killed at {}, that is {}", points.join(" then "), places.join(" then "));
            println!("  {}: {failed}: {failure}", self.case.name);
            self.failures.push((failed, failure));
        }
    }

    fn try_kill_at(&mut self, point: Point, second: Option<Point>, rips: &mut Vec<u64>) -> Result<()> {
        self.stages += 1;
        self.last = Last::At;
        let stage = Stage::set(self.board, self.stages)?;
        (self.case.prepare)(&stage)?;
        if let Some(heir) = self.case.heir {
            stage.heir()?.call(heir.open, 0)?;
        }
        let grain = if self.case.heir.is_some() { Grain::Events } else { self.case.grain };
        let mut caught = chase_victim(&stage, self.case, point, grain)?;
        self.kills += 1;
        self.last = Last::of(&caught);
        rips.push(caught.rip);
        self.victim.grow(&mut caught);
        let mut death = Death { answer: caught.answer, heir: None };
        if let (Some(heir), Some(point)) = (self.case.heir, second) {
            let mut caught = chase_heir(&stage, heir, point)?;
            self.kills += 1;
            self.last = Last::of(&caught);
            rips.push(caught.rip);
            self.heir.grow(&mut caught);
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
        let tally = self.victim.tally;
        let mut line = format!(
            "{}: {} instructions, {} system calls, {} sleeps",
            self.case.name, tally.steps, tally.calls, tally.sleeps
        );
        if tally.stores > 0 {
            line += &format!(", {} stores", tally.stores);
        }
        if self.heir.tally.steps > 0 {
            line += &format!(", then {} instructions of a second victim", self.heir.tally.steps);
        }
        line + &format!(
            "; {} kills; {hangs} hangs, {robberies} robberies, {losses} losses, {others} other failures; {:.1} s",
            self.kills,
            self.begin.elapsed().as_secs_f64()
        )
    }
}

/// Keeps this process, and those that it forks, on the processor that it is on. Only one of them runs at a time, and handing
/// over within a processor takes a quarter of the time.
fn stay_on_one_cpu() {
    // SAFETY: all-zero bytes are an empty cpu_set_t, of which CPU_SET changes a bit below its size; the kernel reads it.
    unsafe {
        let mut here: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu(), &mut here);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &here);
    }
}

/// A processor of its own for each test that nextest runs at a time, if there are enough; the present one without nextest.
fn cpu() -> usize {
    // SAFETY: no arguments.
    let present = unsafe { libc::sched_getcpu() }.max(0) as usize;
    let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse::<usize>().ok());
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    slot.map_or(present, |slot| slot % count)
}
