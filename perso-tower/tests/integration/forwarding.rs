//! `Guarded` forwards everything but tools to the handler inside, unless the host has turned it off. This covers each
//! method of rmcp's `ServerHandler`, including methods that a later rmcp adds.

use crate::support::allow_all;
use crate::support::source::source;
use perso_tower::Guard;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Records which of its methods are called.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<BTreeSet<&'static str>>>);

macro_rules! record {
    ($($(#[$attribute:meta])* async fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty = $value:expr;)*) => {
        $($(#[$attribute])*
        async fn $name(&self, $($arg: $type),*) -> $out {
            $(let _ = $arg;)*
            self.0.lock().unwrap().insert(stringify!($name));
            $value
        })*
    };
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty = $value:expr;)*) => {
        $(fn $name(&self, $($arg: $type),*) -> $out {
            $(let _ = $arg;)*
            self.0.lock().unwrap().insert(stringify!($name));
            $value
        })*
    };
}

type Context = RequestContext<RoleServer>;
type Note = NotificationContext<RoleServer>;

fn no<T>() -> Result<T, ErrorData> {
    Err(ErrorData::internal_error("recorded", None))
}

/// The task that a later message updates. The guard denies updates of other tasks, which it does not know.
fn task() -> CallToolResponse {
    let now = "2026-07-28T00:00:00Z".to_owned();
    CreateTaskResult::new(Task::new("t".to_owned(), TaskStatus::Working, now.clone(), now)).into()
}

fn info() -> ServerConfig {
    let everything = json!({
        "completions": {}, "logging": {}, "prompts": {}, "tools": {}, "resources": { "subscribe": true },
        "extensions": {
            "io.modelcontextprotocol/tasks": {},
            "io.modelcontextprotocol/skills": { "directoryRead": true }
        }
    });
    ServerConfig::new(serde_json::from_value(everything).unwrap())
}

impl ServerHandler for Recorder {
    record! {
        async fn ping(c: Context) -> Result<(), ErrorData> = Ok(());
        async fn discover(c: Context) -> Result<DiscoverResult, ErrorData> =
            Ok(DiscoverResult::from_server_info(ProtocolVersion::KNOWN_VERSIONS.to_vec(), info()));
        async fn complete(r: CompleteRequestParams, c: Context) -> Result<CompleteResult, ErrorData> = no();
        #[expect(deprecated, reason = "older revisions have it")]
        async fn set_level(r: SetLevelRequestParams, c: Context) -> Result<(), ErrorData> = no();
        async fn get_prompt(r: GetPromptRequestParams, c: Context) -> Result<GetPromptResponse, ErrorData> = no();
        async fn list_prompts(r: Option<PaginatedRequestParams>, c: Context) -> Result<ListPromptsResult, ErrorData> = no();
        async fn list_resources(r: Option<PaginatedRequestParams>, c: Context) -> Result<ListResourcesResult, ErrorData> = no();
        async fn list_resource_templates(r: Option<PaginatedRequestParams>, c: Context)
            -> Result<ListResourceTemplatesResult, ErrorData> = no();
        async fn read_resource(r: ReadResourceRequestParams, c: Context) -> Result<ReadResourceResponse, ErrorData> = no();
        async fn read_resource_directory(r: ReadResourceDirectoryRequestParams, c: Context)
            -> Result<ReadResourceDirectoryResult, ErrorData> = no();
        async fn listen(c: SubscriptionContext) -> Result<(), ErrorData> = Ok(());
        async fn subscribe(r: SubscribeRequestParams, c: Context) -> Result<(), ErrorData> = no();
        async fn unsubscribe(r: UnsubscribeRequestParams, c: Context) -> Result<(), ErrorData> = no();
        async fn call_tool(r: CallToolRequestParams, c: Context) -> Result<CallToolResponse, ErrorData> = Ok(task());
        async fn list_tools(r: Option<PaginatedRequestParams>, c: Context) -> Result<ListToolsResult, ErrorData> = no();
        async fn on_custom_request(r: CustomRequest, c: Context) -> Result<CustomResult, ErrorData> = no();
        async fn get_task(r: GetTaskParams, c: Context) -> Result<GetTaskResult, ErrorData> = no();
        async fn update_task(r: UpdateTaskParams, c: Context) -> Result<(), ErrorData> = no();
        async fn cancel_task(r: CancelTaskParams, c: Context) -> Result<(), ErrorData> = no();
        async fn list_skills(r: Option<PaginatedRequestParams>, c: Context) -> Result<ListSkillsResult, ErrorData> = no();
        async fn get_skill(r: GetSkillRequestParams, c: Context) -> Result<GetSkillResult, ErrorData> = no();
        async fn on_cancelled(n: CancelledNotificationParam, c: Note) -> () = ();
        async fn on_progress(n: ProgressNotificationParam, c: Note) -> () = ();
        async fn on_initialized(c: Note) -> () = ();
        async fn on_roots_list_changed(c: Note) -> () = ();
        async fn on_custom_notification(n: CustomNotification, c: Note) -> () = ();
    }

    record! {
        fn get_info() -> ServerConfig = info();
        fn get_tool(name: &str) -> Option<Tool> = None;
        fn supported_protocol_versions() -> Cow<'static, [ProtocolVersion]> = Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS);
        fn accepted_subscription_filter(requested: &SubscriptionFilter) -> Option<SubscriptionFilter> = Some(requested.clone());
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: Context,
    ) -> Result<InitializeResult, ErrorData> {
        self.0.lock().unwrap().insert("initialize");
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    fn negotiate_initialize(&self, request: &InitializeRequestParams) -> Result<InitializeResult, ErrorData> {
        self.0.lock().unwrap().insert("negotiate_initialize");
        let mut info = info();
        info.protocol_version = request.protocol_version.clone();
        Ok(info)
    }
}

/// A message of each kind.
fn messages() -> Vec<Value> {
    let page = json!({});
    let requests = [
        ("ping", json!({})),
        (
            "completion/complete",
            json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": { "name": "a", "value": "" } }),
        ),
        ("logging/setLevel", json!({ "level": "info" })),
        ("prompts/get", json!({ "name": "p" })),
        ("prompts/list", page.clone()),
        ("resources/list", page.clone()),
        ("resources/templates/list", page.clone()),
        ("resources/read", json!({ "uri": "file:///a" })),
        ("resources/directory/read", json!({ "uri": "file:///a" })),
        ("resources/subscribe", json!({ "uri": "file:///a" })),
        ("resources/unsubscribe", json!({ "uri": "file:///a" })),
        ("tools/call", json!({ "name": "t" })),
        ("tools/list", page.clone()),
        ("custom/request", json!({})),
        ("tasks/get", json!({ "taskId": "t" })),
        ("tasks/update", json!({ "taskId": "t", "inputResponses": {} })),
        ("tasks/cancel", json!({ "taskId": "t" })),
        ("skills/list", page),
        ("skills/get", json!({ "uri": "skill://s/SKILL.md" })),
    ];
    let notifications = [
        ("notifications/cancelled", json!({ "requestId": 99 })),
        ("notifications/progress", json!({ "progressToken": 1, "progress": 1 })),
        ("notifications/roots/list_changed", json!({})),
        ("notifications/custom", json!({})),
    ];
    let requests = requests
        .into_iter()
        .enumerate()
        .map(|(id, (method, params))| json!({ "jsonrpc": "2.0", "id": id + 1, "method": method, "params": params }));
    let notifications =
        notifications.map(|(method, params)| json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    notifications.into_iter().chain(requests).collect()
}

/// The messages of the revision without a handshake.
fn modern() -> Vec<Value> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "c", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    vec![
        json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta } }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen",
            "params": { "_meta": meta, "notifications": { "resourceSubscriptions": ["file:///a"] } } }),
    ]
}

