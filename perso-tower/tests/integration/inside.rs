//! Attacks on a guard inside a server, which sees calls as the server has parsed them, over HTTP and stdio. The tests
//! send the same bytes to a server without a guard, to prove that some of them do run a tool.

use crate::support::server::Server;
use crate::support::wire::{Client, MODERN, REVISIONS, assert_denied};
use crate::support::{Claims, Ran, authenticate, policy, router, server};
use axum::{Router, middleware};
use perso_tower::{FromExtension, Guard, RouterLayer, StaticAgent};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Messages that a server might read as a call of `wipe`, or of `pay` with too much.
fn messages() -> Vec<String> {
    let pay = r#""name":"pay","arguments":{"amount":5}"#;
    let mut messages = vec![
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{pay},"name":"wipe"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{pay},"Name":"wipe"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{pay},"arguments":{{"amount":9999}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{pay}}},"params":{{"name":"wipe"}}}}"#),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"n\u0061me":"wipe"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"amount":5,"amount":9999}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"Amount":5}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"amount":"5"}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":null}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":[{"amount":5}]}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe","task":{"ttl":1}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe","_meta":{"roles":["admin"]}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}]"#.to_owned(),
    ];
    for method in ["Tools/Call", "tools/invoke", " tools/call", "tools/call "] {
        messages.push(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"wipe"}}}}"#));
    }
    messages
}

/// Returns what ran although it must not: everything but a payment of 5.
fn harm(ran: &Ran) -> Vec<(String, Value)> {
    ran.take().into_iter().filter(|(tool, args)| tool != "pay" || args["amount"] != 5).collect()
}

/// Sends lines to a server over a pipe, in a session. An allowed call at the end shows when the server has handled them
/// all.
async fn over_stdio<S: ServerHandler>(server: S, lines: Vec<String>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn(async move { server.serve(theirs).await.unwrap().waiting().await });
    let (read, mut write) = tokio::io::split(ours);
    let mut answers = BufReader::new(read).lines();
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" }
    } });
    let last = r#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"pay","arguments":{"amount":5}}}"#;
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned();
    for line in [initialize.to_string(), initialized].into_iter().chain(lines).chain([last.to_owned()]) {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    while let Some(answer) = answers.next_line().await.unwrap() {
        if serde_json::from_str::<Value>(&answer).unwrap()["id"] == 99 {
            break;
        }
    }
    drop((write, answers));
    let _ = serving.await.unwrap();
}

#[tokio::test]
async fn rmcp_over_stdio() {
    let agent = || StaticAgent(Claims::of("agent").agent());
    let mut attacks = 0;
    for message in messages() {
        let bare = Server::default();
        over_stdio(bare.clone(), vec![message.clone()]).await;
        attacks += harm(&bare.ran).len();

        let server = Server::default();
        let ran = server.ran.clone();
        over_stdio(server.guarded(policy()).agent_source(agent()), vec![message.clone()]).await;
        assert_eq!(harm(&ran), [], "{message}");
    }
    assert!(attacks >= 6, "{attacks}");
}

fn rmcp(ran: &Ran, guarded: bool) -> Router {
    let server = Server { ran: ran.clone() };
    let service = match guarded {
        true => Router::new()
            .nest_service("/mcp", server::http(server.guarded(policy()).agent_source(FromExtension::<Claims>::new()))),
        false => Router::new().nest_service("/mcp", server::http(server)),
    };
    service.layer(middleware::from_fn(authenticate))
}

fn tower_mcp(ran: &Ran, guarded: bool) -> Router {
    let transport = router::http(ran);
    let transport = match guarded {
        true => transport.layer(RouterLayer::new(policy()).agent_source(FromExtension::<Claims>::new())),
        false => transport,
    };
    transport.into_router_at("/mcp").layer(middleware::from_fn(authenticate))
}

#[tokio::test]
async fn over_http() {
    for (name, app) in [("rmcp", rmcp as fn(&Ran, bool) -> Router), ("tower-mcp", tower_mcp)] {
        let ran = Ran::default();
        let (bare, guarded) = (app(&ran, false), app(&ran, true));
        let mut attacks = 0;
        for revision in REVISIONS.into_iter().filter(|revision| ("2025-03-26".."2026").contains(revision)) {
            for message in messages() {
                let client = Client::connect(&bare, revision, "agent").await;
                client.send_raw("agent", &message).await;
                settle().await;
                attacks += harm(&ran).len();

                let client = Client::connect(&guarded, revision, "agent").await;
                client.send_raw("agent", &message).await;
                settle().await;
                assert_eq!(harm(&ran), [], "{name}, {revision}: {message}");
            }
        }
        assert!(attacks >= 12, "{name}: {attacks}");
    }
}

/// Waits for tasks, which run in the background.
async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

/// tower-mcp runs batches in the one revision that has them. The guard judges each call separately.
#[tokio::test]
async fn a_batch_is_judged_call_by_call() {
    let ran = Ran::default();
    let app = tower_mcp(&ran, true);
    let client = Client::connect(&app, "2025-03-26", "agent").await;
    let call = |id: u64, name: &str, args: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": args } });
    let batch = json!([
        call(1, "pay", json!({ "amount": 5 })),
        call(2, "wipe", json!({})),
        call(3, "pay", json!({ "amount": 501 })),
        { "jsonrpc": "2.0", "id": 4, "method": "tools/list" }
    ]);
    let reply = client.send_raw("agent", &batch.to_string()).await;
    let answers = reply.messages[0].as_array().unwrap();
    let answer = |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert!(answer(1)["result"]["content"][0]["text"].as_str().unwrap().starts_with("pay ran"));
    assert_denied(answer(2), "Managers may wipe what they own.", "2025-03-26");
    assert_denied(answer(3), crate::support::REASON, "2025-03-26");
    assert_eq!(answer(4)["result"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(ran.take(), [("pay".to_owned(), json!({ "amount": 5 }))]);
}

/// If the headers contradict the body, the servers themselves refuse the request.
#[tokio::test]
async fn headers_unlike_the_body() {
    for (name, app) in [("rmcp", rmcp as fn(&Ran, bool) -> Router), ("tower-mcp", tower_mcp)] {
        let ran = Ran::default();
        let app = app(&ran, true);
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {}
        });
        for (header, tool) in [("pay", "wipe"), ("wipe", "pay")] {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": tool, "arguments": { "amount": 5 }, "_meta": meta } });
            let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", header)];
            let request = crate::support::wire::post("agent", &headers, call.to_string());
            let reply = crate::support::wire::send(&app, request).await;
            assert!(reply.status.is_client_error(), "{name}: {reply:?}");
            ran.assert_nothing(name);
        }
    }
}
