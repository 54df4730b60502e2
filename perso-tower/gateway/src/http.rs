//! Clients over Streamable HTTP, and what operators ask.

mod direct;
mod head;
mod held;
mod idle;
mod sessions;

use crate::gateway::Gateway;
use crate::oauth::{Refused, Verifier};
use crate::source::Followed;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use held::held;
use http::{HeaderValue, StatusCode, header};
use idle::Idle;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use sessions::Sessions;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Where the endpoint is.
const PATH: &str = "/mcp";
/// How long calls in flight have to finish when the gateway stops.
const GRACE: Duration = Duration::from_secs(30);

/// What clients can take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How many requests can be in flight.
    pub requests: usize,
    /// How long a session lasts in which no request is open.
    pub idle: Duration,
}

/// The endpoint of a gateway.
pub struct Endpoint {
    gateway: Arc<Gateway>,
    verifier: Option<Arc<Verifier>>,
    /// The names under which clients reach it, besides those of this machine.
    hosts: Vec<String>,
    limits: Limits,
    /// Of requests in flight, and of streams that clients keep open to listen.
    places: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    sessions: Sessions,
    idle: Arc<Idle>,
    /// The policy, if it is followed.
    policy: Option<Arc<Followed>>,
}

impl Endpoint {
    /// An endpoint. Without a verifier, it is for this machine alone.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random bytes.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        verifier: Option<Arc<Verifier>>,
        hosts: Vec<String>,
        limits: Limits,
        policy: Option<Arc<Followed>>,
    ) -> std::io::Result<Arc<Self>> {
        let places = || Arc::new(Semaphore::new(limits.requests));
        let (calls, listeners, sessions) = (places(), places(), Sessions::new()?);
        let idle = Arc::default();
        Ok(Arc::new(Self { gateway, verifier, hosts, limits, places: calls, listeners, sessions, idle, policy }))
    }

    /// Serves clients until `stop`, and then finishes what is in flight.
    ///
    /// # Errors
    ///
    /// Returns an error if connections can no longer be accepted.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let sessions = CancellationToken::new();
        let router = self.router(&sessions);
        // So that it is known early whether servers can be reached.
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.shared.connect().await });
        let (endpoint, ended) = (self, stop.clone());
        tokio::spawn(async move {
            ended.cancelled().await;
            let all = u32::try_from(endpoint.limits.requests).unwrap_or(u32::MAX);
            // All places are free when nothing is in flight any more.
            let _ = tokio::time::timeout(GRACE, endpoint.places.acquire_many(all)).await;
            sessions.cancel();
        });
        // Otherwise the second part of an answer waits until the client has confirmed the first, for up to 40 ms.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
    }

    fn router(self: &Arc<Self>, sessions: &CancellationToken) -> Router {
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_max_request_body_bytes(self.limits.body)
            .with_cancellation_token(sessions.clone());
        if self.verifier.is_some() {
            // A token says who calls, and a page of another origin has none.
            config = if self.hosts.is_empty() {
                config.disable_allowed_hosts()
            } else {
                config.with_allowed_hosts(&self.hosts)
            };
        } else {
            let local = ["localhost", "127.0.0.1", "[::1]"];
            config = config
                .with_allowed_hosts(local.iter().map(ToString::to_string).chain(self.hosts.iter().cloned()))
                .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]);
        }
        let gateway = self.gateway.clone();
        let mut manager = LocalSessionManager::default();
        // By itself, it would also end sessions in which a call takes long.
        manager.session_config.keep_alive = None;
        let manager = Arc::new(manager);
        tokio::spawn(idle::watch(Arc::downgrade(&self.idle), manager.clone(), self.limits.idle));
        let mcp = StreamableHttpService::new(move || Ok(gateway.service()), manager, config);
        let mcp = Router::new()
            .route_service(PATH, mcp)
            .layer(middleware::from_fn_with_state((self.clone(), self.direct()), direct::direct))
            .layer(middleware::from_fn_with_state(self.clone(), used))
            .layer(middleware::from_fn_with_state(self.clone(), known))
            .layer(middleware::from_fn_with_state(self.clone(), counted));
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/.well-known/oauth-protected-resource", get(resource))
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .with_state(self.clone())
            .merge(mcp)
    }
}

