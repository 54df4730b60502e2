//! A client at the level of messages, for every revision.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/// The latest revision without a handshake.
pub const MODERN: &str = "2026-07-28";

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub session: Option<String>,
    /// The JSON-RPC messages in the body, whether it was JSON or an event stream.
    pub messages: Vec<Value>,
}

impl Reply {
    /// Returns the answer to the request with this id.
    #[track_caller]
    pub fn answer(&self, id: u64) -> &Value {
        self.messages
            .iter()
            .find(|message| message["id"] == id)
            .unwrap_or_else(|| panic!("no answer to {id}: {self:?}"))
    }
}

/// Sends any request, and reads the whole response.
pub async fn send(app: &Router, request: Request<Body>) -> Reply {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let media_type = header("content-type").unwrap_or_default();
    let session = header("mcp-session-id");
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().into()).unwrap();
    let messages = if media_type.starts_with("text/event-stream") {
        let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
        data.filter_map(|data| serde_json::from_str(data).ok()).collect()
    } else {
        serde_json::from_str(&body).into_iter().collect()
    };
    Reply { status, session, messages }
}

/// Returns a POST of JSON with additional headers.
pub fn post(token: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/mcp")
        .header("host", "localhost")
        .header("authorization", token)
        .header("accept", "application/json, text/event-stream");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.into())).unwrap()
}

/// Returns the text of a `tools/call`.
pub fn call(id: u64, name: &str, args: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": args } })
        .to_string()
}

/// A client for one revision.
pub struct Client {
    app: Router,
    revision: &'static str,
    session: Option<String>,
}

impl Client {
    /// Connects, with a session if the revision has them.
    pub async fn connect(app: &Router, revision: &'static str, token: &str) -> Self {
        let mut client = Self { app: app.clone(), revision, session: None };
        if revision != MODERN {
            let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "wire", "version": "1" }
            } });
            let reply = send(app, post(token, &[], initialize.to_string())).await;
            assert_eq!(reply.answer(0)["result"]["protocolVersion"], revision);
            client.session = reply.session;
            let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            let reply = client.send(token, initialized).await;
            assert!(reply.status.is_success(), "{reply:?}");
        }
        client
    }

    /// Sends a message, with the members and headers that the revision requires.
    pub async fn send(&self, token: &str, mut message: Value) -> Reply {
        let mut headers = Vec::new();
        if self.revision >= "2025-06-18" {
            headers.push(("mcp-protocol-version", self.revision));
        }
        headers.extend(self.session.as_deref().map(|session| ("mcp-session-id", session)));
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let params = &message["params"];
        let name = params.get("name").or(params.get("uri")).cloned().unwrap_or_default();
        if self.revision == MODERN {
            let meta = &mut message["params"]["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "wire", "version": "1" });
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": { "form": {} } });
            headers.push(("mcp-method", &method));
            headers.extend(name.as_str().map(|name| ("mcp-name", name)));
        }
        send(&self.app, post(token, &headers, message.to_string())).await
    }

    /// Sends text unchanged.
    pub async fn send_raw(&self, token: &str, body: &str) -> Reply {
        let mut headers = Vec::new();
        if self.revision >= "2025-06-18" {
            headers.push(("mcp-protocol-version", self.revision));
        }
        headers.extend(self.session.as_deref().map(|session| ("mcp-session-id", session)));
        send(&self.app, post(token, &headers, body)).await
    }

    /// Calls a tool. `more` is added to the params.
    pub async fn call(&self, token: &str, name: &str, args: Value, more: Value) -> Value {
        let mut params = json!({ "name": name, "arguments": args });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        self.send(token, call).await.answer(7).clone()
    }

    /// Returns the names of the tools on all pages, and the last page's result.
    pub async fn list(&self, token: &str) -> (Vec<String>, Value) {
        let (mut tools, mut params) = (Vec::new(), json!({}));
        loop {
            let list = json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/list", "params": params });
            let result = self.send(token, list).await.answer(8)["result"].clone();
            tools.extend(
                result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()),
            );
            match result.get("nextCursor") {
                Some(cursor) => params = json!({ "cursor": cursor }),
                None => return (tools, result),
            }
        }
    }
}

/// Returns the text of a result.
#[track_caller]
pub fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

/// Asserts that an answer is a denial with this reason, in the form of the revision.
#[track_caller]
pub fn assert_denied(answer: &Value, reason: &str, revision: &str) {
    let result = &answer["result"];
    assert_eq!(text(answer), reason, "{answer}");
    assert_eq!(result["isError"], true, "{answer}");
    assert_eq!(result.get("structuredContent"), None, "{answer}");
    let is_typed = revision >= MODERN;
    assert_eq!(result.get("resultType"), is_typed.then(|| json!("complete")).as_ref(), "{revision}: {answer}");
    assert_eq!(result["_meta"]["dev.perso/decision"]["decision_id"].as_str().unwrap().len(), 36, "{answer}");
}
