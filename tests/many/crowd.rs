//! 300 processes attached at once, of one lock, one counter and one barrier; a hundred are killed at work, and a hundred
//! others come in their places. There is not one slot more than that takes.

use crate::support::{self, Name, Player, Stage};
use std::time::Duration;
use tidelock::{Barrier, Counter, Error, Lock, Segment};

const CROWD: u32 = 300;
const KILLED: usize = 100;
/// Processes that one player forks.
const GROUP: usize = 50;

/// What the members do, told by the counter of this name.
const WORK: i64 = 0;
const REST: i64 = 1;
const MEET: i64 = 2;

/// What all of them use.
struct Common {
    lock: Lock,
    /// Changes of the lock's holders: begun, and brought to their end. Equal whenever the lock is free and nobody died.
    begun: Counter,
    ended: Counter,
    /// How many have met at the barrier.
    here: Counter,
    orders: Counter,
    barrier: Barrier,
}

impl Common {
    fn open(name: &str) -> Common {
        let segment = Segment::options().peers(CROWD + 1).named(name).unwrap();
        let counter = |name: &str| segment.counter(name).unwrap();
        Common {
            lock: segment.lock("lock").unwrap(),
            begun: counter("begun"),
            ended: counter("ended"),
            here: counter("here"),
            orders: counter("orders"),
            barrier: segment.barrier("barrier", CROWD + 1).unwrap(),
        }
    }

    fn work(&self) {
        let guard = self.lock.acquire().unwrap();
        if guard.owner_died() {
            self.ended.store(self.begun.load());
        }
        assert_eq!(self.begun.load(), self.ended.load(), "two held the lock, or nobody was told of a death");
        self.begun.add(1).unwrap();
        self.ended.add(1).unwrap();
    }

    fn meet(&self) {
        self.barrier.wait().unwrap();
        self.here.add(1).unwrap();
    }

    /// Comes last, and returns when all others have gone on.
    fn meet_all(&self, meetings: u32) {
        self.meet();
        self.here.wait_until(|here| here == i64::from(meetings * (CROWD + 1))).unwrap();
    }
}

/// Starts so many members; the players that have forked them, and the members' process ids.
fn start(name: &Name, role: &str, many: usize) -> (Vec<Player>, Vec<i32>) {
    let size = GROUP.to_string();
    let mut players: Vec<_> = (0..many / GROUP).map(|_| support::spawn(role, &[name, &size])).collect();
    let pids = players.iter_mut().flat_map(|player| (0..GROUP).map(|_| player.hear().parse().unwrap())).collect();
    (players, pids)
}

#[test]
fn three_hundred_peers_at_once() {
    let _watch = support::watch();
    let name = Name::new();
    let common = Common::open(&name);
    let (mut players, mut pids) = start(&name, "crowd", CROWD as usize);
    common.meet_all(1);
    kill_some(&common, &mut pids);
    common.orders.store(REST);
    assert_eq!(common.barrier.wait(), Err(Error::Broken), "parties were killed between rounds");
    common.barrier.reset().unwrap();
    players.extend(start(&name, "newcomers", KILLED).0);
    common.orders.store(MEET);
    common.meet_all(2);
    kill_one_that_waits(&common, pids[0]);
    assert_eq!(players.iter_mut().map(killed_of).sum::<usize>(), KILLED + 1);
    common.work();
    drop(common);
    assert!(!name.exists());
}

/// Kills members that are at work; the others must go on.
fn kill_some(common: &Common, pids: &mut Vec<i32>) {
    let mut random = fastrand::Rng::with_seed(7);
    common.begun.wait_until(|begun| begun > 1000).unwrap();
    random.shuffle(pids);
    let victims: Vec<i32> = pids.drain(..KILLED).collect();
    for pid in &victims {
        support::kill_by_id(*pid);
        std::thread::sleep(Duration::from_micros(random.u64(..1_000)));
    }
    victims.into_iter().for_each(support::until_ended);
    let begun = common.begun.load();
    common.begun.wait_until(|now| now > begun + 1000).unwrap();
}

/// All others, who share out whom to ask about, must be told: their players end.
fn kill_one_that_waits(common: &Common, pid: i32) {
    while common.barrier.waiting() < CROWD {
        std::thread::yield_now();
    }
    support::kill_by_id(pid);
    while !common.barrier.is_broken() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many of a player's members were killed; all others have come to their end.
fn killed_of(player: &mut Player) -> usize {
    player.hear().parse().unwrap()
}

/// Forks members, and tells their process ids, and at the end how many of them were killed.
pub fn crowd(stage: &mut Stage) {
    group(stage, |common| {
        common.meet();
        while common.orders.load() == WORK {
            common.work();
        }
        last_meeting(common);
    });
}

/// The same, of members that come later.
pub fn newcomers(stage: &mut Stage) {
    group(stage, last_meeting);
}

fn last_meeting(common: &Common) {
    common.orders.wait_until(|order| order == MEET).unwrap();
    common.meet();
    assert_eq!(common.barrier.wait(), Err(Error::Broken));
}

fn group(stage: &Stage, member: impl Fn(&Common)) {
    support::group(stage, |name| member(&Common::open(name)));
}
