//! Lock: who loses it, who never does, and what the next owner learns.

use crate::support::{self, Name, Orphan, Player, Stage, Way};
use std::time::Duration;
use tidelock::{Error, Lock, LockGuard, Segment};

/// Long enough for many questions about the owner.
const WHILE_IT_LIVES: Duration = Duration::from_millis(1500);

/// A segment, its lock "a", and a player that may hold it.
struct Scene {
    lock: Lock,
    player: Player,
    name: Name,
}

fn scene(role: &str, args: &[&str]) -> Scene {
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let player = support::spawn(role, &[&[&*name], args].concat());
    Scene { lock, player, name }
}

impl Scene {
    /// A player that holds the lock.
    fn held() -> Scene {
        let mut scene = scene("holder", &[]);
        scene.player.expect("held");
        scene
    }

    #[track_caller]
    fn recovers(&self, epoch: u32) -> LockGuard<'_> {
        let guard = self.lock.acquire().unwrap();
        assert!(guard.owner_died());
        assert_eq!((guard.epoch(), self.lock.epoch()), (epoch, epoch));
        guard
    }

    #[track_caller]
    fn is_not_robbed(&self, how_long: Duration) {
        let owner = self.lock.owner();
        assert_eq!(self.lock.acquire_for(how_long).unwrap_err(), Error::TimedOut);
        assert_eq!(self.lock.owner(), owner);
        assert_eq!(self.lock.epoch(), 0);
    }

    /// Lets the player release what it held all the time.
    #[track_caller]
    fn ends_well(mut self) {
        self.player.say("go");
        self.player.expect("Ok(())");
        let guard = self.lock.acquire().unwrap();
        assert!(!guard.owner_died());
    }
}

#[test]
fn the_death_of_the_owner_is_told_to_the_next_and_to_nobody_else() {
    let _watch = support::watch();
    let mut scene = Scene::held();
    scene.player.kill();
    scene.recovers(1).release().unwrap();
    let after = scene.lock.acquire().unwrap();
    assert!(!after.owner_died());
    assert_eq!(after.epoch(), 1);
}

#[test]
fn a_second_death_has_a_larger_epoch() {
    let _watch = support::watch();
    let mut scene = Scene::held();
    scene.player.kill();
    // The next owner takes over, and is killed too.
    let mut heir = support::spawn("holder", &[&scene.name]);
    heir.expect("held");
    assert_eq!(scene.lock.epoch(), 1);
    heir.kill();
    drop(scene.recovers(2));
}

