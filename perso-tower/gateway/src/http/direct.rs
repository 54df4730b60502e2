//! Calls that pass as they are: of a tool of a newer server behind HTTP, by a newer client.
//!
//! ```text
//! request ─→ plain? ─→ guard ─→ server ─→ answer
//!              └ no ─→ the other way, through rmcp
//! ```
//!
//! From revision 2026-07-28 on, a call is one request, and the answer to it is the server's. So the gateway only judges such a
//! call and sends it on, byte by byte as it was judged. What is not plainly so goes the other way, where it is judged and
//! answered as everything else: a tool that is not known yet, arguments that do not fit, a page of another origin, and so on.

use super::{Endpoint, PATH};
use crate::link::{Link, client};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use perso_tower::{BoxError, Perso, PersoBody};
use rmcp::model::{CallToolRequestParams, JsonObject, ProtocolVersion, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep};
use tower::{Layer, Service, ServiceExt};

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const REVISION: &str = "mcp-protocol-version";
const CALL: &str = "tools/call";
/// Part of what a client says that can take a task in place of an answer. Its updates are judged elsewhere.
const TASKS: &[u8] = b"io.modelcontextprotocol/tasks";

/// A guard, and a server behind it.
pub(super) type Direct = Perso<Straight>;

/// Where a call goes that has been allowed.
#[derive(Clone)]
struct Route {
    link: Arc<Link>,
    url: Arc<str>,
    headers: HeaderMap,
    /// The server's own name for the tool, if it has another one than clients.
    own: Option<String>,
}

impl Endpoint {
    /// A guard like that of all other calls.
    pub(super) fn direct(&self) -> Direct {
        self.gateway.layer().body_limit(self.limits.body).layer(Straight)
    }

    /// Where a request goes whose head says that it is a plain call.
    fn route(&self, parts: &Parts) -> Option<Route> {
        let one = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let is_call = parts.method == http::Method::POST
            && parts.uri.path() == PATH
            && one(REVISION) == Some(ProtocolVersion::V_2026_07_28.as_str())
            && one(METHOD) == Some(CALL)
            && one("content-type") == Some("application/json")
            && one("accept").is_some_and(|accept| {
                accept.contains("application/json") && accept.contains("text/event-stream") && !accept.contains("q=")
            });
        // Pages of other origins, hosts, and sessions are looked at elsewhere.
        let is_other = ["origin", "upgrade", "mcp-session-id", "last-event-id"]
            .iter()
            .any(|name| parts.headers.contains_key(*name))
            || parts.headers.keys().any(|name| name.as_str().starts_with("mcp-param-"));
        if !is_call || is_other || !self.is_own_host(one("host")?) {
            return None;
        }
        let name = one(NAME)?;
        let (link, own) = self.gateway.shared.inner(name)?;
        let (url, headers) = link.endpoint()?;
        if link.known()?.protocol_version.has_initialize() || link.server.meta_tools.contains_key(own) {
            return None;
        }
        let own = (own != name).then(|| own.to_owned());
        Some(Route { link: link.clone(), url: url.into(), headers, own })
    }

    /// Whether clients reach this gateway under a host.
    fn is_own_host(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name);
        let is_any = self.verifier.is_some() && self.hosts.is_empty();
        let is_local = || self.verifier.is_none() && ["localhost", "127.0.0.1", "[::1]"].contains(&name);
        is_any || is_local() || self.hosts.iter().any(|own| own == name || own == host)
    }
}

/// A call, as far as it has to be understood here.
#[derive(Serialize, Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    jsonrpc: Cow<'m, str>,
    #[serde(borrow)]
    id: &'m RawValue,
    #[serde(borrow)]
    method: Cow<'m, str>,
    #[serde(borrow)]
    params: &'m RawValue,
}

/// The arguments of a call, if it is plainly one of this tool, and its head says so.
fn arguments(body: &[u8], name: &str) -> Option<JsonObject> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let params: CallToolRequestParams = serde_json::from_str(message.params.get()).ok()?;
    let meta = params.meta.unwrap_or_default();
    let is_plain = message.method == CALL
        && message.jsonrpc == "2.0"
        && serde_json::from_str::<RequestId>(message.id.get()).is_ok()
        && params.name == name
        && meta.protocol_version() == Some(ProtocolVersion::V_2026_07_28)
        && meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty();
    is_plain.then(|| params.arguments.unwrap_or_default())
}

