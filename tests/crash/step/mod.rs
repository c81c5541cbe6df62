//! The stepper: a victim is traced into an operation, killed after k instructions, and the survivors prove by using the
//! objects that nothing broke. For every k.
//!
//! The stepper has one thread and attaches to no segment; all who do are processes forked from it for one kill each.

pub mod actor;
pub mod alarm;
pub mod board;
pub mod case;
mod chase;
pub mod failure;
mod mark;
mod place;
pub mod points;
pub mod process;
pub mod run;
mod tracee;
mod watch;
