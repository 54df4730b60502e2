//! What a decision by the portable entry costs in wasmtime, beside parsing the same calls with serde_json. Rounds take
//! turns, so that a machine that slows down does so for both; medians.

use crate::host::Policy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};
use wasmtime::Result;

const ROUNDS: usize = 61;
const REPEATS: usize = 400;

/// Measures, and adds `portable_wasmtime_vs_parse` to the ratios in a file.
pub fn run(mut policy: Policy, calls: &str, ratios: &str) -> Result<()> {
    let calls: Vec<&[u8]> = calls.lines().map(str::as_bytes).collect();
    let (mut judging, mut parsing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for call in calls.iter().cycle().take(REPEATS * calls.len()) {
            black_box(policy.judge(call, 0)?);
        }
        judging.push(start.elapsed());
        let start = Instant::now();
        for call in calls.iter().cycle().take(REPEATS * calls.len()) {
            black_box(serde_json::from_slice::<Value>(call)?);
        }
        parsing.push(start.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 2].as_nanos() as f64 / (REPEATS * calls.len()) as f64
    };
    let (judging, parsing) = (median(judging), median(parsing));
    let ratio = judging / parsing;
    println!("\nthe portable entry in wasmtime");
    println!("  {:<36} {judging:>9.1} ns", "decide from JSON text");
    println!("  {:<36} {parsing:>9.1} ns", "serde_json into Value");
    println!("  {:<36} {ratio:>12.3}", "portable_wasmtime_vs_parse");

    let known = fs::read(ratios).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut known: BTreeMap<String, f64> = known.unwrap_or_default();
    known.insert("portable_wasmtime_vs_parse".to_owned(), (ratio * 1e4).round() / 1e4);
    fs::write(ratios, serde_json::to_string_pretty(&known)? + "\n")?;
    Ok(())
}
