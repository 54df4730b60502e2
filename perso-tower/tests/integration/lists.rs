//! Lists of tools in a server's answers are filtered, however the bytes are chunked and the JSON is spelled.

use crate::support::wire::{post, send};
use crate::support::{Claims, authenticate, policy};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use axum::routing::any;
use axum::{Router, middleware};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt, stream};
use perso_tower::{FromExtension, PersoLayer};
use serde_json::{Value, json};
use std::convert::Infallible;
use tower::ServiceExt;

const TOOLS: &str =
    r#"[{"name":"pay","x":1.50},{"name":"wipe"},{"n\u0061me":"pay"},{"name":"wipe","Name":"pay"},{"name":7},{},3]"#;
const SHOWN: &str = r#"[{"name":"pay","x":1.50},{"n\u0061me":"pay"}]"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// A server that answers every request with the same bytes, in these pieces.
fn app(media_type: &'static str, pieces: Vec<Bytes>) -> Router {
    answering(move || {
        let pieces = pieces.clone().into_iter().map(Ok::<_, Infallible>);
        Response::builder().header("content-type", media_type).body(Body::from_stream(stream::iter(pieces))).unwrap()
    })
}

fn answering(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Router {
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    Router::new().fallback(any(move || async move { answer() })).layer(guard).layer(middleware::from_fn(authenticate))
}

fn get(token: &str) -> Request<Body> {
    let mut request = post(token, &[("content-type", "application/json")], "");
    *request.method_mut() = Method::GET;
    request
}

async fn body(app: &Router, request: Request<Body>) -> String {
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn as_json() {
    let list = |more: &str| format!(r#" {{"jsonrpc":"2.0","id":1,"result":{{"tools":{TOOLS}{more}}}}}"#);
    for (sent, expected) in [
        (list(""), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN}}}}}"#)),
        (
            list(r#","nextCursor":"2""#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN},"nextCursor":"2"}}}}"#),
        ),
        // A list that can be cached must not be shared.
        (
            list(r#","cacheScope":"public","ttlMs":5"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN},"ttlMs":5,"cacheScope":"private"}}}}"#),
        ),
        (
            list(r#","resultType":"complete""#),
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN},"resultType":"complete","cacheScope":"private"}}}}"#
            ),
        ),
        // With a byte order mark, which some clients skip.
        (format!("\u{feff}{}", list("")), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN}}}}}"#)),
        (
            format!("[{},{}]", list(""), r#"{"id":2,"result":{}}"#),
            format!(r#"[{{"jsonrpc":"2.0","id":1,"result":{{"tools":{SHOWN}}}}},{{"id":2,"result":{{}}}}]"#),
        ),
    ] {
        let app = app("application/json; charset=utf-8", vec![sent.into()]);
        assert_eq!(body(&app, post("agent", &[], LIST)).await, expected);
    }
}

