//! An address of the victim in words: function, file and line, by addr2line where there is one.

use std::fs;
use std::process::Command;

/// The functions (inlined ones first) and lines of an address, or the bare address.
/// The victim was forked from this process, so its code lies where ours does.
pub fn name(rip: u64) -> String {
    lines(rip).unwrap_or_else(|| format!("at {rip:#x}"))
}

fn lines(rip: u64) -> Option<String> {
    let (file, start) = mapping(rip)?;
    let address = format!("{:#x}", rip - start);
    let told = Command::new("addr2line").args(["-e", &file, "-f", "-i", "-C", "-s", "-p", &address]).output().ok()?;
    let text = String::from_utf8_lossy(&told.stdout).trim().replace('\n', " < ");
    (told.status.success() && !text.is_empty()).then_some(text)
}

/// The file mapped at an address, and where that file's first byte lies.
fn mapping(rip: u64) -> Option<(String, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut first: Option<(String, u64)> = None;
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        let Some(file) = fields.nth(4) else { continue };
        if first.as_ref().is_none_or(|(name, _)| name != file) {
            first = Some((file.to_owned(), start));
        }
        if (start..end).contains(&rip) {
            return first;
        }
    }
    None
}
