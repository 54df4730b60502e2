//! See `src/agreement.rs`.

#![no_main]

#[path = "../src/agreement.rs"]
mod agreement;
#[path = "../../tests/generate/mod.rs"]
mod generate;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| agreement::run(data));
