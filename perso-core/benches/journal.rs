//! What it costs a call to be recorded. Each ratio is printed at the end and written to `target/perso-bench.json`.
//!
//! | ratio | time of | over that of |
//! | --- | --- | --- |
//! | `record_vs_decide` | recording a decision, until the call can go on | the decision itself |
//!
//! The thread that writes does its work meanwhile, on another core if there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "it is a benchmark")]

mod measure;

use measure::{Report, candidate};
use perso_core::Policy;
use perso_core::journal::{Arguments, Decided, Recorder, Settings};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const POLICY: &str = include_str!("../../policies/support-desk.json");

/// Calls that are recorded at once, before the thread that writes gets its time.
const AT_ONCE: u32 = 1_000;
const ROUNDS: u32 = 200;

fn main() {
    let policy = Policy::compile(POLICY).unwrap();
    let call = json!({
        "tool": "process_refund",
        "args": { "order_id": "ord-1042", "amount": 120.5, "reason": "The customer got the wrong size twice." },
        "agent": { "id": "agt-099", "role": "agent", "mfa": true },
    });
    let text = call.to_string();
    let mut report = Report::default();
    let decided = report.compare("a decision", 1, vec![candidate("decided", || policy.decide_json(text.as_bytes()))]);
    println!("\nrecording it, {AT_ONCE} times at once");
    let mut digest = 0.0;
    for (name, args) in [
        ("without arguments", Arguments::None),
        ("the digest of the arguments", Arguments::Digest),
        ("the arguments that the policy reads", Arguments::Read),
        ("all arguments", Arguments::All),
    ] {
        let median = recorded(&policy, &call, args);
        println!("  {name:<38} {:>8.0} ns", median);
        if args == Arguments::Digest {
            digest = median;
        }
    }
    report.ratio("record_vs_decide", digest / decided[0]);
    report.write();
}

/// The median time that it takes to record a decision.
fn recorded(policy: &Policy, call: &Value, args: Arguments) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.args = args;
    settings.agent = vec!["id".to_owned()];
    let recorder = Recorder::open(folder.path(), settings).unwrap();
    let decision = policy.decide_value(call);
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let begin = Instant::now();
        for _ in 0..AT_ONCE {
            let decided = Decided::new(policy, "process_refund", &call["args"], &call["agent"], &decision);
            recorder.record(&decided).unwrap();
        }
        times.push(begin.elapsed().as_nanos() as f64 / f64::from(AT_ONCE));
        while recorder.counts().written < u64::from(round * AT_ONCE) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(recorder.counts().lost, 0);
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