#[tokio::test]
async fn other_answers_stay_as_they_are() {
    let sent = r#" {"id":1, "error":{"code":-32601,"message":"tools"}}"#;
    assert_eq!(body(&app("application/json", vec![sent.into()]), post("agent", &[], LIST)).await, sent);
    // The result of a call may have a member of any name.
    let sent = format!(r#"{{"id":1,"result":{{"structuredContent":{{"tools":{TOOLS}}},"content":[]}}}}"#);
    let call = r#"{"id":1,"method":"tools/call","params":{"name":"pay","arguments":{"amount":5}}}"#;
    assert_eq!(body(&app("application/json", vec![sent.clone().into()]), post("agent", &[], call)).await, sent);
    let event = format!("id: 1\ndata: {sent}\n\n");
    assert_eq!(body(&app("text/event-stream", vec![event.clone().into()]), post("agent", &[], call)).await, event);
    // The result of another method, with a member `tools` that is not a list.
    let sent = r#"{"id":1,"result":{"tools":{}}}"#;
    assert_eq!(body(&app("application/json", vec![sent.into()]), post("agent", &[], call)).await, sent);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_shown() {
    for sent in [
        r#"{"id":1,"result":{"tools":{}}}"#,
        r#"{"id":1,"result":[]}"#,
        r#"{"id":1,"result":{"tools":[],"tools":[]}}"#,
        r#"{"result":{"tools":[{"name":"wipe"}]}"#,
        r#"{"result":{"tools":[{"name":"wipe"}]}} x"#,
        "[{]",
    ] {
        let reply = send(&app("application/json", vec![sent.into()]), post("agent", &[], LIST)).await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{sent}");
    }
    let gzip = answering(|| {
        let builder = Response::builder().header("content-type", "application/json").header("content-encoding", "gzip");
        builder.body(Body::from("\u{1f}")).unwrap()
    });
    assert_eq!(send(&gzip, post("agent", &[], LIST)).await.status, StatusCode::BAD_GATEWAY);
}

/// A stream with lists in it, and the stream as an agent sees it.
fn streamed(end: &str) -> (String, String) {
    let list = |tools: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{tools}}}}}"#);
    let escaped = |tools: &str| list(tools).replace("\"tools\"", r#""t\u006fols""#);
    let sent = [
        String::from("retry: 3000\nid: 0\ndata:\n\n"),
        String::from(": tools, in a comment\n\n"),
        String::from("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"),
        format!("event: message\nid: 7\ndata: {}\n\n", list(TOOLS)),
        format!("data:{}\n\n", escaped(TOOLS)),
        // A message on several lines.
        format!("data: {}\n\n", list(TOOLS).replace(",\"result\"", ",\ndata: \"result\"")),
        format!("data: [{}]\n\n", list(TOOLS)),
        // Invalid JSON that looks like a list: a lenient parser might accept it.
        format!("data: {}x\n\n", list(TOOLS)),
        String::from("data: \"é tools\"\n\n"),
        // Never ends, so clients ignore it.
        format!("data: {}\n", list(TOOLS)),
    ];
    let shown = [
        String::from("retry: 3000\nid: 0\ndata:\n\n"),
        String::from(": tools, in a comment\n\n"),
        String::from("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"),
        format!("event: message\nid: 7\ndata: {}\n\n", list(SHOWN)),
        // The key is the same, written without the escape.
        format!("data: {}\n\n", list(SHOWN)),
        format!("data: {}\n\n", list(SHOWN)),
        format!("data: [{}]\n\n", list(SHOWN)),
        String::from("data: \"é tools\"\n\n"),
    ];
    (sent.concat().replace('\n', end), shown.concat())
}

#[tokio::test]
async fn in_streams_however_they_are_cut() {
    for end in ["\n", "\r\n", "\r"] {
        let (sent, shown) = streamed(end);
        for size in [1, 2, 3, 7, 64, sent.len()] {
            let pieces: Vec<Bytes> = sent.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            let app = app("text/event-stream", pieces);
            for request in [post("agent", &[], LIST), get("agent")] {
                let seen = body(&app, request).await.replace("\r\n", "\n").replace('\r', "\n");
                assert_eq!(seen, shown, "pieces of {size}, lines that end with {end:?}");
            }
        }
    }
}

#[tokio::test]
async fn in_a_stream_that_goes_on() {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(8);
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let app = answering(move || {
        let body = Body::from_stream(receiver.lock().unwrap().take().unwrap());
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    });
    let response = app.oneshot(get("agent")).await.unwrap();
    let mut seen = response.into_body().into_data_stream();
    let mut sender = sender;
    // Each event arrives before the next one is sent.
    for id in 0..20 {
        let event =
            json!({ "jsonrpc": "2.0", "id": id, "result": { "tools": [{ "name": "pay" }, { "name": "wipe" }] } });
        sender.send(Ok(format!("data: {event}\n\n").into())).await.unwrap();
        let event = String::from_utf8(seen.next().await.unwrap().unwrap().into()).unwrap();
        let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event["id"], id);
        assert_eq!(event["result"]["tools"], json!([{ "name": "pay" }]));
    }
}

#[tokio::test]
async fn an_event_has_a_bound() {
    let mebibyte = Bytes::from(vec![b'x'; 1 << 20]);
    let pieces = std::iter::once(Bytes::from("data: tools")).chain(std::iter::repeat_n(mebibyte, 17)).collect();
    let response = app("text/event-stream", pieces).oneshot(get("agent")).await.unwrap();
    let error = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_err();
    let error = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.contains("an event of more than 16777216 bytes"), "{error}");
}
