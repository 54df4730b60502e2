//! Tests each way in which rmcp and tower-mcp run a tool, over each transport and in both eras: an allowed call runs
//! once, and a denied call does not run. [`inventory`](crate::inventory) fails when one of them gets a new way.
//!
//! | way | where |
//! | --- | --- |
//! | `tools/call`: the tool runs, and its result is the answer | everywhere |
//! | a call that asks the client for input, and the retry with the input | without a handshake |
//! | a call that becomes a task, which runs in the background | rmcp and tower-mcp |
//! | `tasks/update`: the task continues with the client's input (rmcp, live handlers of tower-mcp), or its tool runs again (tower-mcp) | rmcp and tower-mcp |
//! | a call that asks for a task with `params.task` | tower-mcp, with a handshake |
//! | a call that cannot be parsed, which becomes a custom request | rmcp |
//! | a tool of rmcp's `Router`, which runs before the router asks its handler | rmcp |
//! | a batch | tower-mcp, see `inside` |

use crate::support::peer::{Era, Peer, Token};
use crate::support::{Claims, REASON, Ran, authenticate, policy, server, tcp};
use axum::{Router, middleware};
use perso_tower::{FromExtension, Guard, GuardService, PersoLayer, RouterLayer};
use rmcp::model::*;
use rmcp::service::{RequestContext, Service};
use rmcp::task_manager::{TaskManager, TaskOptions};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tower_mcp::McpRouter;

/// The input that tools ask the client for.
fn question() -> Value {
    json!({ "sure": { "method": "elicitation/create", "params": {
        "mode": "form", "message": "Sure?", "requestedSchema": { "type": "object", "properties": {} }
    } } })
}

/// An rmcp handler with a tool for each way: `pay`, `ask` and `task`.
#[derive(Clone, Default)]
pub struct Tools {
    pub ran: Ran,
    tasks: TaskManager,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tasks().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let ran = self.ran.clone();
        let (tool, args) = (request.name, Value::Object(request.arguments.unwrap_or_default()));
        match &*tool {
            "ask" if request.input_responses.is_none() => {
                let ask = serde_json::from_value(question()).unwrap();
                Ok(InputRequiredResult::new(Some(ask), Some("state".to_owned())).into())
            }
            "task" => {
                let ask = serde_json::from_value(question()["sure"].clone()).unwrap();
                let task = self.tasks.spawn(TaskOptions::new(), move |context| {
                    Box::pin(async move {
                        context.request_input("sure", ask).await?;
                        ran.note("task", args);
                        Ok(CallToolResult::success(Vec::new()))
                    })
                });
                Ok(CreateTaskResult::new(task).into())
            }
            tool => {
                ran.note(tool, args);
                Ok(CallToolResult::success(Vec::new()).into())
            }
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.tasks.get_task(&request.task_id)?))
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let responses = serde_json::to_value(request.input_responses).unwrap();
        self.tasks.update_task(&request.task_id, responses.as_object().cloned().unwrap())
    }
}

/// rmcp's `Router` with tools of its own.
pub fn routed(ran: &Ran) -> rmcp::handler::server::router::Router<Tools> {
    let mut router = rmcp::handler::server::router::Router::new(Tools { ran: ran.clone(), ..Tools::default() });
    router.tool_router.transparent_when_not_found = true;
    ["pay", "wipe"].into_iter().fold(router, |router, name| {
        let ran = ran.clone();
        let tool = Tool::new(name, "a tool", Arc::new(JsonObject::new()));
        router.with_tool(rmcp::handler::server::router::tool::ToolRoute::new_dyn(tool, move |context| {
            ran.note(name, Value::Object(context.arguments.unwrap_or_default()));
            Box::pin(async { Ok(CallToolResult::success(Vec::new()).into()) })
        }))
    })
}

pub mod tower {
    use super::*;
    use tower_mcp::protocol::{InputRequiredResult, RequestOutcome, TaskSupportMode};
    use tower_mcp::{CallToolResult, McpRouter, TaskContext, TaskOutcome, ToolBuilder};

