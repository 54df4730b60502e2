//! Ten thousand concurrent calls: none is lost, and each is judged with its own caller, arguments and resource.

use crate::support::server::Server;
use crate::support::wire::{call, post, send};
use crate::support::{Claims, Ran, authenticate, compiled, router, server};
use axum::{Router, middleware};
use perso_tower::{BoxError, FromExtension, Guard, PersoLayer, Policy, ResourceQuery, RouterLayer};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::ServiceExt;
use tower_mcp::protocol::{CallToolParams, McpNotification, McpRequest, McpResponse, RequestId};

const CALLS: u64 = 10_000;

/// A policy that requires the same marker in the caller, the arguments and the resource.
fn matching() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [{ "id": "own", "allow": "pay", "when": {
        "args.marker": { "eq": { "ref": "agent.id" } }, "resource.marker": { "eq": { "ref": "agent.id" } }
    } }] }))
}

async fn resource(query: ResourceQuery) -> Result<Map<String, Value>, BoxError> {
    // Let other calls run in between.
    tokio::task::yield_now().await;
    Ok(Map::from_iter([("marker".to_owned(), query.args["marker"].clone())]))
}

async fn run(name: &str, app: Router, ran: Ran) {
    let app = app.layer(middleware::from_fn(authenticate));
    let calls: Vec<_> = (0..CALLS)
        .map(|id| {
            let app = app.clone();
            tokio::spawn(async move {
                // Every third call has its neighbour's marker.
                let marker = if id % 3 == 0 { format!("m{}", id + 1) } else { format!("m{id}") };
                let body = call(id, "pay", &json!({ "marker": marker }));
                let reply = send(&app, post(&format!("agent:m{id}"), &[], body)).await;
                let result = &reply.answer(id)["result"];
                let text = result["content"][0]["text"].as_str().unwrap().to_owned();
                assert_eq!(result["isError"] == true, id % 3 == 0, "{id}: {text}");
                // Each call gets its own answer.
                assert!(id % 3 == 0 || text.contains(&format!("\"m{id}\"")), "{id}: {text}");
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_each_ran_once(name, &ran);
}

/// Asserts that exactly the calls with their own marker ran.
#[track_caller]
fn assert_each_ran_once(name: &str, ran: &Ran) {
    let ran: Vec<String> =
        ran.take().into_iter().map(|(_, args)| args["marker"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> = (0..CALLS).filter(|id| id % 3 != 0).map(|id| format!("m{id}")).collect();
    assert_eq!(ran.len(), expected.len(), "{name}: none twice, none lost");
    assert_eq!(BTreeSet::from_iter(ran), expected, "{name}");
}

fn stateless() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true)
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_layer() {
    let ran = Ran::default();
    let guard = PersoLayer::new(matching()).agent_source(FromExtension::<Claims>::new()).resource(resource);
    let server = server::http_with(Server { ran: ran.clone() }, stateless());
    run("layer", Router::new().nest_service("/mcp", server).layer(guard), ran).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_rmcp() {
    let server = Server::default();
    let ran = server.ran.clone();
    let guarded = server.guarded(matching()).agent_source(FromExtension::<Claims>::new()).resource(resource);
    run("rmcp", Router::new().nest_service("/mcp", server::http_with(guarded, stateless())), ran).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_tower_mcp() {
    let ran = Ran::default();
    let guard = RouterLayer::new(matching()).agent_source(FromExtension::<Claims>::new()).resource(resource);
    // Call the router as a service: over HTTP, tower-mcp requires a session for each client.
    let router = router::router(&ran);
    let service = tower::Layer::layer(&guard, router.clone());
    let initialize =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    let initialize = McpRequest::Initialize(serde_json::from_value(initialize).unwrap());
    let request = tower_mcp::RouterRequest::new(RequestId::Number(-1), initialize);
    service.clone().oneshot(request).await.unwrap().inner.unwrap();
    router.handle_notification(McpNotification::Initialized);
    let calls: Vec<_> = (0..CALLS)
        .map(|id| {
            let service = service.clone();
            tokio::spawn(async move { in_router(service, id).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_each_ran_once("tower-mcp", &ran);
}

async fn in_router(service: perso_tower::GuardedRouter<tower_mcp::McpRouter>, id: u64) {
    let marker = if id.is_multiple_of(3) { format!("m{}", id + 1) } else { format!("m{id}") };
    let params: CallToolParams =
        serde_json::from_value(json!({ "name": "pay", "arguments": { "marker": marker } })).unwrap();
    let mut request = tower_mcp::RouterRequest::new(RequestId::Number(id as i64), McpRequest::CallTool(params));
    request.extensions.insert(Claims::of(&format!("agent:m{id}")));
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.id, RequestId::Number(id as i64));
    let Ok(McpResponse::CallTool(result)) = response.inner else { panic!("{id}: {:?}", response.inner) };
    assert_eq!(result.is_error, id.is_multiple_of(3), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_swapped_while_calls_are_judged() {
    let handle = perso_tower::PolicyHandle::from(matching());
    let ran = Ran::default();
    let guard = PersoLayer::new(handle.clone()).agent_source(FromExtension::<Claims>::new()).resource(resource);
    let server = server::http_with(Server { ran: ran.clone() }, stateless());
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut swaps = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                handle.swap(matching());
                swaps += 1;
            }
            swaps
        }
    });
    run("swapping", Router::new().nest_service("/mcp", server).layer(guard), ran).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(swapping.join().unwrap() > 10);
}
