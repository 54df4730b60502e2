//! [`Perso`].

use super::body::PersoBody;
use super::events::Events;
use super::message::{CallMessage, Message};
use super::streams::Streams;
use super::{list, response};
use crate::agent::BoxError;
use crate::args::Args;
use crate::guard::{Guard, STATELESS};
use crate::sight::Sight;
use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// The guarded service: see [`PersoLayer`](crate::PersoLayer).
#[derive(Debug)]
pub struct Perso<S> {
    inner: S,
    setup: Arc<Setup>,
}

/// What all services of a layer share.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) guard: Guard<Parts>,
    /// The most bytes that are held of a body.
    pub(super) body: usize,
    pub(super) streams: Streams,
}

// By hand, so that what it says of `S` stays all that there is to say.
impl<S: Clone> Clone for Perso<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), setup: self.setup.clone() }
    }
}

impl<S> Perso<S> {
    pub(super) const fn new(inner: S, setup: Arc<Setup>) -> Self {
        Self { inner, setup }
    }
}

impl<S, B, O> Service<Request<B>> for Perso<S>
where
    S: Service<Request<PersoBody<B>>, Response = Response<O>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    O: Body<Data = Bytes> + Send + 'static,
    O::Error: Into<BoxError>,
{
    type Response = Response<PersoBody<O>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled is ready, its clone may not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let setup = self.setup.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match parts.method {
                Method::POST => setup.post(inner, parts, body).await,
                Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE => setup.get(inner, parts).await,
                _ => Ok(response::status(StatusCode::METHOD_NOT_ALLOWED)),
            }
        })
    }
}

impl Setup {
    /// Passes on a request that has no message in it.
    async fn get<S, B, O>(&self, mut inner: S, mut parts: Parts) -> Result<Response<PersoBody<O>>, S::Error>
    where
        S: Service<Request<PersoBody<B>>, Response = Response<O>>,
        O: Body<Data = Bytes>,
        O::Error: Into<BoxError>,
    {
        // Nobody could read what goes over another protocol.
        if parts.headers.contains_key(header::UPGRADE) {
            return Ok(response::status(StatusCode::NOT_IMPLEMENTED));
        }
        plain(&mut parts.headers);
        let streams = (parts.method == Method::GET).then(|| self.streams.clone());
        let sight = self.guard.sight(self.guard.caller(&parts).await);
        // MCP knows no bodies here, but who knows what a server does with one.
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = inner.call(Request::from_parts(parts, PersoBody::whole(""))).await?;
        Ok(self.shown(response, sight, false, streams).await)
    }

    /// Has a message judged, and passes it on as it was read.
    async fn post<S, B, O>(&self, mut inner: S, mut parts: Parts, body: B) -> Result<Response<PersoBody<O>>, S::Error>
    where
        S: Service<Request<PersoBody<B>>, Response = Response<O>>,
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
        O: Body<Data = Bytes>,
        O::Error: Into<BoxError>,
    {
        if !is_json(&parts.headers) {
            return Ok(response::status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = match Limited::new(body, self.body).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Ok(response::status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Err(_) => return Ok(response::status(StatusCode::BAD_REQUEST)),
        };
        let message = match std::str::from_utf8(&bytes) {
            Ok(text) => Message::read(text),
            Err(_) => Message::Refused { id: "null".to_owned(), why: "the body is not UTF-8" },
        };
        let caller = self.guard.caller(&parts).await;
        let (body, is_list) = match message {
            Message::Refused { id, why } if self.guard.refuse(why) => return Ok(response::refused(&id, why)),
            Message::Refused { .. } | Message::Other => (bytes, false),
            Message::List => (bytes, true),
            Message::Call(call) => {
                let args = call.args.as_deref().map_or(Args::Absent, |args| Args::Text(args));
                if let Some(denied) = self.guard.judge(&caller, &call.tool, args).await {
                    let is_typed = revision(&call, &parts).is_some_and(|revision| revision >= STATELESS);
                    let answer = self.guard.answer(&denied, call.is_task && !is_typed);
                    // Nobody waits for an answer to a notification.
                    let Some(id) = &call.id else { return Ok(response::status(StatusCode::ACCEPTED)) };
                    let text = response::denied(id, &call, is_typed, answer);
                    return Ok(if self.streams.send(&parts.uri, &text) {
                        response::status(StatusCode::ACCEPTED)
                    } else {
                        response::message(StatusCode::OK, text)
                    });
                }
                (call.text.into(), false)
            }
        };
        let sight = self.guard.sight(caller);
        plain(&mut parts.headers);
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
        let response = inner.call(Request::from_parts(parts, PersoBody::whole(body))).await?;
        Ok(self.shown(response, sight, is_list, None).await)
    }

    /// The response as the caller may see it.
    async fn shown<O>(
        &self,
        response: Response<O>,
        sight: Sight,
        is_list: bool,
        streams: Option<Streams>,
    ) -> Response<PersoBody<O>>
    where
        O: Body<Data = Bytes>,
        O::Error: Into<BoxError>,
    {
        let (mut parts, body) = response.into_parts();
        let media_type = media_type(&parts.headers).0;
        let is_stream = media_type == "text/event-stream";
        if sight.is_whole() || !(is_stream || (is_list && media_type == "application/json")) {
            return Response::from_parts(parts, PersoBody::passed(body));
        }
        if !is_plain(&parts.headers) {
            return response::status(StatusCode::BAD_GATEWAY);
        }
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::ETAG);
        if is_stream {
            return Response::from_parts(parts, PersoBody::filtered(body, Events::new(sight, streams)));
        }
        let Ok(body) = Limited::new(body, self.body).collect().await else {
            return response::status(StatusCode::BAD_GATEWAY);
        };
        let bytes = body.to_bytes();
        match std::str::from_utf8(&bytes).map(|text| list::filtered(&sight, text)) {
            Ok(Ok(Some(text))) => Response::from_parts(parts, PersoBody::whole(text)),
            Ok(Ok(None)) => Response::from_parts(parts, PersoBody::whole(bytes)),
            Ok(Err(list::Unreadable)) | Err(_) => response::status(StatusCode::BAD_GATEWAY),
        }
    }
}

/// The revision that a call is of: it says so itself, or the request's head does.
fn revision<'a>(call: &'a CallMessage, parts: &'a Parts) -> Option<&'a str> {
    let header = || parts.headers.get("mcp-protocol-version").and_then(|header| header.to_str().ok());
    call.revision.as_deref().or_else(header)
}

/// Makes a head one of a body that is passed on anew and of an answer that can be read.
fn plain(headers: &mut HeaderMap) {
    headers.remove(header::ACCEPT_ENCODING);
    headers.remove(header::TRANSFER_ENCODING);
}

/// The media type in lower case, and its parameters.
fn media_type(headers: &HeaderMap) -> (String, &str) {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
    (media_type.trim().to_ascii_lowercase(), parameters)
}

/// Whether the body is JSON as every reader sees it. In another charset the same bytes could say something else.
fn is_json(headers: &HeaderMap) -> bool {
    let (media_type, parameters) = media_type(headers);
    let is_utf8 = parameters.split(';').map(|parameter| parameter.trim().to_ascii_lowercase()).all(|parameter| {
        !parameter.starts_with("charset") || matches!(&*parameter, "charset=utf-8" | "charset=\"utf-8\"")
    });
    let has_one_type = headers.get_all(header::CONTENT_TYPE).iter().count() == 1;
    has_one_type && media_type == "application/json" && is_utf8 && is_plain(headers)
}

/// Whether the body is as its type says.
fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
