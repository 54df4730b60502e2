//! Judges a request.

use super::messages::Metadata;
use crate::metrics::Decisions;
use crate::oauth::Verifier;
use axum::body::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use perso_core::journal::Recorder;
use perso_tower::ledger::Ledger;
use perso_tower::{Agent, Perso, PersoBody, PersoLayer, PolicyHandle, Queue};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tower::{Layer, ServiceExt, service_fn};

/// Who sends the requests that Envoy asks about.
pub(crate) enum Callers {
    /// The same caller for every request.
    Fixed(Agent),
    /// Whoever the request's access token names.
    Token(Arc<Verifier>),
    /// Whoever Envoy's own `jwt_authn` filter has found: the key of its payload in the metadata, and how claims become attributes.
    Payload {
        /// `payload_in_metadata` of the filter's provider.
        key: String,
        /// Attributes, and the JSON pointers of their claims.
        claims: Vec<(String, String)>,
    },
}

/// The namespace of the metadata of Envoy's filter.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// How a guard is set up.
pub(crate) struct Setup {
    pub(crate) policy: PolicyHandle,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) approval_wait: Option<Duration>,
    /// The attribute of callers that says which session a request is in.
    pub(crate) session: Option<String>,
    pub(crate) journal: Option<Arc<Recorder>>,
    pub(crate) decisions: Decisions,
    pub(crate) body: usize,
}

type Behind = tower::util::BoxCloneSyncService<Request<PersoBody<Full<Bytes>>>, Response<Full<Bytes>>, Infallible>;

/// Judges requests.
pub(crate) struct Checker {
    guard: Perso<Behind>,
    callers: Callers,
}

/// The body that the guard passed on.
#[derive(Clone, Default)]
struct Passed(Arc<OnceLock<Bytes>>);

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Checked {
    Passes,
    Denied { status: StatusCode, kind: Option<HeaderValue>, body: String },
}

impl Checked {
    pub(super) fn refused(why: impl std::fmt::Display) -> Self {
        Self::denied(StatusCode::FORBIDDEN, why)
    }

    fn denied(status: StatusCode, why: impl std::fmt::Display) -> Self {
        let kind = Some(HeaderValue::from_static("text/plain; charset=utf-8"));
        Self::Denied { status, kind, body: format!("{why}\n") }
    }
}

impl Checker {
    pub(crate) fn new(setup: Setup, callers: Callers) -> Self {
        let Setup { policy, ledger, approval_wait, session, journal, decisions, body } = setup;
        let mut layer = PersoLayer::new(policy)
            .agent(|parts: &Parts| parts.extensions.get::<Agent>().cloned().ok_or("the request has no caller"))
            .body_limit(body)
            .on_decision(move |event: &perso_tower::Event<'_>, _: &Value| {
                decisions.decided(event.decision.outcome, event.duration);
            });
        if let Some(name) = session {
            layer = layer.session(move |parts: &Parts| {
                parts.extensions.get::<Agent>()?.attributes().get(&name)?.as_str().map(str::to_owned)
            });
        }
        if let Some(ledger) = ledger {
            if let Some(wait) = approval_wait {
                layer = layer.approver(Queue::new(ledger.clone()).wait(wait));
            }
            layer = layer.ledger(ledger);
        }
        if let Some(journal) = journal {
            layer = layer.journal(journal);
        }
        let guard = layer.layer(Behind::new(service_fn(async |request: Request<PersoBody<Full<Bytes>>>| {
            let (parts, body) = request.into_parts();
            if let (Some(passed), Ok(body)) = (parts.extensions.get::<Passed>(), body.collect().await) {
                // It is empty: each request is passed on once.
                let _ = passed.0.set(body.to_bytes());
            }
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok::<_, Infallible>(response)
        })));
        Self { guard, callers }
    }

    /// Judges a request. `metadata` is what Envoy's filters have found out about it.
    pub(super) async fn check(&self, mut request: Request<Bytes>, metadata: Option<&Metadata>) -> Checked {
        let agent = match self.agent(&request, metadata).await {
            Ok(agent) => agent,
            Err(checked) => return checked,
        };
        let (passed, body) = (Passed::default(), request.body().clone());
        request.extensions_mut().insert(agent);
        request.extensions_mut().insert(passed.clone());
        let Ok(response) = self.guard.clone().oneshot(request.map(Full::new)).await;
        if let Some(passed) = passed.0.get() {
            return if is_same(passed, &body) {
                Checked::Passes
            } else {
                Checked::refused("the message can be read in different ways, and Envoy cannot replace it")
            };
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
        Checked::Denied { status: parts.status, kind, body: body.unwrap_or_default() }
    }

    async fn agent(&self, request: &Request<Bytes>, metadata: Option<&Metadata>) -> Result<Agent, Checked> {
        match &self.callers {
            Callers::Fixed(agent) => Ok(agent.clone()),
            Callers::Token(verifier) => {
                let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
                let authorization = headers.next().and_then(|value| value.to_str().ok());
                if headers.next().is_some() {
                    return Err(Checked::denied(StatusCode::UNAUTHORIZED, "the request has several tokens"));
                }
                match verifier.caller(authorization).await {
                    Ok((_, agent)) => Ok(agent),
                    Err(why) => Err(Checked::denied(StatusCode::UNAUTHORIZED, why)),
                }
            }
            Callers::Payload { key, claims } => {
                let payload = metadata.and_then(|metadata| metadata.filter_metadata.get(JWT_AUTHN));
                let payload = payload.and_then(super::super::grpc::Struct::json).and_then(|mut all| all.remove(key));
                match payload {
                    Some(payload @ Value::Object(_)) => Ok(crate::oauth::attributes(&payload, claims).into()),
                    _ => Err(Checked::denied(
                        StatusCode::UNAUTHORIZED,
                        "Envoy has not sent who calls: add the filter jwt_authn before ext_authz, with payload_in_metadata",
                    )),
                }
            }
        }
    }
}

/// Whether a body is the one that the guard has passed on, apart from spaces between its parts. What the guard leaves out or writes in
/// another way, a server behind Envoy would read.
fn is_same(passed: &Bytes, body: &Bytes) -> bool {
    if passed == body {
        return true;
    }
    let parsed = |body: &Bytes| std::str::from_utf8(body).ok().and_then(|body| perso_tower::exact(body).ok());
    parsed(passed).is_some_and(|passed| parsed(body) == Some(passed))
}
