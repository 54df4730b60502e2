//! See `src/call.rs`.

#![no_main]

#[path = "../src/call.rs"]
mod call;

libfuzzer_sys::fuzz_target!(|call: &[u8]| call::run(call));
