//! Judges calls, one a line on standard input, with a module that `perso compile` made. Needs no compiler.
//!
//! `cargo run -p perso-core --no-default-features --example load support.wasm < policies/support-desk.calls.jsonl`

#![expect(clippy::print_stdout, reason = "an example that prints its answers")]

use perso_core::Policy;
use std::io::BufRead;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("which module?")?;
    let policy = Policy::load(path)?;
    for call in std::io::stdin().lock().split(b'\n') {
        println!("{}", serde_json::to_string(&policy.decide_json(&call?))?);
    }
    Ok(())
}
