//! What is recorded of decisions, and what is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use perso_core::journal::{self, Arguments, Decided, Ran, Recorder, Settings, entries};
use perso_core::{Decision, Policy};
use serde_json::{Value, json};
use std::time::Duration;

const POLICY: &str = r#"{
    "perso": 1,
    "rules": [
        { "id": "pay", "allow": "pay", "when": {
            "args.amount": { "lte": 500 },
            "args.to.iban": { "starts_with": "DE" },
            "args.tags": { "contains": "checked" },
            "args.lines": { "every": { ".price": { "gt": 0 } } }
        } },
        { "id": "note", "allow": "note" }
    ]
}"#;

fn call() -> Value {
    json!({
        "tool": "pay",
        "args": {
            "amount": 20.50,
            "to": { "iban": "DE02", "name": "marker-name" },
            "tags": ["checked", "urgent"],
            "lines": [{ "price": 1, "text": "marker-text" }, { "price": 2 }],
            "comment": "marker-comment",
        },
        "agent": { "id": "ann", "token": "marker-token" },
    })
}

/// The line of a call's decision.
fn recorded(call: &Value, settings: Settings) -> Value {
    let policy = Policy::compile(POLICY).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(folder.path(), settings).unwrap();
    let decision = policy.decide_value(call);
    let tool = call["tool"].as_str().unwrap();
    let decided = Decided::new(&policy, tool, &call["args"], &call["agent"], &decision);
    recorder.record(&decided).unwrap().wait().unwrap();
    let line = entries(folder.path()).unwrap().last().unwrap().unwrap();
    serde_json::from_slice(&line.text).unwrap()
}

fn with(args: Arguments) -> Settings {
    let mut settings = Settings::default();
    settings.args = args;
    settings
}

#[test]
fn nothing_is_recorded_that_was_not_asked_for() {
    for args in [Arguments::None, Arguments::Digest, Arguments::Read] {
        let text = recorded(&call(), with(args)).to_string();
        assert!(!text.contains("marker"), "{args:?}: {text}");
    }
    let all = recorded(&call(), with(Arguments::All)).to_string();
    assert!(all.contains("marker-name") && !all.contains("marker-token"), "{all}");
}

#[test]
fn arguments_are_those_that_the_policy_reads() {
    let line = recorded(&call(), with(Arguments::Read));
    let read = json!({
        "amount": 20.50,
        "to": { "iban": "DE02" },
        "tags": ["checked", "urgent"],
        "lines": [{ "price": 1 }, { "price": 2 }],
    });
    assert_eq!(line["args"], read);
    let other = json!({ "tool": "note", "args": { "text": "marker" }, "agent": {} });
    assert_eq!(recorded(&other, with(Arguments::Read))["args"], json!({}));
    let unknown = json!({ "tool": "other", "args": { "amount": "marker" }, "agent": {} });
    assert_eq!(recorded(&unknown, with(Arguments::Read))["args"], json!({}));
}

#[test]
fn masked_arguments_are_nowhere() {
    let mask = ["to.name", "lines.text", "comment", "tags", "none.at.all"].map(str::to_owned).to_vec();
    let masked = |args| {
        let mut settings = with(args);
        settings.mask = mask.clone();
        settings
    };
    let all = recorded(&call(), masked(Arguments::All))["args"].clone();
    assert_eq!(all["to"], json!({ "iban": "DE02", "name": "[masked]" }));
    assert_eq!(all["lines"], json!([{ "price": 1, "text": "[masked]" }, { "price": 2 }]));
    assert_eq!((&all["comment"], &all["tags"]), (&json!("[masked]"), &json!("[masked]")));
    // The digest does not tell either whether a guess is right.
    let mut other = call();
    other["args"]["comment"] = "something else".into();
    let digest = |call: &Value| recorded(call, masked(Arguments::Digest))["args"].clone();
    assert_eq!(digest(&call()), digest(&other));
    other["args"]["amount"] = 21.into();
    assert_ne!(digest(&call()), digest(&other));
}

#[test]
fn a_digest_is_that_of_the_canonical_form() {
    let call = json!({ "tool": "note", "args": { "b": [1, true], "a": "x" }, "agent": {} });
    // As sha256sum prints it of {"a":"x","b":[1,true]}.
    let expected = "cc6fd764215aaace774f5539e49158f38569b8b5ef4346d8e9295227169bbb73";
    assert_eq!(recorded(&call, Settings::default())["args"], json!({ "sha256": expected }));
    let written = json!({ "tool": "note", "args": { "a": "x", "b": [1, true] }, "agent": {} });
    assert_eq!(recorded(&written, Settings::default())["args"]["sha256"], expected);
}

#[test]
fn a_line_says_what_was_decided() {
    let mut settings = with(Arguments::None);
    settings.agent = vec!["id".to_owned(), "unknown".to_owned()];
    let mut refused = call();
    refused["args"]["amount"] = 800.into();
    let line = recorded(&refused, settings);
    assert_eq!(line["decision"], "deny");
    assert_eq!(
        line["cause"],
        json!({ "kind": "no_rule", "rule": "pay", "attribute": "args.amount", "problem": "value" })
    );
    assert_eq!(line["agent"], json!({ "id": "ann" }));
    assert_eq!(line["policy"], Policy::compile(POLICY).unwrap().sha256());
    assert!(line["hint"].is_string() || line.get("hint").is_none());
    assert!(line.get("args").is_none() && line.get("enforced").is_none());
    assert_eq!(line["id"].as_str().unwrap().as_bytes()[14], b'7');
}

#[test]
fn what_became_of_a_call_is_another_line() {
    let policy = Policy::compile(POLICY).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(folder.path(), Settings::default()).unwrap();
    let call = call();
    let decision = policy.decide_value(&call);
    let mut decided = Decided::new(&policy, "pay", &call["args"], &call["agent"], &decision);
    (decided.session, decided.approved_by, decided.enforced) = (Some("s1"), Some("eve"), false);
    let id = decided.id;
    recorder.record(&decided).unwrap().wait().unwrap();
    recorder.ran(id, Ran::Error, Duration::from_millis(3)).unwrap().wait().unwrap();
    assert_eq!(recorder.counts().written, 2);
    let lines: Vec<Value> =
        entries(folder.path()).unwrap().map(|line| serde_json::from_slice(&line.unwrap().text).unwrap()).collect();
    assert_eq!((&lines[1]["session"], &lines[1]["approved_by"]), (&json!("s1"), &json!("eve")));
    assert_eq!(lines[1]["enforced"], false);
    assert_eq!((&lines[2]["call"], &lines[2]["ran"]), (&json!(id.to_string()), &json!("error")));
    assert_eq!(lines[2]["duration_us"], 3_000);
}

#[test]
fn a_decision_that_was_not_recorded_is_a_denial() {
    let decision = Decision::not_recorded("the disk is full");
    assert!(!decision.is_allowed());
    assert_eq!(decision.message().to_string(), "the call cannot be recorded");
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(folder.path(), with(Arguments::All)).unwrap();
    let (policy, large) = (Policy::compile(POLICY).unwrap(), json!({ "text": "x".repeat(1 << 20) }));
    let allowed = policy.decide_value(&json!({ "tool": "note", "args": large, "agent": {} }));
    let decided = Decided::new(&policy, "note", &large, &Value::Null, &allowed);
    assert!(matches!(recorder.record(&decided), Err(journal::JournalError::Line)));
    assert_eq!(recorder.counts().lost, 1);
}
