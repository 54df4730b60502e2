//! The guard inside a tower-mcp server: [`RouterLayer`].

mod elicit;

use crate::agent::Carries;
use crate::args::Args;
use crate::closed::{Instead, METHOD_NOT_FOUND};
use crate::covered::{self, MOST_RESOURCES, TOO_MANY};
use crate::denial::{Answer, Denied, unknown};
use crate::guard::{Guard, STATELESS, may_run_tools};
use crate::policy::PolicyHandle;
use crate::settings::settings;
use crate::tasks::TaskCall;
use crate::visibility::{Entry, Visibility};
use perso_core::request;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_mcp::protocol::{
    CacheScope, CallToolParams, CallToolResult, CompletionReference, McpRequest, McpResponse, RequestMeta,
    TASKS_EXTENSION_ID,
};
use tower_mcp::{JsonRpcError, McpRouter, RouterRequest, RouterResponse};
use tower_service::Service;

impl Carries for RouterRequest {
    /// Reads the request's extensions, which a layer or the transport (`HttpTransport::bridge_extension`) has filled.
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }
}

/// A layer that guards a tower-mcp server over any transport that takes layers:
/// `transport.layer(RouterLayer::new(policy))`. Like tower-mcp, it requires Rust 1.90.
///
/// ```
/// use perso_tower::{FromExtension, Policy, RouterLayer};
/// use tower_mcp::{McpRouter, StdioTransport};
///
/// # #[derive(Clone, serde::Serialize)]
/// # struct Claims;
/// # fn policy() -> Policy { unreachable!() }
/// # let _ = || {
/// let guard = RouterLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
/// let transport = StdioTransport::new(McpRouter::new()).layer(guard);
/// # };
/// ```
///
/// Wrap the router itself, and put other layers outside. A layer between the guard and the router could change a call
/// after it was judged, so that order does not compile.
///
/// ```
/// # use perso_tower::{Policy, RouterLayer};
/// # fn guard() -> RouterLayer { unreachable!() }
/// use tower::Layer;
/// use tower_mcp::{McpRouter, middleware::ToolCallLoggingLayer};
///
/// # let _ = || {
/// let service = ToolCallLoggingLayer::new().layer(guard().layer(McpRouter::new()));
/// # };
/// ```
///
/// ```compile_fail
/// # use perso_tower::{Policy, RouterLayer};
/// # fn guard() -> RouterLayer { unreachable!() }
/// use tower::Layer;
/// use tower_mcp::{McpRouter, middleware::ToolCallLoggingLayer};
///
/// # let _ = || {
/// let service = guard().layer(ToolCallLoggingLayer::new().layer(McpRouter::new()));
/// # };
/// ```
#[derive(Debug, Clone)]
pub struct RouterLayer {
    guard: Guard<RouterRequest>,
}

impl RouterLayer {
    /// Creates a guard with a policy, or with a [`PolicyHandle`], whose policy you can replace later.
    pub fn new(policy: impl Into<PolicyHandle>) -> Self {
        Self { guard: Guard::new(policy.into()) }
    }

    /// Guards a service other than a router, such as a proxy. The service must pass calls on unchanged: the guard does
    /// not judge its changes.
    pub fn around<S>(&self, service: S) -> GuardedRouter<S> {
        GuardedRouter { inner: service, guard: Arc::new(self.guard.clone()) }
    }

    settings!(RouterRequest);
}

/// Wraps only a router, so that no layer in between can change what was judged.
impl Layer<McpRouter> for RouterLayer {
    type Service = GuardedRouter<McpRouter>;

    fn layer(&self, inner: McpRouter) -> GuardedRouter<McpRouter> {
        self.around(inner)
    }
}

/// A guarded router, or the service passed to [`RouterLayer::around`]. See [`RouterLayer`].
#[derive(Debug)]
pub struct GuardedRouter<S> {
    inner: S,
    guard: Arc<Guard<RouterRequest>>,
}

// By hand, to state that `S: Clone` is the only bound.
impl<S: Clone> Clone for GuardedRouter<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: self.guard.clone() }
    }
}

impl<S> Service<RouterRequest> for GuardedRouter<S>
where
    S: Service<RouterRequest, Response = RouterResponse> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = RouterResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<RouterResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: RouterRequest) -> Self::Future {
        // Use the service that was polled: its clone may not be ready.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(handle(inner, guard, request))
    }
}

