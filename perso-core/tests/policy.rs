//! The library as its users have it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use perso_core::{Call, CauseKind, Decision, Part, Policy, Problem, request};
use serde_json::json;

fn policy() -> Policy {
    Policy::compile(include_str!("../../policies/support-desk.json")).expect("the support desk policy compiles")
}

#[track_caller]
fn assert_allowed_by(decision: Decision<'_>, rule: &str) {
    assert!(decision.is_allowed(), "{decision:?}");
    assert_eq!(decision.rule, Some(rule));
}

#[track_caller]
fn assert_denied_for(decision: Decision<'_>, attribute: &str, problem: Problem) {
    assert!(!decision.is_allowed(), "{decision:?}");
    assert_eq!((decision.cause.attribute, decision.cause.problem), (Some(attribute), Some(problem)));
}

fn refund<'c>(amount: impl Into<serde_json::Value>) -> Call<'c> {
    Call::new("process_refund").arg("amount", amount).agent(json!({"id": "agt-099", "roles": ["agent"]}))
}

#[test]
fn agents_refund_up_to_500_dollars() {
    let policy = policy();
    assert_allowed_by(policy.decide(&refund(500)), "refund-small");
    assert_allowed_by(policy.decide(&refund(499.99)), "refund-small");
    assert_denied_for(policy.decide(&refund(800)), "args.amount", Problem::Value);
    assert_denied_for(policy.decide(&refund(500.01)), "args.amount", Problem::Value);
    assert_denied_for(policy.decide(&refund("500")), "args.amount", Problem::Type);
    assert_denied_for(policy.decide(&refund(json!(null))), "args.amount", Problem::Null);
    assert_denied_for(policy.decide(&refund(json!([500]))), "args.amount", Problem::Type);
    assert_eq!(policy.decide(&refund(800)).reason, "Agents may refund up to $500.");
}

#[test]
fn managers_delete_records_they_own() {
    let policy = policy();
    let call = |owner: &str| {
        Call::new("delete_record")
            .agent(json!({"id": "mgr-001", "roles": ["manager"]}))
            .resource_attribute("owner_id", owner)
    };
    assert_allowed_by(policy.decide(&call("mgr-001")), "delete-own");
    assert_denied_for(policy.decide(&call("mgr-002")), "resource.owner_id", Problem::Value);
    assert_denied_for(policy.decide(&call("x").resource(Part::Absent)), "resource.owner_id", Problem::Missing);
}

#[test]
fn personal_data_needs_mfa() {
    let policy = policy();
    let call = |mfa| Call::new("access_pii").agent(json!({"roles": ["agent"], "mfa_verified": mfa}));
    assert!(policy.decide(&call(json!(true))).is_allowed());
    assert_denied_for(policy.decide(&call(json!(false))), "agent.mfa_verified", Problem::Value);
    assert_denied_for(policy.decide(&call(json!("true"))), "agent.mfa_verified", Problem::Type);
    assert_denied_for(policy.decide(&call(json!(null))), "agent.mfa_verified", Problem::Null);
}

