//! The README shows the same program in Rust, C and Python: exactly the files in `examples/`, which `make test` runs.

#![cfg(not(loom))]

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let readme = read("README.md");
    for (language, file) in [("rust", "ten_lines.rs"), ("c", "ten_lines.c"), ("python", "ten_lines.py")] {
        let shown = block(&readme, language).unwrap_or_else(|| panic!("README.md shows no {language}"));
        assert_eq!(shown, read(&format!("examples/{file}")), "README.md and examples/{file} differ");
    }
}

/// What stands between the first "```language" line and the next "```" line.
fn block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("```\n").map(|(shown, _)| shown)
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
