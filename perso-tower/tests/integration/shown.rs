//! A resource source and an observer see exactly the arguments that run. Text that JSON parsers could read differently
//! is denied.

use crate::support::server::Server;
use crate::support::verbatim::verbatim;
use crate::support::{Claims, Ran, allow_all, authenticate, policy, router, server, tcp};
use axum::{Router, middleware};
use perso_tower::{
    BoxError, Denial, Denied, Event, FromExtension, Guard, PersoLayer, ResourceQuery, RouterLayer, async_trait,
};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Returns another owner if it sees the id `theirs`, and otherwise the caller.
async fn owner(query: ResourceQuery) -> Result<Map<String, Value>, BoxError> {
    let owner = if query.args["id"] == "theirs" { "them" } else { "me" };
    Ok(Map::from_iter([("owner_id".to_owned(), json!(owner))]))
}

fn call(tool: &str, args: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{args}}}}}"#)
}

/// Arguments that JSON parsers read differently, each with a word from the reason for the denial.
fn unclear() -> Vec<(&'static str, String)> {
    let nested = |levels| format!(r#"{{"id":"theirs","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    [
        ("number", r#"{"id":"theirs","x":1e999}"#),
        ("number", r#"{"id":"theirs","x":[{"y":-1E+999}]}"#),
        ("number", r#"{"id":"theirs","x":1e-400}"#),
        ("number", r#"{"id":"theirs","x":123456789012345678901234567890}"#),
        ("number", r#"{"id":"theirs","x":9007199254740993.0}"#),
        ("number", r#"{"id":"theirs","x":0.1000000000000000055511151231257827}"#),
        ("key", r#"{"id":"theirs","id":"mine"}"#),
        ("key", r#"{"id":"mine","id":"theirs"}"#),
        ("key", r#"{"id":"mine","\u0069d":"theirs"}"#),
        ("key", r#"{"id":"mine","ID":"theirs"}"#),
        ("key", r#"{"id":"mine","\u0130d":"theirs"}"#),
        ("key", r#"{"id":"mine","id\u0000":"theirs"}"#),
        ("key", r#"{"x":[{"é":1,"É":2}],"id":"mine"}"#),
        ("cannot be read", r#"{"id":"theirs","x":"\ud800"}"#),
        ("cannot be read", r#"{"id":"theirs","\udc00":1}"#),
    ]
    .map(|(why, args)| (why, args.to_owned()))
    .into_iter()
    // Around the depth that `serde_json` accepts, and beyond it.
    .chain([64, 127, 128, 100_000].map(|levels| ("limit", nested(levels))))
    .collect()
}

async fn served(guard: PersoLayer) -> (SocketAddr, Ran) {
    let ran = Ran::default();
    let guard = guard.agent_source(FromExtension::<Claims>::new());
    (tcp::serve(verbatim(&ran).layer(guard).layer(middleware::from_fn(authenticate))).await, ran)
}

#[tokio::test]
async fn a_source_sees_what_runs_or_nothing_runs() {
    let (address, ran) = served(PersoLayer::new(policy()).resource(owner)).await;
    for args in [r#"{"id":"mine","x":1.50,"y":18446744073709551615,"z":-0}"#, r#"{"id":"a","x":[{"id":1},{"id":2}]}"#] {
        tcp::post(address, "manager:me", &call("wipe", args)).await;
        assert_eq!(ran.take(), [("wipe".to_owned(), json!(args))]);
    }
    tcp::post(address, "manager:me", &call("wipe", r#"{"id":"theirs"}"#)).await;
    ran.assert_nothing("theirs");
    for (why, args) in unclear() {
        let reply = tcp::post(address, "manager:me", &call("wipe", &args)).await;
        ran.assert_nothing(&args);
        assert!(reply.body.contains("isError") && reply.body.contains(why), "{why}: {}", reply.body);
    }
}

/// Without a source or an observer, only what the policy reads must be unambiguous.
#[tokio::test]
async fn without_a_source_the_policy_reads_what_it_needs() {
    let (address, ran) = served(PersoLayer::new(policy())).await;
    let args = r#"{"amount":5,"x":1e999,"y":{"a":1,"A":2}}"#;
    tcp::post(address, "agent", &call("pay", args)).await;
    assert_eq!(ran.take(), [("pay".to_owned(), json!(args))]);
    for args in [r#"{"amount":5,"amount":9999}"#, r#"{"amount":5,"x":"\ud800"}"#] {
        tcp::post(address, "agent", &call("pay", args)).await;
        ran.assert_nothing(args);
    }
}

type Seen = Arc<Mutex<Vec<(bool, Value)>>>;

fn recorder(seen: &Seen) -> impl Fn(&Event<'_>, &Value) + Send + Sync + 'static {
    let seen = seen.clone();
    move |event, args| seen.lock().unwrap().push((event.decision.is_allowed(), args.clone()))
}

#[tokio::test]
async fn an_observer_sees_what_runs_or_nothing_runs() {
    let seen = Seen::default();
    let (address, ran) = served(PersoLayer::new(allow_all()).on_decision(recorder(&seen))).await;
    tcp::post(address, "agent", &call("pay", r#"{"x":1.50}"#)).await;
    assert_eq!((ran.take().len(), seen.lock().unwrap().pop()), (1, Some((true, json!({ "x": 1.5 })))));
    for (_, args) in unclear() {
        tcp::post(address, "agent", &call("pay", &args)).await;
        ran.assert_nothing(&args);
        assert_eq!(seen.lock().unwrap().drain(..).collect::<Vec<_>>(), [(false, Value::Null)], "{args}");
    }
    // When only observing, the call runs, but the observer does not get ambiguous arguments.
    let (address, ran) = served(PersoLayer::new(allow_all()).observe().on_decision(recorder(&seen))).await;
    tcp::post(address, "agent", &call("pay", r#"{"x":1e999}"#)).await;
    assert_eq!((ran.take().len(), seen.lock().unwrap().pop()), (1, Some((false, Value::Null))));
}

/// Each adapter with the same configuration, on its own port.
macro_rules! adapters {
    (|$guard:ident| $setup:expr) => {{
        let mut adapters: Vec<(&str, SocketAddr, Ran)> = Vec::new();
        let who = FromExtension::<Claims>::new;
        let json = || {
            rmcp::transport::streamable_http_server::StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(true)
        };
        let app = |app: Router| app.layer(middleware::from_fn(authenticate));
        {
            let ran = Ran::default();
            let $guard = PersoLayer::new(policy()).agent_source(who());
            let server = server::http_with(Server { ran: ran.clone() }, json());
            let address = tcp::serve(app(Router::new().nest_service("/mcp", server).layer($setup))).await;
            adapters.push(("layer", address, ran));
        }
        {
            let server = Server::default();
            let ran = server.ran.clone();
            let $guard = server.guarded(policy()).agent_source(who());
            let address = tcp::serve(app(Router::new().nest_service("/mcp", server::http_with($setup, json())))).await;
            adapters.push(("rmcp", address, ran));
        }
        {
            let ran = Ran::default();
            let $guard = RouterLayer::new(policy()).agent_source(who());
            let transport = router::http(&ran).layer($setup);
            let address = tcp::serve(app(transport.into_router_at("/mcp"))).await;
            adapters.push(("tower-mcp", address, ran));
        }
        adapters
    }};
}

/// Returns a call of the stateless revision, which needs no session.
async fn modern(address: SocketAddr, token: &str, tool: &str, args: &Value) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": args, "_meta": meta } });
    let head = [
        "POST /mcp HTTP/1.1",
        &format!("Authorization: {token}"),
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        "Mcp-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        &format!("Mcp-Name: {tool}"),
    ];
    tcp::exchange(address, &head, &call.to_string()).await.body
}

#[tokio::test]
async fn a_source_that_panics_gives_no_permission() {
    let panics = |query: ResourceQuery| async move {
        assert_eq!(query.args["id"], "mine", "not there");
        owner(query).await
    };
    for (adapter, address, ran) in adapters!(|guard| guard.resource(panics)) {
        let denied = modern(address, "manager:me", "wipe", &json!({ "id": "gone" })).await;
        ran.assert_nothing(adapter);
        assert!(denied.contains("Managers may wipe what they own."), "{adapter}: {denied}");
        modern(address, "manager:me", "wipe", &json!({ "id": "mine" })).await;
        assert_eq!(ran.take().len(), 1, "{adapter}");
    }
}

struct Broken;

#[async_trait]
impl<R: Sync> perso_tower::AgentSource<R> for Broken {
    async fn agent(&self, _: &R) -> Result<perso_tower::Agent, BoxError> {
        panic!("the directory is down")
    }
}

#[tokio::test]
async fn an_agent_source_that_panics_gives_no_permission() {
    for (adapter, address, ran) in adapters!(|guard| guard.agent_source(Broken)) {
        let denied = modern(address, "admin", "wipe", &json!({})).await;
        ran.assert_nothing(adapter);
        assert!(denied.contains("isError"), "{adapter}: {denied}");
    }
}

#[tokio::test]
async fn a_call_that_could_not_be_recorded_does_not_run() {
    let panics = |_: &Event<'_>, args: &Value| assert_ne!(args["amount"], 4, "the disk is full");
    for (adapter, address, ran) in adapters!(|guard| guard.on_decision(panics)) {
        let denied = modern(address, "agent", "pay", &json!({ "amount": 4 })).await;
        ran.assert_nothing(adapter);
        assert!(denied.contains("isError"), "{adapter}: {denied}");
        modern(address, "agent", "pay", &json!({ "amount": 5 })).await;
        assert_eq!(ran.take().len(), 1, "{adapter}");
    }
}

struct Speechless;

impl Denial for Speechless {
    fn text(&self, _: &Denied) -> String {
        panic!("no words")
    }
}

#[tokio::test]
async fn a_denial_that_panics_is_the_reason() {
    for (adapter, address, ran) in adapters!(|guard| guard.denial(Speechless)) {
        let denied = modern(address, "agent", "pay", &json!({ "amount": 501 })).await;
        ran.assert_nothing(adapter);
        assert!(denied.contains(crate::support::REASON), "{adapter}: {denied}");
    }
}
