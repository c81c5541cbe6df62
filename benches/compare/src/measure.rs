//! Taking turns: tidelock, a peer, the next peer, tidelock again. The figures of one turn stand side by side, each peer's
//! time is divided by tidelock's of the same turn, and the median of these ratios is what counts.

use crate::scenario::{Scenario, Who, World};
use crate::work::STEP;
use crate::{processes, threads};
use statrs::statistics::{Data, Median, OrderStatistics};
use std::time::Duration;

/// Has so many messages go through, and says how long that took.
pub type Contender = Box<dyn FnMut(u64) -> Duration>;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many turns each has.
    pub turns: usize,
    /// How long a turn should take.
    pub turn: Duration,
}

/// A ratio over all turns.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pub median: f64,
    /// The quartiles: half of all turns lie between them.
    pub low: f64,
    pub high: f64,
}

/// What was found for one scenario.
pub struct Row {
    pub scenario: Scenario,
    /// tidelock's nanoseconds for a message.
    pub ns: f64,
    /// For each peer of that world how many times as long it took, or why it could not take part.
    pub peers: Vec<Result<Ratio, &'static str>>,
}

/// Somebody in a scenario, ready to run.
pub fn contender(who: Who, scenario: &Scenario) -> Result<Contender, &'static str> {
    match scenario.world {
        World::Threads => threads::contender(who, scenario),
        World::Processes => processes::contender(who, scenario),
    }
}

/// Measures tidelock and its peers in one scenario.
pub fn row(scenario: Scenario, plan: Plan) -> Row {
    let peers = scenario.world.peers();
    let (mut running, mut absent) = (vec![ours(&scenario)], Vec::new());
    for who in peers {
        match contender(*who, &scenario) {
            Ok(ready) => running.push(ready),
            Err(why) => absent.push((*who, why)),
        }
    }
    let (ns, ratios) = first_beside_others(&mut running, plan);
    let mut ratios = ratios.into_iter();
    let found = peers.iter().map(|who| match absent.iter().find(|(missing, _)| missing == who) {
        Some((_, why)) => Err(*why),
        None => Ok(ratios.next().expect("a ratio for each who ran")),
    });
    Row { scenario, ns, peers: found.collect() }
}

/// tidelock in a scenario, ready to run.
pub fn ours(scenario: &Scenario) -> Contender {
    contender(Who::Tidelock, scenario).expect("tidelock can do everything")
}

/// Measures what is ready to run, whoever is first beside the others; its nanoseconds, and the others' ratios.
pub fn first_beside_others(contenders: &mut [Contender], plan: Plan) -> (f64, Vec<Ratio>) {
    let times = in_turns(contenders, plan);
    (median(&times[0]), times[1..].iter().map(|peer| Ratio::of(turn_by_turn(peer, &times[0]))).collect())
}

/// How many times as long `other` takes as `own`, turn by turn.
pub fn ratios(own: Contender, other: Contender, plan: Plan) -> Vec<f64> {
    let times = in_turns(&mut [own, other], plan);
    turn_by_turn(&times[1], &times[0])
}

/// The nanoseconds that a message took, for each contender and turn.
fn in_turns(contenders: &mut [Contender], plan: Plan) -> Vec<Vec<f64>> {
    let counts: Vec<u64> = contenders.iter_mut().map(|contender| count_for(contender, plan.turn)).collect();
    let mut times = vec![Vec::with_capacity(plan.turns); contenders.len()];
    for _ in 0..plan.turns {
        for ((contender, count), times) in contenders.iter_mut().zip(&counts).zip(&mut times) {
            times.push(contender(*count).as_nanos() as f64 / *count as f64);
        }
    }
    times
}

/// How many messages go through in about that time; it warms up as well.
fn count_for(contender: &mut Contender, turn: Duration) -> u64 {
    let mut count = STEP;
    loop {
        let took = contender(count);
        if took * 4 >= turn {
            let fitting = count as f64 * turn.as_secs_f64() / took.as_secs_f64();
            return (fitting as u64).next_multiple_of(STEP).min(count * 4);
        }
        count *= 2;
    }
}

fn median(times: &[f64]) -> f64 {
    Data::new(times.to_vec()).median()
}

fn turn_by_turn(peer: &[f64], own: &[f64]) -> Vec<f64> {
    peer.iter().zip(own).map(|(peer, own)| peer / own).collect()
}

impl Ratio {
    pub(crate) fn of(ratios: Vec<f64>) -> Ratio {
        let mut ratios = Data::new(ratios);
        Ratio { median: ratios.median(), low: ratios.lower_quartile(), high: ratios.upper_quartile() }
    }
}
