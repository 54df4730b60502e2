//! The fuzz targets, on the inputs that fuzzing begins with and those that it once found. `make fuzz` goes on from there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, unreachable_pub, reason = "the targets share what they do not all use")]

#[path = "../fuzz/src/agreement.rs"]
mod agreement;
#[path = "../fuzz/src/call.rs"]
mod call;
#[path = "../fuzz/src/module.rs"]
mod module;
#[path = "../fuzz/src/policy.rs"]
mod policy;

mod generate;
mod support;

use std::fs;
use std::path::Path;

/// Runs a target on its seeds.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "there are no seeds of {target}");
    for seed in seeds {
        let bytes = fs::read(&seed).unwrap();
        println!("{}", seed.display());
        run(&bytes);
    }
}

#[test]
fn agreement() {
    replay("agreement", agreement::run);
}

#[test]
fn calls() {
    replay("call", call::run);
}

#[test]
fn modules() {
    replay("module", module::run);
}

#[test]
fn policies() {
    replay("policy", |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            policy::run(text);
        }
    });
}
