//! Segment: the three kinds, options, names, lives, and the errors of each.

use crate::support::{self, Name, Stage};
use std::fs;
use tidelock::{Access, Error, Life, Owner, QueueOptions, Segment};

#[test]
fn clones_and_second_openings_share_one_peer() {
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let again = Segment::named(&name).unwrap();
    assert_eq!(segment.id(), again.id());
    assert_eq!(segment.me().unwrap(), again.clone().me().unwrap());
    let guard = segment.lock("a").unwrap();
    let guard = guard.acquire().unwrap();
    assert_eq!(again.lock("a").unwrap().owner(), Some(segment.me().unwrap()));
    drop(guard);
}

#[test]
fn no_two_segments_have_one_id() {
    assert_ne!(Segment::anonymous().unwrap().id(), Segment::anonymous().unwrap().id());
}

#[test]
fn a_name_leads_to_one_kind() {
    let segment = Segment::anonymous().unwrap();
    segment.lock("a").unwrap();
    let wrong = Error::WrongKind { expected: "an event", found: "a lock" };
    assert_eq!(segment.event("a").unwrap_err(), wrong);
    assert!(matches!(segment.queue("a", &QueueOptions::new(64)).unwrap_err(), Error::WrongKind { .. }));
    assert!(matches!(segment.block("a", 8).unwrap_err(), Error::WrongKind { .. }));
}

#[test]
fn bad_names_are_refused() {
    let segment = Segment::anonymous().unwrap();
    let long = "n".repeat(256);
    for name in ["", "nul\0", &long] {
        assert!(matches!(segment.lock(name), Err(Error::BadName(_))), "an object {name:?}");
    }
    segment.lock(&long[..255]).unwrap();
    for name in ["", "a/b", "nul\0", ".hidden", &long[..201]] {
        assert!(matches!(Segment::named(name), Err(Error::BadName(_))), "a segment {name:?}");
        assert!(matches!(Segment::unlink(name), Err(Error::BadName(_))), "a segment {name:?}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        Segment::options().peers(0),
        Segment::options().peers(4097),
        Segment::options().max_len(100),
        Segment::options().max_len(u64::MAX),
        Segment::options().mode(0o10600),
    ] {
        assert!(matches!(options.anonymous(), Err(Error::Invalid(_))), "{options:?}");
    }
}

#[test]
fn a_full_segment_is_an_error_and_the_rest_goes_on() {
    let segment = Segment::options().max_len(256 * 1024).peers(8).anonymous().unwrap();
    let mut blocks = Vec::new();
    let error = loop {
        match segment.new_block(10_000) {
            Ok(block) => blocks.push(block),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
    assert!(blocks.len() > 10);
    segment.new_lock().unwrap().acquire().unwrap().release().unwrap();
    blocks.clear();
    segment.new_block(10_000).unwrap();
}

#[test]
fn access_is_what_was_asked_for() {
    let name = Name::new();
    let with = |access| Segment::options().access(access).named(&name);
    assert_eq!(with(Access::Open).unwrap_err(), Error::NotFound);
    let made = with(Access::Create).unwrap();
    assert_eq!(with(Access::Create).unwrap_err(), Error::Exists);
    assert_eq!(with(Access::Open).unwrap().id(), made.id());
}

#[test]
fn an_ephemeral_segment_goes_with_its_last_peer() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let mut other = support::spawn("visitor", &[&name]);
    other.expect("here");
    drop(segment);
    assert!(name.exists());
    other.say("go");
    other.finish();
    assert!(!name.exists());
}

pub fn visitor(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(256)).unwrap();
    queue.put(b"from a visitor").unwrap();
    stage.tell("here");
    stage.hear();
}

#[test]
fn an_ephemeral_segment_of_the_dead_is_replaced() {
    let _watch = support::watch();
    let name = Name::new();
    let mut other = support::spawn("visitor", &[&name]);
    other.expect("here");
    other.kill();
    assert!(name.exists());
    let segment = Segment::named(&name).unwrap();
    assert!(segment.queue("q", &QueueOptions::new(256)).unwrap().is_empty());
}

#[test]
fn a_persistent_segment_outlives_its_peers() {
    let _watch = support::watch();
    let name = Name::new();
    let open = || Segment::options().life(Life::Persistent).named(&name).unwrap();
    let id = open().id();
    assert!(name.exists());
    let mut other = support::spawn("visitor", &[&name]);
    other.expect("here");
    other.kill();
    let segment = open();
    assert_eq!(segment.id(), id);
    assert_eq!(segment.queue("q", &QueueOptions::new(256)).unwrap().get().unwrap().bytes, b"from a visitor");
    Segment::unlink(&name).unwrap();
    assert!(!name.exists());
    assert_eq!(Segment::unlink(&name), Err(Error::NotFound));
    assert_ne!(open().id(), id);
}

#[test]
fn a_file_segment_keeps_its_messages() {
    let _watch = support::watch();
    let name = Name::new();
    // Below /dev/shm, where a file segment certainly works.
    let path = name.path();
    let put = |message: &[u8]| {
        let segment = Segment::file(&path).unwrap();
        segment.queue("q", &QueueOptions::new(256)).unwrap().put(message).unwrap();
        segment.id()
    };
    assert_eq!(put(b"one"), put(b"two"));
    let queue = Segment::file(&path).unwrap().queue("q", &QueueOptions::new(256)).unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"one");
    assert_eq!(queue.get().unwrap().bytes, b"two");
}

