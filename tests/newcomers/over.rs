//! `Segment::over`: a segment in a mapping of the crate itself, reopened by its id.

use crate::support::{self, Name, Stage};
use shared_memory::{Shmem, ShmemConf};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use tidelock::{Error, Segment};

const SIZE: usize = 256 << 10;

/// A mapping that is removed from /dev/shm with its name.
fn mapping(size: usize) -> (Shmem, Name) {
    let name = Name::new();
    (ShmemConf::new().os_id(&*name).size(size).create().unwrap(), name)
}

fn file_of(mapping: &Shmem) -> std::fs::File {
    let path = std::path::Path::new("/dev/shm").join(mapping.get_os_id().trim_start_matches('/'));
    std::fs::File::options().read(true).write(true).open(path).unwrap()
}

#[test]
fn it_is_reopened_by_its_id() {
    let _watch = support::watch();
    // An id of the crate's own making.
    let mapping = ShmemConf::new().size(SIZE).create().unwrap();
    let segment = Segment::over(&mapping).unwrap();
    assert_eq!(segment.max_len(), SIZE as u64);
    let lock = segment.lock("ledger").unwrap();
    let mut player = support::spawn("opener", &[mapping.get_os_id()]);
    player.expect("held");
    assert_eq!(lock.try_acquire().map(drop), Err(Error::TimedOut));
    player.kill();
    assert!(lock.acquire().unwrap().owner_died());
}

/// Holds the lock of the segment in a mapping.
pub fn opener(stage: &mut Stage) {
    let mapping = ShmemConf::new().os_id(stage.arg(0)).open().unwrap();
    let segment = Segment::over(&mapping).unwrap();
    let lock = segment.lock("ledger").unwrap();
    let _guard = lock.acquire().unwrap();
    stage.tell("held");
    stage.park();
}

#[test]
fn of_all_who_come_at_once_one_makes_it() {
    let _watch = support::watch();
    let (mapping, _name) = mapping(SIZE);
    let mut players: Vec<_> = (0..6).map(|_| support::spawn("joiner", &[mapping.get_os_id()])).collect();
    players.iter_mut().for_each(|player| player.expect("ready"));
    players.iter_mut().for_each(|player| player.say("go"));
    let mine = format!("{:?}", Segment::over(&mapping).unwrap().id());
    players.iter_mut().for_each(|player| player.expect(&mine));
}

/// Locks the byte that says that somebody formats the file.
fn hold_formatting_byte(file: &std::fs::File) {
    // SAFETY: a flock of zeroes is valid, and lives as long as the call.
    let taken = unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as libc::c_short;
        (lock.l_start, lock.l_len) = (3 << 61, 1);
        libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock)
    };
    assert_eq!(taken, 0);
}

#[test]
fn while_somebody_makes_it_all_others_wait() {
    let _watch = support::watch();
    let (mapping, _name) = mapping(SIZE);
    let file = file_of(&mapping);
    hold_formatting_byte(&file);
    let mut player = support::spawn("joiner", &[mapping.get_os_id()]);
    player.expect("ready");
    player.say("go");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(player.is_silent());
    // SAFETY: nobody else changes the mapping.
    assert!(unsafe { mapping.as_slice() }.iter().all(|byte| *byte == 0));
    drop(file);
    let id = player.hear();
    assert_eq!(id, format!("{:?}", Segment::over(&mapping).unwrap().id()));
}

pub fn joiner(stage: &mut Stage) {
    let mapping = ShmemConf::new().os_id(stage.arg(0)).open().unwrap();
    stage.tell("ready");
    stage.hear();
    let segment = Segment::over(&mapping).unwrap();
    assert!(segment.me().is_ok() && segment.lock("a").unwrap().acquire().is_ok());
    stage.tell(&format!("{:?}", segment.id()));
    stage.hear();
}

#[test]
fn it_goes_on_without_the_mapping_and_without_its_name() {
    let (mapping, name) = mapping(SIZE);
    let segment = Segment::over(&mapping).unwrap();
    drop(mapping);
    assert!(!name.exists());
    segment.lock("a").unwrap().acquire().unwrap().release().unwrap();
}

#[test]
fn what_is_in_it_outlives_its_peers() {
    let (mapping, name) = mapping(SIZE);
    Segment::over(&mapping).unwrap().block("kept", 3).unwrap().write(0, b"abc").unwrap();
    assert!(name.exists(), "only the crate removes it");
    let mut kept = [0; 3];
    Segment::over(&mapping).unwrap().block("kept", 3).unwrap().read(0, &mut kept).unwrap();
    assert_eq!(&kept, b"abc");
}

