//! A page on which people approve calls, for this machine.
//!
//! Its address has a secret after the `#`, which browsers do not send; the page's script sends it with each request. So neither other
//! users of the machine nor pages of other origins can approve anything.

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use perso_tower::ledger::{Approval, ApprovalId, Ledger, LedgerError, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

const PAGE: &str = include_str!("approvals/page.html");
const SCRIPT: &str = include_str!("approvals/page.js");
const STYLE: &str = include_str!("approvals/page.css");

/// Nothing but the page's own files, and nobody can put it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The largest body of a request, in bytes.
const MOST_BYTES: usize = 4_096;

/// The page of a ledger.
#[derive(Clone)]
pub struct Page {
    ledger: Arc<dyn Ledger>,
    secret: Arc<str>,
}

impl Page {
    /// A page with a new secret.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random bytes.
    pub fn new(ledger: Arc<dyn Ledger>) -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let secret = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self { ledger, secret: secret.into() })
    }

    /// The page's link, for the people who may approve.
    #[must_use]
    pub fn link(&self, address: SocketAddr) -> String {
        format!("http://{address}/#{}", self.secret)
    }

    /// Serves the page.
    ///
    /// # Errors
    ///
    /// Returns an error if connections can no longer be accepted.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(listener, self.router()).await
    }

    fn router(self) -> Router {
        let file = |kind: &'static str, text: &'static str| get(async move || ([(header::CONTENT_TYPE, kind)], text));
        let data = Router::new()
            .route("/approvals", get(list))
            .route("/approvals/{id}", post(decide))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(middleware::from_fn_with_state(self.clone(), allowed));
        Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/page.js", file("text/javascript; charset=utf-8", SCRIPT))
            .route("/page.css", file("text/css; charset=utf-8", STYLE))
            .merge(data)
            .layer(middleware::from_fn(with_headers))
            .with_state(self)
    }
}

/// A call that waits, as the page gets it.
#[derive(Serialize)]
struct Waiting {
    id: String,
    requested_at: String,
    expires_at: String,
    call: Value,
    /// As text, because JavaScript rounds large numbers.
    args: String,
}

impl From<&Approval> for Waiting {
    fn from(approval: &Approval) -> Self {
        let mut call: Value = serde_json::from_str(&approval.shown).unwrap_or_default();
        let args = call.as_object_mut().and_then(|call| call.remove("args")).unwrap_or_default();
        Self {
            id: approval.id.to_string(),
            requested_at: approval.requested_at.to_string(),
            expires_at: approval.expires_at.to_string(),
            call,
            args: serde_json::to_string_pretty(&args).unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    verdict: Said,
    by: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Approve,
    Deny,
}

async fn list(State(page): State<Page>) -> Response {
    match page.ledger.pending().await {
        Ok(pending) => Json(pending.iter().map(Waiting::from).collect::<Vec<_>>()).into_response(),
        Err(error) => failed(&error),
    }
}

async fn decide(State(page): State<Page>, Path(id): Path<String>, Json(decided): Json<Decided>) -> Response {
    let verdict = match decided.verdict {
        Said::Approve => Verdict::Approve,
        Said::Deny => Verdict::Deny,
    };
    let done = match id.parse::<ApprovalId>() {
        Ok(id) => page.ledger.decide(id, verdict, &decided.by).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &LedgerError) -> Response {
    let code = match error {
        LedgerError::UnknownApproval => StatusCode::NOT_FOUND,
        LedgerError::AlreadyDecided => StatusCode::CONFLICT,
        LedgerError::Invalid(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, error.to_string()).into_response()
}

/// Lets those in who have the secret.
async fn allowed(State(page): State<Page>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let sent = sent.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    // Digests, so that how long the comparison takes says nothing about the secret.
    if Sha256::digest(sent) != Sha256::digest(page.secret.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, "open the link that the gateway has printed").into_response();
    }
    next.run(request).await
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
