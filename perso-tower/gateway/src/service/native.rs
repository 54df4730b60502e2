//! Calls as JSON, in the form of `perso eval`: one, or many as JSON lines.

use super::decider::{Described, Final, Sessions};
use super::members::object;
use super::router::{Form, MOST_DECISIONS, Service, form, plain};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use perso_core::{Part, Policy};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// After so many lines, other requests get their turn.
const TURN: usize = 64;

/// A call. Texts with anything else are no calls, also to the policy's own reader.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'t> {
    #[serde(borrow)]
    tool: Cow<'t, str>,
    #[serde(borrow, default)]
    args: Option<&'t RawValue>,
    #[serde(borrow, default)]
    agent: Option<&'t RawValue>,
    #[serde(borrow, default)]
    resource: Option<&'t RawValue>,
    #[serde(borrow, default)]
    context: Option<&'t RawValue>,
    #[serde(borrow, default)]
    session: Option<&'t RawValue>,
}

/// What is needed of a session.
#[derive(Deserialize)]
struct Session<'t> {
    #[serde(borrow)]
    id: Cow<'t, str>,
}

/// `POST /v1/decide`
pub(super) async fn decide(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let policy = service.decider.policy();
    match form(&headers) {
        Form::Json => {
            let done = one(&service, &policy, &body).await;
            ([(header::CONTENT_TYPE, "application/json")], line(&done)).into_response()
        }
        Form::Lines => {
            let (mut text, mut judged) = (Vec::new(), 0);
            for call in body.split(|byte| *byte == b'\n') {
                if call.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                if judged == MOST_DECISIONS {
                    let why = format!("a request can have at most {MOST_DECISIONS} calls: send several requests");
                    return plain(StatusCode::PAYLOAD_TOO_LARGE, why);
                }
                text.extend_from_slice(line(&one(&service, &policy, call).await).as_bytes());
                judged += 1;
                if judged % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            ([(header::CONTENT_TYPE, "application/jsonl")], text).into_response()
        }
        Form::Other => plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send a call as application/json, or calls as lines of application/jsonl, in UTF-8",
        ),
    }
}

async fn one<'p>(service: &Service, policy: &'p Policy, text: &[u8]) -> Final<'p> {
    let Ok(Text { tool, args, agent, resource, context, session }) = object(text) else {
        return service.decider.unread(policy, text, "the call cannot be read");
    };
    let id = session.filter(|_| service.remembers()).map(|session| object::<Session<'_>>(session.get().as_bytes()));
    let session = match &id {
        Some(Ok(session)) => Sessions::Id(&session.id),
        // What the ledger knows of it cannot be found.
        Some(Err(_)) => Sessions::Whole(Part::Withheld),
        None => Sessions::Whole(part(session)),
    };
    let call = Described {
        tool: &tool,
        // The host names the requests of MCP itself.
        is_request: true,
        args: part(args),
        agent: part(agent),
        resource: part(resource),
        context: part(context),
        session,
    };
    service.decider.decide(policy, &call).await
}

fn part(text: Option<&RawValue>) -> Part<'_> {
    text.map_or(Part::Absent, |text| Part::Json(text.get().as_bytes()))
}

/// A decision as JSON, with the end of a line.
fn line(done: &Final<'_>) -> String {
    // Its keys are strings, and writing to memory cannot fail.
    let mut text = serde_json::to_string(done).unwrap_or_default();
    text.push('\n');
    text
}