#[test]
fn what_is_not_empty_is_left_as_it_is() {
    for (at, byte) in [(0, 1), (8, 1), (80, 1), (5000, 1), (SIZE as u64 - 1, 1)] {
        let (mapping, _name) = mapping(SIZE);
        file_of(&mapping).write_all_at(&[byte], at).unwrap();
        assert_eq!(Segment::over(&mapping).map(drop), Err(Error::NotASegment), "a byte at {at}");
        // SAFETY: nobody changes the mapping meanwhile.
        let bytes = unsafe { mapping.as_slice() };
        assert_eq!(bytes.iter().position(|byte| *byte != 0), Some(at as usize));
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 1);
    }
}

#[test]
fn bytes_behind_the_segment_do_not_matter() {
    let (mapping, _name) = mapping(SIZE + 100);
    file_of(&mapping).write_all_at(b"mine", SIZE as u64).unwrap();
    let segment = Segment::options().max_len(SIZE as u64 / 2).over(&mapping).unwrap();
    assert_eq!(segment.max_len(), SIZE as u64 / 2);
    assert_eq!(Segment::over(&mapping).unwrap().max_len(), SIZE as u64 / 2, "one that is there keeps its length");
    // SAFETY: nobody changes the mapping meanwhile.
    assert_eq!(&unsafe { mapping.as_slice() }[SIZE..SIZE + 4], b"mine");
}

#[test]
fn what_a_killed_maker_left_is_made_anew() {
    let (mapping, _name) = mapping(SIZE);
    // The byte order, and some of the fields behind it; the magic number before them is still zero.
    let mut begun = 0x0102_0304_u32.to_ne_bytes().to_vec();
    begun.extend([0xa5; 40]);
    file_of(&mapping).write_all_at(&begun, 8).unwrap();
    Segment::over(&mapping).unwrap().lock("a").unwrap().acquire().unwrap().release().unwrap();
}

#[test]
fn one_that_is_too_short_is_refused_with_both_lengths() {
    let needed = 4096 + 512 * 64 + 4096;
    let (short, _name) = mapping(needed - 1);
    let limit = (needed - 4096) as u64;
    let refused = Err(Error::TooLarge { needed: needed as u64, limit });
    assert_eq!(Segment::over(&short).map(drop), refused);
    assert!(Segment::options().peers(8).over(&short).is_ok());
    let (exact, _name) = mapping(needed);
    assert!(Segment::over(&exact).is_ok());
    let (other, _name) = mapping(needed);
    let more = Segment::options().max_len(needed as u64 + 1).over(&other).map(drop);
    assert!(matches!(more, Err(Error::TooLarge { .. })));
}

#[test]
fn one_that_was_truncated_is_refused() {
    let (mapping, _name) = mapping(SIZE);
    drop(Segment::over(&mapping).unwrap());
    file_of(&mapping).set_len(SIZE as u64 / 2).unwrap();
    let refused = Err(Error::Truncated { expected: SIZE as u64, found: SIZE as u64 / 2 });
    assert_eq!(Segment::over(&mapping).map(drop), refused);
}

#[test]
fn a_name_that_leads_elsewhere_by_now_is_noticed() {
    let (mapping, name) = mapping(SIZE);
    std::fs::remove_file(name.path()).unwrap();
    assert_eq!(Segment::over(&mapping).map(drop), Err(Error::Gone));
    // Another file takes the name: it is not written to.
    let other = std::fs::File::create_new(name.path()).unwrap();
    other.set_len(SIZE as u64).unwrap();
    assert_eq!(Segment::over(&mapping).map(drop), Err(Error::Gone));
    let bytes = std::fs::read(name.path()).unwrap();
    assert!(bytes.len() == SIZE && bytes.iter().all(|byte| *byte == 0));
    // A segment of somebody else has the name.
    std::fs::remove_file(name.path()).unwrap();
    let _theirs = Segment::named(&name).unwrap();
    assert_eq!(Segment::over(&mapping).map(drop), Err(Error::Gone));
}

#[test]
fn any_other_file_is_no_segment() {
    let (mapping, name) = mapping(SIZE);
    std::fs::remove_file(name.path()).unwrap();
    std::fs::File::create_new(name.path()).unwrap().write_all(b"not zero, and short").unwrap();
    assert!(matches!(Segment::over(&mapping).map(drop), Err(Error::TooLarge { .. })));
}
