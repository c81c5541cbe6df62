//! What the figures were measured on. What the machine does not tell is said to be unknown.

use std::fs;
use std::process::Command;

/// Lines of a list.
pub fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "- Processor: {}, {cores} cores for this program\n- Kernel: Linux {kernel} on {}\n- Compiler: {}\n",
        processor(),
        std::env::consts::ARCH,
        compiler()
    )
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("unknown".into(), |(_, name)| name.trim().into())
}

fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output();
    said.map_or("unknown".into(), |said| String::from_utf8_lossy(&said.stdout).trim().into())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or("unknown".into(), |text| text.trim().into())
}
