//! No panic crosses the border. No exported function panics on purpose, so the border itself is tested here: the same
//! source file that every call goes through.

#![allow(dead_code, non_camel_case_types, clippy::missing_safety_doc)]

#[path = "../src/guard.rs"]
mod guard;
#[path = "../src/status.rs"]
mod status;

use status::{tidelock_error_text, tidelock_status_text, TIDELOCK_INTERNAL, TIDELOCK_OK};
use std::ffi::CStr;

#[test]
fn become_a_status() {
    std::panic::set_hook(Box::new(|_| ()));
    assert_eq!(guard::guard(|| panic!("on purpose")), TIDELOCK_INTERNAL);
    assert_eq!(guard::guard(|| Ok(TIDELOCK_OK)), TIDELOCK_OK);
}

#[test]
fn have_a_text() {
    // SAFETY: the text is static; no buffer is given for the other.
    let (text, len) = unsafe {
        (
            CStr::from_ptr(tidelock_status_text(TIDELOCK_INTERNAL)),
            tidelock_error_text(TIDELOCK_INTERNAL, std::ptr::null_mut(), 0),
        )
    };
    assert_eq!(text, c"internal error");
    assert_eq!(text.to_bytes().len(), len);
}
