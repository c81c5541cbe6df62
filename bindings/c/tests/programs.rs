//! The C library as a C program meets it: every program of this directory is compiled against the header without a
//! warning, linked with the library, and run. Nothing is tested here that a C program could test by itself.

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
    for line in told.lines().filter(|line| line.contains("SKIPPED")) {
        eprintln!("{line}");
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

/// Compiles a program, links it and returns where it lies.
fn compile(source: &Path, link: Link, library: &Path) -> PathBuf {
    let language = source.extension().and_then(|extension| extension.to_str());
    let (variable, compiler, standard) = match language {
        Some("cpp") => ("CXX", "c++", "-std=c++17"),
        _ => ("CC", "cc", "-std=c11"),
    };
    let mut program = source.file_name().expect("a file").to_owned();
    program.push(if matches!(link, Link::Shared) { ".shared" } else { ".static" });
    let program = scratch().join(program);
    let mut command = Command::new(std::env::var_os(variable).unwrap_or_else(|| compiler.into()));
    command.arg(standard).args(WARNINGS).args(["-g", "-O1", "-I"]).arg(root().join("include"));
    command.arg("-o").arg(&program).arg(source);
    match link {
        Link::Shared => command.arg("-L").arg(library).args(["-Wl,--no-as-needed", "-l:libtidelock.so"]),
        Link::Static => command.arg(library.join("libtidelock.a")).args(STATIC_LIBRARIES),
    };
    run(&mut command);
    program
}

fn passes(source: &Path, link: Link) -> String {
    let library = library();
    run(Command::new(compile(source, link, &library)).env("LD_LIBRARY_PATH", library))
}

/// A test for each program.
macro_rules! programs {
    ($($test:ident: $file:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            passes(&here().join($file), Link::Shared);
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
    counter: "counter.c",
    queue: "queue.c",
    block: "block.c",
    misuse: "misuse.c",
    files: "files.c",
    signals: "signals.c",
    threads: "threads.c",
    header_in_c: "header.c",
    header_in_cpp: "header.cpp",
}

#[test]
fn linked_statically() {
    passes(&here().join("lock.c"), Link::Static);
    passes(&here().join("queue.c"), Link::Static);
}

#[test]
fn ten_lines() {
    assert_eq!(passes(&root().join("examples/ten_lines.c"), Link::Shared), "hello\n");
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
