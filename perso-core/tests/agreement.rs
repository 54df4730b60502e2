//! Random policies and random calls: the module and the reference evaluator agree on decision, rule and cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use arbtest::arbtest;
use std::collections::BTreeMap;
use support::compile;

/// Calls per policy.
const CALLS: u32 = 24;

/// How many pairs a run of CI makes at least. `PERSO_PAIRS` asks for more.
const PAIRS: u32 = 200_000;

#[test]
fn the_module_decides_as_the_reference_does() {
    let wanted = std::env::var("PERSO_PAIRS").map_or(PAIRS, |pairs| pairs.parse().expect("PERSO_PAIRS is a number"));
    let mut pairs = 0;
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    while pairs < wanted {
        let mut run = arbtest(|u| {
            let policy = generate::policy(u)?;
            let both = compile(&policy.to_string());
            for _ in 0..CALLS {
                let call_text = generate::call(u, &policy)?;
                let answer = both.agreed(call_text.as_bytes());
                *kinds.entry(answer.kind.clone()).or_default() += 1;
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
        if let Ok(seed) = std::env::var("PERSO_SEED") {
            run = run.seed(u64::from_str_radix(seed.trim_start_matches("0x"), 16).expect("PERSO_SEED is hexadecimal"));
        }
        run.run();
    }
    println!("{pairs} pairs: {kinds:?}");
    for kind in ["rule", "default", "no_rule", "unknown_tool", "malformed"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 100), "hardly any decision with {kind}: {kinds:?}");
    }
}
