//! Which address does what.

use super::access::{self, Access};
use super::decider::Decider;
use super::entities::Entities;
use super::envoy::Checker;
use super::{authzen, envoy, ext_mcp, native};
use crate::source::Followed;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderMap, StatusCode, header};
use perso_core::journal::{Counts, Recorder};
use std::sync::Arc;

/// The most decisions of a request: an answer is much larger than the shortest call.
pub(super) const MOST_DECISIONS: usize = 10_000;

/// The service.
pub(crate) struct Service {
    pub(super) decider: Decider,
    pub(super) checker: Checker,
    pub(super) settings: Settings,
}

/// What the service is like.
pub(crate) struct Settings {
    /// The subjects and resources that requests of AuthZEN name.
    pub(crate) entities: Entities,
    /// The attribute of callers that says which session a call is in.
    pub(crate) session: Option<String>,
    /// Whether there is a ledger.
    pub(crate) has_ledger: bool,
    /// Where hosts reach the service, if its own address is not what they use.
    pub(crate) url: Option<String>,
    /// The largest body, in bytes.
    pub(crate) body: usize,
    pub(crate) journal: Option<Arc<Recorder>>,
    pub(crate) metrics: crate::metrics::Service,
    /// The policy, if it is followed.
    pub(crate) policy: Option<Arc<Followed>>,
}

impl Service {
    pub(crate) const fn new(decider: Decider, checker: Checker, settings: Settings) -> Self {
        Self { decider, checker, settings }
    }

    /// Whether something is remembered of sessions.
    pub(super) const fn remembers(&self) -> bool {
        self.settings.has_ledger
    }

    /// What answers requests.
    pub(crate) fn router(self, access: &Access) -> Router {
        let body = self.settings.body;
        let service = Arc::new(self);
        let asked = Router::new()
            .route("/v1/decide", post(native::decide))
            .merge(authzen::router())
            .merge(ext_mcp::router())
            .merge(envoy::grpc())
            .layer(DefaultBodyLimit::max(body))
            .layer(middleware::from_fn(numbered))
            .route("/ext-authz", any(envoy::http))
            .route("/ext-authz/{*path}", any(envoy::http))
            .layer(middleware::from_fn_with_state(access.clone(), access::known));
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/.well-known/authzen-configuration", get(authzen::configuration))
            .merge(asked)
            .with_state(service)
    }
}

/// Ready, with what is known of the policy.
async fn ready(State(service): State<Arc<Service>>) -> String {
    service.settings.policy.as_ref().map_or_else(|| "ok\n".to_owned(), |policy| policy.state().to_string())
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let counts: Option<Counts> = service.settings.journal.as_ref().map(|journal| journal.counts());
    let text = service.settings.metrics.text(counts, service.settings.policy.as_deref());
    ([(header::CONTENT_TYPE, crate::metrics::FORM)], text).into_response()
}

/// Answers with the request's id, as AuthZEN has it.
async fn numbered(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// JSON lines.
    Lines,
    Other,
}

/// What a body is, by its head. In another charset or encoding than expected, the same bytes could mean something else.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(Ok(kind)), None) = (types.next().map(|kind| kind.to_str()), types.next()) else { return Form::Other };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Form::Other;
    }
    let mut parts = kind.split(';').map(|part| part.trim().to_ascii_lowercase());
    let kind = parts.next().unwrap_or_default();
    if parts.any(|part| part.starts_with("charset") && !matches!(&*part, "charset=utf-8" | "charset=\"utf-8\"")) {
        return Form::Other;
    }
    match &*kind {
        "application/json" => Form::Json,
        "application/jsonl" | "application/x-ndjson" => Form::Lines,
        _ => Form::Other,
    }
}

/// An answer of a line of text.
pub(super) fn plain(status: StatusCode, text: impl std::fmt::Display) -> Response {
    (status, format!("{text}\n")).into_response()
}
