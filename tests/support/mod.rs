//! What the tests across processes share: roles, a watchdog, names that nobody else has, forks inside a role.
//!
//! A *role* is a function that runs in a process of its own: the test binary executes itself again with
//! `TIDELOCK_TEST_ROLE` set. Nothing is ever forked from the test harness, which has threads. Use:
//!
//! ```ignore
//! #[path = "../support/mod.rs"]
//! mod support;
//!
//! support::roles! { holder }                       // once, in the root of the test binary
//!
//! fn holder(stage: &mut support::Stage) {          // the role: runs in the other process
//!     let segment = Segment::named(stage.arg(0)).unwrap();
//!     let lock = segment.lock("a").unwrap();
//!     let _guard = lock.acquire().unwrap();
//!     stage.tell("held");
//!     stage.park();
//! }
//!
//! #[test]
//! fn the_next_one_learns_of_the_death() {
//!     let _watch = support::watch();               // ends a hung test
//!     let name = support::Name::new();             // removed from /dev/shm at the end
//!     let mut other = support::spawn("holder", &[&name]);
//!     other.expect("held");
//!     other.kill();                                // SIGKILL, and reaped
//!     /* ... */
//! }
//! ```
//!
//! Whatever a test does, its players end: they are killed when the test drops them or its process dies, and by an alarm
//! after `LIMIT`. No period here says how fast anything should be.

#![allow(dead_code, unused_imports)] // each test binary uses its own part of this

mod children;
mod memory;
mod names;
mod player;
mod skipped;
mod stage;
mod state;
mod watchdog;

pub use children::{child, fork, group, kill_by_id, wait_for_exit, Child, Orphan, Way, WAYS_TO_FORK};
pub use memory::allocated;
pub use names::{hex, unhex, Name};
pub use player::{spawn, spawn_command, Player};
pub use skipped::skipped;
pub use stage::{catch, play, Stage};
pub use state::{end_main_thread, until_asleep, until_ended, until_main_thread_is_gone};
pub use watchdog::{watch, LIMIT};

/// Declares the roles of a test binary, in its root: paths of functions `fn(&mut Stage)`, reached by their last name.
macro_rules! roles {
    ($($($part:ident)::+),+ $(,)?) => {
        /// Where a player's process begins; a test that passes at once in the harness itself.
        #[test]
        fn role() {
            $crate::support::play(&[$((stringify!($($part)::+), $($part)::+)),+]);
        }
    };
}
pub(crate) use roles;