    /// A tower-mcp router with a tool for each way: `pay`, `ask`, `task` (whose handler runs again) and `live`.
    pub fn router(ran: &Ran) -> McpRouter {
        let asking = |name: &'static str, ran: Ran| {
            move |context: tower_mcp::RequestContext, args: Value| {
                let ran = ran.clone();
                async move {
                    if context.input_responses().is_none() {
                        let requests = serde_json::from_value(question()).unwrap();
                        return Ok(RequestOutcome::InputRequired(InputRequiredResult::with_requests(requests)));
                    }
                    ran.note(name, args);
                    Ok(RequestOutcome::Complete(CallToolResult::text("ran")))
                }
            }
        };
        let pays = ran.clone();
        let pay = ToolBuilder::new("pay").description("a tool").task_support(TaskSupportMode::Optional);
        let pay = pay.handler(move |args: Value| {
            let ran = pays.clone();
            async move {
                ran.note("pay", args);
                Ok(CallToolResult::text("ran"))
            }
        });
        let ask = ToolBuilder::new("ask").description("a tool").mrtr_handler(asking("ask", ran.clone()));
        let task = ToolBuilder::new("task").description("a tool").task_support(TaskSupportMode::Optional);
        let task = task.mrtr_handler(asking("task", ran.clone()));
        let lives = ran.clone();
        let live =
            ToolBuilder::new("live").description("a tool").live_task_handler(move |task: TaskContext, args: Value| {
                let ran = lives.clone();
                async move {
                    task.require_input(serde_json::from_value(question()).unwrap()).await?;
                    ran.note("live", args);
                    Ok(TaskOutcome::Completed(CallToolResult::text("ran")))
                }
            });
        let router = McpRouter::new().server_info("counting", "1").with_tasks();
        router.tool(pay.build()).tool(ask.build()).tool(task.build()).tool(live.build())
    }
}

/// Tests a call of a tool that runs immediately.
async fn call(peer: &mut Peer, ran: &Ran, at: &str) {
    let answer = peer.call("agent", "pay", json!({ "amount": 500 })).await;
    assert!(answer["result"]["isError"] != true && answer.get("error").is_none(), "{at}: {answer}");
    assert_eq!(ran.take(), [("pay".to_owned(), json!({ "amount": 500 }))], "{at}");
    let answer = peer.call("agent", "pay", json!({ "amount": 501 })).await;
    assert_eq!((&answer["result"]["isError"], &answer["result"]["content"][0]["text"]), (&json!(true), &json!(REASON)));
    let answer = peer.call("agent", "wipe", json!({})).await;
    assert_eq!(answer["result"]["isError"], true, "{at}: {answer}");
    ran.assert_nothing(at);
}

/// Tests a call that asks the client for input, and its retry.
async fn retry(peer: &mut Peer, ran: &Ran, at: &str) {
    let answer = peer.call("admin", "ask", json!({ "n": 1 })).await;
    assert_eq!(answer["result"]["resultType"], "input_required", "{at}: {answer}");
    let retry = json!({ "name": "ask", "arguments": { "n": 1 }, "requestState": answer["result"]["requestState"],
        "inputResponses": { "sure": { "action": "accept" } } });
    let denied = peer.ask_with("agent", "tools/call", retry.clone(), false).await;
    assert_eq!(denied["result"]["isError"], true, "{at}: {denied}");
    ran.assert_nothing(at);
    peer.ask_with("admin", "tools/call", retry, false).await;
    assert_eq!(ran.take(), [("ask".to_owned(), json!({ "n": 1 }))], "{at}");
}

/// Returns the id of a created task, in either form.
pub fn task_id(answer: &Value) -> String {
    let result = &answer["result"];
    let id = result["taskId"].as_str().or_else(|| result["task"]["taskId"].as_str());
    id.unwrap_or_else(|| panic!("no task: {answer}")).to_owned()
}

