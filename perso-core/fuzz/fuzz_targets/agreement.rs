//! See `src/agreement.rs`.

#![no_main]

#[path = "../src/agreement.rs"]
mod agreement;

libfuzzer_sys::fuzz_target!(|data: &[u8]| agreement::run(data));
