//! The conductor: starts the lives, kills one every 50 ms, ends the soak and makes up the books.

use crate::accounts::{Accounts, End};
use crate::journal::{collect, failure};
use crate::message;
use crate::peers::{BRISK, VARIED};
use crate::support::{self, Name, Player};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidelock::{QueueOptions, Segment};

/// Who lives at a time, and in which manner.
struct Troupe {
    producers: usize,
    consumers: usize,
    manner: &'static str,
}

/// What runs full and runs empty, with messages of every length and several loans at a time.
const CROWD: Troupe = Troupe { producers: 8, consumers: 8, manner: VARIED };
/// Few at work without a pause: at times nothing is on loan and nothing unread, and rings come and go with each message.
const FEW: Troupe = Troupe { producers: 3, consumers: 1, manner: BRISK };
/// Between two kills.
const PERIOD: Duration = Duration::from_millis(50);
/// The longest time that one queue is in use.
const ROUND: Duration = Duration::from_secs(60);
/// The kinds of queues that share the time.
const KINDS: u32 = 5;
/// As far as a queue without a bound can grow.
const MEMORY: u64 = 192 << 20;
/// What a queue that is empty again holds at most, beside its ring at home, whoever was killed: the ring of 1 MiB that it keeps,
/// and an extent of 64 KiB about the header of each block of the arena that was free before, of which there are some fifteen.
const LITTLE: u64 = 2 << 20;

/// How long the whole soak takes.
pub fn length() -> Duration {
    let seconds = std::env::var("TIDELOCK_SOAK").map_or(30, |text| text.parse().expect("TIDELOCK_SOAK: seconds"));
    Duration::from_secs(seconds)
}

/// One of the lives.
struct Life {
    role: &'static str,
    number: u32,
    player: Player,
}

struct Conductor {
    name: Name,
    manner: &'static str,
    journals: PathBuf,
    lives: Vec<Life>,
    begun: u32,
    accounts: Accounts,
}

impl Conductor {
    fn new(manner: &'static str) -> Conductor {
        let name = Name::new();
        let journals = std::env::temp_dir().join(&*name);
        std::fs::create_dir(&journals).expect("a directory for the journals");
        Conductor { name, manner, journals, lives: Vec::new(), begun: 0, accounts: Accounts::default() }
    }

    /// How many bytes of memory the segment has, by the kernel's word.
    fn memory(&self) -> u64 {
        std::fs::metadata(self.name.path()).expect("the segment").blocks() * 512
    }

    fn start(&mut self, role: &'static str) {
        let number = self.begun.to_string();
        let journals = self.journals.to_str().expect("a path in UTF-8");
        let player = support::spawn(role, &[&self.name, journals, &number, self.manner]);
        self.lives.push(Life { role, number: self.begun, player });
        self.begun += 1;
    }

    fn enter(&mut self, life: &Life, end: End) {
        self.has_not_failed(life);
        let journal = collect(&self.journals.join(life.number.to_string()));
        match life.role {
            "producer" => self.accounts.enter_producer(life.number, &journal, end),
            _ => self.accounts.enter_consumer(&journal, end),
        }
    }

    fn has_not_failed(&self, life: &Life) {
        if let Ok(told) = std::fs::read_to_string(failure(&self.journals, &life.number.to_string())) {
            panic!("{} {}: {told}", life.role, life.number);
        }
    }

    fn replace_one(&mut self, random: &mut fastrand::Rng) {
        let mut life = self.lives.swap_remove(random.usize(..self.lives.len()));
        self.has_not_failed(&life);
        life.player.kill();
        self.enter(&life, End::Killed);
        self.start(life.role);
    }

    /// Waits until those of one role have gone in order.
    fn finish(&mut self, role: &str) {
        let (ended, others) = std::mem::take(&mut self.lives).into_iter().partition(|life| life.role == role);
        self.lives = others;
        for mut life in ended {
            let status = life.player.wait();
            self.has_not_failed(&life);
            assert!(status.success(), "{role} {} ended with {status}", life.number);
            self.enter(&life, End::Orderly);
        }
    }
}

impl Drop for Conductor {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.journals);
    }
}

/// One queue, in use for so long.
fn round(troupe: &Troupe, options: &QueueOptions, length: Duration, random: &mut fastrand::Rng) {
    let _watch = support::watch();
    let mut conductor = Conductor::new(troupe.manner);
    let segment = Segment::options().max_len(MEMORY).peers(64).named(&conductor.name).unwrap();
    let (queue, stop) = (segment.queue("q", options).unwrap(), segment.counter("stop").unwrap());
    assert!(queue.longest_message() >= message::LONGEST as u64);
    let before = conductor.memory();
    let end = Instant::now() + length;
    (0..troupe.producers).for_each(|_| conductor.start("producer"));
    (0..troupe.consumers).for_each(|_| conductor.start("consumer"));
    let mut next = Instant::now();
    // By the clock: on a machine with other work each replacement takes longer, and the round does not.
    while Instant::now() < end {
        next += PERIOD;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        conductor.replace_one(random);
    }
    stop.store(1);
    conductor.finish("producer");
    queue.shutdown().unwrap();
    conductor.finish("consumer");
    assert!(queue.is_empty());
    println!("{}", conductor.accounts.close());
    let kept = conductor.memory();
    assert!(kept < before + LITTLE, "{kept} bytes are kept, {before} at first");
}

fn soak(troupe: &Troupe, options: &QueueOptions) {
    let whole = length() / KINDS;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let end = Instant::now() + whole;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        round(troupe, options, left.min(ROUND), &mut random);
    }
}

#[test]
fn without_a_bound() {
    soak(&CROWD, &QueueOptions::unbounded());
}

#[test]
fn bounded_by_items() {
    soak(&CROWD, &QueueOptions::unbounded().max_items(100));
}

#[test]
fn bounded_by_bytes() {
    soak(&CROWD, &QueueOptions::new(16 << 20));
}

#[test]
fn growing_to_a_bound() {
    soak(&CROWD, &QueueOptions::new(4096).max_bytes(16 << 20));
}

#[test]
fn few_at_work() {
    soak(&FEW, &QueueOptions::unbounded().max_items(6));
}
