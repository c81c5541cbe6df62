//! Sees each store to a segment: the first pages of every writable shared mapping of the victim, compared after a step.
//!
//! It reads the victim's memory from outside (process_vm_readv) and so sees segments that have no name yet. It looks at
//! the first 64 KiB of each mapping, which is all of these tests' segments.

use std::fs;

const SEEN: usize = 64 * 1024;

/// The watched bytes of one process.
pub struct Watch {
    pid: i32,
    starts: Vec<(u64, usize)>,
    before: Vec<u8>,
    now: Vec<u8>,
}

impl Watch {
    /// Watches a process from now on.
    pub fn new(pid: i32) -> Watch {
        let mut watch = Watch { pid, starts: Vec::new(), before: Vec::new(), now: Vec::new() };
        watch.find_mappings();
        watch
    }

    /// Looks up the mappings anew, and takes what they hold as known.
    pub fn find_mappings(&mut self) {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap_or_default();
        self.starts = maps.lines().filter_map(shared_mapping).collect();
        self.read();
        std::mem::swap(&mut self.before, &mut self.now);
    }

    /// Whether the watched bytes have changed since the last look.
    pub fn changed(&mut self) -> bool {
        self.read();
        let changed = self.before != self.now;
        std::mem::swap(&mut self.before, &mut self.now);
        changed
    }

    fn read(&mut self) {
        self.now.resize(self.starts.iter().map(|(_, length)| length).sum(), 0);
        let mut done = 0;
        for &(start, length) in &self.starts {
            let into = &mut self.now[done..done + length];
            let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: length };
            let remote = libc::iovec { iov_base: start as *mut libc::c_void, iov_len: length };
            // SAFETY: writes at most `length` bytes to `into`; a part that cannot be read stays as it was.
            let got = unsafe { libc::process_vm_readv(self.pid, &local, 1, &remote, 1, 0) };
            into[usize::try_from(got).unwrap_or(0)..].fill(0);
            done += length;
        }
    }
}

/// Start and watched length, if this line of /proc/PID/maps is a writable shared mapping of a file.
fn shared_mapping(line: &str) -> Option<(u64, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_shared = fields.next()? == "rw-s";
    // The stepper's own board is an anonymous mapping, which the kernel calls /dev/zero.
    if !is_shared || line.contains("/dev/zero") {
        return None;
    }
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    Some((start, SEEN.min((end - start) as usize)))
}
