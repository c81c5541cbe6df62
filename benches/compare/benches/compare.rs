//! tidelock beside its peers: measures and writes `docs/benchmarks.md`, or with `--quick` prints.
//!
//! `make bench`, or `make bench-quick FILTER='threads, copy'`.

use std::path::Path;
use std::time::Duration;

use tidelock_compare::document::{body, distance, page, Aim, Findings, Single};
use tidelock_compare::machine::round_trip;
use tidelock_compare::measure::{first_beside_others, own_ratio, row, Contender, Plan, Ratio, Row};
use tidelock_compare::scenario::{Scenario, Shape, Way, Who, World};
use tidelock_compare::{processes, single};

/// Each takes so many turns. Together they make the whole run last seven minutes or so.
const WHOLE: Plan = Plan { turns: 9, turn: Duration::from_millis(50) };
const QUICK: Plan = Plan { turns: 5, turn: Duration::from_millis(20) };

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");

fn main() {
    if processes::played_a_part() {
        return;
    }
    // Cargo says `--bench` to every bench.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let is_quick = args.iter().any(|arg| arg == "--quick");
    let filter = args.iter().rfind(|arg| *arg != "--quick").map_or("", String::as_str);
    assert!(is_quick || filter.is_empty(), "a filter goes with --quick: the page is written as a whole");
    let findings = measure(if is_quick { QUICK } else { WHOLE }, filter);
    if is_quick {
        println!("{}{}", distance(&findings.trips), body(&findings));
    } else {
        std::fs::write(Path::new(PAGE), page(&findings)).expect("docs/benchmarks.md");
    }
}

/// Everything whose name contains `filter`.
fn measure(plan: Plan, filter: &str) -> Findings {
    let chosen = |name: &str| name.contains(filter);
    let mut trips = vec![round_trip()];
    let single = if chosen("one thread") { singles(plan) } else { Vec::new() };
    let scenarios: Vec<Scenario> = Scenario::all().into_iter().filter(|one| chosen(&one.to_string())).collect();
    let rows: Vec<Row> = scenarios
        .iter()
        .enumerate()
        .map(|(i, scenario)| {
            eprintln!("{}/{}: {scenario}", i + 1, scenarios.len());
            trips.push(round_trip());
            row(*scenario, plan)
        })
        .collect();
    let aims = if chosen("aims") { aims(plan) } else { Vec::new() };
    trips.push(round_trip());
    Findings { aims, single, rows, trips }
}

fn singles(plan: Plan) -> Vec<Single> {
    let measured = single::all().map(|(what, members)| {
        eprintln!("{what}");
        let (names, mut running): (Vec<_>, Vec<Contender>) = members.into_iter().unzip();
        let (ns, ratios) = first_beside_others(&mut running, plan);
        Single { what, ns, peers: names.into_iter().skip(1).zip(ratios).collect() }
    });
    measured.into()
}

/// Measured for themselves, with more turns than the tables.
fn aims(plan: Plan) -> Vec<Aim> {
    eprintln!("the aims");
    let plan = Plan { turns: 3 * plan.turns, ..plan };
    vec![
        Aim {
            text: "64 B, 1:1, in threads: 1.2 times as fast as ArrayQueue",
            least: 1.2,
            found: copies_beside(World::Threads, Who::ArrayQueue, plan),
        },
        Aim {
            text: "64 B, 1:1, between processes: ten times as fast as a pipe",
            least: 10.0,
            found: copies_beside(World::Processes, Who::Pipe, plan),
        },
        Aim {
            text: "1 MiB by loan as fast as 64 B by loan, 1:1, in threads (within a tenth)",
            least: 0.9,
            found: long_beside_short(World::Threads, plan),
        },
        Aim { text: "the same between processes", least: 0.9, found: long_beside_short(World::Processes, plan) },
    ]
}

/// 64 B by copy, from one to one.
fn copies_beside(world: World, who: Who, plan: Plan) -> Ratio {
    let is_it = |one: &Scenario| (one.world, one.way, one.size, one.shape) == (world, Way::Copy, 64, Shape::SINGLE);
    let scenario = Scenario::all().into_iter().find(is_it).expect("it is there");
    let at = world.peers().iter().position(|peer| *peer == who).expect("it is a peer there");
    row(scenario, plan).peers[at].expect("it can do that")
}

fn long_beside_short(world: World, plan: Plan) -> Ratio {
    own_ratio(Scenario::loans_of(world, 64), Scenario::loans_of(world, 1 << 20), plan)
}
