//! AuthZEN 1.0: the working group's scenarios, and what they leave open.

use crate::support::{POLICY, Running, World, client};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/service/authzen/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn cases(name: &str, key: &str) -> Vec<Value> {
    let mut all: Value = serde_json::from_str(&file(name)).unwrap();
    serde_json::from_value(all[key].take()).unwrap()
}

async fn scenario(name: &str) -> (World, Running) {
    let world = World::new(&file(&format!("{name}.policy")));
    world.write("entities.json", &file(&format!("{name}.entities")));
    let service = world.serve(&["--entities", "entities.json"]).await;
    (world, service)
}

#[tokio::test]
async fn certification() {
    let (_world, service) = scenario("certification").await;
    for case in cases("certification", "cases") {
        let (status, answer) = service.json(case["path"].as_str().unwrap(), &case["request"]).await;
        let shown = format!("{}: {answer}", case["id"]);
        assert_eq!(json!(status), case["status"], "{shown}");
        if let Some(decision) = case.get("decision") {
            assert_eq!(&answer["decision"], decision, "{shown}");
            assert!(answer["context"].is_object(), "{shown}");
        }
        if let Some(decisions) = case.get("decisions").and_then(Value::as_array) {
            let answers = answer["evaluations"].as_array().unwrap();
            assert_eq!(answers.len(), decisions.len(), "{shown}");
            for (answer, decision) in answers.iter().zip(decisions) {
                assert!(answer["decision"].is_boolean(), "{shown}");
                assert!(decision.is_null() || answer["decision"] == *decision, "{shown}");
            }
        }
        if let Some(includes) = case.get("includes").and_then(Value::as_array) {
            let results = answer["results"].as_array().unwrap();
            assert!(includes.iter().all(|found| results.contains(found)), "{shown}");
        }
        if case.get("is_empty").is_some() {
            assert_eq!(answer["results"], json!([]), "{shown}");
        }
    }
}

#[tokio::test]
async fn todo_and_gateways() {
    let (_world, service) = scenario("todo").await;
    let (mut judged, mut several) = (0, 0);
    for case in cases("todo", "evaluation").into_iter().chain(cases("gateways", "evaluation")) {
        let (status, answer) = service.json("/access/v1/evaluation", &case["request"]).await;
        assert_eq!((status, &answer["decision"]), (200, &case["expected"]), "{}", case["request"]);
        judged += 1;
    }
    for case in cases("todo", "evaluations") {
        let (status, answer) = service.json("/access/v1/evaluations", &case["request"]).await;
        let decisions: Vec<Value> =
            answer["evaluations"].as_array().unwrap().iter().map(|it| json!({ "decision": it["decision"] })).collect();
        assert_eq!((status, &json!(decisions)), (200, &case["expected"]), "{}", case["request"]);
        several += 1;
    }
    assert_eq!((judged, several), (65, 3));
}

#[tokio::test]
async fn searches() {
    let (_world, service) = scenario("search").await;
    let mut searched = 0;
    for kind in ["subject", "resource", "action"] {
        for case in cases(&format!("search-{kind}"), "evaluation") {
            let (status, answer) = service.json(&format!("/access/v1/search/{kind}"), &case["request"]).await;
            let set = |answer: &Value| -> BTreeSet<String> {
                answer["results"].as_array().unwrap().iter().map(ToString::to_string).collect()
            };
            assert_eq!(status, 200, "{answer}");
            assert_eq!(set(&answer), set(&case["expected"]), "{}", case["request"]);
            searched += 1;
        }
    }
    assert_eq!(searched, 198);
}

#[tokio::test]
async fn heads_and_metadata() {
    let (_world, service) = scenario("certification").await;
    let body = cases("certification", "cases")[0]["request"].to_string();
    let request = client().post(format!("{}/access/v1/evaluation", service.url)).header("x-request-id", "bfe9eb29");
    let response = request.header("content-type", "application/json").body(body.clone()).send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "bfe9eb29");
    assert_eq!(response.headers()["content-type"], "application/json");
    for (kind, body) in [("text/plain", &*body), ("application/json", ""), ("application/json", "{")] {
        assert_eq!(service.post("/access/v1/evaluation", kind, body.to_owned()).await.0, 400, "{kind} {body}");
    }
    let (status, metadata) = service.get("/.well-known/authzen-configuration").await;
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let host = service.url.strip_prefix("http://").unwrap();
    assert_eq!((status, &metadata["policy_decision_point"]), (200, &json!(format!("https://{host}"))));
    let world = World::new(POLICY);
    let service = world.serve(&["--url", "https://pdp.example.com/"]).await;
    let (_, metadata) = service.get("/.well-known/authzen-configuration").await;
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!(metadata["policy_decision_point"], "https://pdp.example.com");
    assert_eq!(metadata["search_action_endpoint"], "https://pdp.example.com/access/v1/search/action");
}

