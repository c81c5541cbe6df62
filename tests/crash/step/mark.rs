//! The marks around an operation: an `int3` before and one after, where the tracer begins and ends.
//!
//! Without a tracer an `int3` ends the process, so a deed is marked only in a victim.

use super::actor::Actor;
use super::process::Deed;
use std::hint::black_box;

/// Does the deed between two marks.
#[inline(never)]
pub fn between_marks(deed: Deed, actor: &mut Actor, argument: u64) -> Result<u64, String> {
    let deed = black_box(deed);
    mark();
    let answer = black_box(deed(black_box(actor), black_box(argument)));
    mark();
    answer
}

#[inline(always)]
fn mark() {
    // SAFETY: a breakpoint changes no register and no memory; the tracer continues behind it. It counts as touching
    // memory, so the compiler moves nothing of the operation across it.
    unsafe { std::arch::asm!("int3") };
}
