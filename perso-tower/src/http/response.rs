//! The layer's own answers.

use super::body::PersoBody;
use super::message::{CallMessage, ClosedMessage, CoveredMessage, UpdateMessage};
use crate::closed::{Instead, METHOD_NOT_FOUND};
use crate::denial::{Answer, unknown};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;
const INVALID_PARAMS: i32 = -32602;

/// Returns a response without a body.
pub(super) fn status<B>(status: StatusCode) -> Response<PersoBody<B>> {
    let mut response = Response::new(PersoBody::whole(""));
    *response.status_mut() = status;
    response
}

/// Returns a response with a JSON-RPC message.
pub(super) fn message<B>(status: StatusCode, text: String) -> Response<PersoBody<B>> {
    let mut response = Response::new(PersoBody::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns the error for a message that is not passed on.
pub(super) fn refused<B>(id: &str, why: &str) -> Response<PersoBody<B>> {
    message(StatusCode::BAD_REQUEST, error(id, &json!({ "code": INVALID_REQUEST, "message": why })))
}

/// Returns the error that replaces a server's answer that cannot be passed on.
pub(super) fn withheld<B>(why: &str) -> Response<PersoBody<B>> {
    let error_message = format!("the server's answer cannot be passed on: {why}");
    message(StatusCode::BAD_GATEWAY, error("null", &json!({ "code": INTERNAL_ERROR, "message": error_message })))
}

/// Returns the answer to a denied call. `is_typed` is true if results need a `resultType`, as from 2026-07-28 on.
pub(super) fn denied(call: &CallMessage, is_typed: bool, answer: Answer) -> String {
    let id = &call.id;
    match answer {
        Answer::Result(mut result) => {
            if is_typed {
                result.insert("resultType".to_owned(), Value::from("complete"));
            }
            self::result(id, Value::Object(result))
        }
        Answer::Error { code, message, data } => error(id, &json!({ "code": code, "message": message, "data": data })),
        // The error that MCP documents ("Tools", error handling).
        Answer::Unknown => {
            error(id, &json!({ "code": INVALID_PARAMS, "message": format!("Unknown tool: {}", call.tool) }))
        }
    }
}

/// Returns the answer to a denied update of a task.
pub(super) fn not_updated(update: &UpdateMessage, answer: Answer) -> String {
    let id = &update.id;
    match answer {
        Answer::Error { code, message, data } => error(id, &json!({ "code": code, "message": message, "data": data })),
        // The error that MCP documents ("Tasks", error handling).
        Answer::Unknown | Answer::Result(_) => {
            error(id, &json!({ "code": INVALID_PARAMS, "message": format!("Unknown task: {}", update.task) }))
        }
    }
}

/// Returns the answer to a denied request for something that the policy covers.
pub(super) fn not_answered(covered: &CoveredMessage, is_typed: bool, answer: Answer) -> String {
    let id = &covered.id;
    match answer {
        Answer::Error { code, message, data } => error(id, &json!({ "code": code, "message": message, "data": data })),
        Answer::Unknown | Answer::Result(_) => {
            let (code, message) = unknown(covered.request, is_typed);
            error(id, &json!({ "code": code, "message": message }))
        }
    }
}

/// Returns the answer to a request for prompts or resources that the host has turned off.
pub(super) fn instead(id: &str, closed: &ClosedMessage, is_typed: bool) -> String {
    match closed.instead {
        Instead::Error(_) | Instead::Unknown(_) => {
            error(id, &json!({ "code": METHOD_NOT_FOUND, "message": closed.instead.message(&closed.method) }))
        }
        Instead::Empty(list) => {
            let mut result = json!({ list: [] });
            if is_typed {
                result = json!({ list: [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private" });
            }
            self::result(id, result)
        }
    }
}

/// Returns an answer with a result.
pub(super) fn result(id: &str, result: Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

fn error(id: &str, error: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
}
