//! Lists the places in the sources of rmcp and tower-mcp that run a tool. These tests fail if a new version runs tools
//! anywhere else. `ways` tests each way that leads to one of these places.

use crate::support::source::{files, source};

const WHAT_TO_DO: &str = "this version has a new way to run a tool, or has lost one: make sure that the guard judges it, add a \
                          test to tests/integration/ways.rs, and update this list";

/// Returns the lines of a crate that call one of these functions, each with its file, in order.
fn lines(name: &str, is_in: impl Fn(&str) -> bool, calls: &[&str]) -> Vec<String> {
    let files = files(name).into_iter().filter(|(file, _)| is_in(file));
    let mut found = Vec::new();
    for (file, text) in files {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let called = lines.filter(|line| calls.iter().any(|call| line.contains(call)));
        found.extend(called.map(|line| format!("{file}: {line}")));
    }
    found
}

/// Returns the names that follow a prefix, sorted and without duplicates.
fn names(text: &str, prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split(prefix)
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect())
        .filter(|name: &String| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn rmcp_runs_tools_here() {
    let calls = [".call_tool(", "(item.call)(", "tool_router.call(", ".update_task("];
    let expected = [
        // Each call that rmcp has parsed. Guards: `Guarded::call_tool`, `GuardedService::handle_request`.
        "handler/server.rs: let response = self.call_tool(request.params, context).await?;",
        // Continues a task. Guards: `Guarded::update_task`, `GuardedService::handle_request`.
        "handler/server.rs: self.update_task(request.params, context)",
        // A boxed handler, which forwards to the handler inside.
        "handler/server.rs: (**self).call_tool(request, context)",
        "handler/server.rs: (**self).update_task(request, context)",
        // rmcp's `Router`, a service with tools of its own. Guard: `GuardedService`.
        "handler/server/router.rs: let result = self.tool_router.call(tool_call_context).await?;",
        // Within `ToolRouter::call`, which handlers call in `call_tool`.
        "handler/server/router/tool.rs: let result = match (item.call)(context).await {",
    ];
    assert_eq!(lines("rmcp", |file| !file.contains("client"), &calls), expected, "{WHAT_TO_DO}");
}

#[test]
fn rmcp_reads_requests_of_these_kinds() {
    let server = std::fs::read_to_string(source("rmcp").join("handler/server.rs")).unwrap();
    let judged = ["CallToolRequest", "CustomRequest", "ListToolsRequest", "UpdateTaskRequest"];
    // Prompts and resources, which a host can turn off and a policy can cover: see `closed` and `covered`.
    let closed = [
        "CompleteRequest",
        "GetPromptRequest",
        "GetSkillRequest",
        "ListPromptsRequest",
        "ListResourceTemplatesRequest",
        "ListResourcesRequest",
        "ListSkillsRequest",
        "ReadResourceDirectoryRequest",
        "ReadResourceRequest",
        "SubscribeRequest",
        "SubscriptionsListenRequest",
        "UnsubscribeRequest",
    ];
    let run_nothing = [
        "CancelTaskRequest",
        "DiscoverRequest",
        "GetTaskRequest",
        "InitializeRequest",
        "PingRequest",
        "SetLevelRequest",
    ];
    let mut expected = [&judged[..], &closed, &run_nothing].concat();
    expected.sort_unstable();
    assert_eq!(names(&server, "ClientRequest::"), expected, "{WHAT_TO_DO}");
}

/// rmcp's services. A new one could run tools without asking the guarded handler.
#[test]
fn rmcp_has_these_services() {
    let expected = [
        "handler/server.rs: impl<H: ServerHandler> Service<RoleServer> for H {",
        "handler/server/router.rs: impl<S> Service<RoleServer> for Router<S>",
        // Wraps a service for HTTP without sessions.
        "transport/streamable_http_server/tower.rs: impl<S: Service<RoleServer>> Service<RoleServer> for NegotiatingStatelessHttpService<S> {",
    ];
    assert_eq!(lines("rmcp", |_| true, &["Service<RoleServer> for"]), expected, "{WHAT_TO_DO}");
}

#[test]
fn tower_mcp_runs_tools_here() {
    let calls = [
        "invoke_tool(&",
        ".invoke_tool(",
        "live_handler.call(",
        ".call_outcome_with_context(",
        ".call_with_context(",
        "self.resume_task(",
        "self.wake_live_task(",
    ];
    let is_in = |file: &str| !["client/", "guides/", "extract.rs"].iter().any(|other| file.starts_with(other));
    let expected = [
        // For `McpRequest::CallTool`: in the background, as a task of a live handler,
        "router.rs: live_handler.call(ctx, live_ctx, arguments).await",
        "router.rs: live_handler.call(ctx, live_ctx, arguments).await",
        // as a task of another handler, and immediately.
        "router.rs: outcome = notifier.invoke_tool(&tool, ctx, arguments, &tool_name) => {",
        "router.rs: .invoke_tool(&tool, ctx, params.arguments, &params.name)",
        // For `McpRequest::UpdateTask`.
        "router.rs: if !self.wake_live_task(&params.task_id) {",
        "router.rs: self.resume_task(&params.task_id).await;",
        "router.rs: self.wake_live_task(&params.task_id);",
        "router/task_ops.rs: outcome = notifier.invoke_tool(&tool, ctx, resume.arguments, &resume.tool_name) => {",
    ];
    let mut found = lines("tower-mcp", is_in, &calls);
    // Leave out what runs a given tool: `Tool::call`, which only hosts call, and `invoke_tool`.
    found.retain(|line| {
        !line.starts_with("tool.rs: ") && !line.ends_with("tool.call_outcome_with_context(ctx, arguments).await")
    });
    found.retain(|line| !line.ends_with("return tool.call_outcome_with_context(ctx, arguments).await;"));
    assert_eq!(found, expected, "{WHAT_TO_DO}");
}

#[test]
fn tower_mcp_has_requests_of_these_kinds() {
    let types = std::fs::read_to_string(source("tower-mcp-types").join("protocol.rs")).unwrap();
    let body = types.split("pub fn method_name(&self)").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let judged = ["CallTool", "ListTools", "Unknown", "UpdateTask"];
    let closed = [
        "Complete",
        "GetPrompt",
        "ListPrompts",
        "ListResourceTemplates",
        "ListResources",
        "ReadResource",
        "SubscribeResource",
        "SubscriptionsListen",
        "UnsubscribeResource",
    ];
    let run_nothing = ["CancelTask", "Discover", "GetTaskInfo", "Initialize", "Ping", "SetLoggingLevel"];
    let mut expected = [&judged[..], &closed, &run_nothing].concat();
    expected.sort_unstable();
    assert_eq!(names(body, "McpRequest::"), expected, "{WHAT_TO_DO}");
}

/// Each transport takes a layer or a guarded service, except `SyncStdioTransport`, as the guide documents.
#[test]
fn tower_mcp_has_these_transports() {
    let expected = [
        "transport/childproc.rs: pub struct ChildProcessTransport {",
        "transport/http.rs: pub struct HttpTransport {",
        "transport/stdio.rs: pub struct StdioTransportHandle {",
        "transport/stdio.rs: pub struct StdioTransport {",
        "transport/stdio.rs: pub struct GenericStdioTransport<S>",
        "transport/stdio.rs: pub struct SyncStdioTransport {",
        "transport/stdio.rs: pub struct BidirectionalStdioTransport<S = McpRouter> {",
        "transport/unix.rs: pub struct UnixSocketTransport {",
        "transport/websocket.rs: pub struct WebSocketTransport {",
    ];
    let mut found = lines("tower-mcp", |file| file.starts_with("transport/"), &["pub struct "]);
    found.retain(|line| line.contains("Transport"));
    assert_eq!(found, expected, "{WHAT_TO_DO}");
}
