//! Every adapter judges calls of every MCP revision: a denied call does not run, and the reason arrives.

use crate::support::server::Server;
use crate::support::wire::{Client, MODERN, REVISIONS, assert_denied, text};
use crate::support::{Claims, REASON, Ran, authenticate, policy, router, server};
use axum::{Router, middleware};
use perso_tower::{FromExtension, Guard, PersoLayer, RouterLayer};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use serde_json::{Value, json};

fn app(router: Router) -> Router {
    router.layer(middleware::from_fn(authenticate))
}

/// Each adapter, guarding a server that records what runs.
fn adapters() -> Vec<(&'static str, Router, Ran)> {
    let who = FromExtension::<Claims>::new;
    let layer = || PersoLayer::new(policy()).agent_source(who());
    let guarded = |server: Server| server.guarded(policy()).agent_source(who());
    let mut adapters = Vec::new();
    let mut add = |name, make: &dyn Fn(&Ran) -> Router| {
        let ran = Ran::default();
        adapters.push((name, app(make(&ran)), ran));
    };
    add("layer in front of rmcp", &|ran| {
        Router::new().nest_service("/mcp", server::http(Server { ran: ran.clone() })).layer(layer())
    });
    add("layer in front of rmcp that answers in JSON", &|ran| {
        let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
        Router::new().nest_service("/mcp", server::http_with(Server { ran: ran.clone() }, config)).layer(layer())
    });
    add("layer in front of tower-mcp", &|ran| router::http(ran).into_router_at("/mcp").layer(layer()));
    add("rmcp", &|ran| Router::new().nest_service("/mcp", server::http(guarded(Server { ran: ran.clone() }))));
    add("tower-mcp", &|ran| {
        router::http(ran).layer(RouterLayer::new(policy()).agent_source(who())).into_router_at("/mcp")
    });
    adapters
}

/// tower-mcp supports no revision before 2025-03-26.
fn speaks(adapter: &str, revision: &str) -> bool {
    !(adapter.contains("tower-mcp") && revision == "2024-11-05")
}

#[tokio::test]
async fn every_revision_is_judged() {
    for (adapter, app, ran) in adapters() {
        for revision in REVISIONS.into_iter().filter(|revision| speaks(adapter, revision)) {
            let at = format!("{adapter}, {revision}");
            let client = Client::connect(&app, revision, "agent").await;

            let answer = client.call("agent", "pay", json!({ "amount": 500, "for": at }), Value::Null).await;
            assert!(text(&answer).contains(&at), "{at}: {answer}");
            assert_eq!(ran.take(), [("pay".to_owned(), json!({ "amount": 500, "for": at }))], "{at}");

            let answer = client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
            assert_denied(&answer, REASON, revision);
            assert_eq!(answer["result"]["_meta"]["dev.perso/decision"]["rule"], "pay-small");
            ran.assert_nothing(&at);

            // A tool that the caller does not see in lists.
            let answer = client.call("agent", "wipe", json!({}), Value::Null).await;
            assert_denied(&answer, "Managers may wipe what they own.", revision);
            // A retry with the client's input, although the call never asked for any.
            let retry = json!({ "inputResponses": { "answer": { "action": "accept" } }, "requestState": "state" });
            let answer = client.call("agent", "pay", json!({ "amount": 501 }), retry).await;
            assert_denied(&answer, REASON, revision);
            ran.assert_nothing(&at);
        }
    }
}

#[tokio::test]
async fn each_round_of_a_call_is_judged() {
    for (adapter, app, ran) in adapters().into_iter().filter(|(adapter, ..)| adapter.ends_with("rmcp")) {
        let client = Client::connect(&app, MODERN, "admin").await;
        let answer = client.call("admin", "ask", json!({}), Value::Null).await;
        assert_eq!(answer["result"]["resultType"], "input_required", "{adapter}: {answer}");
        let state = &answer["result"]["requestState"];
        let retry = json!({ "inputResponses": { "answer": { "action": "accept" } }, "requestState": state });

        let answer = client.call("agent", "ask", json!({}), retry.clone()).await;
        assert_eq!(answer["result"]["isError"], true, "{adapter}: {answer}");
        ran.assert_nothing(adapter);

        let answer = client.call("admin", "ask", json!({}), retry).await;
        assert!(text(&answer).starts_with("ask ran"), "{adapter}: {answer}");
        assert_eq!(ran.take().len(), 1, "{adapter}");
    }
}

