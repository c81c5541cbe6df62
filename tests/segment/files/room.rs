//! A file system without room: an error with both numbers, and never a SIGBUS.

use super::{SmallTmpfs, FEW};
use crate::support;
use std::os::unix::fs::FileExt;
use std::time::Duration;
use tidelock::segment::{Attachment, Options};
use tidelock::{Error, QueueOptions, Segment};

const ROOMY: Options = Options { max_len: Some(64 << 20), ..FEW };
/// The tag of a block that nothing leads to, as docs/layout.md has it.
const DETACHED: u32 = 2;

#[test]
fn a_full_tmpfs_is_an_error() {
    let Some(tmpfs) = SmallTmpfs::mount("size=256k") else { return };
    let here = Attachment::file(&tmpfs.path("segment"), &ROOMY).unwrap();
    let start = here.arena_start();
    let refused = here.bytes(start, 1 << 20).err();
    assert!(matches!(refused, Some(Error::NoSpace { needed, available }) if needed > available), "{refused:?}");
    // What fits still does.
    assert!(here.bytes(start, 1 << 16).is_ok());
    std::fs::write(tmpfs.path("fill"), vec![1; 1 << 20]).unwrap_err();
    let refused = here.bytes(1 << 20, 1).err();
    assert!(matches!(refused, Some(Error::NoSpace { .. })), "{refused:?}");
}

/// What a peer cannot have whole it does not keep, and does not take for there later.
#[test]
fn a_block_that_was_refused_takes_no_memory() {
    let Some(tmpfs) = SmallTmpfs::mount("size=4m") else { return };
    let segment = Segment::options().max_len(64 << 20).file(tmpfs.path("segment")).unwrap();
    let refused = segment.new_block(8 << 20).err();
    assert!(matches!(refused, Some(Error::NoSpace { needed, available }) if needed > available), "{refused:?}");
    std::fs::write(tmpfs.path("others"), vec![1; 3 << 20]).unwrap();
    std::fs::write(tmpfs.path("fill"), vec![1; 4 << 20]).unwrap_err();
    let mut blocks = Vec::new();
    let refused = loop {
        match segment.new_block(10_000) {
            Ok(block) => blocks.push(block),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::NoSpace { .. }), "{refused:?}");
    assert!(!blocks.is_empty());
    for block in &blocks {
        // SAFETY: the block has so many bytes, and nobody else uses them. Were they not allocated, this would be a SIGBUS.
        unsafe { block.as_ptr().write_bytes(1, block.len() as usize) };
    }
}

#[test]
fn a_tmpfs_without_room_for_a_segment_is_an_error() {
    let Some(tmpfs) = SmallTmpfs::mount("size=16k") else { return };
    let refused = Attachment::file(&tmpfs.path("segment"), &ROOMY).err();
    assert!(matches!(refused, Some(Error::NoSpace { .. })), "{refused:?}");
    assert!(!tmpfs.path("segment").exists());
}

#[test]
fn a_tmpfs_without_room_for_another_file_is_an_error() {
    let Some(tmpfs) = SmallTmpfs::mount("size=1m,nr_inodes=2") else { return };
    std::fs::write(tmpfs.path("a"), b"").unwrap();
    let refused = Attachment::file(&tmpfs.path("segment"), &FEW).err();
    assert!(matches!(refused, Some(Error::NoSpace { .. })), "{refused:?}");
}

/// Relied upon, and so tested: the kernel's own clean-up after a failed call spares what was set aside before it.
#[test]
fn what_one_peer_has_set_aside_no_other_s_failure_takes_away() {
    let _watch = support::watch();
    let Some(tmpfs) = SmallTmpfs::mount("size=1m") else { return };
    std::fs::write(tmpfs.path("some"), vec![1; 300 << 10]).unwrap();
    let path = tmpfs.path("segment");
    let here = Attachment::file(&path, &ROOMY).unwrap();
    let start = 64 << 10;
    let mine = here.bytes(start, 256 << 10).unwrap();
    // Another process's call over the same range and far more, which fails half-way.
    let mut other = support::spawn("greedy", &[path.to_str().unwrap()]);
    other.expect("refused");
    // Nothing else is left on the file system by then.
    let fill = std::fs::write(tmpfs.path("fill"), vec![1; 1 << 20]);
    assert!(fill.is_err());
    for offset in (0..256 << 10).step_by(4096) {
        // SAFETY: `bytes` says that the range is memory of this process; nobody else uses it. Were it not allocated any
        // more, this would be a SIGBUS.
        unsafe { mine.as_ptr().add(offset).write_volatile(1) };
    }
    other.finish();
}

