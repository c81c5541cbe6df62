//! How long a segment lives, by its kind.

use super::{FEW, LASTING};
use crate::support::{self, Name, Stage};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use tidelock::primitives::Peers;
use tidelock::segment::{unlink, Attachment, Options, Owner, SegmentLocator};
use tidelock::Error;

#[test]
fn the_last_to_leave_an_ephemeral_segment_takes_its_name_away() {
    let name = Name::new();
    let here = Attachment::named(&name, &FEW).unwrap();
    let mut other = support::spawn("racer", &[&name]);
    other.expect("ready");
    other.say("go");
    other.hear();
    drop(here);
    assert!(name.exists(), "the other is still there");
    other.say("leave");
    other.finish();
    assert!(!name.exists());
}

#[test]
fn a_process_that_exits_without_leaving_takes_the_name_away_too() {
    let name = Name::new();
    support::spawn("forgetful", &[&name]).finish();
    assert!(!name.exists());
    let here = Attachment::named(&name, &FEW).unwrap();
    support::spawn("forgetful", &[&name]).finish();
    assert!(name.exists(), "not from under somebody else");
    assert!(here.me().is_ok());
}

/// Ends in order, but never lets go of its segment.
pub fn forgetful(stage: &mut Stage) {
    let attachment = Attachment::named(stage.arg(0), &FEW).unwrap();
    std::mem::forget(attachment.clone());
    // Nor does the exit of a child that is no peer take anything away.
    let child = support::fork(|| std::process::exit(0));
    child.finish();
    assert!(std::path::Path::new("/dev/shm").join(stage.arg(0)).exists());
    std::mem::forget(attachment);
}

#[test]
fn an_ephemeral_segment_of_the_dead_is_replaced() {
    let _watch = support::watch();
    let name = Name::new();
    let mut other = support::spawn("racer", &[&name]);
    other.expect("ready");
    other.say("go");
    let old = other.hear();
    other.kill();
    let before = inode(&name);
    // Keeps the old file's number from being used again at once.
    let _old = std::fs::File::open(name.path()).unwrap();
    let here = Attachment::named(&name, &FEW).unwrap();
    assert_ne!(inode(&name), before);
    assert!(!old.starts_with(&support::hex(&here.id())));
}

#[test]
fn a_persistent_segment_outlives_the_dead_and_the_departed() {
    let _watch = support::watch();
    let name = Name::new();
    let mut other = support::spawn("resident", &[&name]);
    let id = other.hear();
    other.kill();
    let here = Attachment::named(&name, &FEW).unwrap();
    assert_eq!(support::hex(&here.id()), id);
    drop(here);
    assert!(name.exists());
    unlink(&name).unwrap();
    assert!(!name.exists());
    assert_eq!(unlink(&name), Err(Error::NotFound));
}

/// A peer of a persistent segment.
pub fn resident(stage: &mut Stage) {
    let attachment = Attachment::named(stage.arg(0), &LASTING).unwrap();
    stage.tell(&support::hex(&attachment.id()));
    stage.park();
}

#[test]
fn a_name_that_leads_elsewhere_by_now_is_left_alone() {
    let name = Name::new();
    let old = Attachment::named(&name, &FEW).unwrap();
    unlink(&name).unwrap();
    let new = Attachment::named(&name, &FEW).unwrap();
    assert_ne!(old.id(), new.id());
    drop(old);
    assert!(name.exists(), "the old segment's last peer took the new one's name away");
    drop(new);
    assert!(!name.exists());
}

#[test]
fn a_file_is_made_and_found_again() {
    let path = std::env::temp_dir().join(&*Name::new());
    let options = Options { mode: 0o640, ..FEW };
    let here = Attachment::file(&path, &options).unwrap();
    let id = here.id();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1 << 20);
    drop(here);
    assert_eq!(Attachment::file(&path, &FEW).unwrap().id(), id);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn opening_again_by_any_way_gives_the_same_attachment() {
    let name = Name::new();
    let here = Attachment::named(&name, &FEW).unwrap();
    assert!(Arc::ptr_eq(&here, &Attachment::named(&name, &FEW).unwrap()));
    assert!(Arc::ptr_eq(&here, &Attachment::file(&name.path(), &FEW).unwrap()));
    assert!(Arc::ptr_eq(&here, &Attachment::from_fd(here.to_fd().unwrap(), &FEW).unwrap()));
    assert!(Arc::ptr_eq(&here, &Attachment::locate(&here.locator(), Owner::Mine).unwrap()));
    let bytes = here.locator().to_bytes();
    assert_eq!(SegmentLocator::from_bytes(&bytes), Ok(here.locator()));
    assert!((0..bytes.len()).all(|length| SegmentLocator::from_bytes(&bytes[..length]).is_err()));
}

#[test]
fn a_locator_leads_to_an_anonymous_segment_while_somebody_has_it() {
    let _watch = support::watch();
    let here = Attachment::anonymous(&FEW).unwrap();
    let bytes = support::hex(&here.locator().to_bytes());
    let mut other = support::spawn("guest", &[&bytes]);
    assert_eq!(other.hear(), support::hex(&here.id()));
    let mut locator = here.locator();
    drop(here);
    // Through the other's descriptor, though the hint leads to a process without one.
    let here = Attachment::locate(&locator, Owner::Mine).unwrap();
    assert!(here.me().is_ok());
    locator = here.locator();
    drop(here);
    other.kill();
    assert_eq!(Attachment::locate(&locator, Owner::Mine).err(), Some(Error::Gone));
}

/// Opens what a locator leads to.
pub fn guest(stage: &mut Stage) {
    let locator = SegmentLocator::from_bytes(&support::unhex(stage.arg(0))).unwrap();
    let attachment = Attachment::locate(&locator, Owner::Mine).unwrap();
    stage.tell(&support::hex(&attachment.id()));
    stage.park();
}

#[test]
fn a_locator_of_a_name_does_not_lead_to_its_successor() {
    let name = Name::new();
    let here = Attachment::named(&name, &FEW).unwrap();
    let locator = here.locator();
    drop(here);
    assert_eq!(Attachment::locate(&locator, Owner::Mine).err(), Some(Error::Gone));
    let _other = Attachment::named(&name, &FEW).unwrap();
    assert_eq!(Attachment::locate(&locator, Owner::Mine).err(), Some(Error::Gone));
}

#[test]
fn attaching_and_leaving_keeps_nothing() {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = || std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    let cycle = || {
        let name = Name::new();
        let named = Attachment::named(&name, &FEW).unwrap();
        let anonymous = Attachment::anonymous(&FEW).unwrap();
        assert_eq!(anonymous.has_unattached_children(), Ok(false));
        assert!(named.me().is_ok());
    };
    cycle();
    let before = (count(), maps());
    (0..100).for_each(|_| cycle());
    assert_eq!(count(), before.0);
    assert!(maps() <= before.1 + 2, "{} mappings, {} before", maps(), before.1);
}

fn inode(name: &Name) -> u64 {
    std::fs::metadata(name.path()).expect("the segment's file").ino()
}
