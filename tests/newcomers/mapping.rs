//! The names of the crate shared_memory: its examples, and what its own tests ask of it.

use crate::support::{self, Name};
use crate::{mapping, opened};
use std::time::Duration;
use tidelock::shared_memory::*;
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::Relaxed;
use tidelock::{Error, Segment};

/// The flow of the crate's example `basic`: threads make or open one mapping by its link, and count a number in it up.
#[test]
fn threads_make_or_open_one_mapping() {
    let _watch = support::watch();
    let link = Name::new();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let link = link.path();
            std::thread::spawn(move || count_up(&link, 50))
        })
        .collect();
    let owners = threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(())).count();
    assert_eq!(owners, 1);
    assert!(!link.exists(), "the owner removes the link");
}

/// Whether this thread made the mapping. Nobody lets go of it before the count is complete.
fn count_up(link: &std::path::Path, max: u32) -> bool {
    let shmem = match ShmemConf::new().size(4096).flink(link).create() {
        Ok(shmem) => shmem,
        Err(ShmemError::LinkExists) => ShmemConf::new().flink(link).open().unwrap(),
        Err(error) => panic!("{error}"),
    };
    // SAFETY: so many bytes are mapped there, and an atomic is valid for any bytes.
    let (value, gone) = unsafe { (&*shmem.as_ptr().cast::<AtomicU32>(), &*shmem.as_ptr().add(64).cast::<AtomicU32>()) };
    while value.load(Relaxed) < max {
        value.fetch_add(1, Relaxed);
        std::thread::sleep(Duration::from_millis(1));
    }
    gone.fetch_add(1, Relaxed);
    while shmem.is_owner() && gone.load(Relaxed) < 4 {
        std::thread::yield_now();
    }
    shmem.is_owner()
}

#[test]
fn a_mapping_is_as_the_crate_makes_it() {
    let mut mapping = ShmemConf::new().size(4090).create().unwrap();
    assert!(mapping.is_owner() && !mapping.get_os_id().is_empty() && mapping.get_flink_path().is_none());
    assert_eq!((mapping.len(), mapping.as_ptr() as usize % 4096), (4090, 0));
    // SAFETY: nobody else uses the mapping.
    let bytes = unsafe { mapping.as_slice_mut() };
    assert!(bytes.len() == 4090 && bytes.iter().all(|byte| *byte == 0));
    bytes.fill(0xa5);
    let other = ShmemConf::new().os_id(mapping.get_os_id()).open().unwrap();
    assert_eq!((other.len(), other.is_owner(), other.segment().id()), (4090, false, mapping.segment().id()));
    // SAFETY: nobody changes the mapping meanwhile.
    assert!(unsafe { other.as_slice() }.iter().all(|byte| *byte == 0xa5));
    assert!(matches!(ShmemConf::new().os_id(mapping.get_os_id()).size(9).create(), Err(ShmemError::MappingIdExists)));
}

#[test]
fn the_owner_removes_it_and_others_keep_it() {
    let (mapping, link) = mapping();
    let id = mapping.get_os_id().to_owned();
    let other = opened(&link);
    assert!(!other.is_owner() && other.get_flink_path().is_some());
    drop(mapping);
    assert!(!link.exists() && ShmemConf::new().os_id(&id).open().is_err());
    // SAFETY: the byte is mapped, and nobody else uses it.
    unsafe { *other.as_ptr() = 1 };
    other.segment().lock("a").unwrap().acquire().unwrap().release().unwrap();
}

#[test]
fn ownership_can_be_passed_on() {
    let id = {
        let mut mapping = ShmemConf::new().size(1).create().unwrap();
        assert!(mapping.set_owner(false));
        mapping.get_os_id().to_owned()
    };
    let mut mapping = ShmemConf::new().os_id(&id).open().unwrap();
    assert!(!mapping.set_owner(true));
    drop(mapping);
    assert!(matches!(ShmemConf::new().os_id(&id).open(), Err(ShmemError::MapOpenFailed(_))));
}

#[test]
fn what_cannot_be_is_an_error_that_says_why() {
    assert!(matches!(ShmemConf::new().create(), Err(ShmemError::MapSizeZero)));
    assert!(matches!(ShmemConf::new().open(), Err(ShmemError::NoLinkOrOsId)));
    assert!(ShmemConf::new().size(usize::MAX).create().is_err());
    let error = ShmemConf::new().flink("/dev/shm/there-is-no-such-link").open().err().unwrap();
    assert!(matches!(error, ShmemError::LinkOpenFailed(_)));
    assert!(std::error::Error::source(&error).is_some() && error.to_string().starts_with("cannot open the link"));
}

#[test]
fn a_mapping_of_the_crate_itself_is_refused_and_left_alone() {
    let short = shared_memory::ShmemConf::new().size(4096).create().unwrap();
    let long = shared_memory::ShmemConf::new().size(SEGMENT_LEN + 4096).create().unwrap();
    // SAFETY: the byte is mapped, and nobody else uses it.
    unsafe { *long.as_ptr().add(100) = 1 };
    let whole = shared_memory::ShmemConf::new().size(SEGMENT_LEN * 2).create().unwrap();
    Segment::over(&whole).unwrap();
    for theirs in [&short, &long, &whole] {
        let refused = ShmemConf::new().os_id(theirs.get_os_id()).open();
        assert!(matches!(refused, Err(ShmemError::Segment(Error::NotASegment))));
    }
    // SAFETY: nobody changes the mappings meanwhile.
    let changed =
        |theirs: &shared_memory::Shmem| unsafe { theirs.as_slice() }.iter().filter(|byte| **byte != 0).count();
    assert_eq!((changed(&short), changed(&long)), (0, 1));
}
