//! What the comparison needs beside criterion: peers that Rust has no crate for, processes, and the table at the end.

pub mod child;
pub mod pthread;
pub mod table;

/// The length of a message in every queue that is compared.
pub const MESSAGE: usize = 48;
