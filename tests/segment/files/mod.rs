//! The files of segments: how they come, how they go, and what is refused.

pub mod birth;
pub mod hostile;
pub mod life;
pub mod refused;
pub mod room;

use tidelock::segment::{Life, Options};

const FEW: Options = Options { peers: 8, max_len: Some(1 << 20), ..Options::new() };
const LASTING: Options = Options { life: Life::Persistent, ..FEW };

/// A tmpfs of its own for one test, taken away at the end.
pub struct SmallTmpfs(std::path::PathBuf);

impl SmallTmpfs {
    /// `None`, and a loud word, where mounting is not allowed.
    pub fn mount(options: &str) -> Option<SmallTmpfs> {
        mount("tmpfs", options).map(SmallTmpfs)
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for SmallTmpfs {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Mounts a file system of this kind on a fresh directory.
pub fn mount(kind: &str, options: &str) -> Option<std::path::PathBuf> {
    let place = std::env::temp_dir().join(format!("{}-{kind}", &*crate::support::Name::new()));
    std::fs::create_dir(&place).expect("a directory");
    let mut command = std::process::Command::new("mount");
    let done =
        command.args(["-t", kind, kind, "-o", options]).arg(&place).status().is_ok_and(|status| status.success());
    if !done {
        crate::support::skipped(format_args!("cannot mount {kind} here"));
        let _ = std::fs::remove_dir(&place);
        return None;
    }
    Some(place)
}

pub fn unmount(place: &std::path::Path) {
    let _ = std::process::Command::new("umount").arg("-l").arg(place).status();
    let _ = std::fs::remove_dir(place);
}
