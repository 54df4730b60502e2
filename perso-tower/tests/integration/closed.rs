//! Prompts and resources that a host has turned off. With each adapter, over each transport and in both eras, the guard
//! answers each request without the server, which records what runs. If nothing is turned off, each request runs once.

use crate::support::peer::{Era, Peer, http_client};
use crate::support::wire::{Client, MODERN};
use crate::support::{Claims, Ran, allow_all, server, tcp};
use crate::ways::{authenticated, each_tower_mcp, json_config, of_token, over_lines};
use axum::Router;
use perso_tower::{Event, FromExtension, Guard, GuardService, PersoLayer, RouterLayer};
use rmcp::model::*;
use rmcp::service::{RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient, RoleServer, ServerHandler, ServiceError, ServiceExt,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Off {
    prompts: bool,
    resources: bool,
}

const NOTHING: Off = Off { prompts: false, resources: false };
const PROMPTS: Off = Off { prompts: true, ..NOTHING };
const RESOURCES: Off = Off { resources: true, ..NOTHING };
const BOTH: Off = Off { prompts: true, resources: true };
const ALL: [Off; 4] = [NOTHING, PROMPTS, RESOURCES, BOTH];

/// Turns prompts and resources off on any guard.
macro_rules! turned_off {
    ($off:expr, $guard:expr) => {{
        let mut guard = $guard;
        if $off.prompts {
            guard = guard.deny_prompts();
        }
        if $off.resources {
            guard = guard.deny_resources();
        }
        guard
    }};
}

type Context = RequestContext<RoleServer>;
type Outcome<T> = Result<T, ErrorData>;
type Page = Option<PaginatedRequestParams>;

/// Converts JSON into a result of rmcp's.
fn of<T: serde::de::DeserializeOwned>(value: Value) -> Outcome<T> {
    Ok(serde_json::from_value(value).unwrap())
}

/// An rmcp handler that records each method.
#[derive(Clone, Default)]
struct Offers(Ran);

impl Offers {
    fn note(&self, method: &str) {
        self.0.note(method, Value::Null);
    }
}

impl ServerHandler for Offers {
    fn get_info(&self) -> ServerConfig {
        let everything = json!({ "completions": {}, "prompts": { "listChanged": true }, "tools": { "listChanged": true },
            "resources": { "subscribe": true, "listChanged": true },
            "extensions": { "io.modelcontextprotocol/skills": { "directoryRead": true } } });
        ServerConfig::new(serde_json::from_value(everything).unwrap())
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Outcome<ListPromptsResult> {
        self.note("prompts/list");
        of(json!({ "prompts": [{ "name": "p" }] }))
    }

    async fn get_prompt(&self, _: GetPromptRequestParams, _: Context) -> Outcome<GetPromptResponse> {
        self.note("prompts/get");
        Ok(GetPromptResult::new(Vec::new()).into())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Outcome<ListResourcesResult> {
        self.note("resources/list");
        of(json!({ "resources": [{ "uri": "file:///a", "name": "a" }] }))
    }

    async fn list_resource_templates(&self, _: Page, _: Context) -> Outcome<ListResourceTemplatesResult> {
        self.note("resources/templates/list");
        of(json!({ "resourceTemplates": [{ "uriTemplate": "file:///{path}", "name": "files" }] }))
    }

    async fn read_resource(&self, _: ReadResourceRequestParams, _: Context) -> Outcome<ReadResourceResponse> {
        self.note("resources/read");
        Ok(ReadResourceResult::new(Vec::new()).into())
    }

    async fn read_resource_directory(
        &self,
        _: ReadResourceDirectoryRequestParams,
        _: Context,
    ) -> Outcome<ReadResourceDirectoryResult> {
        self.note("resources/directory/read");
        of(json!({ "resources": [] }))
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Outcome<()> {
        self.note("resources/subscribe");
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Outcome<()> {
        self.note("resources/unsubscribe");
        Ok(())
    }

    async fn complete(&self, _: CompleteRequestParams, _: Context) -> Outcome<CompleteResult> {
        self.note("completion/complete");
        of(json!({ "completion": { "values": ["a"] } }))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn on_custom_request(&self, request: CustomRequest, _: Context) -> Outcome<CustomResult> {
        self.note(&request.method);
        Ok(CustomResult(json!({})))
    }
}

/// rmcp's `Router` with a prompt of its own.
fn routed(ran: &Ran) -> rmcp::handler::server::router::Router<Offers> {
    let ran = ran.clone();
    let handler = Offers(ran.clone());
    rmcp::handler::server::router::Router::new(handler).with_prompt(
        rmcp::handler::server::router::prompt::PromptRoute::new_dyn(
            Prompt::new("p", Some("a prompt"), None),
            move |_| {
                ran.note("prompts/get", Value::Null);
                Box::pin(async { Ok(GetPromptResult::new(Vec::new()).into()) })
            },
        ),
    )
}

mod tower {
    use super::*;
    use tower_mcp::protocol::{CompleteParams, CompleteResult, GetPromptResult, ReadResourceResult};
    use tower_mcp::{McpRouter, PromptBuilder, ResourceBuilder, ResourceTemplateBuilder};

    /// A tower-mcp router with the same prompts and resources. tower-mcp itself answers lists.
    pub fn router(ran: &Ran) -> McpRouter {
        let gets = ran.clone();
        let prompt = PromptBuilder::new("p").handler(move |_| {
            gets.note("prompts/get", Value::Null);
            async { Ok(GetPromptResult::user_message("hello")) }
        });
        let reads = ran.clone();
        let resource = ResourceBuilder::new("file:///a").name("a").handler(move || {
            reads.note("resources/read", Value::Null);
            async { Ok(ReadResourceResult::text("file:///a", "text")) }
        });
        let reads = ran.clone();
        let template = ResourceTemplateBuilder::new("file:///t/{path}").name("files").handler(move |uri, _| {
            reads.note("resources/read", Value::Null);
            async { Ok(ReadResourceResult::text(uri, "text")) }
        });
        let completes = ran.clone();
        McpRouter::new()
            .server_info("counting", "1")
            .prompt(prompt.build())
            .resource(resource.build())
            .resource_template(template)
            .completion_handler(move |_: CompleteParams| {
                completes.note("completion/complete", Value::Null);
                async { Ok(CompleteResult::new(vec!["a".to_owned()])) }
            })
    }
}

/// A server, with its behaviour if nothing is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Rmcp,
    /// Answers lists of prompts itself.
    RmcpRouter,
    TowerMcp,
}

impl Server {
    /// Returns whether the method runs code of this test.
    fn runs(self, method: &str, era: Era) -> bool {
        match self {
            Self::RmcpRouter if method == "prompts/list" => false,
            // The stateless era does not have these methods.
            Self::Rmcp | Self::RmcpRouter if method.ends_with("subscribe") => era == Era::Handshake,
            Self::Rmcp | Self::RmcpRouter => true,
            Self::TowerMcp => ["prompts/get", "resources/read", "completion/complete"].contains(&method),
        }
    }
}

/// All requests, each with its kind and, for a list, the key of the list.
fn requests() -> Vec<(&'static str, Value, Off, Option<&'static str>)> {
    let uri = json!({ "uri": "file:///a" });
    let complete = |reference: Value| json!({ "ref": reference, "argument": { "name": "path", "value": "" } });
    vec![
        ("prompts/list", json!({}), PROMPTS, Some("prompts")),
        ("prompts/get", json!({ "name": "p" }), PROMPTS, None),
        ("prompts/render", json!({ "name": "p" }), PROMPTS, None),
        ("completion/complete", complete(json!({ "type": "ref/prompt", "name": "p" })), PROMPTS, None),
        ("resources/list", json!({}), RESOURCES, Some("resources")),
        ("resources/templates/list", json!({}), RESOURCES, Some("resourceTemplates")),
        ("resources/read", uri.clone(), RESOURCES, None),
        ("resources/read", json!({ "uri": "file:///t/a" }), RESOURCES, None),
        ("resources/directory/read", uri.clone(), RESOURCES, None),
        ("resources/subscribe", uri.clone(), RESOURCES, None),
        ("resources/unsubscribe", uri, RESOURCES, None),
        (
            "completion/complete",
            complete(json!({ "type": "ref/resource", "uri": "file:///t/{path}" })),
            RESOURCES,
            None,
        ),
    ]
}

/// Requests that no server can read, or only lenient ones.
fn unreadable() -> Vec<(&'static str, Value, Off)> {
    vec![
        ("completion/complete", json!({ "argument": { "name": "a", "value": "" } }), BOTH),
        ("completion/complete", json!({ "ref": { "type": "ref/tool", "name": "p" } }), BOTH),
        ("completion/complete", json!({ "ref": "ref/prompt" }), BOTH),
        ("prompts/get", json!({ "name": 1 }), PROMPTS),
        ("prompts/list", json!({ "cursor": 1 }), PROMPTS),
        ("Prompts/Get", json!({ "name": "p" }), PROMPTS),
        ("resources/read", json!({ "uri": [] }), RESOURCES),
        ("RESOURCES/READ", json!({ "uri": "file:///a" }), RESOURCES),
    ]
}

#[track_caller]
fn assert_denied(answer: &Value, method: &str, kind: Off, at: &str) {
    let kind = if kind.prompts { "prompts" } else { "resources" };
    let message = format!("{method} is not allowed: this server's guard denies {kind}");
    assert_eq!(answer["error"], json!({ "code": -32601, "message": message }), "{at}");
}

const fn meets(one: Off, other: Off) -> bool {
    (one.prompts && other.prompts) || (one.resources && other.resources)
}

/// Sends every request and checks its outcome.
async fn all(peer: &mut Peer, ran: &Ran, server: Server, era: Era, off: Off, at: &str) {
    for (method, params, kind, list) in requests() {
        let at = format!("{at}, {off:?}: {method} {params}");
        let answer = peer.ask("agent", method, params).await;
        let runs = server.runs(method, era);
        let ran = ran.take();
        if !meets(kind, off) {
            assert_eq!(ran.len(), usize::from(runs), "{at}: {ran:?}, {answer}");
            assert!(list.is_none_or(|list| answer["result"][list].as_array().unwrap().len() == 1), "{at}: {answer}");
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(!message.contains("guard"), "{at}: {answer}");
            continue;
        }
        assert_eq!(ran, [], "{at}");
        match list {
            Some(list) => {
                let mut expected = json!({ list: [] });
                if era == Era::Stateless {
                    expected = json!({ list: [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private" });
                }
                let mut result = answer["result"].clone();
                result.as_object_mut().unwrap().remove("_meta");
                assert_eq!(result, expected, "{at}");
            }
            // rmcp rejects the method, which this era does not have, before it asks any handler.
            None if method.ends_with("subscribe") && era == Era::Stateless => {
                assert_eq!(answer["error"]["code"], -32601, "{at}: {answer}");
            }
            None => assert_denied(&answer, method, kind, &at),
        }
    }
    for (method, params, kind) in unreadable() {
        let at = format!("{at}, {off:?}: {method} {params}");
        let answer = peer.ask("agent", method, params).await;
        if meets(kind, off) {
            ran.assert_nothing(&at);
            // tower-mcp ignores params of a list that it cannot read.
            let is_empty = answer["result"]["prompts"] == json!([]);
            assert!(answer.get("error").is_some() || is_empty, "{at}: {answer}");
        } else if server == Server::Rmcp {
            // The rest reaches the handler as a custom request.
            assert_eq!(ran.take().len(), 1, "{at}: {answer}");
        }
        ran.take();
    }
    if era == Era::Stateless {
        let listen = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
            "resourceSubscriptions": ["file:///a"] });
        let mut expected = listen.clone();
        let expected = expected.as_object_mut().unwrap();
        expected
            .retain(|key, _| !(off.prompts && key.starts_with("prompts") || off.resources && key.contains("resource")));
        assert_eq!(peer.listen(listen).await.as_object(), Some(&*expected), "{at}, {off:?}");
    }
}

#[tokio::test]
async fn rmcp_handlers() {
    for (era, off) in Era::ALL.into_iter().flat_map(|era| ALL.map(|off| (era, off))) {
        let guarded = |offers: Offers| turned_off!(off, offers.guarded(allow_all()));
        let mut peers = over_lines(era, |token| {
            let offers = Offers::default();
            (offers.0.clone(), move || guarded(offers).agent(of_token(token)))
        })
        .await;
        let offers = Offers::default();
        let ran = offers.0.clone();
        let address = tcp::serve(Router::new().nest_service("/mcp", server::http(guarded(offers)))).await;
        peers.push(("HTTP", Peer::http(address, era).await, ran));
        if era == Era::Stateless {
            let offers = Offers::default();
            let ran = offers.0.clone();
            let service = server::http_with(guarded(offers), json_config());
            let address = tcp::serve(Router::new().nest_service("/mcp", service)).await;
            peers.push(("HTTP in JSON", Peer::http(address, era).await, ran));
        }
        for (transport, mut peer, ran) in peers {
            all(&mut peer, &ran, Server::Rmcp, era, off, &format!("rmcp, {era:?}, {transport}")).await;
        }
    }
}

#[tokio::test]
async fn rmcp_routers() {
    for (era, off) in Era::ALL.into_iter().flat_map(|era| ALL.map(|off| (era, off))) {
        let peers = over_lines(era, |token| {
            let ran = Ran::default();
            let router = routed(&ran);
            (ran, move || turned_off!(off, router.guarded_service(allow_all())).agent(of_token(token)))
        });
        for (transport, mut peer, ran) in peers.await {
            let at = format!("rmcp's router, {era:?}, {transport}");
            all(&mut peer, &ran, Server::RmcpRouter, era, off, &at).await;
        }
    }
}

#[tokio::test]
async fn tower_mcp_routers() {
    for (era, off) in Era::ALL.into_iter().flat_map(|era| ALL.map(|off| (era, off))) {
        let guard = || turned_off!(off, RouterLayer::new(allow_all()));
        each_tower_mcp(era, tower::router, guard, async |mut peer, ran, at| {
            all(&mut peer, &ran, Server::TowerMcp, era, off, &at).await;
        })
        .await;
    }
}

#[tokio::test]
async fn any_server_over_http() {
    for (era, off) in Era::ALL.into_iter().flat_map(|era| ALL.map(|off| (era, off))) {
        let layer = || turned_off!(off, PersoLayer::new(allow_all()));
        let mut servers = Vec::new();
        let offers = Offers::default();
        let app = Router::new().nest_service("/mcp", server::http(offers.clone()));
        servers.push((Server::Rmcp, offers.0, app));
        if era == Era::Stateless {
            let offers = Offers::default();
            let app = Router::new().nest_service("/mcp", server::http_with(offers.clone(), json_config()));
            servers.push((Server::Rmcp, offers.0, app));
        }
        let ran = Ran::default();
        let app = tower_mcp::HttpTransport::new(tower::router(&ran)).into_router_at("/mcp");
        servers.push((Server::TowerMcp, ran, app));
        for (server, ran, app) in servers {
            let mut peer = Peer::http(tcp::serve(app.layer(layer())).await, era).await;
            all(&mut peer, &ran, server, era, off, &format!("the layer in front of {server:?}, {era:?}")).await;
        }
    }
}

/// An rmcp client accepts the answers and continues.
async fn by_a_client(client: RunningService<RoleClient, ()>, ran: &Ran, at: &str) {
    assert!(client.list_all_prompts().await.unwrap().is_empty(), "{at}");
    assert!(client.list_all_resources().await.unwrap().is_empty(), "{at}");
    assert!(client.list_all_resource_templates().await.unwrap().is_empty(), "{at}");
    let denied = [
        client.get_prompt(GetPromptRequestParams::new("p")).await.map(drop),
        client.read_resource(ReadResourceRequestParams::new("file:///a")).await.map(drop),
    ];
    for (denied, kind) in denied.into_iter().zip(["prompts", "resources"]) {
        let Err(ServiceError::McpError(error)) = denied else { panic!("{at}: {denied:?}") };
        assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND, "{at}");
        assert!(
            error.message.ends_with(&format!("is not allowed: this server's guard denies {kind}")),
            "{at}: {error}"
        );
    }
    ran.assert_nothing(at);
}

#[tokio::test]
async fn clients_go_on() {
    for era in Era::ALL {
        let lifecycle = || match era {
            Era::Handshake => ClientLifecycleMode::Initialize,
            Era::Stateless => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        };
        let offers = Offers::default();
        let ran = offers.0.clone();
        let guarded = turned_off!(BOTH, offers.guarded(allow_all()));
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move { guarded.serve(theirs).await.unwrap().waiting().await });
        by_a_client(().serve_with_lifecycle(ours, lifecycle()).await.unwrap(), &ran, &format!("rmcp, {era:?}")).await;

        let over_http = async |app: Router| {
            let url = format!("http://{}/mcp", tcp::serve(app).await);
            let config = StreamableHttpClientTransportConfig::with_uri(url);
            let transport = StreamableHttpClientTransport::with_client(http_client().build().unwrap(), config);
            ().serve_with_lifecycle(transport, lifecycle()).await.unwrap()
        };
        let offers = Offers::default();
        let app = Router::new().nest_service("/mcp", server::http(offers.clone()));
        let app = app.layer(turned_off!(BOTH, PersoLayer::new(allow_all())));
        by_a_client(over_http(app).await, &offers.0, &format!("the layer, {era:?}")).await;

        let ran = Ran::default();
        let guard = turned_off!(BOTH, RouterLayer::new(allow_all()));
        let app = tower_mcp::HttpTransport::new(tower::router(&ran)).layer(guard).into_router_at("/mcp");
        by_a_client(over_http(app).await, &ran, &format!("tower-mcp, {era:?}")).await;
    }
}

/// tower-mcp runs batches in the one revision that has them; the layer refuses them.
#[tokio::test]
async fn batches() {
    let requests = [("prompts/get", json!({ "name": "p" })), ("resources/read", json!({ "uri": "file:///a" }))];
    let batch: Vec<Value> = requests
        .iter()
        .enumerate()
        .map(|(id, (method, params))| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
        .collect();
    for (off, expected) in
        [(NOTHING, &["prompts/get", "resources/read"][..]), (PROMPTS, &["resources/read"]), (BOTH, &[])]
    {
        let ran = Ran::default();
        let http = tower_mcp::HttpTransport::new(tower::router(&ran)).bridge_extension::<Claims>();
        let guard = RouterLayer::new(allow_all()).agent_source(FromExtension::<Claims>::new());
        let app = authenticated(http.layer(turned_off!(off, guard)).into_router_at("/mcp"));
        let client = Client::connect(&app, "2025-03-26", "agent").await;
        let reply = client.send_raw("agent", &json!(batch).to_string()).await;
        assert_eq!(reply.messages[0].as_array().unwrap().len(), 2);
        let mut ran: Vec<String> = ran.take().into_iter().map(|(method, _)| method).collect();
        ran.sort();
        assert_eq!(ran, expected, "{off:?}");
    }

    let ran = Ran::default();
    let app = tower_mcp::HttpTransport::new(tower::router(&ran)).into_router_at("/mcp");
    let app = app.layer(turned_off!(BOTH, PersoLayer::new(allow_all())));
    let client = Client::connect(&app, "2025-03-26", "agent").await;
    let reply = client.send_raw("agent", &json!(batch).to_string()).await;
    assert_eq!(reply.messages[0]["error"]["message"], "batches are not accepted");
    ran.assert_nothing("a batch");
}

/// Text that JSON parsers read differently, over HTTP.
#[tokio::test]
async fn ambiguous_text_is_denied() {
    let offers = Offers::default();
    let app = Router::new().nest_service("/mcp", server::http(offers.clone()));
    let app = app.layer(turned_off!(RESOURCES, PersoLayer::new(allow_all())));
    let client = Client::connect(&app, "2025-11-25", "agent").await;
    let (prompt, resource) = (r#"{"type":"ref/prompt","name":"p"}"#, r#"{"type":"ref/resource","uri":"file:///a"}"#);
    let argument = r#""argument":{"name":"a","value":""}"#;
    let complete = |params: String| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{{{params},{argument}}}}}"#)
    };
    for text in [
        complete(format!(r#""ref":{prompt},"ref":{resource}"#)),
        complete(format!(r#""ref":{prompt},"Ref":{resource}"#)),
        complete(r#""ref":{"type":"ref/prompt","type":"ref/resource","uri":"file:///a"}"#.to_owned()),
        complete(r#""ref":{"type":"ref/prompt","TYPE":"ref/resource","uri":"file:///a"}"#.to_owned()),
    ] {
        let answer = client.send_raw("agent", &text).await;
        assert_denied(answer.answer(1), "completion/complete", RESOURCES, &text);
    }
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"resources\/read","params":{"uri":"file:///a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},"Notifications":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}"#,
    ] {
        let method = if text.contains("listen") { "subscriptions/listen" } else { "resources/read" };
        assert_denied(client.send_raw("agent", text).await.answer(1), method, RESOURCES, text);
    }
    // A notification gets no answer. An id must be valid.
    let note = r#"{"jsonrpc":"2.0","method":"resources/read","params":{"uri":"file:///a"}}"#;
    let reply = client.send_raw("agent", note).await;
    assert_eq!((reply.status.as_u16(), reply.messages.len()), (202, 0));
    let reply = client.send_raw("agent", &note.replace(r#""method""#, r#""id":null,"method""#)).await;
    assert_eq!((reply.status.as_u16(), &reply.messages[0]["error"]["code"]), (400, &json!(-32600)));
    offers.0.assert_nothing("ambiguous");

    let answer = client.send_raw("agent", &complete(format!(r#""ref":{prompt}"#))).await;
    assert!(answer.answer(1).get("result").is_some(), "{answer:?}");
    assert_eq!(offers.0.count(), 1);
}

/// These denials are reported like denied calls. When only observing, everything passes.
#[tokio::test]
async fn denials_are_reported() {
    for observe in [false, true] {
        let offers = Offers::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = seen.clone();
        let layer = PersoLayer::new(allow_all()).on_decision(move |event: &Event<'_>, _: &Value| {
            let decision =
                (event.decision.is_allowed(), event.enforced, event.decision.cause.detail.map(str::to_owned));
            events.lock().unwrap().push(decision);
        });
        let layer = turned_off!(BOTH, layer);
        let layer = if observe { layer.observe() } else { layer };
        let app = Router::new().nest_service("/mcp", server::http(offers.clone())).layer(layer);
        let client = Client::connect(&app, MODERN, "agent").await;
        let ask = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": "p" } });
        let got = client.send("agent", ask("prompts/get")).await;
        let listed = client.send("agent", ask("prompts/list")).await;
        assert_eq!(got.answer(1).get("error").is_none(), observe);
        assert_eq!(listed.answer(1)["result"]["prompts"].as_array().unwrap().len(), usize::from(observe));
        assert_eq!(offers.0.count(), if observe { 2 } else { 0 });
        assert_eq!(*seen.lock().unwrap(), [(false, !observe, Some("prompts are denied".to_owned()))]);
    }
}
