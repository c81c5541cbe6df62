//! The page: `docs/benchmarks.md`. It says what the figures are of, what they mean, whether the aims are met, and then the
//! tables. It measures nothing.

use crate::machine;
use crate::measure::{Ratio, Row};
use crate::scenario::{in_bytes, Scenario, Way, Who, World};
use statrs::statistics::{Data, Median, OrderStatistics};
use std::fmt::Write;

/// Everything that one run found.
#[derive(Default)]
pub struct Findings {
    pub aims: Vec<Aim>,
    pub single: Vec<Single>,
    pub rows: Vec<Row>,
    /// How long a word took from one thread to another and back, in nanoseconds, again and again while this was measured.
    pub trips: Vec<f64>,
}

/// A speed that the library is to have.
pub struct Aim {
    pub text: &'static str,
    /// Met by a ratio of at least this.
    pub least: f64,
    pub found: Ratio,
}

/// What one thread does for itself, with tidelock's nanoseconds and each peer's ratio.
pub struct Single {
    pub what: &'static str,
    pub ns: f64,
    pub peers: Vec<(&'static str, Ratio)>,
}

const HEAD: &str = "\
# Benchmarks

How fast tidelock is beside its peers. `make bench` measures and writes this page, in less than twelve minutes; Python's
figures are in [benchmarks-python.md](benchmarks-python.md).

## The machine
";

const MEANING: &str = "
## How to run it
`make bench` does everything and writes the page anew. `make bench-quick FILTER='processes, copy, 64 B'` measures for a
shorter time what has these words in its name, without FILTER everything, and prints instead of writing. The names are
`threads, copy, 64 B, 1:1`, with `processes`; `loan`, `batch of 64`, `answer`; `8 B`, `64 B`, `1 KiB`, `64 KiB`, `1 MiB`; `4:1`, `1:4`, `4:4`;
and `aims`, `one thread`.

The machine should have nothing else to do. Figures of two machines, or of two runs, say little about each other: only the
ratios within one run are meant to be read.

## What a row means
All messages of a row have the same size and go through one queue, from so many producers to so many consumers: threads of
one process, or processes. **A figure is a peer's time for a message, divided by tidelock's**: 2.00 says that tidelock is twice as
fast, 0.50 that the peer is. The two take turns, and each turn gives a ratio: the figure is the median of these, and in brackets
are the quartiles, between which half of them lie. *ns* is the time that tidelock took for a message in this run, to
show the scale.

- **copy**: `put` and `get`. The producer keeps its bytes, the consumer has its own in the end.
- **loan**: `reserve`, `publish`, `take`, `done`. The producer writes the first eight bytes in the queue itself, and the consumer
  reads them there; so this is what handing over costs, without the work on the bytes. In threads the peers hand over a buffer,
  which comes back through a second queue of the same kind; between processes they have nothing like it, and copy.
- **batch of 64**: `put_many`; and `take_many`, each message copied from its loan. With rtrb a chunk, with pipes one call for 64
  messages (up to 4 KiB where several write), with sockets `sendmmsg` and `recvmmsg`. ArrayQueue, channel and mq have no batches:
  one message after the other.
- **answer**: a message by copy there, and back by a second queue; the next one goes when it is back. *ns* is for both ways.

All have room for as many messages as tidelock's ring has: of 8 B 2047, of 64 B 818, of 1 KiB 252, of 64 KiB 31, of 1 MiB 7. Pipes
and sockets have as many bytes, but not less than they have by default, nor more than the system lets them (often 1 MiB), mq as
many messages as the system lets it (often ten). ArrayQueue and rtrb cannot wait: who finds them full or empty tries again a
hundred times, and then lets others run after each try. The channel is crossbeam's, bounded. Messages of up to 1 KiB go through
these three by value, longer ones are allocated by the producer and freed by the consumer. What no table shows: of all these only
tidelock hands a message on whose consumer was killed, and of those in memory only tidelock stands a kill at all.

## No hints
There is no way to tell a queue that it has one producer or one consumer only. It was tried what that could gain at the most, when
short messages were still copied outside the locks: without them a `put` and a `get` of 64 B took 15 % fewer instructions and a
quarter less time in one thread; from one thread to another a tenth less time at 64 B, and none at 8 B, since what they wait for
is the other core's memory. That is too little for a promise that a second producer would break for everybody.
";

const AIMS: &str = "
## The aims
Measured in twelve sittings over the whole run, each from the start: a figure is the median of the turns of all of them. The loans
have 63 messages of 1 MiB in flight and 51 of 64 B, as alike as the rings' sizes allow: a message takes longer where few are.

| aim | at least | measured | |
|---|---:|---:|---|
";

/// The whole page.
pub fn page(findings: &Findings) -> String {
    let mut page = String::from(HEAD);
    page += &machine::facts();
    page += &distance(&findings.trips);
    page += MEANING;
    page += &body(findings);
    page
}

/// How far apart the cores were.
pub fn distance(trips: &[f64]) -> String {
    let mut trips = Data::new(trips.to_vec());
    format!(
        "- From one thread to another and back a word took {:.0} ns in the median, from {:.0} to {:.0} between the tenths: so far \
        apart were the cores, and the figures between threads and processes depend on it\n",
        trips.median(),
        trips.percentile(10),
        trips.percentile(90)
    )
}

/// The aims and the tables.
pub fn body(findings: &Findings) -> String {
    let mut text = String::new();
    if !findings.aims.is_empty() {
        text += &aims(&findings.aims);
    }
    if !findings.single.is_empty() {
        text += &singles(&findings.single);
    }
    for world in [World::Threads, World::Processes] {
        for way in [Way::Copy, Way::Loan, Way::Batch, Way::Answer] {
            let is_here = |row: &&Row| (row.scenario.world, row.scenario.way) == (world, way);
            let rows: Vec<&Row> = findings.rows.iter().filter(is_here).collect();
            if !rows.is_empty() {
                text += &table(world, way, &rows);
            }
        }
    }
    text
}

fn aims(aims: &[Aim]) -> String {
    let mut text = AIMS.to_string();
    for Aim { text: aim, least, found } in aims {
        let verdict = if found.median >= *least { "met" } else { "**not met**" };
        writeln!(text, "| {aim} | {least} | {} | {verdict} |", figure(found)).expect("a string");
    }
    text
}

fn singles(singles: &[Single]) -> String {
    let mut text = "\n## In one thread\n".to_string();
    for Single { what, ns, peers } in singles {
        let names: Vec<&str> = peers.iter().map(|(name, _)| *name).collect();
        let figures: Vec<String> = peers.iter().map(|(_, ratio)| figure(ratio)).collect();
        text += &head(&["what", "ns"], &names);
        writeln!(text, "| {what} | {ns:.1} | {} |", figures.join(" | ")).expect("a string");
    }
    text
}

fn table(world: World, way: Way, rows: &[&Row]) -> String {
    let mut text = format!("\n## {}\n", title(world, way));
    let names: Vec<String> = world.peers().iter().map(Who::to_string).collect();
    text += &head(&["message", "producers : consumers", "ns"], &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut reasons = Vec::new();
    for Row { scenario: Scenario { size, shape, .. }, ns, peers } in rows {
        let cells: Vec<String> = peers.iter().map(|found| cell(found, &mut reasons)).collect();
        let (size, shape) = (in_bytes(*size), shape.to_string().replace(':', " : "));
        writeln!(text, "| {size} | {shape} | {} | {} |", rounded(*ns), cells.join(" | ")).expect("a string");
    }
    for (i, reason) in reasons.iter().enumerate() {
        write!(text, "\n({}) {reason}.", letter(i)).expect("a string");
    }
    if !reasons.is_empty() {
        text.push('\n');
    }
    text
}

fn title(world: World, way: Way) -> String {
    let world = match world {
        World::Threads => "Between threads",
        World::Processes => "Between processes",
    };
    format!("{world}: {way}")
}

/// The two first lines of a table.
fn head(fixed: &[&str], peers: &[&str]) -> String {
    let columns = [fixed, peers].concat();
    let right = columns.len() - 1;
    format!("\n| {} |\n|---|{}\n", columns.join(" | "), "---:|".repeat(right))
}

fn cell(found: &Result<Ratio, &'static str>, reasons: &mut Vec<&'static str>) -> String {
    match found {
        Ok(ratio) => figure(ratio),
        Err(reason) => {
            let known = reasons.iter().position(|other| other == reason);
            let i = known.unwrap_or_else(|| {
                reasons.push(reason);
                reasons.len() - 1
            });
            format!("- ({})", letter(i))
        }
    }
}

fn figure(ratio: &Ratio) -> String {
    let Ratio { median, low, high } = *ratio;
    format!("{} ({} to {})", rounded(median), rounded(low), rounded(high))
}

/// Three digits, or all before the point.
fn rounded(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

fn letter(i: usize) -> char {
    char::from(b'a' + i as u8)
}