/// Polls a task until it has this status.
pub async fn status(peer: &mut Peer, task: &str, is_it: impl Fn(&str) -> bool) {
    loop {
        let answer = peer.ask("admin", "tasks/get", json!({ "taskId": task })).await;
        if is_it(answer["result"]["status"].as_str().unwrap_or_else(|| panic!("{answer}"))) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Tests a call that becomes a task, and updates of it: from its own caller, and from one who may not make the call.
async fn update(peer: &mut Peer, ran: &Ran, tool: &str, at: &str) {
    let at = format!("{at}, {tool}");
    let denied = peer.ask("agent", "tools/call", json!({ "name": tool, "arguments": { "n": 1 } })).await;
    assert_eq!(denied["result"]["isError"], true, "{at}: {denied}");

    let created = peer.ask("admin", "tools/call", json!({ "name": tool, "arguments": { "n": 1 } })).await;
    let task = task_id(&created);
    status(peer, &task, |status| status == "input_required").await;
    let update = json!({ "taskId": task, "inputResponses": { "sure": { "action": "accept" } } });
    let denied = peer.ask("agent", "tasks/update", update.clone()).await;
    assert_eq!(denied["error"]["code"], -32000, "{at}: {denied}");
    // The guard also denies updates of a task that it does not know.
    let mut unknown = update.clone();
    unknown["taskId"] = json!("unknown");
    let denied = peer.ask("admin", "tasks/update", unknown).await;
    assert!(denied["error"]["message"].as_str().unwrap().contains("call its tool again"), "{at}: {denied}");
    status(peer, &task, |status| status == "input_required").await;
    ran.assert_nothing(&at);

    let updated = peer.ask("admin", "tasks/update", update).await;
    assert!(updated.get("error").is_none(), "{at}: {updated}");
    status(peer, &task, |status| status == "completed").await;
    assert_eq!(ran.take(), [(tool.to_owned(), json!({ "n": 1 }))], "{at}");
}

/// Tests a call that becomes a task and runs in the background. `params` are added to the call's.
async fn background(peer: &mut Peer, ran: &Ran, params: &Value, at: &str) {
    let ask = |amount: u64| {
        let mut ask = json!({ "name": "pay", "arguments": { "amount": amount } });
        ask.as_object_mut().unwrap().extend(params.as_object().cloned().unwrap());
        ask
    };
    let denied = peer.ask("agent", "tools/call", ask(501)).await;
    assert!(denied.get("error").is_some() || denied["result"]["isError"] == true, "{at}: {denied}");
    let created = peer.ask("agent", "tools/call", ask(500)).await;
    status(peer, &task_id(&created), |status| status == "completed").await;
    assert_eq!(ran.take(), [("pay".to_owned(), json!({ "amount": 500 }))], "{at}");
}

/// Tests a method that looks like a call but is none that MCP documents.
async fn unread(peer: &mut Peer, ran: &Ran, at: &str) {
    let answer = peer.ask("admin", "tools/invoke", json!({ "name": "pay" })).await;
    assert!(answer.get("error").is_some(), "{at}: {answer}");
    ran.assert_nothing(at);
}

/// Starts a server over each kind of connection that carries lines.
pub async fn over_lines<S, F>(era: Era, serve: impl Fn(Token) -> (Ran, F)) -> Vec<(&'static str, Peer, Ran)>
where
    S: Service<RoleServer>,
    F: FnOnce() -> S,
{
    let mut peers = Vec::new();
    let token = Token::default();
    let (ran, service) = serve(token.clone());
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let service = service();
    tokio::spawn(async move { service.serve(theirs).await.unwrap().waiting().await });
    peers.push(("a pipe", Peer::lines(ours, era, &token).await, ran));

    let token = Token::default();
    let (ran, service) = serve(token.clone());
    let service = service();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (theirs, _) = listener.accept().await.unwrap();
        service.serve(theirs).await.unwrap().waiting().await
    });
    peers.push(("TCP", Peer::lines(TcpStream::connect(address).await.unwrap(), era, &token).await, ran));
    peers
}

/// An agent source for connections that carry lines: the token names the caller.
pub fn of_token(token: Token) -> impl Fn(&RequestContext<RoleServer>) -> perso_tower::Agent + Send + Sync + 'static {
    move |_| token.claims().agent()
}