#[test]
fn a_part_may_be_text_a_value_or_pieces() {
    let policy = policy();
    let agent = json!({"roles": ["agent"]});
    let from_text = Call::new("process_refund").args(Part::Json(br#"{"amount": 5e2}"#)).agent(&agent);
    assert!(policy.decide(&from_text).is_allowed());
    let pieces = Call::new("process_refund").arg("amount", 500).agent_attribute("roles", vec!["agent"]);
    assert!(policy.decide(&pieces).is_allowed());
    for (text, kind) in [
        (&br#"{"amount": 5, "amount": 6}"#[..], CauseKind::Malformed),
        (br#"{"amount": 5} "#, CauseKind::Rule),
        (br#"{"amount": 5} x"#, CauseKind::Malformed),
        (b"[]", CauseKind::Malformed),
        (b"", CauseKind::Malformed),
        (b"null", CauseKind::NoRule),
        (b"{\"amount\": \"\xff\"}", CauseKind::Malformed),
    ] {
        let call = Call::new("process_refund").args(Part::Json(text)).agent(&agent);
        assert_eq!(policy.decide(&call).cause.kind, kind, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn tools_that_could_be_allowed_are_known_without_arguments() {
    let policy = policy();
    let could = |tool: &'static str, agent: serde_json::Value| policy.could_allow(&Call::new(tool).agent(agent));
    let agent = || json!({"id": "a", "roles": ["agent"], "mfa_verified": false});
    assert!(could("process_refund", agent()));
    assert!(could("view_customer", agent()));
    assert!(!could("delete_record", agent()));
    assert!(could("delete_record", json!({"id": "m", "roles": ["manager"]})));
    assert!(!could("access_pii", agent()));
    assert!(could("access_pii", json!({"roles": ["agent"], "mfa_verified": true})));
    assert!(!could("no_such_tool", agent()));
    // No arguments of the call itself count.
    assert!(policy.could_allow(&refund(800)));
}

#[test]
fn a_resource_is_needed_only_where_it_decides() {
    let policy = policy();
    let delete = |role: &str| Call::new("delete_record").agent(json!({"id": "m", "roles": [role]}));
    assert!(policy.needs_resource(&delete("manager")));
    assert!(!policy.needs_resource(&delete("agent")), "denied whatever the resource is");
    assert!(!policy.needs_resource(&refund(5)), "allowed whatever the resource is");
    assert!(!policy.needs_resource(&Call::new("no_such_tool")));
}

#[test]
fn a_policy_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let policy = policy();
    shared(&policy);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let policy = policy.clone();
            scope.spawn(move || {
                for n in 0..2_000_u32 {
                    let amount = (thread * 2_000 + n) % 1_000;
                    assert_eq!(policy.decide(&refund(amount)).is_allowed(), (1..=500).contains(&amount));
                }
            });
        }
    });
}

#[test]
fn large_calls_are_judged_up_to_the_limit() {
    let policy = policy();
    let call = |padding: usize| {
        let padding = "x".repeat(padding);
        format!(
            r#"{{"tool":"delete_record","args":{{"record_id":"{padding}"}},"agent":{{"id":"{padding}","roles":["manager"]}},"resource":{{"owner_id":"{padding}"}}}}"#
        )
    };
    for padding in [0, 1, 10_000, 100_000, 300_000] {
        assert!(policy.decide_json(call(padding).as_bytes()).is_allowed(), "{padding}");
    }
    let over = policy.decide_json(call(400_000).as_bytes());
    assert_eq!((over.is_allowed(), over.cause.kind), (false, CauseKind::Limit));
    // Values and parts have room for more than one such string.
    let id = "x".repeat(1 << 20);
    let call = |id: &str| {
        Call::new("delete_record").agent(json!({"id": id, "roles": ["manager"]})).resource_attribute("owner_id", id)
    };
    assert!(policy.decide(&call(&id)).is_allowed());
    assert_eq!(policy.decide(&call(&(id + "x"))).cause.kind, CauseKind::Limit);
}

#[test]
fn a_policy_is_loaded_from_either_of_its_forms() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{ "perso": 1, "rules": [{ "id": "r", "allow": "t", "roles": ["a"] }] }"#;
    let call = Call::new("t").roles(["a"]);
    for (name, bytes) in [("p.json", text.as_bytes().to_vec()), ("p.wasm", perso_core::compile(text).unwrap().module)] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert!(Policy::load(&path).unwrap().decide(&call).is_allowed(), "{name}");
    }
    for (bytes, problem) in [
        (b"{}".to_vec(), "cannot be compiled:\nerror"),
        (vec![b'{', 0xff], "is neither a module nor a policy: byte 1 is not valid UTF-8"),
        (b"\0asm".to_vec(), "not a WebAssembly module"),
    ] {
        let path = folder.path().join("broken");
        std::fs::write(&path, bytes).unwrap();
        let error = Policy::load(&path).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("broken`"), "{error}");
    }
    let error = Policy::load(folder.path().join("missing")).unwrap_err();
    assert!(matches!(error, perso_core::LoadError::Read { .. }), "{error}");
}

const COVERING: &str = r#"{
    "perso": 1,
    "covers": ["tools", "resources", "prompts"],
    "rules": [
        { "id": "all", "allow": "*" },
        { "id": "notes", "allow": "mcp:resources/read", "when": { "args.uri": { "starts_with": "note://" } } },
        { "id": "own", "allow": "mcp:resources/read", "when": { "resource.owner": { "eq": { "ref": "agent.id" } } } },
        { "id": "report", "allow": "mcp:prompts/get",
          "when": { "args.name": "report", "args.arguments.team": "sales", "context.now": { "after": "2026-01-01T00:00:00Z" } } }
    ]
}"#;

#[test]
fn a_policy_covers_what_it_says() {
    let covers = |policy: &Policy| (policy.covers().resources, policy.covers().prompts, policy.covers().is_nothing());
    assert_eq!(covers(&policy()), (false, false, true));
    assert!(!policy().covers().reserves(request::READ));
    let policy = Policy::compile(COVERING).unwrap();
    assert_eq!(covers(&policy), (true, true, false));
    assert!(policy.covers().reserves("mcp:anything") && !policy.covers().reserves("mcp_anything"));
    assert!(policy.decide(&Call::new("anything")).is_allowed());
    for covered in [request::READ, request::SUBSCRIBE, request::GET, request::COMPLETE] {
        assert!(!policy.decide(&Call::new(covered)).is_allowed(), "{covered}");
    }
}

#[test]
fn what_could_be_read_is_listed() {
    let policy = Policy::compile(COVERING).unwrap();
    let read = |uri: &str| Call::new(request::READ).arg("uri", uri);
    assert!(policy.could_list(&read("note://a")));
    assert!(!policy.could_list(&read("file:///a")));
    assert!(policy.could_list(&read("file:///a").agent_attribute("id", "ann")));
    // The resource and the time are open, whatever the call says of the one.
    assert!(policy.could_list(&read("file:///a").agent_attribute("id", "ann").resource_attribute("owner", "bob")));
    let listed = |name: &str| Call::new(request::LISTED).arg("name", name);
    assert!(policy.could_list(&listed("report")) && !policy.could_list(&listed("payroll")));
    assert!(!policy.could_list(&listed("report").context_attribute("now", "2025-06-01T00:00:00Z")));
    // Arguments are not open here, other than in `could_allow`.
    assert!(policy.could_allow(&Call::new(request::GET)) && !policy.could_list(&Call::new(request::LISTED)));
}
