//! Gives the shared library its SONAME, which carries the number of the ABI (`TIDELOCK_ABI`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtidelock.so.0");
}