/// Sends lines to a server over a pipe, and reads until each request is answered.
async fn converse<S: ServerHandler>(server: S, lines: Vec<Value>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn(async move { server.serve(theirs).await.unwrap().waiting().await });
    let (read, mut write) = tokio::io::split(ours);
    let mut answers = BufReader::new(read).lines();
    for line in lines {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        while let Some(id) = line.get("id") {
            let answer: Value = serde_json::from_str(&answers.next_line().await.unwrap().unwrap()).unwrap();
            if answer.get("id") == Some(id) {
                break;
            }
        }
    }
    drop((write, answers));
    let _ = serving.await.unwrap();
}

async fn recorded<S: ServerHandler>(server: impl Fn(Recorder) -> S) -> BTreeSet<&'static str> {
    let recorder = Recorder::default();
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "clientInfo": { "name": "c", "version": "1" },
        "capabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } }
    } });
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let legacy = [initialize, initialized].into_iter().chain(messages()).collect();
    converse(server(recorder.clone()), legacy).await;
    converse(server(recorder.clone()), modern()).await;
    // Only the HTTP transport calls this method.
    server(recorder.clone()).get_tool("t");

    recorder.0.lock().unwrap().clone()
}

#[tokio::test]
async fn every_method_reaches_the_handler() {
    let bare = recorded(|recorder| recorder).await;
    let guarded = recorded(|recorder| recorder.guarded(allow_all())).await;
    assert_eq!(guarded, bare);
    let missing: Vec<_> = methods().into_iter().filter(|method| !bare.contains(&**method)).collect();
    assert!(missing.is_empty(), "`ServerHandler` of rmcp has methods that this test knows nothing of: {missing:?}");
}

#[test]
fn every_method_is_forwarded_or_judged() {
    let source = include_str!("../../src/rmcp/mod.rs");
    let missing: Vec<_> = methods().into_iter().filter(|name| !source.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "`ServerHandler` of rmcp has methods that `Guarded` does not forward: {missing:?}");
}

/// Returns the methods of `ServerHandler`, from the source of the rmcp in use.
fn methods() -> Vec<String> {
    let source = std::fs::read_to_string(source("rmcp").join("handler/server.rs")).unwrap();
    let body = source.split("macro_rules! server_handler_methods").nth(1).unwrap().split("\npub trait").next().unwrap();
    let names = body.lines().filter_map(|line| line.strip_prefix("        fn ")?.split('(').next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() >= 30 && names.contains(&"call_tool".to_owned()), "{names:?}");
    names
}