#[tokio::test]
async fn lists_are_no_objects() {
    let (_world, service) = scenario("certification").await;
    let whole = json!({ "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" },
                        "resource": { "type": "record", "id": "record-1" } });
    let path = "/access/v1/evaluation";
    assert_eq!(service.json(path, &whole).await.1["decision"], true);
    for (key, list) in [
        ("subject", json!(["user", "alice"])),
        ("action", json!(["read"])),
        ("resource", json!(["record", "record-1"])),
    ] {
        let mut request = whole.clone();
        request[key] = list;
        let (status, why) = service.json(path, &request).await;
        assert!(status == 400 && why.as_str().unwrap().contains("must be an object"), "{why}");
    }
    let list = json!([whole["subject"], whole["action"], whole["resource"], null]);
    assert_eq!(service.json(path, &list).await.0, 400);
    let (status, answer) = service.json("/access/v1/evaluations", &json!({ "evaluations": [list] })).await;
    assert_eq!((status, &answer["evaluations"][0]["decision"]), (200, &json!(false)));
    // A key that is there twice could be read in two ways.
    let twice = r#"{ "subject": { "type": "user", "id": "alice" }, "subject": { "type": "user", "id": "bob" } }"#;
    assert_eq!(service.post(path, "application/json", twice).await.0, 400);
}

#[tokio::test]
async fn the_three_semantics() {
    let (_world, service) = scenario("certification").await;
    let decisions = async |semantic: &str, documents: &[&str]| {
        let evaluations: Vec<Value> =
            documents.iter().map(|id| json!({ "resource": { "type": "record", "id": id } })).collect();
        let request = json!({ "subject": { "type": "user", "id": "alice" }, "action": { "name": "write" },
                              "options": { "evaluations_semantic": semantic }, "evaluations": evaluations });
        let (status, answer) = service.json("/access/v1/evaluations", &request).await;
        assert_eq!(status, 200, "{answer}");
        let decisions = answer["evaluations"].as_array().unwrap().iter();
        decisions.map(|answer| answer["decision"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    let documents = ["record-1", "record-2", "record-1"];
    assert_eq!(decisions("execute_all", &documents).await, [true, false, true]);
    assert_eq!(decisions("deny_on_first_deny", &documents).await, [true, false]);
    assert_eq!(decisions("permit_on_first_permit", &documents).await, [true]);
    assert_eq!(decisions("permit_on_first_permit", &["record-2", "record-1", "record-1"]).await, [false, true]);
    let wrong = json!({ "evaluations": [{}], "options": { "evaluations_semantic": "all" } });
    assert_eq!(service.json("/access/v1/evaluations", &wrong).await.0, 400);
}

/// The default mappings of COAZ-MCP.
#[tokio::test]
async fn requests_of_mcp() {
    let world = World::new(
        r#"{ "perso": 1, "covers": ["resources"], "rules": [
            { "id": "refund", "allow": "process_refund", "when": { "args.amount": { "lte": 500 } } },
            { "id": "ping", "allow": "send_ping" },
            { "id": "docs", "allow": "mcp:resources/read", "when": { "args.uri": { "glob": "docs://public/**" } } }
        ] }"#,
    );
    let service = world.serve(&[]).await;
    let asks = async |action: Value, resource: Value| {
        let request = json!({ "subject": { "type": "identity", "id": "ann" }, "action": action, "resource": resource,
                              "context": { "agent": "client-1" } });
        let (status, answer) = service.json("/access/v1/evaluation", &request).await;
        if status == 200 { answer["decision"].clone() } else { answer }
    };
    let tool = |name: &str| json!({ "type": "tool", "id": name });
    let call = |args: Value| json!({ "name": "tools/call", "properties": { "arguments": args } });
    assert_eq!(asks(call(json!({ "amount": 20 })), tool("process_refund")).await, true);
    assert_eq!(asks(call(json!({ "amount": 800 })), tool("process_refund")).await, false);
    let of_resource =
        json!({ "type": "tool", "id": "process_refund", "properties": { "arguments": { "amount": 20 } } });
    assert_eq!(asks(json!({ "name": "tools/call" }), of_resource.clone()).await, true);
    // The arguments are not known, and nothing may follow from that.
    assert_eq!(asks(json!({ "name": "tools/call" }), tool("process_refund")).await, false);
    assert_eq!(asks(json!({ "name": "tools/call" }), tool("send_ping")).await, true);
    let twice = asks(call(json!({ "amount": 20 })), of_resource).await;
    assert!(twice.as_str().unwrap().contains("send them once"), "{twice}");
    assert!(asks(json!({ "name": "tools/call" }), json!({ "type": "x", "id": "y" })).await.is_string());
    let read = |uri: &str| json!({ "type": "resource", "id": uri });
    assert_eq!(asks(json!({ "name": "resources/read" }), read("docs://public/a")).await, true);
    assert_eq!(asks(json!({ "name": "resources/read" }), read("docs://secret/a")).await, false);
    // Guards pass these on, and filter the lists.
    let server = || json!({ "type": "mcp_server", "id": "https://mcp.example.com" });
    assert_eq!(asks(json!({ "name": "tools/list" }), server()).await, true);
    assert_eq!(asks(json!({ "name": "prompts/get" }), json!({ "type": "prompt", "id": "greet" })).await, true);
    assert_eq!(asks(json!({ "name": "tools/other" }), server()).await, false);
    assert_eq!(
        asks(json!({ "name": "mcp:resources/read", "properties": { "uri": "docs://public/a" } }), server()).await,
        false
    );
    // A search finds the tools that could be called.
    let search = json!({ "subject": { "type": "identity", "id": "ann" }, "action": { "name": "tools/call" },
                         "resource": { "type": "tool" } });
    let (_, found) = service.json("/access/v1/search/resource", &search).await;
    let names: BTreeSet<&str> =
        found["results"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["process_refund", "send_ping"]));
}

