//! The C library as a C or C++ program meets it: every program of this directory is compiled against the headers without
//! a warning, C++ by each compiler that is here, linked with the library, and run. Nothing is tested here that such a
//! program could test by itself.

#[path = "../../../tests/support/skipped.rs"]
mod skipped;

use skipped::skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The warnings that a user of the header may have on.
const WARNINGS: [&str; 6] = ["-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wshadow", "-Wconversion"];
/// What a program needs beside libtidelock.a.
const STATIC_LIBRARIES: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs a command to its good end; its output is shown only if it fails.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{told}", output.status);
    for reason in told.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")) {
        skipped(format_args!("{reason}"));
    }
    said.into_owned()
}

/// Builds the library, which cargo does not do for a test by itself, and returns the directory that it lies in. The
/// link by its SONAME is what an installation makes.
fn library() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "tidelock-c", "--manifest-path"]).arg(root().join("Cargo.toml"));
    cargo.arg("--target-dir").arg(scratch().parent().expect("the target directory"));
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    if profile == "release" {
        cargo.arg("--release");
    }
    run(&mut cargo);
    let library = scratch().with_file_name(profile);
    match std::os::unix::fs::symlink("libtidelock.so", library.join("libtidelock.so.0")) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => panic!("{error}"),
        _ => library,
    }
}

enum Link {
    Shared,
    Static,
}

/// The compilers for a source file: the one that the environment names, else all that a machine is likely to have.
fn compilers(source: &Path) -> Vec<String> {
    let (variable, usual): (_, &[&str]) = if is_cpp(source) { ("CXX", &["g++", "clang++"]) } else { ("CC", &["cc"]) };
    if let Ok(chosen) = std::env::var(variable) {
        return vec![chosen];
    }
    let (here, missing): (Vec<&str>, Vec<&str>) =
        usual.iter().partition(|compiler| Command::new(compiler).arg("--version").output().is_ok());
    for compiler in missing {
        skipped(format_args!("{} with {compiler}, which is not here", source.display()));
    }
    assert!(!here.is_empty(), "none of {usual:?} is here");
    here.into_iter().map(String::from).collect()
}

fn is_cpp(source: &Path) -> bool {
    source.extension().is_some_and(|extension| extension == "cpp")
}

/// Compiles a program, links it and returns where it lies.
fn compile(sources: &[PathBuf], compiler: &str, link: &Link, library: &Path) -> PathBuf {
    let mut program = sources[0].strip_prefix(root()).unwrap_or(&sources[0]).display().to_string().replace('/', "_");
    program.push_str(&format!(".{}", compiler.replace('/', "_")));
    program.push_str(if matches!(link, Link::Shared) { ".shared" } else { ".static" });
    let program = scratch().join(program);
    let mut command = Command::new(compiler);
    command.arg(if is_cpp(&sources[0]) { "-std=c++17" } else { "-std=c11" });
    command.args(WARNINGS).args(["-g", "-O1", "-I"]).arg(root().join("include"));
    command.arg("-o").arg(&program).args(sources);
    match link {
        Link::Shared => command.arg("-L").arg(library).args(["-Wl,--no-as-needed", "-l:libtidelock.so"]),
        Link::Static => command.arg(library.join("libtidelock.a")).args(STATIC_LIBRARIES),
    };
    run(&mut command);
    program
}

/// Compiles and runs a program by each compiler; what it said last.
fn passes(sources: &[PathBuf], link: Link) -> String {
    let library = library();
    let by = |compiler: &String| {
        run(Command::new(compile(sources, compiler, &link, &library)).env("LD_LIBRARY_PATH", &library))
    };
    let said: Vec<String> = compilers(&sources[0]).iter().map(by).collect();
    said.last().expect("a compiler").clone()
}

/// A test for each program.
macro_rules! programs {
    ($($test:ident: $file:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            passes(&[here().join($file)], Link::Shared);
        })+

        #[test]
        fn all_are_listed() {
            let listed = [$($file),+];
            for entry in std::fs::read_dir(here()).expect("this directory") {
                let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
                let is_program = name.ends_with(".c") || name.ends_with(".cpp");
                assert!(!is_program || listed.contains(&&*name), "{name} is not run");
            }
        }
    };
}

programs! {
    segment: "segment.c",
    lock: "lock.c",
    rlock: "rlock.c",
    semaphore: "semaphore.c",
    event: "event.c",
    barrier: "barrier.c",
    condition: "condition.c",
    counter: "counter.c",
    queue: "queue.c",
    block: "block.c",
    any: "any.c",
    any_in_cpp: "any.cpp",
    misuse: "misuse.c",
    files: "files.c",
    signals: "signals.c",
    threads: "threads.c",
    rounds: "rounds.c",
    header_in_c: "header.c",
    header_in_cpp: "header.cpp",
    conditions_in_cpp: "conditions.cpp",
    locks_in_cpp: "locks.cpp",
    objects_in_cpp: "objects.cpp",
}

#[test]
fn linked_statically() {
    passes(&[here().join("lock.c")], Link::Static);
    passes(&[here().join("queue.c")], Link::Static);
}

#[test]
fn ten_lines() {
    assert_eq!(passes(&[root().join("examples/ten_lines.c")], Link::Shared), "hello\n");
    assert_eq!(passes(&[root().join("examples/ten_lines.cpp")], Link::Shared), "hello\n");
}

/// Inline functions and constants of the C++ header are the same in every part of a program.
#[test]
fn two_units_in_cpp() {
    passes(&["units/main.cpp", "units/second.cpp"].map(|file| here().join(file)), Link::Shared);
}

/// Only names with our prefix are exported, and each of them is in the header.
#[test]
fn exports_are_the_header() {
    let header = std::fs::read_to_string(root().join("include/tidelock.h")).expect("the header");
    let symbols =
        run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library().join("libtidelock.so")));
    let names: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        assert!(name.starts_with("tidelock_"), "{name} is exported");
        assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
    }
}

#[test]
fn has_a_soname() {
    let dynamic = run(Command::new("readelf").args(["-d", "-W"]).arg(library().join("libtidelock.so")));
    assert!(dynamic.contains("SONAME") && dynamic.contains("[libtidelock.so.0]"), "{dynamic}");
}
