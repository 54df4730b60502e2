//! See `src/policy.rs`.

#![no_main]

#[path = "../src/policy.rs"]
mod policy;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|text: &str| policy::run(text));
