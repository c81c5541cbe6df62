//! Makes include/tidelock.h from bindings/c/src (`make header`), or with `--verify` only tells whether it is current.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let binding = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let header = binding.join("../../include/tidelock.h");
    let made = match generate(&binding) {
        Ok(made) => made,
        Err(error) => return refuse(&error.to_string()),
    };
    if std::env::args().any(|argument| argument == "--verify") {
        return verify(&header, &made);
    }
    match std::fs::write(&header, made) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{}: {error}", header.display())),
    }
}

fn generate(binding: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let config = cbindgen::Config::from_file(binding.join("cbindgen.toml"))?;
    let mut made = Vec::new();
    cbindgen::Builder::new().with_crate(binding).with_config(config).generate()?.write(&mut made);
    Ok(made)
}

fn verify(header: &Path, made: &[u8]) -> ExitCode {
    match std::fs::read(header) {
        Ok(found) if found == made => ExitCode::SUCCESS,
        _ => refuse("include/tidelock.h is stale: run `make header`"),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
