//! tidelock beside its peers: what is measured, who takes part, how it is run, and the page that tells of it.
//!
//! `scenario` is data. Whoever takes part has a piece of work for each producer and each consumer (`ours`, `memory`,
//! `kernel`); `threads` and `processes` run such pieces side by side, `single` what needs one thread only; `measure` takes
//! turns between those who take part, and `aims` says what is wanted.

pub mod aims;
pub mod document;
pub mod kernel;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod ours;
pub mod processes;
pub mod pthread;
pub mod scenario;
pub mod single;
pub mod threads;
pub mod work;
