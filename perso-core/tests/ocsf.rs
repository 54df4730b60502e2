//! `perso log show --format ocsf`: events that OCSF's own schema accepts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "it is a test")]
#![cfg(feature = "cli")]

use perso_core::journal::{Arguments, Decided, Recorder, Settings};
use perso_core::{Call, Policy};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "small", "allow": "refund", "when": { "args.amount": { "lte": 500 } }, "reason": "Up to 500." },
    { "id": "large", "ask": "refund", "when": { "args.amount": { "gt": 500, "lte": 900 } }, "reason": "A person approves." },
    { "id": "never", "deny": "delete", "reason": "Never." }
] }"#;

#[test]
fn events_are_what_the_schema_says() {
    let (policy, folder) = (Policy::compile(POLICY).unwrap(), tempfile::tempdir().unwrap());
    let mut settings = Settings::default();
    settings.args = Arguments::Read;
    settings.agent = vec!["id".to_owned(), "roles".to_owned()];
    let recorder = Recorder::open(folder.path(), settings).unwrap();
    let agents = [json!({ "id": "ann", "roles": ["agent"] }), json!({ "id": 7 }), json!({})];
    let mut recorded = 0;
    for (tool, args) in [
        ("refund", json!({ "amount": 20 })),
        ("refund", json!({ "amount": 800 })),
        ("refund", json!({ "amount": "20" })),
        ("refund", json!({})),
        ("delete", json!({ "path": "/" })),
        ("other", Value::Null),
        ("", Value::Null),
        ("\u{1b}[31m\u{e4}", json!({ "a": 1 })),
    ] {
        for agent in &agents {
            let call = Call::new(tool).args(&args).agent(agent);
            let decision = policy.decide(&call);
            let mut decided = Decided::new(&policy, tool, &args, agent, &decision);
            decided.session = (recorded % 2 == 0).then_some("session-1");
            decided.approved_by = (recorded % 3 == 0).then_some("mia");
            decided.enforced = recorded % 5 != 0 || decision.is_allowed();
            decided.duration = Duration::from_micros(12);
            recorder.record(&decided).unwrap().wait().unwrap();
            recorded += 1;
        }
    }
    drop(recorder);
    let shown = Command::new(env!("CARGO_BIN_EXE_perso"))
        .args(["log", "show", "--format", "ocsf"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(shown.status.success());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ocsf/run.sh");
    let mut validator = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    validator.stdin.take().unwrap().write_all(&shown.stdout).unwrap();
    let validated = validator.wait_with_output().unwrap();
    assert!(validated.status.success(), "tests/ocsf/run.sh failed");
    assert_eq!(String::from_utf8(validated.stdout).unwrap().trim(), recorded.to_string());
    let text = String::from_utf8(shown.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions = |decision: &str| -> Vec<(&Value, &Value)> {
        let of = events.iter().filter(|event| event["unmapped"]["decision"] == decision);
        of.map(|event| (&event["action_id"], &event["unmapped"]["enforced"])).collect()
    };
    assert!(actions("allow").iter().all(|(action, _)| **action == json!(1)));
    let is_as_enforced =
        |(action, enforced): &(&Value, &Value)| **action == json!(if **enforced == json!(true) { 2 } else { 1 });
    assert!(actions("deny").iter().all(is_as_enforced) && actions("ask").iter().all(is_as_enforced));
    assert_eq!(events[0]["api"]["operation"], "refund");
    assert_eq!(events[0]["firewall_rule"]["uid"], "small");
    assert_eq!(events[0]["actor"]["user"]["uid"], "ann");
}