#[tokio::test]
async fn a_call_that_asks_for_a_task_is_judged() {
    for (adapter, app, ran) in adapters() {
        let client = Client::connect(&app, "2025-11-25", "agent").await;
        let task = json!({ "task": { "ttl": 60000 } });
        let answer = client.call("agent", "pay", json!({ "amount": 501 }), task.clone()).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        ran.assert_nothing(adapter);
        if adapter == "rmcp" {
            // rmcp does not support these tasks and ignores the request for one.
            assert_denied(&answer, REASON, "2025-11-25");
        } else {
            assert_eq!(answer["error"]["message"], REASON, "{adapter}: {answer}");
            assert!((-32019..=-32000).contains(&answer["error"]["code"].as_i64().unwrap()), "{adapter}: {answer}");
            assert_eq!(answer["error"]["data"]["dev.perso/decision"]["rule"], "pay-small", "{adapter}: {answer}");
        }
        let answer = client.call("agent", "pay", json!({ "amount": 5 }), task).await;
        assert!(answer.get("error").is_none(), "{adapter}: {answer}");
        assert_eq!(answer["result"].get("task").is_some(), adapter.ends_with("tower-mcp"), "{adapter}: {answer}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(ran.take().len(), 1, "{adapter}");
    }
}

#[tokio::test]
async fn arguments_that_are_no_object_do_not_run() {
    for (adapter, app, ran) in adapters() {
        for revision in REVISIONS.into_iter().filter(|revision| speaks(adapter, revision)) {
            let client = Client::connect(&app, revision, "agent").await;
            for args in [json!([{ "amount": 5 }]), json!("{\"amount\":5}"), json!(5), Value::Null] {
                let answer = client.call("agent", "pay", args.clone(), Value::Null).await;
                let is_error = answer.get("error").is_some() || answer["result"]["isError"] == true;
                assert!(is_error, "{adapter}, {revision}, {args}: {answer}");
                ran.assert_nothing(&format!("{adapter}, {revision}, {args}"));
            }
            // Without arguments.
            let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "pay" } });
            let expected = format!("{REASON} Hint: args.amount is missing.");
            assert_denied(client.send("agent", call).await.answer(7), &expected, revision);
            ran.assert_nothing(adapter);
        }
    }
}

#[tokio::test]
async fn lists_show_what_the_caller_could_call() {
    for (adapter, app, _) in adapters() {
        for revision in REVISIONS.into_iter().filter(|revision| speaks(adapter, revision)) {
            let at = format!("{adapter}, {revision}");
            let client = Client::connect(&app, revision, "admin").await;
            let (all, _) = client.list("admin").await;
            assert!(all.len() >= 4, "{at}: {all:?}");
            // Each request is judged as its own caller, whoever opened the session.
            let (seen, result) = client.list("agent").await;
            assert_eq!(seen, ["pay"], "{at}");
            assert_eq!(client.list("manager").await.0, ["wipe"], "{at}");
            assert!(client.list("stranger").await.0.is_empty(), "{at}");
            if revision == MODERN {
                assert_eq!(result["cacheScope"], "private", "{at}: {result}");
            }
            assert_ne!(result.get("cacheScope"), Some(&json!("public")), "{at}: {result}");
        }
    }
}

#[tokio::test]
async fn a_session_is_judged_by_who_uses_it() {
    for (adapter, app, ran) in adapters() {
        for revision in REVISIONS.into_iter().filter(|revision| speaks(adapter, revision)) {
            let client = Client::connect(&app, revision, "admin").await;
            client.call("admin", "wipe", json!({}), Value::Null).await;
            assert_eq!(ran.take().len(), 1, "{adapter}, {revision}");
            let answer = client.call("agent", "wipe", json!({}), Value::Null).await;
            assert_denied(&answer, "Managers may wipe what they own.", revision);
            // Claiming another identity where a model could write it does not help.
            let admin = json!({ "id": "root", "roles": ["admin"] });
            let args = json!({ "agent": admin, "roles": ["admin"] });
            let meta = json!({ "_meta": { "agent": admin, "roles": ["admin"] }, "agent": admin });
            let answer = client.call("agent", "wipe", args, meta).await;
            assert_denied(&answer, "Managers may wipe what they own.", revision);
            ran.assert_nothing(&format!("{adapter}, {revision}"));
        }
    }
}