#[tokio::test]
async fn numbers_are_exact_and_what_the_host_knows_counts() {
    let world = World::new(
        r#"{ "perso": 1, "rules": [
            { "id": "pay", "allow": "pay", "when": { "args.amount": { "lte": 0.1 }, "agent.level": { "gte": 2 } } }
        ] }"#,
    );
    world.write(
        "entities.json",
        r#"{ "subjects": [{ "type": "user", "id": "ann", "properties": { "level": 2 } },
                          { "type": "user", "id": "bob", "properties": { "level": 1 } }] }"#,
    );
    let service = world.serve(&["--entities", "entities.json"]).await;
    let pays = async |who: &str, level: &str, amount: &str| {
        let body = format!(
            r#"{{ "subject": {{ "type": "user", "id": "{who}", "properties": {{ "level": {level} }} }},
                  "action": {{ "name": "pay", "properties": {{ "amount": {amount} }} }}, "resource": {{ "type": "a", "id": "1" }} }}"#
        );
        let (status, answer) = service.post("/access/v1/evaluation", "application/json", body).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["decision"].as_bool().unwrap()
    };
    assert!(pays("ann", "0", "0.1").await);
    assert!(!pays("ann", "0", "0.10000000000000000555").await);
    assert!(!pays("bob", "9", "0.1").await);
    assert!(pays("eve", "9", "0.1").await);
    assert!(!pays("eve", "1", "0.1").await);
}

#[tokio::test]
async fn limits_count_evaluations_and_not_searches() {
    let world = World::new(
        r#"{ "perso": 1, "rules": [{ "id": "mail", "allow": "mail" }],
             "limits": [{ "id": "two", "of": "mail", "per": "agent.id", "max": 2, "window": "1h" }] }"#,
    );
    let service = world.serve(&["--ledger", "memory:"]).await;
    let request = json!({ "subject": { "type": "user", "id": "ann" }, "action": { "name": "mail" },
                          "resource": { "type": "box", "id": "1" } });
    for _ in 0..5 {
        let (_, found) = service.json("/access/v1/search/action", &request).await;
        assert_eq!(found["results"], json!([{ "name": "mail" }]));
    }
    let mut decisions = Vec::new();
    for _ in 0..3 {
        decisions.push(service.json("/access/v1/evaluation", &request).await.1["decision"].as_bool().unwrap());
    }
    assert_eq!(decisions, [true, true, false]);
}