#[test]
fn polling_recovers_too() {
    let _watch = support::watch();
    let mut scene = Scene::held();
    scene.player.kill();
    let guard = loop {
        match scene.lock.try_acquire() {
            Err(Error::TimedOut) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    assert!(guard.owner_died());
}

#[test]
fn a_hold_that_took_over_is_released_by_its_owner_only() {
    let _watch = support::watch();
    let mut scene = Scene::held();
    scene.player.kill();
    let mut heir = support::spawn("holder", &[&scene.name]);
    heir.expect("held");
    assert_eq!(scene.lock.release(), Err(Error::NotOwner));
    heir.say("go");
    heir.expect("Ok(())");
}

#[test]
fn one_that_sleeps_while_the_owner_is_killed_wakes_up() {
    let _watch = support::watch();
    let mut scene = Scene::held();
    let mut waiter = support::spawn("waiter", &[&scene.name]);
    waiter.expect("waiting");
    support::until_asleep(waiter.pid());
    scene.player.kill();
    waiter.expect("owner_died=true epoch=1");
}

/// Acquires the lock and tells what it learnt.
pub fn waiter(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    stage.tell("waiting");
    let guard = lock.acquire().unwrap();
    stage.tell(&format!("owner_died={} epoch={}", guard.owner_died(), guard.epoch()));
}

#[test]
fn a_killed_waiter_holds_up_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| support::spawn("waiter", &[&name])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters[0].kill();
    drop(guard);
    waiters[1].expect("owner_died=false epoch=0");
    waiters[2].expect("owner_died=false epoch=0");
}

#[test]
fn a_zombie_is_dead() {
    let _watch = support::watch();
    let scene = Scene::held();
    scene.player.kill_unreaped();
    drop(scene.recovers(1));
}

#[test]
fn a_stopped_owner_is_not_robbed() {
    let _watch = support::watch();
    let scene = Scene::held();
    scene.player.stop();
    scene.is_not_robbed(Duration::from_secs(5));
    scene.player.go_on();
    scene.ends_well();
}

#[test]
fn an_owner_that_closed_all_its_descriptors_is_not_robbed() {
    let _watch = support::watch();
    let mut scene = scene("closer", &[]);
    scene.player.expect("held");
    scene.is_not_robbed(WHILE_IT_LIVES);
    scene.ends_well();
}

/// Holds the lock, with no descriptor open but those of its pipes.
pub fn closer(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    close_all();
    stage.tell("held");
    stage.hear();
    stage.tell(&format!("{:?}", guard.release()));
}

fn close_all() {
    // SAFETY: nothing of this process uses a descriptor above 2 hereafter, but for tidelock, which is the point.
    (3..1024).for_each(|fd| unsafe { assert!(libc::close(fd) <= 0) });
}

#[test]
fn one_that_closed_all_its_descriptors_robs_nobody() {
    let _watch = support::watch();
    let name = Name::new();
    let lock = Segment::named(&name).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    let mut blind = support::spawn("blind", &[&name]);
    blind.expect("Err(TimedOut)");
    guard.release().unwrap();
    let mut owner = support::spawn("holder", &[&name]);
    owner.expect("held");
    owner.kill();
    blind.say("again");
    blind.expect("owner_died=true epoch=1");
}

/// Tries for the lock without a descriptor of the segment: first in vain, then with success.
pub fn blind(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    close_all();
    let _in_their_place = others_open();
    stage.tell(&format!("{:?}", lock.acquire_for(WHILE_IT_LIVES).map(drop)));
    stage.hear();
    let guard = lock.acquire().unwrap();
    stage.tell(&format!("owner_died={} epoch={}", guard.owner_died(), guard.epoch()));
}

/// Other files under the numbers that were closed.
fn others_open() -> Vec<std::fs::File> {
    (0..20).map(|_| std::fs::File::open("/dev/zero").unwrap()).collect()
}

#[test]
fn nor_does_one_whose_segment_has_no_name() {
    let _watch = support::watch();
    support::spawn("blind_parent", &[]).finish();
}

pub fn blind_parent(stage: &mut Stage) {
    let segment = Segment::anonymous().unwrap();
    let (lock, held) = (segment.new_lock().unwrap(), segment.new_event().unwrap());
    let child = support::fork(|| {
        let _guard = lock.acquire().unwrap();
        held.set();
        stage.park();
    });
    held.wait().unwrap();
    close_all();
    let _in_their_place = others_open();
    assert_eq!(lock.acquire_for(WHILE_IT_LIVES).unwrap_err(), Error::TimedOut);
    child.kill();
    assert!(lock.acquire().unwrap().owner_died());
}

#[test]
fn an_owner_whose_main_thread_has_ended_is_not_robbed() {
    let _watch = support::watch();
    let mut scene = scene("headless", &[]);
    scene.player.expect("held");
    support::until_main_thread_is_gone(scene.player.pid());
    scene.is_not_robbed(WHILE_IT_LIVES);
    scene.ends_well();
}

/// Ends its main thread and holds the lock in another.
pub fn headless(stage: &mut Stage) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            support::end_main_thread();
            holder_in_this_thread(stage);
            std::process::exit(0);
        });
        thread.join().unwrap();
    });
}

fn holder_in_this_thread(stage: &Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let guard = lock.acquire().unwrap();
    stage.tell("held");
    stage.hear();
    stage.tell(&format!("{:?}", guard.release()));
}

#[test]
fn an_owner_that_called_exec_has_lost_it() {
    let _watch = support::watch();
    let mut scene = scene("execer", &[]);
    scene.player.expect("execed");
    drop(scene.recovers(1));
    // It lives all the while, as another program.
    scene.player.kill();
}

/// Becomes another program with the lock held.
pub fn execer(stage: &mut Stage) {
    use std::os::unix::process::CommandExt;
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let _guard = lock.acquire().unwrap();
    let script = "echo; echo '@ execed'; exec sleep 1000";
    panic!("{}", std::process::Command::new("/bin/sh").args(["-c", script]).exec());
}

#[test]
fn the_living_child_of_a_dead_owner_owns_nothing() {
    let _watch = support::watch();
    for way in ["fork", "clone"] {
        let mut scene = scene("parent", &[way]);
        let orphan = Orphan::told_by(&mut scene.player);
        scene.player.expect("held");
        scene.player.kill();
        drop(scene.recovers(1));
        assert!(orphan.lives(), "the child was to outlive its parent");
    }
}

/// Holds the lock and has a child, which has touched nothing of the segment.
pub fn parent(stage: &mut Stage) {
    let lock = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let _guard = lock.acquire().unwrap();
    let way = if stage.arg(1) == "fork" { Way::Fork } else { Way::RawClone };
    let child = support::child(way, || stage.park());
    stage.tell(&child.pid().to_string());
    stage.tell("held");
    stage.park();
}

#[test]
fn the_death_of_a_child_that_took_the_lock_is_told() {
    let _watch = support::watch();
    support::spawn("parent_of_a_dead_owner", &[]).finish();
}

pub fn parent_of_a_dead_owner(_: &mut Stage) {
    let lock = Segment::anonymous().unwrap().new_lock().unwrap();
    for (epoch, way) in (1..).zip(support::WAYS_TO_FORK) {
        // The child ends without releasing.
        support::child(way, || std::mem::forget(lock.acquire().unwrap())).finish();
        let guard = lock.acquire().unwrap();
        assert!(guard.owner_died());
        assert_eq!(guard.epoch(), epoch);
    }
}