async fn handle<S>(
    mut inner: S,
    guard: Arc<Guard<RouterRequest>>,
    mut request: RouterRequest,
) -> Result<RouterResponse, S::Error>
where
    S: Service<RouterRequest, Response = RouterResponse>,
{
    if let McpRequest::SubscriptionsListen(listen) = &mut request.inner
        && let Some(asked) = &mut listen.notifications
    {
        let resources = (&mut asked.resources_list_changed, &mut asked.resource_subscriptions);
        guard.narrows().narrow(&mut asked.prompts_list_changed, resources);
        let uris = asked.resource_subscriptions.clone().unwrap_or_default();
        if let Some(error) = not_subscribed(&guard, &request, &uris).await {
            return Ok(RouterResponse { inner: Err(error), id: request.id });
        }
        return inner.call(request).await;
    }
    guard.open(&mut request);
    match &request.inner {
        McpRequest::CallTool(call) => {
            let caller = guard.caller(&request).await;
            if let Some(denied) = guard.judge(&request, &caller, &call.name, Args::Value(&call.arguments)).await {
                if let Some(required) = elicit::required(&request) {
                    return Ok(RouterResponse { inner: Ok(required), id: request.id });
                }
                let answer = guard.answer(&denied, call.task.is_some());
                return Ok(RouterResponse { inner: into_response(answer, &denied), id: request.id });
            }
            let task_call = task_call(call);
            let response = inner.call(request).await?;
            let task = match &response.inner {
                Ok(McpResponse::FinalCreateTask(created)) => Some(&created.task.metadata.task_id),
                Ok(McpResponse::CreateTask(created)) => Some(&created.task.task_id),
                _ => None,
            };
            if let (Some(task), Some(call)) = (task, task_call) {
                guard.tasks.insert(task, call);
            }
            Ok(response)
        }
        // Continues a call, or runs its tool again.
        McpRequest::UpdateTask(update) => {
            let caller = guard.caller(&request).await;
            if let Some(denied) = guard.judge_update(&request, &caller, &update.task_id).await {
                let error = match guard.answer(&denied, true) {
                    Answer::Error { code, message, data } => JsonRpcError { code, message, data: Some(data) },
                    // The wording of tower-mcp's own router.
                    Answer::Unknown | Answer::Result(_) => {
                        JsonRpcError::invalid_params(format!("Task not found: {}", update.task_id))
                    }
                };
                return Ok(RouterResponse { inner: Err(error), id: request.id });
            }
            inner.call(request).await
        }
        McpRequest::ListTools(params) => {
            let is_cached = is_stateless(params.meta.as_ref());
            let visibility = guard.visibility(guard.caller(&request).await).await;
            let mut response = inner.call(request).await?;
            filter(&mut response, &visibility, is_cached);
            Ok(response)
        }
        McpRequest::Unknown { method, .. } if may_run_tools(method) && guard.refuse("the method is unknown") => {
            Ok(RouterResponse { inner: Err(JsonRpcError::method_not_found(method)), id: request.id })
        }
        McpRequest::Unknown { method, .. } => match guard.instead_of_unread(method) {
            Some(instead) => Ok(RouterResponse { inner: answered(instead, method), id: request.id }),
            None => inner.call(request).await,
        },
        other => {
            let (method, completed) = (other.method_name(), completed(other));
            if let Some(instead) = guard.instead(method, completed.map(Entry::reference_type)) {
                return Ok(RouterResponse { inner: answered(instead, method), id: request.id });
            }
            if let Some(denied) = guard.judge_params(&request, (method, completed), || arguments(other)).await {
                return Ok(RouterResponse { inner: Err(not_answered(&guard, &denied)), id: request.id });
            }
            let covers = guard.covers();
            let meta = match other {
                McpRequest::ListPrompts(params) if covers.prompts => params.meta.as_ref(),
                McpRequest::ListResources(params) if covers.resources => params.meta.as_ref(),
                McpRequest::ListResourceTemplates(params) if covers.resources => params.meta.as_ref(),
                _ => return inner.call(request).await,
            };
            let is_cached = is_stateless(meta);
            let visibility = guard.visibility(guard.caller(&request).await).await;
            let mut response = inner.call(request).await?;
            filter(&mut response, &visibility, is_cached);
            Ok(response)
        }
    }
}

/// Returns whether a request states revision 2026-07-28 or a later one.
fn is_stateless(meta: Option<&RequestMeta>) -> bool {
    let revision = meta.and_then(|meta| meta.protocol_version.as_deref());
    revision.is_some_and(|revision| revision >= STATELESS)
}

