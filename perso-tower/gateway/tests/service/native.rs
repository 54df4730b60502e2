//! Calls as JSON.

use crate::support::{POLICY, World};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

fn refund(amount: &Value) -> Value {
    json!({ "tool": "process_refund", "args": { "amount": amount }, "agent": { "id": "ann", "roles": ["agent"] } })
}

#[tokio::test]
async fn a_call_gets_its_decision() {
    let world = World::new(POLICY);
    let service = world.serve(&[]).await;
    let allowed = service.decide(&refund(&json!(20))).await;
    assert_eq!((&allowed["decision"], &allowed["rule"]), (&json!("allow"), &json!("refund")));
    assert_eq!(allowed["id"].as_str().unwrap().len(), 36);
    let denied = service.decide(&refund(&json!("20"))).await;
    assert_eq!(denied["decision"], "deny");
    assert_eq!(denied["message"], "Agents may refund up to $500. Hint: args.amount must be a number.");
    let asks = service.decide(&refund(&json!(800))).await;
    assert_eq!((&asks["decision"], &asks["rule"]), (&json!("ask"), &json!("large")));
}

/// The cases of ready policies, with calls that are no JSON among them.
#[tokio::test]
async fn every_call_of_the_corpora_gets_the_decision_of_the_engine() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/");
    let mut judged = 0;
    for name in ["support-desk", "filesystem", "payments", "fetch-public", "mail-own-domain"] {
        let policy = fs::read_to_string(format!("{folder}{name}.json")).unwrap();
        let cases: Value = serde_json::from_slice(&fs::read(format!("{folder}{name}.tests.json")).unwrap()).unwrap();
        let engine = perso_core::Policy::compile(&policy).unwrap();
        let world = World::new(&policy);
        let service = world.serve(&[]).await;
        let texts: Vec<String> = cases["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| match case.get("raw") {
                Some(raw) => raw.as_str().unwrap().replace('\n', " "),
                None => case["call"].to_string(),
            })
            .collect();
        let (status, answers) = service.post("/v1/decide", "application/jsonl", texts.join("\n")).await;
        assert_eq!(status, 200);
        let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), texts.len());
        for (text, answer) in texts.iter().zip(&answers) {
            let expected = engine.assess_json(text.as_bytes()).decision;
            // A policy with limits needs a ledger, and one that reads the time gets it.
            if !engine.needs_ledger() && !engine.reads_time() {
                assert_eq!(answer["decision"], expected.outcome.name(), "{text}");
                assert_eq!(answer["rule"], json!(expected.rule), "{text}");
                assert_eq!(answer["cause"]["kind"], json!(expected.cause.kind), "{text}");
                judged += 1;
            }
        }
    }
    assert!(judged > 200, "{judged}");
}