/// The message with another name for its tool.
fn renamed(message: &Message<'_>, own: &str) -> Option<Bytes> {
    let mut params: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(message.params.get()).ok()?;
    let own = serde_json::value::to_raw_value(own).ok()?;
    params.insert("name".into(), &own);
    let params = serde_json::value::to_raw_value(&params).ok()?;
    let Message { jsonrpc, id, method, .. } = message;
    let message = Message { jsonrpc: jsonrpc.clone(), id, method: method.clone(), params: &params };
    serde_json::to_vec(&message).ok().map(Bytes::from)
}

/// Sends plain calls straight to their servers, and lets everything else go on.
pub(super) async fn direct(
    State((endpoint, direct)): State<(Arc<Endpoint>, Direct)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(route) = endpoint.route(&parts) else { return next.run(Request::from_parts(parts, body)).await };
    let bytes = match Limited::new(body, endpoint.limits.body).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    if !is_plain(&endpoint, &parts, &bytes) {
        return next.run(Request::from_parts(parts, Body::from(bytes))).await;
    }
    parts.extensions.insert(route);
    match direct.oneshot(Request::from_parts(parts, Body::from(bytes))).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

fn is_plain(endpoint: &Endpoint, parts: &Parts, bytes: &[u8]) -> bool {
    let name = parts.headers.get(NAME).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let takes_tasks = bytes.windows(TASKS.len()).any(|window| window == TASKS);
    !takes_tasks && arguments(bytes, name).is_some_and(|arguments| endpoint.gateway.tools.fits(name, &arguments))
}

/// The way to the servers, behind the guard.
#[derive(Debug, Clone)]
pub(super) struct Straight;

impl Service<http::Request<PersoBody<Body>>> for Straight {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<PersoBody<Body>>) -> Self::Future {
        Box::pin(async move { Ok(sent(request).await) })
    }
}

/// Sends a call to its server. What is in front has judged these bytes.
async fn sent(request: http::Request<PersoBody<Body>>) -> Response {
    let (mut parts, body) = request.into_parts();
    // What is in front has read all of this before.
    let unread = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    let (Some(route), Ok(body)) = (parts.extensions.remove::<Route>(), body.collect().await) else { return unread() };
    let bytes = body.to_bytes();
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&bytes) else { return unread() };
    let (body, name) = match &route.own {
        None => (Some(bytes.clone()), parts.headers.remove(NAME)),
        Some(own) => (renamed(&message, own), HeaderValue::from_str(own).ok()),
    };
    let (Some(body), Some(name)) = (body, name) else { return unread() };
    let mut headers = route.headers;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(REVISION, HeaderValue::from_static("2026-07-28"));
    headers.insert(METHOD, HeaderValue::from_static(CALL));
    headers.insert(NAME, name);
    let patience = route.link.server.patience;
    let link = route.link;
    let asked = client().post(&*route.url).headers(headers).body(body).send();
    let answer = match tokio::time::timeout(patience, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return lost(message.id, &link.stopped(error)),
        Err(_) => return lost(message.id, &link.silent()),
    };
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let is_message = kind.as_ref().and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.starts_with("application/json") || (status.is_success() && kind.starts_with("text/event-stream"))
    });
    let Some(kind) = kind.filter(|_| is_message) else {
        let name = &link.server.name;
        tracing::warn!(server = name, %status, "has answered with no message");
        return lost(message.id, &format!("the server `{name}` has answered with status {}", status.as_u16()));
    };
    let is_stream = kind.as_bytes().starts_with(b"text/event-stream");
    let end = Box::pin(tokio::time::sleep(patience));
    let body = Paced { body: Some(answer.into()), is_stream, id: message.id.to_owned(), link, end };
    (status, [(header::CONTENT_TYPE, kind)], Body::new(body)).into_response()
}

/// A server's answer. If it breaks off, or nothing more of it comes for too long, the client gets another one, as far as it can.
struct Paced {
    body: Option<reqwest::Body>,
    is_stream: bool,
    id: Box<RawValue>,
    link: Arc<Link>,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let why = match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let end = Instant::now() + self.link.server.patience;
                self.end.as_mut().reset(end);
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => self.link.stopped(error),
            Poll::Pending => match self.end.as_mut().poll(context) {
                Poll::Ready(()) => self.link.silent(),
                Poll::Pending => return Poll::Pending,
            },
        };
        self.body = None;
        if !self.is_stream {
            return Poll::Ready(Some(Err(why.into())));
        }
        // An event that had begun ends here.
        let event = format!("\n\ndata: {}\n\n", in_place(&self.id, &why));
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) if !self.is_stream => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

/// An answer that the model reads, in place of the server's.
fn in_place(id: &RawValue, why: &str) -> Value {
    let result = json!({ "resultType": "complete", "content": [{ "type": "text", "text": why }], "isError": true });
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn lost(id: &RawValue, why: &str) -> Response {
    axum::Json(in_place(id, why)).into_response()
}
