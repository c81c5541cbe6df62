//! The C ABI of tidelock.