#[tokio::test]
async fn what_is_no_call_is_denied() {
    let world = World::new(r#"{ "perso": 1, "default": "allow", "rules": [] }"#);
    let service = world.serve(&[]).await;
    let whole = [
        "",
        "{",
        "[]",
        "null",
        r#"{ "args": {} }"#,
        r#"{ "tool": "add", "tool": "add" }"#,
        r#"{ "tool": "add", "argz": {} }"#,
        r#"{ "tool": 1 }"#,
        r#"{ "tool": "add", "args": [] }"#,
        r#"{ "tool": "add" } { "tool": "add" }"#,
        r#"["add"]"#,
        r#" ["add", null, null, null, null, null]"#,
    ];
    for text in whole {
        let (status, answer) = service.post("/v1/decide", "application/json", text).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["decision"]), (200, &json!("deny")), "{text}: {answer}");
    }
    let (status, answer) = service.post("/v1/decide", "application/json", r#"{ "tool": "add" }"#).await;
    assert!(status == 200 && answer.contains(r#""decision":"allow""#), "{answer}");
}

#[tokio::test]
async fn a_body_in_another_form_is_refused() {
    let world = World::new(POLICY);
    let service = world.serve(&["--max-body", "1000"]).await;
    let call = r#"{ "tool": "view_customer" }"#;
    for kind in ["text/plain", "application/json; charset=utf-16", "application/xml", ""] {
        let (status, why) = service.post("/v1/decide", kind, call).await;
        assert_eq!(status, 415, "{kind}");
        assert!(why.contains("application/json"), "{why}");
    }
    assert_eq!(service.post("/v1/decide", "application/json; charset=UTF-8", call).await.0, 200);
    assert_eq!(service.post("/v1/decide", "application/json", " ".repeat(1_001)).await.0, 413);
    assert_eq!(service.get("/v1/decide").await.0, 405);
    assert_eq!(service.get("/elsewhere").await.0, 404);
}

#[tokio::test]
async fn lines_are_answered_in_order_by_one_policy() {
    let world = World::new(POLICY);
    let service = world.serve(&[]).await;
    let lines: Vec<String> = (1..=500).map(|at| refund(&json!(at * 2)).to_string()).collect();
    let (status, answers) = service.post("/v1/decide", "application/x-ndjson", lines.join("\n\n")).await;
    assert_eq!(status, 200);
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 500);
    assert!(answers[..250].iter().all(|answer| answer["decision"] == "allow"));
    assert!(answers[250..450].iter().all(|answer| answer["decision"] == "ask"));
    assert!(answers[450..].iter().all(|answer| answer["decision"] == "deny"));
}

#[tokio::test]
async fn a_request_has_a_bounded_number_of_calls() {
    let world = World::new(LIMITED);
    let service = world.serve(&["--ledger", "memory:"]).await;
    let (status, answers) = service.post("/v1/decide", "application/jsonl", "{}\n".repeat(10_000)).await;
    assert_eq!((status, answers.lines().count()), (200, 10_000));
    let (status, why) = service.post("/v1/decide", "application/jsonl", "{}\n".repeat(10_001)).await;
    assert!(status == 413 && why.contains("at most 10000 calls"), "{why}");
    let evaluations = format!(r#"{{ "evaluations": [{}] }}"#, vec!["{}"; 10_001].join(","));
    let (status, why) = service.post("/access/v1/evaluations", "application/json", evaluations).await;
    assert!(status == 400 && why.contains("at most 10000 evaluations"), "{why}");
}

const LIMITED: &str = r#"{ "perso": 1,
    "rules": [{ "id": "refund", "allow": "process_refund", "when": { "args.amount": { "gt": 0, "lte": 500 } } },
              { "id": "read", "allow": "read_mail" },
              { "id": "send", "allow": "send_mail" },
              { "id": "no-leak", "deny": "send_mail", "when": { "session.labels": { "has": "untrusted" } } }],
    "limits": [{ "id": "a-day", "of": "process_refund", "per": "agent.id", "sum": "args.amount", "max": 1000, "window": "24h",
                 "reason": "Agents may refund up to $1000 a day." }],
    "labels": [{ "id": "strangers", "of": "read_mail", "add": "untrusted" }] }"#;

#[tokio::test]
async fn limits_hold_over_replicas_that_share_a_ledger() {
    let world = World::new(LIMITED);
    let first = world.serve(&["--ledger", "file:ledger"]).await;
    let second = world.serve(&["--ledger", "file:ledger"]).await;
    let mut allowed = 0;
    for service in [&first, &second, &first, &second] {
        allowed += usize::from(service.decide(&refund(&json!(400))).await["decision"] == "allow");
    }
    assert_eq!(allowed, 2);
    let denied = second.decide(&refund(&json!(400))).await;
    assert_eq!((&denied["cause"]["kind"], &denied["cause"]["limit"]), (&json!("over_limit"), &json!("a-day")));
    // Without a ledger, nothing can be counted.
    let without = world.serve(&[]).await;
    assert_eq!(without.decide(&refund(&json!(1))).await["cause"]["kind"], "ledger");
}

#[tokio::test]
async fn labels_are_what_the_ledger_knows_and_not_what_a_request_claims() {
    let world = World::new(LIMITED);
    let service = world.serve(&["--ledger", "memory:"]).await;
    let send = |session: Value| json!({ "tool": "send_mail", "agent": { "id": "ann" }, "session": session });
    assert_eq!(service.decide(&send(json!({ "id": "one" }))).await["decision"], "allow");
    let read = json!({ "tool": "read_mail", "agent": { "id": "ann" }, "session": { "id": "one" } });
    assert_eq!(service.decide(&read).await["decision"], "allow");
    assert_eq!(service.decide(&send(json!({ "id": "one" }))).await["decision"], "deny");
    assert_eq!(service.decide(&send(json!({ "id": "one", "labels": [] }))).await["decision"], "deny");
    assert_eq!(service.decide(&send(json!({ "labels": [] }))).await["decision"], "deny");
    assert_eq!(service.decide(&send(json!({ "id": "two" }))).await["decision"], "allow");
}

#[tokio::test]
async fn calls_wait_for_a_person() {
    let world = World::new(POLICY);
    let service = world.serve(&["--ledger", "file:ledger", "--queue", "--approval-wait", "20"]).await;
    let ledger = perso_tower::ledger::open(&format!("file:{}", world.path("ledger").display())).unwrap();
    let approves = async {
        loop {
            let waiting = ledger.pending().await.unwrap();
            if let Some(approval) = waiting.first() {
                assert!(approval.shown.contains("800"), "{}", approval.shown);
                ledger.decide(approval.id, perso_tower::ledger::Verdict::Approve, "mia").await.unwrap();
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (decision, ()) = tokio::join!(async { service.decide(&refund(&json!(800))).await }, approves);
    assert_eq!((&decision["decision"], &decision["approved_by"]), (&json!("allow"), &json!("mia")));
    // Parsers could read these numbers differently, so that nobody can approve them.
    let text = r#"{ "tool": "process_refund", "args": { "amount": 800.00000000000000000000001 }, "agent": { "roles": ["agent"] } }"#;
    let (_, answer) = service.post("/v1/decide", "application/json", text).await;
    assert!(answer.contains(r#""decision":"deny""#) && answer.contains("cannot be kept exactly"), "{answer}");
}

#[tokio::test]
async fn decisions_are_recorded() {
    let world = World::new(POLICY);
    let arguments = ["--journal", "journal", "--journal-args", "read", "--journal-required"];
    let service = world.serve(&arguments).await;
    let allowed = service.decide(&refund(&json!(20))).await;
    service.decide(&refund(&json!("PLANTED"))).await;
    let entries: Vec<Value> = perso_core::journal::entries(world.path("journal"))
        .unwrap()
        .map(|entry| serde_json::from_slice(&entry.unwrap().text).unwrap())
        .collect();
    let line = entries.iter().find(|entry| entry["id"] == allowed["id"]).unwrap();
    assert_eq!((&line["tool"], &line["args"]), (&json!("process_refund"), &json!({ "amount": 20 })));
    // What cannot be recorded is denied.
    fs::remove_dir_all(world.path("journal")).unwrap();
    fs::write(world.path("journal"), "").unwrap();
    let denied = service.decide(&refund(&json!(20))).await;
    assert_eq!((&denied["decision"], &denied["cause"]["kind"]), (&json!("deny"), &json!("journal")));
    assert!(!world.log().contains("PLANTED"));
}

#[tokio::test]
async fn a_changed_policy_is_taken_over_and_counted() {
    let world = World::new(POLICY);
    let service = world.serve(&[]).await;
    assert_eq!(service.decide(&refund(&json!(20))).await["decision"], "allow");
    world.write(
        "policy.json",
        r#"{ "perso": 1, "rules": [{ "id": "nothing", "deny": "*", "reason": "It is night." }] }"#,
    );
    for attempt in 0.. {
        if service.decide(&refund(&json!(20))).await["decision"] == "deny" {
            break;
        }
        assert!(attempt < 500, "{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A broken one is not.
    world.write("policy.json", "{");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(service.decide(&refund(&json!(20))).await["message"], "It is night.");
    let (_, metrics) = service.get("/metrics").await;
    assert!(metrics.contains(r#"perso_decisions_total{outcome="deny"}"#), "{metrics}");
    assert_eq!(service.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn a_request_that_is_there_is_answered_before_the_service_ends() {
    let world = World::new(POLICY);
    let mut service = world.serve(&["--ledger", "file:ledger", "--queue", "--approval-wait", "2"]).await;
    let process = rustix::process::Pid::from_raw(i32::try_from(service.child.id().unwrap()).unwrap()).unwrap();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    };
    let (decision, ()) = tokio::join!(async { service.decide(&refund(&json!(800))).await }, stop);
    assert_eq!(decision["decision"], "deny");
    assert!(service.child.wait().await.unwrap().success());
}
