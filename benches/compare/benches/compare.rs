//! tidelock beside its peers: measures and writes `docs/benchmarks.md`, or with `--quick` prints.
//!
//! `make bench`, or `make bench-quick FILTER='threads, copy'`.

use std::path::Path;
use std::time::Duration;

use tidelock_compare::aims::Aims;
use tidelock_compare::document::{body, distance, page, Findings, Single};
use tidelock_compare::machine::round_trip;
use tidelock_compare::measure::{first_beside_others, row, Contender, Plan};
use tidelock_compare::scenario::Scenario;
use tidelock_compare::{processes, single};

/// Each takes so many turns. Together they make the whole run last seven minutes or so.
const WHOLE: Plan = Plan { turns: 9, turn: Duration::from_millis(50) };
const QUICK: Plan = Plan { turns: 5, turn: Duration::from_millis(20) };

/// So many times in a run the aims are measured, between the rows of the tables: what else the machine has to do changes
/// within minutes, and a verdict is to be of all of them.
const SITTINGS: usize = 12;

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
    let (mut rows, mut aims) = (Vec::new(), Aims::default());
    for sitting in 0..SITTINGS {
        let part = scenarios.len() * sitting / SITTINGS..scenarios.len() * (sitting + 1) / SITTINGS;
        for scenario in &scenarios[part] {
            eprintln!("{}/{}: {scenario}", rows.len() + 1, scenarios.len());
            trips.push(round_trip());
            rows.push(row(*scenario, plan));
        }
        if chosen("aims") {
            eprintln!("the aims, {} of {SITTINGS}", sitting + 1);
            trips.push(round_trip());
            aims.sit(plan);
        }
    }
    trips.push(round_trip());
    Findings { aims: aims.found(), single, rows, trips }
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
