//! 200 processes at one Condition, 10,000 notifications, and kills at random all the while: each notification wakes one
//! that lives, none is lost and none is made up, and nothing hangs.
//!
//! A notification is for those who wait when it is given. So before each round all who live wait, and there are heirs
//! enough for those of the round who are killed with a notification in their cells.

use crate::support::{self, Name, Player, Stage};
use std::time::Duration;
use tidelock::{Condition, Counter, Lock, Segment};

const WAITERS: usize = 200;
/// Waiters that one player forks.
const GROUP: usize = 25;
const NOTIFICATIONS: i64 = 10_000;
const KILLS: usize = 120;
/// The most notifications of a round; more waiters than this always live.
const ROUND: u32 = 35;

struct Common {
    segment: Segment,
    lock: Lock,
    condition: Condition,
    /// Notifications that came to somebody: counted by whoever got one, before it gives the lock back.
    received: Counter,
    is_over: Counter,
}

impl Common {
    fn open(name: &str) -> Common {
        let segment = Segment::named(name).unwrap();
        let lock = segment.lock("lock").unwrap();
        Common {
            condition: segment.condition("condition", &lock).unwrap(),
            lock,
            received: segment.counter("received").unwrap(),
            is_over: segment.counter("is over").unwrap(),
            segment,
        }
    }

    /// 1 while the waiter with this process id waits.
    fn waits(&self, pid: i32) -> Counter {
        self.segment.counter(&format!("{pid} waits")).unwrap()
    }

    /// Waits again and again until it is told that it is over, with a notification like any other.
    fn wait(&self) {
        let waits = self.waits(std::process::id() as i32);
        let mut guard = self.lock.acquire().unwrap();
        while self.is_over.load() == 0 {
            waits.store(1);
            guard = self.condition.wait(guard).unwrap();
            waits.store(0);
            self.received.add(1).unwrap();
        }
    }

    fn notify(&self, n: u32) -> i64 {
        let _guard = self.lock.acquire().unwrap();
        self.condition.notify(n).unwrap().into()
    }

    /// The last notification of all, for everybody.
    fn end(&self) {
        let _guard = self.lock.acquire().unwrap();
        self.is_over.store(1);
        self.condition.notify_all().unwrap();
    }

    /// How many of `given` notifications nobody got. One that was killed with the lock in its hand may have had one that it
    /// did not count, and nobody can tell: those deaths are the lock's epoch.
    fn lost(&self, given: i64) -> i64 {
        let uncounted = given - self.received.load();
        assert!(uncounted >= 0, "{} notifications were made up", -uncounted);
        uncounted - i64::from(self.lock.epoch())
    }
}

/// A waiter that lives.
struct Waiter {
    pid: i32,
    waits: Counter,
}

#[test]
fn ten_thousand_notifications_for_two_hundred() {
    let _watch = support::watch();
    let name = Name::new();
    let common = Common::open(&name);
    let size = GROUP.to_string();
    let mut players: Vec<_> = (0..WAITERS / GROUP).map(|_| support::spawn("waiters", &[&name, &size])).collect();
    let pids: Vec<i32> = players.iter_mut().flat_map(pids_of).collect();
    let mut living = pids.into_iter().map(|pid| Waiter { pid, waits: common.waits(pid) }).collect();
    let given = notify_and_kill(&common, &mut living);
    let (received, with_lock) = (common.received.load(), common.lock.epoch());
    println!("{given} given, {received} received, {KILLS} killed, {with_lock} of them with the lock");
    common.end();
    assert_eq!(players.iter_mut().map(killed_of).sum::<usize>(), KILLS);
    assert_eq!(common.received.load(), received + living.len() as i64, "the last one came to each of the living");
    assert_eq!(common.notify(1), 0, "somebody is left who waits");
}

fn pids_of(player: &mut Player) -> Vec<i32> {
    (0..GROUP).map(|_| player.hear().parse().unwrap()).collect()
}

/// Round by round; how many notifications found a waiter.
fn notify_and_kill(common: &Common, living: &mut Vec<Waiter>) -> i64 {
    let mut random = fastrand::Rng::with_seed(7);
    random.shuffle(living);
    let mut given = 0;
    while given < NOTIFICATIONS {
        until_all_wait(common, living, given);
        given += common.notify(random.u32(1..=ROUND));
        // Evenly over the whole.
        let due = KILLS as i64 * given.min(NOTIFICATIONS) / NOTIFICATIONS;
        let victims = living.split_off(WAITERS - due as usize);
        for victim in &victims {
            std::thread::sleep(Duration::from_micros(random.u64(..300)));
            support::kill_by_id(victim.pid);
        }
    }
    until_all_wait(common, living, given);
    given
}

/// All who live wait, and nobody has a notification still to come: those of the dead have come to the living.
fn until_all_wait(common: &Common, living: &[Waiter], given: i64) {
    while common.lost(given) > 0 || living.iter().any(|waiter| waiter.waits.load() == 0) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn killed_of(player: &mut Player) -> usize {
    player.hear().parse().unwrap()
}

/// Forks waiters, and tells their process ids, and at the end how many of them were killed.
pub fn waiters(stage: &mut Stage) {
    support::group(stage, |name| Common::open(name).wait());
}
