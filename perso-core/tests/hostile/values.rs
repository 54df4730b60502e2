//! Hostile values that no text has.

use perso_core::{CauseKind, Policy, Problem};
use serde_json::{Value, json};

fn policy(test: &str) -> Policy {
    let text = format!(r#"{{"perso": 1, "rules": [{{"id": "r", "allow": "t", "when": {{"args.v": {test}}}}}]}}"#);
    Policy::compile(&text).expect("the policy compiles")
}

#[track_caller]
fn assert_problem(test: &str, value: impl Into<Value>, problem: Problem) {
    let decision = policy(test);
    let call = json!({"tool": "t", "args": {"v": value.into()}});
    let decision = decision.decide_value(&call);
    assert_eq!((decision.is_allowed(), decision.cause.problem), (false, Some(problem)), "{test} on {call}");
}

#[track_caller]
fn assert_allowed(test: &str, value: impl Into<Value>) {
    let call = json!({"tool": "t", "args": {"v": value.into()}});
    assert!(policy(test).decide_value(&call).is_allowed(), "{test} on {call}");
}

#[test]
fn floats_that_json_does_not_have_are_null() {
    for float in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for test in [r#"{"lte": 500}"#, r#"{"gt": 0}"#, r#"{"ne": 1}"#] {
            assert_problem(test, float, Problem::Null);
        }
    }
}

#[test]
fn floats_are_the_decimals_that_they_are_written_as() {
    let lte = r#"{"lte": 0.3}"#;
    assert_allowed(lte, 0.3);
    assert_problem(lte, 0.1 + 0.2, Problem::Value);
    assert_allowed(r#"{"eq": 0}"#, -0.0);
    assert_problem(r#"{"gt": 0}"#, -0.0, Problem::Value);
    assert_allowed(r#"{"gt": 0, "lt": 1e-300}"#, f64::from_bits(1));
    assert_allowed(r#"{"gt": 1e300}"#, f64::MAX);
    assert_allowed(r#"{"eq": 9007199254740992}"#, 9_007_199_254_740_992_f64);
    assert_problem(r#"{"eq": 9007199254740993}"#, 9_007_199_254_740_993_u64 as f64, Problem::Value);
    assert_allowed(r#"{"eq": 18446744073709551615}"#, u64::MAX);
    assert_allowed(r#"{"eq": -9223372036854775808}"#, i64::MIN);
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

#[test]
fn a_value_may_nest_as_deep_as_it_likes_where_no_rule_reads() {
    let wraps: [fn(Value) -> Value; 3] = [
        |value| Value::Array(vec![value]),
        |value| object([("v", value)]),
        |value| Value::Array(vec![object([("v", Value::Array(vec![value]))])]),
    ];
    for wrap in wraps {
        let deep = || (0..100_000).fold(Value::from(1), |value, _| wrap(value));
        let call = |v: Value| {
            let args = object([("v", v), ("other", deep())]);
            object([("tool", "t".into()), ("args", args), ("context", object([("x", deep())]))])
        };
        let (beside, read) = (call(Value::from(1)), call(deep()));
        assert!(policy("1").decide_value(&beside).is_allowed());
        for test in ["1", r#"{"every": {"every": 1}}"#, r#"{"some": {".v": {"some": 1}}}"#] {
            let policy = policy(test);
            let decision = policy.decide_value(&read);
            assert_eq!((decision.is_allowed(), decision.cause.kind), (false, CauseKind::NoRule), "{test}");
        }
        flatten(beside);
        flatten(read);
    }
}

/// Drops a value level by level: as it is, it takes a level of the stack for each of its own.
fn flatten(value: Value) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(list) => rest.extend(list),
            Value::Object(map) => rest.extend(map.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}
