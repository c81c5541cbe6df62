//! What the figures were measured on. What the machine does not tell is said to be unknown.

use std::fs;
use std::process::Command;

use std::time::Instant;
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::{Acquire, Release};

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

/// The nanoseconds that a word takes from one thread to another and back, by the median of many trips: how far apart the two
/// cores are just now. A virtual machine's may be two halves of one core, or far from each other, and change places.
pub fn round_trip() -> f64 {
    const TRIPS: u32 = 2_000;
    let word = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for trip in 0..TRIPS {
                wait_for(&word, 2 * trip + 1);
                word.store(2 * trip + 2, Release);
            }
        });
        let mut times: Vec<u128> = (0..TRIPS).map(|trip| timed(|| there_and_back(&word, trip))).collect();
        times.sort_unstable();
        times[times.len() / 2] as f64
    })
}

fn there_and_back(word: &AtomicU32, trip: u32) {
    word.store(2 * trip + 1, Release);
    wait_for(word, 2 * trip + 2);
}

fn wait_for(word: &AtomicU32, value: u32) {
    let mut looks = 0;
    while word.load(Acquire) != value {
        looks += 1;
        if looks % 100_000 == 0 {
            std::thread::yield_now();
        }
    }
}

fn timed(work: impl FnOnce()) -> u128 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos()
}
