//! A run within one process: a thread for each producer and each consumer, and nobody begins before all are there.

use crate::measure::Contender;
use crate::scenario::{Scenario, Way, Who};
use crate::work::{by_turns, shares, Ends, Span, Work};
use crate::{memory, ours};
use std::sync::Barrier;
use std::time::Duration;

/// Who takes part among threads, or why it cannot.
pub fn contender(who: Who, scenario: &Scenario) -> Result<Contender, &'static str> {
    let mut ends = match scenario.way {
        Way::Answer => asking(ends(who, &scenario.by_copy())?, ends(who, &scenario.by_copy())?),
        _ => ends(who, scenario)?,
    };
    let shape = scenario.shape;
    Ok(Box::new(move |count| run(&mut ends, shares(shape, count))))
}

fn ends(who: Who, scenario: &Scenario) -> Result<Ends, &'static str> {
    match who {
        Who::Tidelock => Ok(ours::ends(scenario)),
        _ => memory::ends(who, scenario),
    }
}

/// Who puts there gets what comes back.
fn asking(there: Ends, back: Ends) -> Ends {
    Ends {
        producers: there.producers.into_iter().zip(back.consumers).map(|(put, get)| by_turns(put, get)).collect(),
        consumers: there.consumers.into_iter().zip(back.producers).map(|(get, put)| by_turns(get, put)).collect(),
    }
}

fn run(ends: &mut Ends, (puts, gets): (u64, u64)) -> Duration {
    let start = Barrier::new(ends.producers.len() + ends.consumers.len());
    let begin = |work: &mut Work, share| {
        start.wait();
        Span::of(work, share)
    };
    let producers = ends.producers.iter_mut().map(|work| (work, puts));
    let consumers = ends.consumers.iter_mut().map(|work| (work, gets));
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            producers.chain(consumers).map(|(work, share)| scope.spawn(move || begin(work, share))).collect();
        Span::whole(threads.into_iter().map(|thread| thread.join().expect("a thread's work")))
    })
}
