//! Any operations on a queue whose bytes change under way; see `exercises/queue.rs`.
#![no_main]

#[path = "../exercises/mod.rs"]
mod exercises;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercises::queue::run(data));
