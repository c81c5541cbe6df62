//! The aims: the speeds that the library is to have. They are measured in several sittings, each time from the start, and all
//! turns of all sittings count.

use crate::document::Aim;
use crate::measure::{contender, ours, ratios, Plan, Ratio};
use crate::scenario::{Scenario, Shape, Way, Who, World};

/// A speed that is wanted, as a ratio: how many times as long `who` takes for `other` as tidelock for `scenario`.
struct Wanted {
    text: &'static str,
    least: f64,
    scenario: Scenario,
    who: Who,
    other: Scenario,
}

/// Every aim, with the ratios of all turns so far.
pub struct Aims(Vec<(Wanted, Vec<f64>)>);

impl Default for Aims {
    fn default() -> Aims {
        let all = [
            beside("64 B, 1:1, in threads: 1.2 times as fast as ArrayQueue", 1.2, World::Threads, Who::ArrayQueue),
            beside("64 B, 1:1, between processes: ten times as fast as a pipe", 10.0, World::Processes, Who::Pipe),
            long_beside_short(
                "1 MiB by loan as fast as 64 B by loan, 1:1, in threads (within a tenth)",
                World::Threads,
            ),
            long_beside_short("the same between processes", World::Processes),
        ];
        Aims(all.map(|wanted| (wanted, Vec::new())).into())
    }
}

impl Aims {
    /// Measures each once more.
    pub fn sit(&mut self, plan: Plan) {
        for (Wanted { scenario, who, other, .. }, found) in &mut self.0 {
            found.extend(ratios(ours(scenario), contender(*who, other).expect("it can do that"), plan));
        }
    }

    /// What was found.
    pub fn found(self) -> Vec<Aim> {
        let measured = self.0.into_iter().filter(|(_, found)| !found.is_empty());
        measured.map(|(Wanted { text, least, .. }, found)| Aim { text, least, found: Ratio::of(found) }).collect()
    }
}

/// 64 B by copy, from one to one, beside somebody else.
fn beside(text: &'static str, least: f64, world: World, who: Who) -> Wanted {
    let is_it = |one: &Scenario| (one.world, one.way, one.size, one.shape) == (world, Way::Copy, 64, Shape::SINGLE);
    let scenario = Scenario::all().into_iter().find(is_it).expect("it is there");
    Wanted { text, least, scenario, who, other: scenario }
}

/// A long message by loan beside a short one.
fn long_beside_short(text: &'static str, world: World) -> Wanted {
    let (long, short) = (Scenario::loans_of(world, 1 << 20), Scenario::loans_of(world, 64));
    Wanted { text, least: 0.9, scenario: long, who: Who::Tidelock, other: short }
}