/// Removes from a list what the caller could never call, read or get.
fn filter(response: &mut RouterResponse, visibility: &Visibility, is_cached: bool) {
    if visibility.is_whole() {
        return;
    }
    macro_rules! filtered {
        ($list:ident, $entries:ident, $entry:ident, $name:ident) => {{
            $list.$entries.retain(|entry| visibility.shows(Entry::$entry(&entry.$name)));
            &mut $list.cache_scope
        }};
    }
    let scope = match &mut response.inner {
        Ok(McpResponse::ListTools(list)) => filtered!(list, tools, Tool, name),
        Ok(McpResponse::ListPrompts(list)) => filtered!(list, prompts, Prompt, name),
        Ok(McpResponse::ListResources(list)) => filtered!(list, resources, Resource, uri),
        Ok(McpResponse::ListResourceTemplates(list)) => filtered!(list, resource_templates, Resource, uri_template),
        _ => return,
    };
    // The list depends on the caller, so shared caches must not store it.
    if is_cached || scope.is_some() {
        *scope = Some(CacheScope::Private);
    }
}

/// Returns the arguments of a request that is a call for the policy.
fn arguments(request: &McpRequest) -> Value {
    match request {
        McpRequest::ReadResource(params) => covered::arguments(params),
        McpRequest::SubscribeResource(params) => json!({ "uri": params.uri }),
        McpRequest::UnsubscribeResource(params) => json!({ "uri": params.uri }),
        McpRequest::GetPrompt(params) => covered::arguments(params),
        McpRequest::Complete(params) => covered::arguments(params),
        _ => Value::Null,
    }
}

/// Returns the error for a subscription to a resource that the policy denies.
async fn not_subscribed(
    guard: &Guard<RouterRequest>,
    request: &RouterRequest,
    uris: &[String],
) -> Option<JsonRpcError> {
    if !guard.covers().resources || uris.is_empty() {
        return None;
    }
    if uris.len() > MOST_RESOURCES && guard.refuse(TOO_MANY) {
        return Some(JsonRpcError::invalid_params(TOO_MANY));
    }
    let caller = guard.caller(request).await;
    for uri in uris {
        let args = json!({ "uri": uri });
        if let Some(denied) =
            guard.judge_request((request, &caller), request::SUBSCRIBE, Args::Value(&args), None).await
        {
            return Some(not_answered(guard, &denied));
        }
    }
    None
}

/// Returns the error for a request that the policy denies.
fn not_answered(guard: &Guard<RouterRequest>, denied: &Denied) -> JsonRpcError {
    match guard.answer(denied, true) {
        Answer::Error { code, message, data } => JsonRpcError { code, message, data: Some(data) },
        Answer::Unknown | Answer::Result(_) => {
            let (code, message) = unknown(&denied.tool, false);
            JsonRpcError { code, message: message.to_owned(), data: None }
        }
    }
}

/// Returns what a completion is for.
fn completed(request: &McpRequest) -> Option<Entry<'_>> {
    let McpRequest::Complete(complete) = request else { return None };
    match &complete.reference {
        CompletionReference::Prompt { name } => Some(Entry::Prompt(name)),
        CompletionReference::Resource { uri } => Some(Entry::Resource(uri)),
        _ => None,
    }
}

/// Returns the answer to a request for prompts or resources that the host has turned off, or that the policy cannot judge.
fn answered(instead: Instead, method: &str) -> Result<McpResponse, JsonRpcError> {
    match instead {
        Instead::Empty(list) => Ok(McpResponse::Raw(json!({ list: [] }))),
        Instead::Error(_) | Instead::Unknown(_) => {
            Err(JsonRpcError { code: METHOD_NOT_FOUND, message: instead.message(method), data: None })
        }
    }
}

/// Copies the call if it may become a task: because it asks for one, or because its client accepts tasks for any call.
fn task_call(call: &CallToolParams) -> Option<TaskCall> {
    let capabilities = call.meta.as_ref().and_then(|meta| meta.client_capabilities.as_ref());
    let takes_any = capabilities
        .and_then(|capabilities| capabilities.extensions.as_ref())
        .is_some_and(|extensions| extensions.contains_key(TASKS_EXTENSION_ID));
    (call.task.is_some() || takes_any)
        .then(|| TaskCall { tool: call.name.clone(), args: Some(call.arguments.to_string()) })
}

fn into_response(answer: Answer, denied: &Denied) -> Result<McpResponse, JsonRpcError> {
    match answer {
        Answer::Result(result) => {
            let result = serde_json::from_value(Value::Object(result));
            Ok(McpResponse::CallTool(result.unwrap_or_else(|_| CallToolResult::error(&denied.message))))
        }
        Answer::Error { code, message, data } => Err(JsonRpcError { code, message, data: Some(data) }),
        // The wording of tower-mcp's own router.
        Answer::Unknown => Err(JsonRpcError::invalid_params(format!("Unknown tool: {}", denied.tool))),
    }
}