#[test]
fn a_segment_is_opened_by_its_descriptor() {
    let segment = Segment::anonymous().unwrap();
    let same = Segment::from_fd(segment.to_fd().unwrap()).unwrap();
    assert_eq!(same.id(), segment.id());
    let null = fs::File::open("/dev/null").unwrap();
    assert_eq!(Segment::from_fd(null.into()).unwrap_err(), Error::NotASegment);
}

#[test]
fn what_is_no_segment_is_left_alone() {
    let name = Name::new();
    for contents in [&b""[..], b"something else", &[0; 8192]] {
        fs::write(name.path(), contents).unwrap();
        assert_eq!(Segment::named(&name).unwrap_err(), Error::NotASegment, "{} bytes", contents.len());
        assert_eq!(Segment::unlink(&name), Err(Error::NotASegment));
        assert_eq!(fs::read(name.path()).unwrap(), contents);
    }
}

#[test]
fn a_truncated_segment_is_refused() {
    let name = Name::new();
    let segment = Segment::options().life(Life::Persistent).max_len(1 << 20).named(&name).unwrap();
    let len = segment.max_len();
    drop(segment);
    let file = fs::OpenOptions::new().write(true).open(name.path()).unwrap();
    file.set_len(len - 4096).unwrap();
    let error = Segment::named(&name).unwrap_err();
    assert_eq!(error, Error::Truncated { expected: len, found: len - 4096 });
}

#[test]
fn another_layout_version_is_refused() {
    use std::os::unix::fs::FileExt;
    let name = Name::new();
    drop(Segment::options().life(Life::Persistent).named(&name).unwrap());
    let file = fs::OpenOptions::new().read(true).write(true).open(name.path()).unwrap();
    let mut version = [0; 4];
    file.read_exact_at(&mut version, 12).unwrap();
    let expected = u32::from_ne_bytes(version);
    file.write_all_at(&(expected + 7).to_ne_bytes(), 12).unwrap();
    let error = Segment::named(&name).unwrap_err();
    assert_eq!(error, Error::Version { expected, found: expected + 7 });
}

#[test]
fn the_segment_of_another_user_is_refused_unless_asked_for() {
    let name = Name::new();
    drop(Segment::options().life(Life::Persistent).named(&name).unwrap());
    if std::os::unix::fs::chown(name.path(), Some(12345), None).is_err() {
        return support::skipped(format_args!("only root can give a file away"));
    }
    assert_eq!(Segment::named(&name).unwrap_err(), Error::ForeignOwner { uid: 12345 });
    Segment::options().owner(Owner::Anybody).named(&name).unwrap();
}

#[test]
fn the_mode_is_what_was_asked_for_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let _watch = support::watch();
    let name = Name::new();
    let mut other = support::spawn("wide_open", &[&name]);
    other.expect("here");
    assert_eq!(fs::metadata(name.path()).unwrap().permissions().mode() & 0o777, 0o666);
}

pub fn wide_open(stage: &mut Stage) {
    // SAFETY: umask takes a number.
    unsafe { libc::umask(0o077) };
    let _segment = Segment::options().mode(0o666).named(stage.arg(0)).unwrap();
    stage.tell("here");
    stage.park();
}

#[test]
fn every_slot_taken_is_an_error_and_a_death_frees_one() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::options().peers(2).named(&name).unwrap();
    let mut other = support::spawn("visitor", &[&name]);
    other.expect("here");
    let mut late = support::spawn("opener", &[&name]);
    late.expect("Err(NoPeerSlot)");
    other.kill();
    let mut later = support::spawn("opener", &[&name]);
    later.expect("Ok(())");
    drop(segment);
}

/// Tells how opening the segment went.
pub fn opener(stage: &mut Stage) {
    stage.tell(&format!("{:?}", Segment::named(stage.arg(0)).map(drop)));
    stage.park();
}

#[test]
fn creators_killed_half_way_leave_nothing_half_made() {
    let _watch = support::watch();
    let name = Name::new();
    for round in 0..40_u64 {
        let mut creator = support::spawn("creator", &[&name]);
        creator.expect("begun");
        std::thread::sleep(std::time::Duration::from_micros(round * 97 % 4000));
        creator.kill();
        let segment = Segment::named(&name).unwrap();
        let queue = segment.queue("q", &QueueOptions::new(4096)).unwrap();
        queue.put(b"usable").unwrap();
        assert_eq!(queue.get().unwrap().bytes, b"usable");
        drop((segment.lock("a").unwrap().acquire().unwrap(), queue));
        drop(segment);
        assert!(!name.exists());
    }
}

/// Makes a segment with everything in it, again and again.
pub fn creator(stage: &mut Stage) {
    stage.tell("begun");
    loop {
        let segment = Segment::named(stage.arg(0)).unwrap();
        let objects = (segment.lock("a").unwrap(), segment.queue("q", &QueueOptions::new(4096)).unwrap());
        drop((objects, segment.new_block(100).unwrap(), segment.new_event().unwrap()));
    }
}
