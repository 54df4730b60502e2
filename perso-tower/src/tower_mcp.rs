//! Inside a tower-mcp server: [`RouterLayer`].

use crate::agent::Carries;
use crate::args::Args;
use crate::denial::{Answer, Denied};
use crate::guard::{Guard, STATELESS, is_about_tools, settings};
use crate::policy::PolicyHandle;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_mcp::protocol::{CacheScope, CallToolResult, McpRequest, McpResponse};
use tower_mcp::{JsonRpcError, RouterRequest, RouterResponse};
use tower_service::Service;

impl Carries for RouterRequest {
    /// What a layer has put there, or the transport (`HttpTransport::bridge_extension`).
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }
}

/// Guards a tower-mcp server, over any transport: `transport.layer(RouterLayer::new(policy))`. Needs Rust 1.90, as tower-mcp
/// does.
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
#[derive(Debug, Clone)]
pub struct RouterLayer {
    guard: Guard<RouterRequest>,
}

impl RouterLayer {
    /// Guards with a policy, or with a [`PolicyHandle`], which can be changed later.
    pub fn new(policy: impl Into<PolicyHandle>) -> Self {
        Self { guard: Guard::new(policy.into()) }
    }

    settings!(RouterRequest);
}

impl<S> Layer<S> for RouterLayer {
    type Service = GuardedRouter<S>;

    fn layer(&self, inner: S) -> GuardedRouter<S> {
        GuardedRouter { inner, guard: Arc::new(self.guard.clone()) }
    }
}

/// The guarded service: see [`RouterLayer`].
#[derive(Debug)]
pub struct GuardedRouter<S> {
    inner: S,
    guard: Arc<Guard<RouterRequest>>,
}

// By hand, so that what it says of `S` stays all that there is to say.
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
        // The one that was polled is ready, its clone may not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(handle(inner, guard, request))
    }
}

async fn handle<S>(
    mut inner: S,
    guard: Arc<Guard<RouterRequest>>,
    request: RouterRequest,
) -> Result<RouterResponse, S::Error>
where
    S: Service<RouterRequest, Response = RouterResponse>,
{
    match &request.inner {
        McpRequest::CallTool(call) => {
            let caller = guard.caller(&request).await;
            if let Some(denied) = guard.judge(&caller, &call.name, Args::Value(&call.arguments)).await {
                let answer = guard.answer(&denied, call.task.is_some());
                return Ok(RouterResponse { inner: said(answer, &denied), id: request.id });
            }
            inner.call(request).await
        }
        McpRequest::ListTools(params) => {
            let revision = params.meta.as_ref().and_then(|meta| meta.protocol_version.as_deref());
            let is_cached = revision.is_some_and(|revision| revision >= STATELESS);
            let sight = guard.sight(guard.caller(&request).await);
            let mut response = inner.call(request).await?;
            if let Ok(McpResponse::ListTools(list)) = &mut response.inner
                && !sight.is_whole()
            {
                list.tools.retain(|tool| sight.shows(&tool.name));
                // A list that is one caller's is nobody else's.
                if is_cached || list.cache_scope.is_some() {
                    list.cache_scope = Some(CacheScope::Private);
                }
            }
            Ok(response)
        }
        McpRequest::Unknown { method, .. } if is_about_tools(method) && guard.refuse("the method is unknown") => {
            Ok(RouterResponse { inner: Err(JsonRpcError::method_not_found(method)), id: request.id })
        }
        _ => inner.call(request).await,
    }
}

fn said(answer: Answer, denied: &Denied) -> Result<McpResponse, JsonRpcError> {
    match answer {
        Answer::Result(result) => {
            let result = serde_json::from_value(Value::Object(result));
            Ok(McpResponse::CallTool(result.unwrap_or_else(|_| CallToolResult::error(&denied.reason))))
        }
        Answer::Error { code, message, data } => Err(JsonRpcError { code, message, data: Some(data) }),
        // As tower-mcp's own router answers.
        Answer::Unknown => Err(JsonRpcError::invalid_params(format!("Unknown tool: {}", denied.tool))),
    }
}
