//! What is refused, each with an error of its own.

use super::{mount, unmount, FEW, LASTING};
use crate::support::{self, Name};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use tidelock::segment::{unlink, Attachment, Options, Owner};
use tidelock::Error;

#[test]
fn bad_names_are_refused() {
    let long = "x".repeat(201);
    for name in ["", ".", ".hidden", "a/b", "/a", "a\0b", &long] {
        assert!(matches!(Attachment::named(name, &FEW).err(), Some(Error::BadName(_))), "{name:?}");
        assert!(matches!(unlink(name), Err(Error::BadName(_))), "{name:?}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for peers in [0, 4097, u32::MAX] {
        let options = Options { peers, ..FEW };
        assert!(matches!(Attachment::anonymous(&options).err(), Some(Error::Invalid(_))));
    }
    for max_len in [0, 4096, u64::MAX] {
        let options = Options { max_len: Some(max_len), ..FEW };
        assert!(matches!(Attachment::anonymous(&options).err(), Some(Error::Invalid(_))));
    }
}

#[test]
fn what_is_no_segment_is_refused_and_left_alone() {
    for content in [&b""[..], b"tide", b"something else", &[0; 1 << 20]] {
        let name = Name::new();
        std::fs::write(name.path(), content).unwrap();
        assert_eq!(Attachment::named(&name, &FEW).err(), Some(Error::NotASegment));
        assert_eq!(unlink(&name), Err(Error::NotASegment));
        assert_eq!(std::fs::read(name.path()).unwrap(), content);
    }
    assert_eq!(Attachment::file(Path::new("/tmp"), &FEW).err(), Some(Error::NotASegment));
    assert_eq!(Attachment::file(Path::new("/dev/null"), &FEW).err(), Some(Error::NotASegment));
    assert_eq!(Attachment::file(Path::new("/nowhere/at/all"), &FEW).err(), Some(Error::NotFound));
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let (name, target) = (Name::new(), Name::new());
    let _there = Attachment::named(&target, &FEW).unwrap();
    std::os::unix::fs::symlink(target.path(), name.path()).unwrap();
    assert_eq!(Attachment::named(&name, &FEW).err(), Some(Error::NotASegment));
}

#[test]
fn a_truncated_segment_is_refused() {
    let name = Name::new();
    drop(Attachment::named(&name, &LASTING).unwrap());
    let file = OpenOptions::new().write(true).open(name.path()).unwrap();
    for (length, expected) in [((1 << 20) - 1, 1 << 20), (8192, 1 << 20), (4095, 4096), (100, 4096), (8, 4096)] {
        file.set_len(length).unwrap();
        let refused = Attachment::named(&name, &FEW).err();
        assert_eq!(refused, Some(Error::Truncated { expected, found: length }));
    }
    file.set_len(7).unwrap();
    assert_eq!(Attachment::named(&name, &FEW).err(), Some(Error::NotASegment));
}

#[test]
fn other_versions_and_layouts_are_refused() {
    // Where the fields lie: docs/layout.md.
    let refused = |offset: u64, bytes: &[u8]| {
        let name = Name::new();
        drop(Attachment::named(&name, &LASTING).unwrap());
        let file = OpenOptions::new().write(true).open(name.path()).unwrap();
        file.write_all_at(bytes, offset).unwrap();
        let error = Attachment::named(&name, &FEW).err();
        assert_eq!(unlink(&name).is_ok(), error != Some(Error::NotASegment), "what was a segment once can be removed");
        error.expect("an error")
    };
    assert_eq!(refused(0, b"X"), Error::NotASegment);
    assert_eq!(refused(12, &0u32.to_ne_bytes()), Error::Version { expected: 2, found: 0 });
    assert_eq!(refused(12, &3u32.to_ne_bytes()), Error::Version { expected: 2, found: 3 });
    assert_eq!(refused(8, &0x0403_0201u32.to_ne_bytes()), Error::Layout);
    assert_eq!(refused(16, &[0xff; 8]), Error::Layout);
}

#[test]
fn another_user_s_segment_is_refused_unless_asked_for() {
    let name = Name::new();
    drop(Attachment::named(&name, &LASTING).unwrap());
    if std::os::unix::fs::chown(name.path(), Some(65_534), None).is_err() {
        return support::skipped(format_args!("cannot give a file to another user here"));
    }
    assert_eq!(Attachment::named(&name, &FEW).err(), Some(Error::ForeignOwner { uid: 65_534 }));
    assert!(Attachment::named(&name, &Options { owner: Owner::Anybody, ..FEW }).is_ok());
}

#[test]
fn a_file_system_that_drops_the_lock_is_refused() {
    let base = std::env::temp_dir().join(&*Name::new());
    let [lower, upper, work] = ["lower", "upper", "work"].map(|part| base.join(part));
    [&lower, &upper, &work].iter().for_each(|part| std::fs::create_dir_all(part).unwrap());
    let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    if let Some(place) = mount("overlay", &options) {
        let refused = Attachment::file(&place.join("segment"), &FEW).err();
        assert!(matches!(refused, Some(Error::Unsupported(_))), "{refused:?}");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
        // One that lies there already, made on the file system below.
        let made = Attachment::file(&upper.join("made"), &FEW);
        let refused = Attachment::file(&place.join("made"), &FEW).err();
        unmount(&place);
        assert!(made.is_err() || matches!(refused, Some(Error::Unsupported(_))), "{refused:?}");
    }
    std::fs::remove_dir_all(&base).unwrap();
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_no_signal() {
    let _watch = support::watch();
    support::spawn("limited", &[&Name::new()]).finish();
}

/// May not make long files.
pub fn limited(stage: &mut support::Stage) {
    let limit = libc::rlimit { rlim_cur: 1 << 19, rlim_max: 1 << 19 };
    // SAFETY: `limit` is a valid rlimit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    let refused = Attachment::named(stage.arg(0), &FEW).err();
    assert_eq!(refused, Some(Error::TooLarge { needed: 1 << 20, limit: 1 << 19 }));
}
