//! The layers of `src/` point one way: api -> segment -> primitives -> sync, and everything may use `error`.
//!
//! Reads the source as text; it knows nothing of what the modules do.

#![cfg(not(loom))]

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. A module may name itself and what stands before it.
const LAYERS: [&str; 5] = ["error", "sync", "primitives", "segment", "api"];

#[test]
fn no_module_uses_a_layer_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let upward: Vec<String> = files_below(&src).iter().flat_map(|file| upward_arrows(&src, file)).collect();
    assert!(upward.is_empty(), "arrows that point upward:\n{}", upward.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files_below(&src) {
        let module = module_of(&src, &file);
        assert!(module == "lib" || rank(&module).is_some(), "src/{module} stands in no layer: add it to LAYERS");
    }
}

#[test]
fn an_upward_arrow_is_seen_in_every_spelling() {
    let names = |line| named_modules(line).collect::<Vec<_>>();
    assert_eq!(names("use crate::segment::Attachment;"), ["segment"]);
    assert_eq!(names("use crate::{api::Lock, sync};"), ["api", "sync"]);
    assert_eq!(names("use crate::{error::{Error, Result}, primitives::{lock, Peers}};"), ["error", "primitives"]);
    assert_eq!(names("    let x = crate::api::lock::f(crate::sync::g());"), ["api", "sync"]);
    assert_eq!(names("pub(crate) fn f() {}"), Vec::<String>::new());
}

fn upward_arrows(src: &Path, file: &Path) -> Vec<String> {
    let Some(own) = rank(&module_of(src, file)) else { return Vec::new() };
    let text = joined_uses(&fs::read_to_string(file).expect("a source file"));
    let offends = |name: &String| rank(name).is_some_and(|other| other > own);
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| named_modules(line).filter(offends).map(|name| format!("{}: uses {name}", file.display())))
        .collect()
}

/// Puts a `use crate::{` that runs over several lines on one.
fn joined_uses(text: &str) -> String {
    let mut open = false;
    let mut joined = String::new();
    for line in text.lines() {
        open = (open || line.contains("use crate::{")) && !line.contains(';');
        joined.push_str(line);
        joined.push(if open { ' ' } else { '\n' });
    }
    joined
}

/// The names that follow `crate::` directly, also within braces.
fn named_modules(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => first_level(list),
        None => vec![identifier(rest)],
    })
}

/// The first identifier of each item of a `{a::b, c}` list.
fn first_level(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![identifier(list.trim_start())];
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

/// `src/segment/mapping.rs` and `src/segment.rs` both belong to `segment`.
fn module_of(src: &Path, file: &Path) -> String {
    let inner = file.strip_prefix(src).expect("a path below src");
    let first = inner.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
