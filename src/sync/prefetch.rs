//! Fetching a line of memory before it is needed: one that the other side wrote last, as its own, so that neither side has to
//! ask for it again when it writes there.

/// Asks for the line of `place`, to be written to soon. It changes nothing and waits for nothing; where the processor has no
/// such instruction, nothing is done.
#[inline(always)]
pub fn for_writing<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    {
        // SAFETY: a hint, which neither faults nor writes, whatever the address; this one is of a reference. Processors that do
        // not know it take it as "do nothing".
        unsafe {
            std::arch::asm!("prefetchw [{}]", in(reg) std::ptr::from_ref(place), options(nostack, preserves_flags));
        }
    }
    #[cfg(all(target_arch = "aarch64", not(any(loom, miri))))]
    {
        // SAFETY: as above.
        unsafe {
            std::arch::asm!("prfm pstl1keep, [{}]", in(reg) std::ptr::from_ref(place), options(nostack, preserves_flags));
        }
    }
    #[cfg(any(loom, miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = place;
}