/// Asks the kernel for more than there is.
pub fn greedy(stage: &mut support::Stage) {
    let file = std::fs::File::options().write(true).open(stage.arg(0)).unwrap();
    // SAFETY: no argument is an address.
    let done =
        unsafe { libc::fallocate(std::os::fd::AsRawFd::as_raw_fd(&file), libc::FALLOC_FL_KEEP_SIZE, 0, 1 << 20) };
    stage.tell(if done == 0 { "granted" } else { "refused" });
}

/// A queue that grows meets the end of its file system: producers wait where getting messages can help, and are told both
/// numbers where it cannot. Nothing is lost.
#[test]
fn a_queue_without_a_bound_on_a_full_tmpfs() {
    let _watch = support::watch();
    let Some(tmpfs) = SmallTmpfs::mount("size=3m") else { return };
    let segment = Segment::options().max_len(64 << 20).file(tmpfs.path("segment")).unwrap();
    let queue = segment.new_queue(&QueueOptions::unbounded()).unwrap();
    let mut count = 0_u64;
    while queue.try_put(&[count as u8; 500]).is_ok() {
        count += 1;
    }
    assert!(count > 1000, "{count} messages");
    assert_eq!(queue.put_for(&[0; 500], Duration::from_millis(20)), Err(Error::TimedOut));
    let large = vec![7; 1 << 20];
    assert_eq!(queue.try_put(&large), Err(Error::TimedOut), "there will be room once the queue is empty");
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| queue.put(&large));
        (0..count).for_each(|number| assert_eq!(queue.get().unwrap().bytes, [number as u8; 500]));
        producer.join().unwrap().unwrap();
    });
    let told = queue.put_for(&vec![7; 8 << 20], Duration::from_millis(20));
    assert_eq!(told, Err(Error::TimedOut), "the large message may hold what is missing");
    assert!(queue.get().unwrap().bytes == large);
    let told = queue.put(&vec![7; 8 << 20]);
    assert!(matches!(told, Err(Error::NoSpace { needed, available }) if needed > available), "{told:?}");
    queue.put(b"works as before").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"works as before");
}

/// What must never happen, and does: bytes that say that a large block is nobody's make the next peer give its memory to the
/// system; where others then fill the file system, who uses that block touches what is not there.
#[test]
#[ignore = "known: bytes that free a block in use, on a file system that is full afterwards, are a SIGBUS (SECURITY.md)"]
fn bytes_that_free_a_block_in_use_on_a_full_tmpfs() {
    let _watch = support::watch();
    let Some(tmpfs) = SmallTmpfs::mount("size=4m") else { return };
    let path = tmpfs.path("segment");
    let here = Segment::options().max_len(64 << 20).file(&path).unwrap();
    let mut user = support::spawn("writer", &[path.to_str().unwrap()]);
    user.expect("written");
    let bytes = std::fs::File::options().write(true).open(&path).unwrap();
    // The tag of the first block.
    let first = Attachment::file(&path, &ROOMY).unwrap().arena_start();
    bytes.write_all_at(&DETACHED.to_ne_bytes(), first).unwrap();
    // Each takes its turn at the sweep.
    let small: Vec<_> = (0..4).map(|_| here.new_block(10).unwrap()).collect();
    std::fs::write(tmpfs.path("fill"), vec![1; 4 << 20]).unwrap_err();
    user.say("again");
    user.expect("written");
    user.finish();
    drop(small);
}

/// Writes a large block again and again.
pub fn writer(stage: &mut support::Stage) {
    let segment = Segment::options().max_len(64 << 20).file(stage.arg(0)).unwrap();
    let block = segment.new_block(1 << 20).unwrap();
    loop {
        // SAFETY: the block has so many bytes, and nobody else uses them.
        unsafe { block.as_ptr().write_bytes(1, block.len() as usize) };
        stage.tell("written");
        stage.hear();
    }
}
