//! No output has a secret, or an argument that nobody has asked for: markers are planted everywhere, and searched for in everything.

use crate::check::{Attributes, CheckRequest, CheckResponse, Http, HttpRequest};
use crate::clients::{self, LEGACY, call, modern};
use crate::support::{Running, World, client};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// What is planted begins with this.
const MARKER: &str = "PLANTED";

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "pay", "allow": "pay", "roles": ["agent"], "when": { "args.amount": { "lte": 100 }, "args.to": { "starts_with": "PLANTED" } },
      "reason": "Up to 100." },
    { "id": "own", "allow": "read", "when": { "resource.owner": { "eq": { "ref": "agent.secret" } } } },
    { "id": "adds", "allow": "add", "when": { "args.a": { "lte": 100 } }, "reason": "Up to 100." },
    { "id": "echoes", "allow": "echo" }
] }"#;

/// What is in the files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => {
                all.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()))
            }
        }
    }
    all
}

/// Fails if a marker is in an output.
fn clean(what: &str, text: &str) {
    let marked: Vec<&str> = text.lines().filter(|line| line.contains(MARKER)).collect();
    assert!(marked.is_empty(), "{what} has a marker: {marked:#?}");
}

async fn ask(service: &Running, path: &str, kind: &str, body: String) {
    let request =
        client().post(format!("{}{path}?q=PLANTED-query", service.url)).header("content-type", kind).body(body);
    let response =
        request.header("x-perso-token", "PLANTED-token-of-a-host").header("x-other", "PLANTED-header").send();
    let response = response.await.unwrap();
    let head = format!("{:?}", response.headers());
    clean(path, &head);
    clean(path, &response.text().await.unwrap());
}

#[tokio::test]
async fn the_decision_service() {
    let world = World::new(POLICY);
    world.write("tokens.txt", "PLANTED-token-of-a-host\n");
    world.write(
        "entities.json",
        r#"{ "subjects": [{ "type": "user", "id": "ann", "properties": { "secret": "PLANTED-known" } }] }"#,
    );
    let arguments = [
        "--tokens",
        "tokens.txt",
        "--entities",
        "entities.json",
        "--journal",
        "journal",
        "--ledger",
        "memory:",
        "--user",
        "ann",
        "--role",
        "agent",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut command = world.command(&arguments);
    command.env("RUST_LOG", "debug,h2=info");
    let service = world.spawn(command).await;
    let amounts = [json!(1), json!(1_000), json!("PLANTED-amount"), json!(["PLANTED-list"])];
    for amount in &amounts {
        let described = json!({
            "tool": "pay", "args": { "amount": amount, "to": "PLANTED-to", "PLANTED-key": "PLANTED-value" },
            "agent": { "id": "ann", "roles": ["agent"], "secret": "PLANTED-secret" }, "resource": { "owner": "PLANTED-owner" },
            "context": { "ip": "PLANTED-ip" }, "session": { "id": "one", "labels": ["PLANTED-label"] },
        });
        ask(&service, "/v1/decide", "application/json", described.to_string()).await;
        ask(&service, "/v1/decide", "application/jsonl", format!("{described}\n{{\"tool\": \"PLANTED-tool\n")).await;
        let evaluation = json!({
            "subject": { "type": "user", "id": "ann", "properties": { "roles": ["agent"], "secret": "PLANTED-secret" } },
            "action": { "name": "pay", "properties": { "amount": amount, "to": "PLANTED-to" } },
            "resource": { "type": "account", "id": "1", "properties": { "owner": "PLANTED-owner" } },
            "context": { "ip": "PLANTED-ip" },
        });
        ask(&service, "/access/v1/evaluation", "application/json", evaluation.to_string()).await;
        let several = json!({ "evaluations": [evaluation, {}, { "subject": "PLANTED-subject" }] });
        ask(&service, "/access/v1/evaluations", "application/json", several.to_string()).await;
        for search in ["subject", "resource", "action"] {
            ask(&service, &format!("/access/v1/search/{search}"), "application/json", evaluation.to_string()).await;
        }
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                              "params": { "name": "pay", "arguments": described["args"], "_meta": { "x": "PLANTED-meta" } } });
        ask(&service, "/ext-authz/mcp", "application/json", message.to_string()).await;
        let http = HttpRequest {
            method: "POST".to_owned(),
            headers: HashMap::from([
                ("content-type".to_owned(), "application/json".to_owned()),
                ("authorization".to_owned(), "Bearer PLANTED-user".to_owned()),
            ]),
            path: "/mcp?key=PLANTED-key".to_owned(),
            body: message.to_string(),
            ..HttpRequest::default()
        };
        let check = CheckRequest {
            attributes: Some(Attributes { request: Some(Http { http: Some(http) }), metadata_context: None }),
        };
        let path = "/envoy.service.auth.v3.Authorization/Check";
        let checked: CheckResponse = service.grpc_with(path, check, "PLANTED-token-of-a-host").await.unwrap();
        clean(path, &format!("{checked:?}"));
    }
    for broken in ["{\"PLANTED", "PLANTED", "[\"PLANTED\"]", r#"{ "subject": { "type": "PLANTED" } }"#] {
        for path in ["/v1/decide", "/access/v1/evaluation", "/access/v1/search/action", "/ext-authz/mcp"] {
            ask(&service, path, "application/json", broken.to_owned()).await;
        }
    }
    for path in ["/metrics", "/readyz", "/healthz", "/.well-known/authzen-configuration", "/PLANTED"] {
        clean(path, &service.get(path).await.1);
    }
    clean("the log", &world.log());
    assert!(world.log().contains("pay"), "the log shows decisions");
    let journal = files(&world.path("journal"));
    assert!(journal.iter().any(|(_, text)| text.contains(r#""tool":"pay""#)));
    for (name, text) in journal {
        clean(&name, &text);
    }
}

#[tokio::test]
async fn the_gateway() {
    let world = clients::World::new(&["one"]);
    world.write("policy.json", POLICY);
    let servers: Value = serde_json::from_str(&fs::read_to_string(world.path("mcp.json")).unwrap()).unwrap();
    let mut servers = servers["mcpServers"].clone();
    servers["one"]["env"] = json!({ "SECRET": "PLANTED-variable" });
    world.servers(&servers);
    let gateway = world.listening(&["--journal", "journal", "--role", "agent", "--user", "ann"]).await;
    for era in [LEGACY, modern()] {
        let client = gateway.client(era, None).await.unwrap();
        for (tool, args) in [
            ("echo", json!({ "text": "PLANTED-text" })),
            ("add", json!({ "a": "PLANTED-number", "b": 1 })),
            ("add", json!({ "a": 1_000, "b": 1, "PLANTED-key": "PLANTED-value" })),
            ("PLANTED-tool", json!({})),
        ] {
            let (worked, text) = call(&client, tool, args).await;
            // The client may see its own arguments: what does not fit the tool's schema is shown to the model.
            assert_eq!(worked, tool == "echo", "{text}");
        }
        client.cancel().await.unwrap();
    }
    let http = clients::http();
    for path in ["/metrics", "/readyz", "/healthz", "/PLANTED"] {
        clean(path, &http.get(gateway.at(path)).send().await.unwrap().text().await.unwrap());
    }
    // A tool that nobody has is in the log and the journal by its name.
    let without_names = |text: &str| text.replace("PLANTED-tool", "");
    let log = fs::read_to_string(world.path("gateway.log")).unwrap();
    assert!(log.contains("echo"), "the log shows decisions");
    clean("the log", &without_names(&log));
    for (name, text) in files(&world.path("journal")) {
        clean(&name, &without_names(&text));
    }
}
