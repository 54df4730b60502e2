//! Calls from public bug reports, advisories and policies of other engines, each judged as it should be: the corpus
//! `policies/reported/cases.jsonl`, by the module and by the reference evaluator.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use perso_core::{Policy, compile};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

#[test]
fn reported_calls_are_judged_as_they_should_be() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/reported");
    let text = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut compiled: HashMap<String, Option<Compiled>> = HashMap::new();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in text.lines() {
        cases += 1;
        let case: Value = serde_json::from_str(line).unwrap();
        let policy = match &case["policy"] {
            Value::String(path) => fs::read_to_string(folder.join(path)).unwrap(),
            inline => inline.to_string(),
        };
        let found = compiled.entry(policy).or_insert_with_key(|text| Compiled::of(text)).as_ref();
        let expected = case["expect"].as_str().unwrap();
        let Some(found) = found else {
            if expected != "compile-error" {
                wrong.push(format!("does not compile: {line}"));
            }
            continue;
        };
        let call = case["raw"].as_str().map_or_else(|| case["call"].to_string(), str::to_owned);
        let by_module = found.policy.decide_json(call.as_bytes()).is_allowed();
        let by_reference = perso_core::reference::judge(&found.checked, call.as_bytes()).is_allowed();
        if [by_module, by_reference] != [expected == "allow"; 2] {
            wrong.push(format!("module {by_module}, reference evaluator {by_reference}: {line}"));
        }
        for code in case["warns"].as_array().into_iter().flatten() {
            if !found.warnings.contains(code.as_str().unwrap()) {
                wrong.push(format!("no warning {code}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases > 300, "{cases} cases");
}

/// A policy, with the warnings that it draws.
struct Compiled {
    policy: Policy,
    checked: perso_core::policy::Policy,
    warnings: HashSet<&'static str>,
}

impl Compiled {
    fn of(text: &str) -> Option<Self> {
        let compiled = compile(text).ok()?;
        Some(Self {
            policy: Policy::from_module(compiled.module).unwrap(),
            checked: perso_core::check::check(text).policy.unwrap(),
            warnings: compiled.warnings.iter().map(|warning| warning.code.name()).collect(),
        })
    }
}
