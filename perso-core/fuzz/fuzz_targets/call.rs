//! See `src/call.rs`.

#![no_main]

#[path = "../src/call.rs"]
mod call;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|call: &[u8]| call::run(call));
