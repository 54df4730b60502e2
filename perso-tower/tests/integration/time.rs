//! The time of a call, which rules read as `context.now`: it is the guard's, unless the host's context has it.

use crate::support::peer::{Era, Peer, Token};
use crate::support::wire::{self, Client, MODERN};
use crate::support::{Ran, compiled, server, tcp};
use crate::ways::{Tools, each_tower_mcp, json_config, over_lines, routed, status, task_id, tower};
use axum::Router;
use jiff::{SignedDuration, Timestamp};
use perso_tower::{Guard, GuardService, PersoLayer, Policy, PolicyHandle, ResourceQuery, RouterLayer};
use rmcp::service::Service;
use rmcp::{RoleServer, ServiceExt};
use serde_json::{Map, Value, json};
use std::time::Duration;

const OLD: &str = "2020-01-01T00:00:00.000Z";

/// The condition that a call is judged in one of the next seconds, from the one that is `from` ahead.
fn soon(from: i64) -> Value {
    let now = Timestamp::now();
    let second = |ahead: i64| format!("{:.0}", now + SignedDuration::from_secs(ahead)).replace('Z', ".");
    json!({ "any": (from..from + 60).map(|ahead| json!({ "context.now": { "starts_with": second(ahead) } })).collect::<Vec<_>>() })
}

/// A policy that allows `pay` soon, and `ask` long ago.
fn policy() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [
        { "id": "soon", "allow": "pay", "when": soon(0), "reason": "Pay soon." },
        { "id": "old", "allow": "ask", "when": { "context.now": OLD }, "reason": "Ask long ago." }
    ] }))
}

/// A policy that does not read the time, and that allows nothing if the context has one.
fn timeless() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [
        { "id": "crm", "allow": "pay", "when": { "context": { "only": ["server"] }, "context.server": "crm" } }
    ] }))
}

fn context(now: Option<&str>) -> Map<String, Value> {
    let server = Some(("server".to_owned(), json!("crm")));
    server.into_iter().chain(now.map(|now| ("now".to_owned(), json!(now)))).collect()
}

/// What a client says about the time.
fn claims() -> Value {
    json!({ "now": OLD, "context": { "now": OLD }, "context.now": OLD })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// The policy reads the time, and the context has none.
    Current,
    /// The policy reads the time, and the context has it.
    Own,
    /// The policy does not read the time.
    Timeless,
}

impl Case {
    const ALL: [Self; 3] = [Self::Current, Self::Own, Self::Timeless];

    fn policy(self) -> Policy {
        if self == Self::Timeless { timeless() } else { policy() }
    }

    fn context(self) -> Map<String, Value> {
        context((self == Self::Own).then_some(OLD))
    }
}

/// A guard of any adapter, with the policy and the context of a case.
macro_rules! guarded {
    ($case:expr, $guard:expr) => {{
        let case: Case = $case;
        #[allow(clippy::redundant_closure_call, reason = "each adapter makes its guard in its own way")]
        let guard = ($guard)(case.policy()).context(case.context());
        guard
    }};
}

/// Makes the calls of a case.
async fn check(case: Case, peer: &mut Peer, ran: &Ran, at: &str) {
    // By the guard: with a handshake, the servers refuse to ask the client for input.
    let is_denied = |answer: &Value| answer["result"]["_meta"][perso_tower::META]["decision"] == "deny";
    let at = format!("{at}, {case:?}");
    let answer = peer.call("agent", "pay", claims()).await;
    assert_eq!(is_denied(&answer), case == Case::Own, "{at}: {answer}");
    let ran_with = if case == Case::Own { vec![] } else { vec![("pay".to_owned(), claims())] };
    assert_eq!(ran.take(), ran_with, "{at}");
    // What a client sends is not the time.
    let params =
        json!({ "name": "ask", "arguments": claims(), "_meta": claims(), "context": { "now": OLD }, "now": OLD });
    let answer = peer.ask_with("agent", "tools/call", params, false).await;
    assert_eq!(is_denied(&answer), case != Case::Own, "{at}: {answer}");
    if case != Case::Own {
        ran.assert_nothing(&at);
    }
    ran.take();
}