pub fn authenticated(app: Router) -> Router {
    app.layer(middleware::from_fn(authenticate))
}

pub fn json_config() -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true)
}

async fn rmcp_over_http(era: Era, guard: impl Fn(Tools) -> Router) -> Vec<(&'static str, Peer, Ran)> {
    let tools = Tools::default();
    let ran = tools.ran.clone();
    let address = tcp::serve(authenticated(guard(tools))).await;
    vec![("HTTP", Peer::http(address, era).await, ran)]
}

#[tokio::test]
async fn rmcp_handlers() {
    for era in Era::ALL {
        let guarded = |tools: Tools| tools.guarded(policy());
        let mut peers = over_lines(era, |token| {
            let tools = Tools::default();
            (tools.ran.clone(), move || guarded(tools).agent(of_token(token)))
        })
        .await;
        let who = FromExtension::<Claims>::new;
        peers.extend(
            rmcp_over_http(era, |tools| {
                Router::new().nest_service("/mcp", server::http(guarded(tools).agent_source(who())))
            })
            .await,
        );
        if era == Era::Stateless {
            peers.extend(
                rmcp_over_http(era, |tools| {
                    let guarded = guarded(tools).agent_source(who());
                    Router::new().nest_service("/mcp", server::http_with(guarded, json_config()))
                })
                .await,
            );
        }
        for (transport, mut peer, ran) in peers {
            let at = format!("rmcp, {era:?}, {transport}");
            call(&mut peer, &ran, &at).await;
            if era == Era::Stateless {
                retry(&mut peer, &ran, &at).await;
            }
            update(&mut peer, &ran, "task", &at).await;
            unread(&mut peer, &ran, &at).await;
        }
    }
}

#[tokio::test]
async fn rmcp_routers() {
    for era in Era::ALL {
        let peers = over_lines(era, |token| {
            let ran = Ran::default();
            let router = routed(&ran);
            (ran, move || router.guarded_service(policy()).agent(of_token(token)))
        });
        for (transport, mut peer, ran) in peers.await {
            let at = format!("rmcp's router, {era:?}, {transport}");
            call(&mut peer, &ran, &at).await;
            unread(&mut peer, &ran, &at).await;
            let tools = peer.ask("agent", "tools/list", json!({})).await["result"]["tools"].clone();
            assert_eq!(tools.as_array().unwrap().iter().map(|tool| &tool["name"]).collect::<Vec<_>>(), ["pay"], "{at}");
            // Calls of other tools reach the router's handler.
            update(&mut peer, &ran, "task", &at).await;
        }
    }
}

/// Tests the ways of tower-mcp over one transport.
async fn tower_mcp(era: Era, peer: &mut Peer, ran: &Ran, at: &str) {
    call(peer, ran, at).await;
    if era == Era::Stateless {
        retry(peer, ran, at).await;
        // The server turns the call into a task, because the client accepts tasks.
        background(peer, ran, &json!({}), at).await;
        update(peer, ran, "task", at).await;
        update(peer, ran, "live", at).await;
    } else {
        background(peer, ran, &json!({ "task": { "ttl": 60_000 } }), at).await;
    }
}

