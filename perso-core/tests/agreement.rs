//! Random policies and random calls: the module and the reference evaluator agree on decision, rule and cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use arbtest::arbtest;
use serde_json::Value;
use std::collections::BTreeMap;
use support::{Answer, State, call, compile, is_faithful, reference_call};

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
            let text = policy.to_string();
            let both = compile(&text);
            for _ in 0..CALLS {
                let call_text = generate::call(u, &policy)?;
                let expected = both.by_reference_json(call_text.as_bytes());
                let answer: Answer = both.policy.decide_json(call_text.as_bytes()).into();
                assert_eq!(answer, expected, "from text\npolicy {text}\ncall {call_text}");
                *kinds.entry(answer.kind.clone()).or_default() += 1;
                pairs += 1;
                if answer.kind == "limit" {
                    // The limits on size and depth are those of reading text.
                    continue;
                }
                let Ok(value) = serde_json::from_str::<Value>(&call_text) else { continue };
                if !is_faithful(&call_text, &value) {
                    continue;
                }
                let answer: Answer = both.policy.decide_value(&value).into();
                assert_eq!(answer, expected, "from a value\npolicy {text}\ncall {call_text}");
                if expected.kind == "malformed" {
                    continue;
                }
                let states = [state(u)?, state(u)?, state(u)?, state(u)?];
                let answer: Answer = both.policy.decide(&call(&value, states)).into();
                let expected = both.by_reference(&reference_call(&value, states));
                assert_eq!(answer, expected, "{states:?}\npolicy {text}\ncall {call_text}");
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

fn state(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<State> {
    Ok(match u.int_in_range(0..=5)? {
        0 => State::Open,
        1 => State::Withheld,
        _ => State::Known,
    })
}
