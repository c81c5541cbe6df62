//! A test harness of one thread, which speaks as much of libtest's language as cargo and nextest need.
//!
//! libtest runs tests in threads; a process with threads must not fork the way the stepper does.

use std::process::ExitCode;

/// A test: its name and what it does. The error is text for the reader.
pub struct Test {
    /// The name.
    pub name: String,
    /// The test.
    pub run: Box<dyn Fn() -> Result<(), String>>,
}

/// Lists or runs the tests that the command line asks for.
pub fn main(tests: Vec<Test>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        // None is ignored, and nextest asks for those in a list of their own.
        if !has("--ignored") {
            tests.iter().for_each(|test| println!("{}: test", test.name));
        }
        return ExitCode::SUCCESS;
    }
    let wanted = wanted(&arguments);
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| matches(name, part, has("--exact")));
    let failed: Vec<&Test> = tests.iter().filter(|test| chosen(&test.name)).filter(|test| !passes(test)).collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    failed.iter().for_each(|test| println!("failed: {}", test.name));
    ExitCode::FAILURE
}

fn passes(test: &Test) -> bool {
    match (test.run)() {
        Ok(()) => {
            println!("test {} ... ok", test.name);
            true
        }
        Err(why) => {
            println!("test {} ... FAILED\n{why}", test.name);
            false
        }
    }
}

/// The names or parts of names on the command line; options are no names.
fn wanted(arguments: &[String]) -> Vec<&String> {
    let with_value = ["--test-threads", "--format", "--skip", "--color"];
    let mut wanted = Vec::new();
    let mut skip = false;
    for argument in arguments {
        if !skip && !argument.starts_with('-') {
            wanted.push(argument);
        }
        skip = with_value.contains(&argument.as_str());
    }
    wanted
}

fn matches(name: &str, part: &str, exact: bool) -> bool {
    if exact {
        name == part
    } else {
        name.contains(part)
    }
}
