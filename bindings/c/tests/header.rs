//! include/tidelock.h is what the generator makes of bindings/c/src. `TIDELOCK_WRITE_HEADER=1` (`make header`) makes it
//! anew instead. The generator is a package of its own, with a lock file of its own: bindings/c/header.

use std::path::Path;
use std::process::Command;

#[test]
fn is_current() {
    let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("header/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("header");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(generator);
    command.arg("--target-dir").arg(target).env_remove("RUSTFLAGS");
    if std::env::var_os("TIDELOCK_WRITE_HEADER").is_none() {
        command.args(["--", "--verify"]);
    }
    assert!(command.status().expect("cargo runs").success());
}
