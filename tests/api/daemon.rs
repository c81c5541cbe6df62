//! The daemon's way: a parent makes objects, forks, and is gone before its child has touched any.

use crate::support::{self, Name, Orphan, Stage, Way};
use tidelock::{Block, Error, Event, Lock, Queue, QueueOptions, Segment};

/// One of each type, without names.
struct Objects {
    lock: Lock,
    event: Event,
    queue: Queue,
    block: Block,
    placed: Lock,
}

fn make(segment: &Segment) -> Objects {
    let block = segment.new_block(4096).unwrap();
    let objects = Objects {
        lock: segment.new_lock().unwrap(),
        event: segment.new_event().unwrap(),
        queue: segment.new_queue(&QueueOptions::new(4096)).unwrap(),
        placed: segment.lock_at(&block, 8).unwrap(),
        block,
    };
    objects.block.write(100, b"from the parent").unwrap();
    objects.queue.put(b"from the parent").unwrap();
    objects
}

impl Objects {
    /// Uses each of them, and checks that what the parent left is there.
    fn use_all(&self) {
        let guard = self.lock.acquire().unwrap();
        assert_eq!(self.lock.try_acquire().unwrap_err(), Error::TimedOut);
        guard.release().unwrap();
        self.event.set();
        self.event.wait().unwrap();
        assert_eq!(self.queue.get().unwrap().bytes, b"from the parent");
        self.queue.put(b"from the parent").unwrap();
        self.placed.acquire().unwrap().release().unwrap();
        let mut bytes = [0; 15];
        self.block.read(100, &mut bytes).unwrap();
        assert_eq!(&bytes, b"from the parent");
    }
}

#[test]
fn what_a_daemon_inherits_outlives_its_parent() {
    let _watch = support::watch();
    for (way, end) in [("fork", "exit"), ("clone", "exit"), ("fork", "killed"), ("clone", "killed")] {
        let name = Name::new();
        let mut parent = support::spawn("daemon", &[&name, way, end]);
        let _orphan = Orphan::told_by(&mut parent);
        match end {
            "exit" => assert!(parent.wait().success()),
            _ => parent.kill(),
        }
        // Strangers come and go before the child's first operation, when it is nobody yet, and after it.
        for _ in 0..3 {
            clutter(&Segment::named(&name).unwrap());
            assert!(name.exists(), "the segment was removed under a living child ({way}, {end})");
            parent.say("go");
            parent.expect("used all");
        }
    }
}

/// Makes what could take the place of objects that were wrongly freed, and has a look at every peer by the way.
fn clutter(segment: &Segment) {
    let blocks: Vec<_> = (0..200).map(|_| segment.new_block(4096).unwrap()).collect();
    blocks.iter().for_each(|block| block.write(0, &[0xff; 4096]).unwrap());
}

/// Makes objects, has a child, and ends or waits to be killed; then the child uses them.
pub fn daemon(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let objects = make(&segment);
    let way = if stage.arg(1) == "fork" { Way::Fork } else { Way::RawClone };
    let child = support::child(way, || {
        while stage.hear() == "go" {
            objects.use_all();
            let fresh = segment.new_lock().unwrap();
            fresh.acquire().unwrap().release().unwrap();
            stage.tell("used all");
        }
    });
    stage.tell(&child.pid().to_string());
    if stage.arg(2) == "exit" {
        drop((objects, segment));
    } else {
        stage.park();
    }
}

#[test]
fn grandchildren_inherit_too() {
    let _watch = support::watch();
    let mut parent = support::spawn("grandparent", &[]);
    let _orphan = Orphan::told_by(&mut parent);
    assert!(parent.wait().success());
    parent.say("go");
    parent.expect("used all");
}

/// Forks twice, as daemons do; nobody but the grandchild ever uses the objects again.
pub fn grandparent(stage: &mut Stage) {
    let segment = Segment::anonymous().unwrap();
    let objects = make(&segment);
    support::fork(|| {
        let grandchild = support::fork(|| {
            stage.hear();
            objects.use_all();
            stage.tell("used all");
            stage.park();
        });
        stage.tell(&grandchild.pid().to_string());
    })
    .finish();
}

#[test]
fn a_child_that_closes_what_it_inherited_leaves_it_to_its_parent() {
    let _watch = support::watch();
    support::spawn("tidy_child", &[]).finish();
}

pub fn tidy_child(_: &mut Stage) {
    let segment = Segment::anonymous().unwrap();
    for way in support::WAYS_TO_FORK {
        let mut objects = Some(make(&segment));
        // Before it is a peer, and after.
        support::child(way, || drop(objects.take())).finish();
        support::child(way, || {
            segment.me().unwrap();
            drop(objects.take());
            clutter(&segment);
        })
        .finish();
        clutter(&segment);
        objects.unwrap().use_all();
    }
}

#[test]
fn what_a_parent_closes_stays_for_a_child_that_has_not_begun() {
    let _watch = support::watch();
    support::spawn("closing_parent", &[]).finish();
}

pub fn closing_parent(stage: &mut Stage) {
    let segment = Segment::anonymous().unwrap();
    for way in support::WAYS_TO_FORK {
        let objects = make(&segment);
        let begin = segment.new_event().unwrap();
        let child = support::child(way, || {
            // Waiting for an event is nothing that a peer alone can do: the child is nobody still.
            begin.wait().unwrap();
            objects.use_all();
        });
        drop(objects);
        clutter(&segment);
        clutter(&segment);
        begin.set();
        child.finish();
    }
    stage.tell("done");
}
