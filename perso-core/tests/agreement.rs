//! Random policies and random calls: the module and the reference evaluator agree on decision, rule and cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use arbtest::arbtest;
use std::collections::BTreeMap;
use support::{Answer, compile};

/// Calls per policy.
const CALLS: u32 = 100;

/// How many pairs a run of CI makes at least. `PERSO_PAIRS` asks for more.
const PAIRS: u32 = 1_000_000;

#[test]
fn the_module_decides_as_the_reference_does() {
    let wanted = std::env::var("PERSO_PAIRS").map_or(PAIRS, |pairs| pairs.parse().expect("PERSO_PAIRS is a number"));
    let seed = std::env::var("PERSO_SEED").ok();
    let seed = seed.map(|seed| u64::from_str_radix(seed.trim_start_matches("0x"), 16).expect("it is hexadecimal"));
    // A seed is one run.
    let threads =
        if seed.is_some() { 1 } else { std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32) };
    let mut kinds = Kinds::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(move || agree(wanted.div_ceil(threads), seed))).collect();
        for run in runs {
            // What a thread has found it has told.
            for (kind, count) in run.join().expect("they agree") {
                *kinds.entry(kind).or_default() += count;
            }
        }
    });
    println!("{} pairs: {kinds:?}", kinds.values().sum::<u32>());
    for kind in ["rule", "default", "no_rule", "unknown_tool", "malformed", "ledger"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 100), "hardly any decision with {kind}: {kinds:?}");
    }
}

/// How many decisions of each kind there were.
type Kinds = BTreeMap<String, u32>;

/// Judges so many pairs at least.
fn agree(wanted: u32, seed: Option<u64>) -> Kinds {
    let mut pairs = 0;
    let mut kinds = Kinds::new();
    while pairs < wanted {
        let mut run = arbtest(|u| {
            let policy = generate::policy(u)?;
            let both = compile(&policy.to_string());
            for _ in 0..CALLS {
                let call_text = generate::call(u, &policy)?;
                let answer = both.agreed(call_text.as_bytes());
                *kinds.entry(answer.kind.clone()).or_default() += 1;
                both.agreed_on_obligations(call_text.as_bytes());
                pairs += 1;
                if answer.kind == "malformed" {
                    continue;
                }
                if let Some(value) = support::value(call_text.as_bytes(), &answer) {
                    both.agreed_on_parts(&value, u.arbitrary()?);
                }
            }
            Ok(())
        })
        .size_min(1 << 12)
        .size_max(1 << 14)
        .budget_ms(2_000);
        if let Some(seed) = seed {
            run = run.seed(seed);
        }
        run.run();
    }
    kinds
}

#[test]
fn a_call_with_two_faults_is_refused_for_the_first() {
    let both = compile(r#"{"perso":1,"rules":[{"id":"all","allow":"*","when":{"args.a":{"exists":true}}}]}"#);
    let long = format!(r#"{{"tool":"{}""#, "x".repeat(257));
    let deep = format!(r#"{{"tool":"x","args":{{"a":{}"#, "[".repeat(64));
    for (call, kind) in [
        (format!("{long}]co"), "limit"),
        (format!("{deep},"), "limit"),
        (format!(r#"{{"args":5,{}}}"#, &long[1..]), "malformed"),
    ] {
        both.agreed(call.as_bytes());
        assert_eq!(Answer::from(both.policy.decide_json(call.as_bytes())).kind, kind, "{call}");
    }
}