/// Lets as many requests in as the limit allows. A request is in flight until its answer has been sent.
async fn counted(State(endpoint): State<Arc<Endpoint>>, request: Request, next: Next) -> Response {
    if let Some(refused) = head::doubt(request.headers()) {
        return refused.into_response();
    }
    // A stream that a client keeps open to listen is no call, and does not keep the gateway from stopping.
    let listens = request.method() == http::Method::GET
        || request.headers().get("mcp-method").is_some_and(|method| method == "subscriptions/listen");
    let places = if listens { &endpoint.listeners } else { &endpoint.places };
    match places.clone().try_acquire_owned() {
        Ok(place) => next.run(request).await.map(|body| held(body, place)),
        Err(_) => {
            let later = [(header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, later, "too many requests in flight\n").into_response()
        }
    }
}

/// Finds out who calls. Servers never see the token: nothing of a request's head is sent on.
async fn known(State(endpoint): State<Arc<Endpoint>>, mut request: Request, next: Next) -> Response {
    let Some(verifier) = &endpoint.verifier else { return next.run(request).await };
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    let authorization = headers.next().and_then(|value| value.to_str().ok());
    if headers.next().is_some() {
        return refused(&request, Refused::Invalid);
    }
    match verifier.caller(authorization).await {
        Ok((principal, agent)) => {
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(agent);
            if !endpoint.sessions.opens(request.headers_mut(), &principal) {
                // To somebody else, a session is not there.
                return (StatusCode::NOT_FOUND, "there is no such session: begin one\n").into_response();
            }
            let mut response = next.run(request).await;
            endpoint.sessions.signs(response.headers_mut(), &principal);
            response
        }
        Err(why) => refused(&request, why),
    }
}

/// Takes note of which sessions are used. A request is open until its answer has been sent.
async fn used(State(endpoint): State<Arc<Endpoint>>, request: Request, next: Next) -> Response {
    let open = endpoint.idle.opened(request.headers());
    let response = next.run(request).await;
    match open {
        Some(open) => response.map(|body| held(body, open)),
        None => {
            endpoint.idle.begun(response.headers());
            response
        }
    }
}

/// Tells a client where it can get a token (RFC 9728, section 5.1).
fn refused(request: &Request, why: Refused) -> Response {
    let code = match why {
        Refused::Missing | Refused::Invalid => StatusCode::UNAUTHORIZED,
        Refused::Unchecked => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (code, format!("{why}\n")).into_response();
    let metadata = format!("{}/.well-known/oauth-protected-resource{PATH}", origin(request.headers()));
    let error = if why == Refused::Invalid { r#"error="invalid_token", "# } else { "" };
    if code == StatusCode::UNAUTHORIZED
        && let Ok(value) = HeaderValue::from_str(&format!(r#"Bearer {error}resource_metadata="{metadata}""#))
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// How the client has reached the gateway, as far as its request says.
fn origin(headers: &http::HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_plain =
        |host: &&str| host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    let host = host.filter(is_plain).unwrap_or("localhost");
    let is_local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| host.starts_with(local));
    format!("{}://{host}", if is_local { "http" } else { "https" })
}

/// RFC 9728: which issuer gives tokens for this gateway.
async fn resource(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let Some(verifier) = &endpoint.verifier else { return StatusCode::NOT_FOUND.into_response() };
    let settings = verifier.settings();
    axum::Json(json!({
        "resource": settings.audience,
        "authorization_servers": [settings.issuer],
        "bearer_methods_supported": ["header"],
    }))
    .into_response()
}

/// Ready if at least one server can be reached.
async fn ready(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let infos = endpoint.gateway.shared.connect().await;
    let up = infos.iter().filter(|info| info.is_some()).count();
    let code = if up > 0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let policy = endpoint.policy.as_ref().map(|policy| policy.state().to_string()).unwrap_or_default();
    (code, format!("{up} of {} servers can be reached\n{policy}", infos.len())).into_response()
}

async fn metrics(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let gateway = &endpoint.gateway;
    let servers = gateway.shared.links.iter().map(|link| (link.server.name.as_str(), link.is_connected()));
    let text = gateway.metrics.text(
        servers,
        gateway.places(),
        endpoint.places.available_permits(),
        gateway.recorded(),
        endpoint.policy.as_deref(),
    );
    ([(header::CONTENT_TYPE, crate::metrics::FORM)], text).into_response()
}
