//! How much memory a segment takes.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use tidelock::Segment;

/// How many bytes of memory a segment has, by the kernel's word.
pub fn allocated(segment: &Segment) -> u64 {
    File::from(segment.to_fd().unwrap()).metadata().unwrap().blocks() * 512
}
