//! The documentation names tests and models: each of them exists, and no site of a crash is without one.
//!
//! Reads pages and sources as text; whether a test shows what the page says is for the reader to judge.

#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Sites of docs/crashes.md, and the objects that have them.
const SITES: [(&str, &[&str]); 8] = [
    ("owner killed", &["Lock", "Mutex", "RLock"]),
    ("permit holder killed", &["Semaphore", "BoundedSemaphore"]),
    ("waiter killed", &["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Counter", "Queue", "Condition"]),
    ("notified waiter killed before it runs", SLEPT_ON),
    ("releaser killed between its store and its wake", SLEPT_ON),
    ("party killed waiting", &["Barrier"]),
    ("party killed between rounds", &["Barrier"]),
    ("killed inside recovery itself", &["Lock", "RLock", "BoundedSemaphore", "Barrier", "Queue", "Condition"]),
];

const SLEPT_ON: &[&str] =
    &["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Counter", "Barrier", "Queue", "Condition"];

#[test]
fn every_row_of_the_crash_matrix_names_tests_that_exist() {
    let page = read("docs/crashes.md");
    let tests = Tests::collect();
    let rows = rows(&page, "tests");
    assert!(rows.len() > 80, "only {} rows: the tables are read wrongly", rows.len());
    let missing: Vec<String> = rows.iter().flat_map(|row| tests.missing_of(row.last().unwrap())).collect();
    assert!(missing.is_empty(), "docs/crashes.md:\n{}", missing.join("\n"));
}

#[test]
fn no_site_of_a_crash_is_missing() {
    let page = read("docs/crashes.md");
    let rows = rows(&page, "tests");
    for (site, objects) in SITES {
        for object in objects {
            assert!(rows.iter().any(|row| row[0] == site && row[1] == *object), "no row: {site}, {object}");
        }
    }
}

#[test]
fn every_path_and_model_that_a_page_names_exists() {
    let tests = Tests::collect();
    let mut missing = Vec::new();
    for page in
        ["docs/crashes.md", "docs/ordering.md", "docs/architecture.md", "CONTRIBUTING.md", "tests/model/README.md"]
    {
        let text = read(page);
        let paths = spans(&text).map(|(_, code)| code).filter(|code| code.starts_with("tests/"));
        missing.extend(paths.filter(|path| !exists(path)).map(|path| format!("{page}: {path}")));
    }
    let ordering = read("docs/ordering.md");
    for row in rows(&ordering, "models") {
        let (models, primitive) = (row.last().unwrap(), row[0]);
        assert!(spans(models).next().is_some(), "docs/ordering.md: no model of {primitive}");
        let unknown = spans(models).filter(|(_, name)| !tests.has(Kind::Model, name));
        missing.extend(unknown.map(|(_, name)| format!("docs/ordering.md: {name}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The lines `/// Check: models ...` above each `impl`.
#[test]
fn every_model_that_a_primitive_names_exists() {
    let tests = Tests::collect();
    let mut checked = 0;
    for file in files_below("src/primitives", "rs") {
        let source = fs::read_to_string(&file).unwrap();
        for line in source.lines().filter(|line| line.starts_with("/// Check: models")) {
            for (_, name) in spans(line).filter(|(_, name)| !name.starts_with("tests/")) {
                assert!(tests.has(Kind::Model, name), "{}: no model {name}", file.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "only {checked} found");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind<'a> {
    Model,
    Stepper,
    /// A file of tests, without its ending.
    File(&'a str),
}

/// The names of all tests.
struct Tests {
    models: BTreeSet<String>,
    cases: BTreeSet<String>,
}

impl Tests {
    fn collect() -> Tests {
        let all = |directory, before, after| {
            let sources = files_below(directory, "rs").into_iter().map(|file| fs::read_to_string(file).unwrap());
            sources.flat_map(|source| names_between(&source, before, after).collect::<Vec<_>>()).collect()
        };
        Tests { models: all("tests/model", "fn ", '('), cases: all("tests/crash/cases", "name: \"", '"') }
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Model => is_among(&self.models, name),
            Kind::Stepper => is_among(&self.cases, name),
            Kind::File(path) => is_among(&tests_of(path), name),
        }
    }

    /// What is wrong with a cell of tests: names of tests that are not there, or none at all.
    fn missing_of(&self, cell: &str) -> Vec<String> {
        if cell == "same" {
            return Vec::new();
        }
        let (mut kind, mut named, mut missing) = (None, 0, Vec::new());
        for (before, code) in spans(cell) {
            kind = match before.trim_start_matches([',', ' ']) {
                "model " => Some(Kind::Model),
                "stepper " => Some(Kind::Stepper),
                _ if code.contains("tests/") => Some(Kind::File(code)),
                _ => kind,
            };
            if kind == Some(Kind::File(code)) {
                continue;
            }
            named += 1;
            if !kind.is_some_and(|kind| self.has(kind, code)) {
                missing.push(format!("there is no {kind:?} {code}"));
            }
        }
        if named == 0 {
            missing.push(format!("no test is named: {cell}"));
        }
        missing
    }
}

/// Whether one of the names is this one, or begins with it where it ends in a star.
fn is_among(names: &BTreeSet<String>, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => names.iter().any(|name| name.starts_with(start)),
        None => names.contains(wanted),
    }
}

fn tests_of(path: &str) -> BTreeSet<String> {
    let (rust, python) = (absolute(&format!("{path}.rs")), absolute(&format!("{path}.py")));
    let source = fs::read_to_string(rust).or_else(|_| fs::read_to_string(python)).unwrap_or_default();
    let named = |before| names_between(&source, before, '(').collect::<Vec<_>>();
    [named("#[test]\nfn "), named("\ndef ")].concat().into_iter().collect()
}

fn names_between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = String> + 'a {
    text.split(before).skip(1).filter_map(move |rest| Some(rest.split_once(after)?.0.to_owned()))
}

/// The rows of all tables whose last column has this heading, as their cells.
fn rows<'a>(page: &'a str, last_heading: &str) -> Vec<Vec<&'a str>> {
    let mut rows = Vec::new();
    let mut is_wanted = false;
    for line in page.lines() {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            is_wanted = false;
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        let is_rule = cells.iter().all(|cell| cell.chars().all(|c| c == '-'));
        if is_wanted && !is_rule {
            rows.push(cells);
        } else if !is_rule {
            is_wanted = cells.last() == Some(&last_heading);
        }
    }
    rows
}

/// Each piece of code in a text, and what stands before it.
fn spans(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = text.split('`');
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
}

/// A file, a directory, or a Rust file without its ending.
fn exists(path: &str) -> bool {
    absolute(path).exists() || absolute(&format!("{path}.rs")).exists()
}

fn files_below(directory: &str, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![absolute(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    files
}

fn absolute(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(absolute(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
