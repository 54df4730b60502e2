//! Large policies are checked in time about linear in their size, whatever their rules have in common.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use perso_core::check::check;
use perso_core::lint::warnings;

const RULES: usize = 10_000;

/// Far more than is needed, and far less than looking at all pairs of rules takes.
const ENOUGH: Duration = Duration::from_secs(30);

#[track_caller]
fn assert_quick(head: &str, rule: impl Fn(usize) -> String) {
    let rules: Vec<String> = (0..RULES).map(|n| format!(r#"{{ "id": "r{n}", {} }}"#, rule(n))).collect();
    let text = format!(r#"{{ "perso": 1, {head} "rules": [{}] }}"#, rules.join(",\n"));
    let start = Instant::now();
    let checked = check(&text);
    let policy = checked.policy.unwrap();
    drop(warnings(&policy));
    let took = start.elapsed();
    assert!(took < ENOUGH, "{took:?}");
}

#[test]
fn a_rule_for_each_tool() {
    let tools: Vec<String> = (0..RULES).map(|n| format!("\"t{n}\"")).collect();
    assert_quick(&format!(r#""tools": [{}],"#, tools.join(",")), |n| {
        format!(r#""allow": "t{n}", "roles": ["agent"], "when": {{ "args.amount": {{ "gt": 0, "lte": {n} }} }}"#)
    });
}

#[test]
fn many_rules_for_one_tool() {
    assert_quick("", |n| format!(r#""allow": "t", "when": {{ "args.a": "v{n}" }}"#));
    assert_quick("", |n| format!(r#""allow": "t", "when": {{ "args.a": {{ "gt": {n}, "lt": {} }} }}"#, 2 * n + 5));
    assert_quick("", |n| format!(r#""allow": "t", "when": {{ "args.a": {{ "in": ["a{n}", "b{n}"] }} }}"#));
    assert_quick("", |_| r#""allow": "*""#.to_owned());
    assert_quick("", |n| format!(r#""allow": "*", "roles": ["r{}"]"#, n % 1000));
}

#[test]
fn many_patterns() {
    assert_quick("", |n| format!(r#""allow": "*_{}""#, n % 4000));
    assert_quick("", |n| format!(r#""allow": ["a{n}", "b{n}", "crm_{}_*"]"#, n % 4000));
}