/// Asks for the list of tools, which is made for any time, unless the host tells it.
async fn check_list(case: Case, peer: &mut Peer, at: &str) {
    let list = peer.ask("agent", "tools/list", json!({})).await["result"]["tools"].clone();
    let names: Vec<_> = list.as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    let has = |tool| names.contains(&tool);
    assert_eq!((has("pay"), has("ask")), (case != Case::Own, case != Case::Timeless), "{at}, {case:?}: {names:?}");
}

#[tokio::test]
async fn rmcp_handlers() {
    for (era, case) in Era::ALL.into_iter().flat_map(|era| Case::ALL.map(|case| (era, case))) {
        let guarded = |tools: Tools| guarded!(case, |policy| tools.guarded(policy));
        let mut peers = over_lines(era, |_| {
            let tools = Tools::default();
            (tools.ran.clone(), move || guarded(tools))
        })
        .await;
        let tools = Tools::default();
        let ran = tools.ran.clone();
        let address = tcp::serve(Router::new().nest_service("/mcp", server::http(guarded(tools)))).await;
        peers.push(("HTTP", Peer::http(address, era).await, ran));
        for (transport, mut peer, ran) in peers {
            check(case, &mut peer, &ran, &format!("rmcp, {era:?}, {transport}")).await;
        }
    }
}

#[tokio::test]
async fn rmcp_routers() {
    for (era, case) in Era::ALL.into_iter().flat_map(|era| Case::ALL.map(|case| (era, case))) {
        let peers = over_lines(era, |_| {
            let ran = Ran::default();
            let router = routed(&ran);
            (ran, move || guarded!(case, |policy| router.guarded_service(policy)))
        });
        for (transport, mut peer, ran) in peers.await {
            check(case, &mut peer, &ran, &format!("rmcp's router, {era:?}, {transport}")).await;
        }
    }
}

#[tokio::test]
async fn tower_mcp_routers() {
    for (era, case) in Era::ALL.into_iter().flat_map(|era| Case::ALL.map(|case| (era, case))) {
        each_tower_mcp(
            era,
            tower::router,
            || guarded!(case, RouterLayer::new),
            async |mut peer, ran, at| {
                check(case, &mut peer, &ran, &at).await;
                check_list(case, &mut peer, &at).await;
            },
        )
        .await;
    }
}

#[tokio::test]
async fn any_server_over_http() {
    for (era, case) in Era::ALL.into_iter().flat_map(|era| Case::ALL.map(|case| (era, case))) {
        let layer = || guarded!(case, PersoLayer::new);
        let tools = Tools::default();
        let app = Router::new().nest_service("/mcp", server::http(tools.clone()));
        let mut peer = Peer::http(tcp::serve(app.layer(layer())).await, era).await;
        check(case, &mut peer, &tools.ran, &format!("the layer in front of rmcp, {era:?}")).await;

        let ran = Ran::default();
        let app = tower_mcp::HttpTransport::new(tower::router(&ran)).into_router_at("/mcp");
        let mut peer = Peer::http(tcp::serve(app.layer(layer())).await, era).await;
        let at = format!("the layer in front of tower-mcp, {era:?}");
        check(case, &mut peer, &ran, &at).await;
        check_list(case, &mut peer, &at).await;
    }
}

/// rmcp's lists: of its handler and of its router.
#[tokio::test]
async fn a_list_is_made_for_any_time() {
    for case in Case::ALL {
        let tools = server::Server::default();
        let app = Router::new().nest_service("/mcp", server::http(guarded!(case, |policy| tools.guarded(policy))));
        let names = Client::connect(&app, MODERN, "agent").await.list("agent").await.0;
        let has = |tool: &str| names.iter().any(|name| name == tool);
        assert_eq!((has("pay"), has("ask")), (case != Case::Own, case != Case::Timeless), "{case:?}: {names:?}");

        let token = Token::default();
        let router = guarded!(case, |policy| routed(&Ran::default()).guarded_service(policy));
        let mut peer = Peer::lines(served(router), Era::Stateless, &token).await;
        let list = peer.ask("agent", "tools/list", json!({})).await["result"]["tools"].clone();
        let names: Vec<_> = list.as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
        assert_eq!(names, if case == Case::Own { vec![] } else { vec![json!("pay")] }, "{case:?}");
    }
}