/// Tests a guarded tower-mcp router over each transport.
pub async fn each_tower_mcp(
    era: Era,
    router: impl Fn(&Ran) -> McpRouter,
    guard: impl Fn() -> RouterLayer,
    test: impl AsyncFn(Peer, Ran, String),
) {
    let by_request = || guard().agent_source(FromExtension::<Claims>::new());
    let ran = Ran::default();
    let http = tower_mcp::HttpTransport::new(router(&ran)).bridge_extension::<Claims>();
    let address = tcp::serve(authenticated(http.layer(by_request()).into_router_at("/mcp"))).await;
    test(Peer::http(address, era).await, ran, format!("tower-mcp, HTTP, {era:?}")).await;

    // The transport gets the guarded router as a service.
    let ran = Ran::default();
    let service = by_request().around(router(&ran));
    let http = tower_mcp::HttpTransport::from_service(service).bridge_extension::<Claims>();
    let address = tcp::serve(authenticated(http.into_router_at("/mcp"))).await;
    test(Peer::http(address, era).await, ran, format!("tower-mcp, a service over HTTP, {era:?}")).await;

    // Transports whose requests do not name the caller.
    let by_token = |token: &Token| {
        let token = token.clone();
        guard().agent(move |_: &tower_mcp::RouterRequest| token.claims().agent())
    };
    let (ran, token) = (Ran::default(), Token::default());
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mcp");
    let transport = tower_mcp::transport::UnixSocketTransport::new(router(&ran)).layer(by_token(&token));
    tokio::spawn(transport.serve_with_listener(tokio::net::UnixListener::bind(&socket).unwrap()));
    test(Peer::unix(&socket, era, &token).await, ran, format!("tower-mcp, a Unix socket, {era:?}")).await;

    macro_rules! over_lines {
        ($name:expr, |$router:ident, $guard:ident| $transport:expr) => {{
            let (ran, token) = (Ran::default(), Token::default());
            let ($router, $guard) = (router(&ran), by_token(&token));
            let mut transport = $transport;
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(async move {
                let (read, write) = tokio::io::split(theirs);
                transport.run_with_streams(read, write).await
            });
            test(Peer::lines(ours, era, &token).await, ran, format!("tower-mcp, {}, {era:?}", $name)).await;
        }};
    }
    over_lines!("stdio", |router, guard| tower_mcp::StdioTransport::new(router).layer(guard));
    over_lines!("stdio in both directions", |router, guard| {
        tower_mcp::BidirectionalStdioTransport::new(router).layer(guard)
    });
    over_lines!("a service over stdio", |router, guard| {
        tower_mcp::GenericStdioTransport::new(guard.around(router))
    });
}

#[tokio::test]
async fn tower_mcp_routers() {
    for era in Era::ALL {
        let guard = || RouterLayer::new(policy());
        each_tower_mcp(era, tower::router, guard, async |mut peer, ran, at| {
            tower_mcp(era, &mut peer, &ran, &at).await;
        })
        .await;
    }
}

/// Serves an app behind the layer.
async fn layered(era: Era, at: &str, ran: Ran, app: Router) -> (SocketAddr, Ran, String) {
    let layer = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let address = tcp::serve(authenticated(app.layer(layer))).await;
    (address, ran, format!("the layer in front of {at}, {era:?}"))
}

#[tokio::test]
async fn any_server_over_http() {
    for era in Era::ALL {
        let mut servers = Vec::new();
        let tools = Tools::default();
        let app = Router::new().nest_service("/mcp", server::http(tools.clone()));
        servers.push(layered(era, "rmcp", tools.ran, app).await);
        if era == Era::Stateless {
            let tools = Tools::default();
            let app = Router::new().nest_service("/mcp", server::http_with(tools.clone(), json_config()));
            servers.push(layered(era, "rmcp in JSON", tools.ran, app).await);
        }
        for (address, ran, at) in servers {
            let mut peer = Peer::http(address, era).await;
            call(&mut peer, &ran, &at).await;
            if era == Era::Stateless {
                retry(&mut peer, &ran, &at).await;
            }
            update(&mut peer, &ran, "task", &at).await;
            unread(&mut peer, &ran, &at).await;
        }
        let ran = Ran::default();
        let app = tower_mcp::HttpTransport::new(tower::router(&ran)).into_router_at("/mcp");
        let (address, ran, at) = layered(era, "tower-mcp", ran, app).await;
        tower_mcp(era, &mut Peer::http(address, era).await, &ran, &at).await;
    }
}
