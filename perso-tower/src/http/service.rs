//! The service behind the layer: [`Perso`].

use super::body::PersoBody;
use super::head::{self, Form};
use super::list::Filter;
use super::message::{CallMessage, Message};
use super::streams::{Opening, Streams};
use super::{answer, response};
use crate::agent::BoxError;
use crate::args::Args;
use crate::elicit::Round;
use crate::guard::{Caller, Guard, STATELESS};
use crate::tasks::TaskCall;
use bytes::Bytes;
use http::header;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A guarded service. See [`PersoLayer`](crate::PersoLayer).
#[derive(Debug)]
pub struct Perso<S> {
    inner: S,
    setup: Arc<Setup>,
}

/// The state that all services of a layer share.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) guard: Guard<Parts>,
    /// The maximum size of a message, in bytes.
    pub(super) body: usize,
    /// The maximum size of a buffered answer, in bytes.
    pub(super) answer: usize,
    pub(super) streams: Streams,
}

// By hand, to state that `S: Clone` is the only bound.
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
        // Use the service that was polled: its clone may not be ready.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let setup = self.setup.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // The guard cannot read another protocol.
            if parts.headers.contains_key(header::UPGRADE) {
                return Ok(response::status(StatusCode::NOT_IMPLEMENTED));
            }
            match parts.method {
                Method::POST => setup.post(inner, parts, body).await,
                Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE => setup.get(inner, parts).await,
                _ => Ok(response::status(StatusCode::METHOD_NOT_ALLOWED)),
            }
        })
    }
}

impl Setup {
    /// Passes on a request without a message.
    async fn get<S, B, O>(&self, mut inner: S, mut parts: Parts) -> Result<Response<PersoBody<O>>, S::Error>
    where
        S: Service<Request<PersoBody<B>>, Response = Response<O>>,
        O: Body<Data = Bytes>,
        O::Error: Into<BoxError>,
    {
        head::passed_on(&mut parts.headers);
        let caller = self.guard.caller(&parts).await;
        let opener = caller.agent().filter(|_| parts.method == Method::GET).cloned();
        let opening = opener.map(|opener| Opening { streams: self.streams.clone(), opener });
        let filter = Filter { visibility: self.guard.visibility(caller).await, asked: None, call: None };
        // MCP has no bodies here. Drop one, since a server might read it.
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = inner.call(Request::from_parts(parts, PersoBody::whole(""))).await?;
        Ok(answer::shown(response, filter, opening, self.answer).await)
    }

    /// Judges a message and passes it on as it was understood.
    async fn post<S, B, O>(&self, mut inner: S, mut parts: Parts, body: B) -> Result<Response<PersoBody<O>>, S::Error>
    where
        S: Service<Request<PersoBody<B>>, Response = Response<O>>,
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
        O: Body<Data = Bytes>,
        O::Error: Into<BoxError>,
    {
        if head::form(&parts.headers) != Form::Json {
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
            Ok(text) => Message::read(text, self.guard.closed, self.guard.covers()),
            Err(_) => Message::Refused { id: "null".to_owned(), why: "the body is not UTF-8" },
        };
        let caller = self.guard.caller(&parts).await;
        let (body, asked, task_call) = match message {
            Message::Refused { id, why } if self.guard.refuse(why) => return Ok(response::refused(&id, why)),
            Message::Closed(closed) if self.guard.closes(closed.instead) => {
                let Some(id) = &closed.id else { return Ok(response::status(StatusCode::ACCEPTED)) };
                let answer = response::instead(id, &closed, is_typed(closed.revision.as_deref(), &parts));
                return self.deny(inner, parts, &caller, answer).await;
            }
            Message::Listen(text) if !self.guard.observe => (text.into(), None, None),
            Message::Refused { .. } | Message::Closed(_) | Message::Listen(_) | Message::Other => (bytes, None, None),
            Message::List(list) => (bytes, Some(list), None),
            Message::Covered(covered) => {
                for args in &covered.calls {
                    let (args, entry) = (Args::Text(args), covered.entry());
                    if let Some(denied) =
                        self.guard.judge_request((&parts, &caller), covered.request, args, entry).await
                    {
                        let is_typed = is_typed(covered.revision.as_deref(), &parts);
                        let answer = self.guard.answer(&denied, true);
                        let denial = response::not_answered(&covered, is_typed, answer);
                        return self.deny(inner, parts, &caller, denial).await;
                    }
                }
                // When only observing, nothing that the host has turned off is removed.
                (if self.guard.observe { bytes } else { covered.text.into() }, None, None)
            }
            Message::Update(update) => {
                if let Some(denied) = self.guard.judge_update(&parts, &caller, &update.task).await {
                    let answer = self.guard.answer(&denied, true);
                    let denial = response::not_updated(&update, answer);
                    return self.deny(inner, parts, &caller, denial).await;
                }
                (update.text.into(), None, None)
            }
            Message::Call(mut call) => {
                let is_typed = is_typed(call.revision.as_deref(), &parts);
                if is_typed && self.guard.can_ask() {
                    parts.extensions.insert(call.open(self.guard.approval_time));
                }
                let args = call.args.as_deref().map_or(Args::Absent, Args::Text);
                let denied = self.guard.judge(&parts, &caller, &call.tool, args).await;
                let round = parts.extensions.remove::<Arc<Round>>();
                if let Some(denied) = denied {
                    if let Some(required) = round.and_then(|round| round.required()) {
                        return Ok(response::message(StatusCode::OK, response::result(&call.id, required)));
                    }
                    let answer = self.guard.answer(&denied, call.is_task && !is_typed);
                    let denial = response::denied(&call, is_typed, answer);
                    return self.deny(inner, parts, &caller, denial).await;
                }
                let CallMessage { tool, args, text, .. } = call;
                (text.into(), None, Some((self.guard.tasks.clone(), TaskCall { tool, args })))
            }
        };
        let filter = Filter { visibility: self.guard.visibility(caller).await, asked, call: task_call };
        head::passed_on(&mut parts.headers);
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
        let response = inner.call(Request::from_parts(parts, PersoBody::whole(body))).await?;
        Ok(answer::shown(response, filter, None, self.answer).await)
    }

    /// Answers instead of the server: on the caller's stream if the server answers there, otherwise as the response.
    async fn deny<S, B, O>(
        &self,
        mut inner: S,
        mut parts: Parts,
        caller: &Caller,
        denial: String,
    ) -> Result<Response<PersoBody<O>>, S::Error>
    where
        S: Service<Request<PersoBody<B>>, Response = Response<O>>,
    {
        let Some(ping) = caller.agent().and_then(|agent| self.streams.deny(&parts.uri, agent, &denial)) else {
            return Ok(response::message(StatusCode::OK, denial));
        };
        let body = ping.text();
        head::passed_on(&mut parts.headers);
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
        let (mut answer, _) = inner.call(Request::from_parts(parts, PersoBody::whole(body))).await?.into_parts();
        if !answer.status.is_success() || head::form(&answer.headers) != Form::Unreadable {
            return Ok(response::message(StatusCode::OK, denial));
        }
        ping.accepted();
        head::emptied(&mut answer.headers);
        Ok(Response::from_parts(answer, PersoBody::whole("")))
    }
}

/// Returns whether results need a `resultType`, as from 2026-07-28 on. The request or its `Mcp-Protocol-Version` header
/// states the revision.
fn is_typed(revision: Option<&str>, parts: &Parts) -> bool {
    let header = || parts.headers.get("mcp-protocol-version").and_then(|header| header.to_str().ok());
    revision.or_else(header).is_some_and(|revision| revision >= STATELESS)
}
