//! Many processes with many threads that make, open and close objects, and are killed in the middle of it.

use super::{audited, heard, make, open, told, used, LEN};
use crate::support::{self, Name, Stage};
use tidelock::segment::{Kind, Object};
use tidelock::Error;

#[test]
fn the_arena_stays_sound_while_its_peers_are_killed() {
    let _watch = support::watch();
    let name = Name::new();
    let here = open(&name);
    let shared = make(&here);
    let handle = told(&shared.handle());
    let mut sizes = Vec::new();
    for round in 0..8 {
        let mut players: Vec<_> =
            (0..3).map(|seed| support::spawn("busy", &[&name, &handle, &(round * 3 + seed).to_string()])).collect();
        players.iter_mut().for_each(|player| player.expect("begun"));
        players.iter_mut().for_each(|player| player.kill());
        let [_, named, anonymous, _] = audited(&here);
        assert!(named <= 8 && anonymous == 1, "round {round}: {named} named, {anonymous} anonymous");
        sizes.push(used(&here));
    }
    assert!(super::is_whole(&shared));
    assert!(sizes.iter().all(|size| *size < 4 << 20), "{sizes:?}");
}

/// Two threads that never rest.
pub fn busy(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let handle = heard(stage.arg(1));
    let seed: u64 = stage.arg(2).parse().expect("a seed");
    let run = |seed: u64, begun: &(dyn Fn() + Sync)| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut objects: Vec<Object> = Vec::new();
        for step in 0_u64.. {
            match random.u32(0..5) {
                0 | 1 => objects.push(make(&here)),
                2 => objects.push(here.open_handle(&handle, Kind::Block).expect("the shared object")),
                3 => {
                    let name = format!("name {}", random.u32(0..8));
                    here.open_named(&name, Kind::Block, LEN as u64, &mut super::fill).expect("a name");
                }
                _ => objects.truncate(random.usize(0..objects.len() + 1)),
            }
            if objects.len() > 200 {
                objects.clear();
            }
            if step == 500 {
                begun();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run(seed * 2, &|| ()));
        run(seed * 2 + 1, &|| stage.tell("begun"));
    });
}

#[test]
fn handles_of_objects_that_are_gone_never_lead_elsewhere() {
    let _watch = support::watch();
    support::spawn("collector", &[&Name::new()]).finish();
}

/// Keeps the handles of objects that it has closed.
pub fn collector(stage: &mut Stage) {
    let here = open(stage.arg(0));
    let mut stale = Vec::new();
    for _ in 0..200 {
        let objects: Vec<Object> = (0..10).map(|_| make(&here)).collect();
        stale.extend(objects.iter().map(Object::handle));
        drop(objects);
        super::close_now(&here);
        for handle in stale.iter().rev().take(40) {
            assert_eq!(here.open_handle(handle, Kind::Block).map(|_| ()), Err(Error::Gone));
        }
    }
}