fn served(service: impl Service<RoleServer>) -> tokio::io::DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { service.serve(theirs).await.unwrap().waiting().await });
    ours
}

#[tokio::test]
async fn headers_do_not_tell_the_time() {
    let tools = Tools::default();
    let ran = tools.ran.clone();
    let guarded = guarded!(Case::Current, |policy| tools.clone().guarded(policy));
    let rmcp = Router::new().nest_service("/mcp", server::http_with(guarded, json_config()));
    let layer = guarded!(Case::Current, PersoLayer::new);
    let layered = Router::new().nest_service("/mcp", server::http_with(tools, json_config())).layer(layer);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    for (name, app) in [("rmcp", rmcp), ("layer", layered)] {
        for (tool, runs) in [("ask", false), ("pay", true)] {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": tool, "arguments": {}, "_meta": meta } });
            let headers = [
                ("mcp-protocol-version", MODERN),
                ("mcp-method", "tools/call"),
                ("mcp-name", tool),
                ("date", "Wed, 01 Jan 2020 00:00:00 GMT"),
                ("context", r#"{"now":"2020-01-01T00:00:00.000Z"}"#),
                ("context.now", OLD),
                ("now", OLD),
                ("mcp-param-now", OLD),
            ];
            let reply = wire::send(&app, wire::post("agent", &headers, call.to_string())).await;
            assert_eq!(reply.answer(1)["result"]["isError"] == true, !runs, "{name}: {reply:?}");
            assert_eq!(ran.take().len(), usize::from(runs), "{name}");
        }
    }
}

/// An update of a task is judged at its own time, not at that of the call.
#[tokio::test]
async fn each_judgment_has_its_own_time() {
    let all = || compiled(&json!({ "perso": 1, "rules": [{ "id": "soon", "allow": "task", "when": soon(0) }] }));
    let handle = PolicyHandle::from(all());
    let tools = Tools::default();
    let ran = tools.ran.clone();
    let token = Token::default();
    let mut peer = Peer::lines(served(tools.guarded(handle.clone())), Era::Stateless, &token).await;
    let created = peer.ask("agent", "tools/call", json!({ "name": "task", "arguments": {} })).await;
    let task = task_id(&created);
    status(&mut peer, &task, |status| status == "input_required").await;
    let update = json!({ "taskId": task, "inputResponses": { "sure": { "action": "accept" } } });
    // From the second on that is in three seconds.
    handle.swap(compiled(&json!({ "perso": 1, "rules": [{ "id": "later", "allow": "task", "when": soon(3) }] })));
    let early = peer.ask("agent", "tasks/update", update.clone()).await;
    assert!(early.get("error").is_some(), "{early}");
    ran.assert_nothing("denied");
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let later = peer.ask("agent", "tasks/update", update).await;
    assert!(later.get("error").is_none(), "{later}");
    status(&mut peer, &task, |status| status == "completed").await;
    assert_eq!(ran.take().len(), 1);
}

/// A call is judged at one moment, however long the host looks up its resource: at that of before.
#[tokio::test]
async fn a_call_has_one_time() {
    let before = json!({ "any": soon(0)["any"].as_array().unwrap()[..2] });
    let policy = compiled(&json!({ "perso": 1, "rules": [
        { "id": "soon", "allow": "pay", "when": { "all": [before, { "resource.open": true }] } }
    ] }));
    let tools = Tools::default();
    let ran = tools.ran.clone();
    let slow = |_: ResourceQuery| async {
        tokio::time::sleep(Duration::from_millis(2100)).await;
        Ok::<_, perso_tower::BoxError>(Map::from_iter([("open".to_owned(), json!(true))]))
    };
    let token = Token::default();
    let mut peer = Peer::lines(served(tools.guarded(policy).resource(slow)), Era::Stateless, &token).await;
    let answer = peer.call("agent", "pay", json!({})).await;
    assert!(answer["result"]["isError"] != true, "{answer}");
    assert_eq!(ran.take().len(), 1);
}
