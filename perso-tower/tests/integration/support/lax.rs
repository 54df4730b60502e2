//! The most lenient MCP server possible: it accepts any spelling and runs whatever a message could mean. Everything
//! that a guard lets through runs.

use super::Ran;
use super::notes::{NOTES, PROMPTS, SKILLS, TEMPLATES};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Map, Value, json};

pub fn lax(ran: &Ran) -> Router {
    Router::new().fallback(any(serve)).with_state(Lax { ran: ran.clone(), has_notes: false })
}

/// Returns such a server with [notes and prompts](super::notes).
pub fn lax_notes(ran: &Ran) -> Router {
    Router::new().fallback(any(serve)).with_state(Lax { ran: ran.clone(), has_notes: true })
}

#[derive(Clone)]
struct Lax {
    ran: Ran,
    has_notes: bool,
}

async fn serve(State(Lax { ran, has_notes }): State<Lax>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let charset = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = if charset.contains("utf-16") {
        let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect::<Vec<_>>();
        String::from_utf16_lossy(&units)
    } else if charset.contains("utf-7") {
        String::from_utf8_lossy(&body).replace("+ACI-", "\"")
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let text = text.trim_start_matches('\u{feff}');
    // Another message may follow the first.
    let messages = serde_json::Deserializer::from_str(text).into_iter::<Value>().map_while(Result::ok);
    let mut answers = Vec::new();
    for message in messages.flat_map(|message| match message {
        Value::Array(batch) => batch,
        message => vec![message],
    }) {
        let result = if has_notes { notes(&ran, &message) } else { None };
        answers.push(result.unwrap_or_else(|| answer(&ran, &message)));
    }
    let body = match answers.len() {
        1 => answers.remove(0),
        _ => Value::Array(answers),
    };
    ([("content-type", "application/json")], Body::from(body.to_string())).into_response()
}

/// Returns a member by its key, in any spelling.
fn member<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    let object: &Map<String, Value> = object.as_object()?;
    object.iter().rev().find(|(name, _)| spelled(name) == key).map(|(_, value)| value)
}

fn spelled(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default().trim();
    name.to_uppercase().replace('\u{212a}', "K").to_lowercase()
}

/// Answers a message about notes and prompts.
fn notes(ran: &Ran, message: &Value) -> Option<Value> {
    let method = spelled(member(message, "method").and_then(Value::as_str).unwrap_or_default());
    let name = match method.as_str() {
        "resources/list" | "resources/templates/list" | "prompts/list" | "skills/list" => {
            let id = member(message, "id").cloned().unwrap_or_default();
            let named = |key: &str, names: &[&str]| -> Value {
                names.iter().map(|name| Value::Object(Map::from_iter([(key.to_owned(), json!(name))]))).collect()
            };
            let result = match method.as_str() {
                "resources/list" => json!({ "resources": named("uri", &NOTES) }),
                "prompts/list" => json!({ "prompts": named("name", &PROMPTS) }),
                "skills/list" => json!({ "skills": named("uri", &SKILLS) }),
                _ => json!({ "resourceTemplates": named("uriTemplate", &TEMPLATES) }),
            };
            return Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        }
        "resources/subscribe" | "resources/unsubscribe" | "subscriptions/listen" => "mcp:resources/subscribe",
        "skills/get" => "mcp:resources/read",
        _ if method.contains("resource")
            || method.contains("prompt")
            || method.contains("complete")
            || method.contains("skill") =>
        {
            &format!("mcp:{method}")
        }
        _ => return None,
    };
    let mut args = member(message, "params").cloned().unwrap_or_default();
    args.as_object_mut().map(|args| args.remove("_meta"));
    ran.note(name, args);
    None
}

fn answer(ran: &Ran, message: &Value) -> Value {
    let id = member(message, "id").cloned().unwrap_or_default();
    let method = spelled(member(message, "method").and_then(Value::as_str).unwrap_or_default());
    if method == "tools/list" {
        return json!({ "jsonrpc": "2.0", "id": id, "result": { "tools": [{ "name": "pay" }, { "name": "wipe" }] } });
    }
    if method.starts_with("tools/") {
        let params = member(message, "params").unwrap_or(message);
        let tool =
            member(params, "name").map_or_else(String::new, |name| name.as_str().map_or(name.to_string(), Into::into));
        ran.note(&tool, member(params, "arguments").cloned().unwrap_or_default());
        return json!({ "jsonrpc": "2.0", "id": id, "result": { "content": [{ "type": "text", "text": "ran" }] } });
    }
    json!({ "jsonrpc": "2.0", "id": id, "result": {} })
}
