//! A server's answers, over real connections: a list of tools that cannot be read is not passed on, whatever its
//! headers claim, and no connection switches to another protocol.

use crate::support::{Claims, Ran, authenticate, policy, tcp};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use axum::{Router, middleware};
use futures::stream;
use perso_tower::{FromExtension, PersoLayer};
use std::convert::Infallible;
use std::net::SocketAddr;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const TOOLS: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"pay"},{"name":"wipe"}]}}"#;

/// Requests whose answer might have a list of tools. None may show an agent the name of a tool that it cannot call.
const REQUESTS: [(&str, &str); 5] = [
    ("POST", LIST),
    ("POST", r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"amount":5}}}"#),
    ("POST", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
    ("GET", ""),
    ("DELETE", ""),
];

async fn served(answer: impl Fn(Request) -> Response + Clone + Send + Sync + 'static) -> SocketAddr {
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let answering = any(move |request: Request| async move { answer(request) });
    tcp::serve(Router::new().fallback(answering).layer(guard).layer(middleware::from_fn(authenticate))).await
}

async fn ask(address: SocketAddr, token: &str, method: &str, body: &str) -> tcp::Raw {
    let (line, token) = (format!("{method} /mcp HTTP/1.1"), format!("Authorization: {token}"));
    tcp::exchange(address, &[&line, &token, "Content-Type: application/json"], body).await
}

/// Serves the same answer to every request: this status, these headers and this body.
async fn answering(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: impl Into<Bytes>,
) -> SocketAddr {
    let body = body.into();
    served(move |_| {
        let builder = headers
            .iter()
            .fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        builder.body(Body::from(body.clone())).unwrap()
    })
    .await
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_passed_on() {
    type Headers = &'static [(&'static str, &'static str)];
    let of = |body: &str| body.as_bytes().to_vec();
    let event = format!("event: message\ndata: {TOOLS}\n\n");
    let json: Headers = &[("content-type", "application/json")];
    let events: Headers = &[("content-type", "text/event-stream")];
    let answers: Vec<(Headers, Vec<u8>)> = vec![
        (&[], of(TOOLS)),
        (&[("content-type", "")], of(TOOLS)),
        (&[("content-type", "text/plain")], of(TOOLS)),
        (&[("content-type", "text/json")], of(TOOLS)),
        (&[("content-type", "text/html")], of(TOOLS)),
        (&[("content-type", "application/json-rpc")], of(TOOLS)),
        (&[("content-type", "application/mcp+json")], of(TOOLS)),
        (&[("content-type", "application/json-seq")], of(TOOLS)),
        (&[("content-type", "application/x-ndjson")], of(TOOLS)),
        (&[("content-type", "application/octet-stream")], of(TOOLS)),
        (&[("content-type", "multipart/mixed; boundary=x")], of(&format!("--x\r\n\r\n{TOOLS}\r\n--x--"))),
        (&[("content-type", "text/plain"), ("content-type", "application/json")], of(TOOLS)),
        (&[("content-type", "application/json"), ("content-type", "text/plain")], of(TOOLS)),
        (&[("content-type", "application/json, text/plain")], of(TOOLS)),
        (&[("content-type", "application/json"), ("content-encoding", "x")], of(TOOLS)),
        (&[("content-type", "text/event-stream"), ("content-encoding", "x")], of(&event)),
        (&[("content-type", "text/event-stream"), ("content-type", "text/plain")], of(&event)),
        (&[("content-type", "text/x-event-stream")], of(&event)),
        (&[("content-type", "application/json; charset=utf-7")], of(&TOOLS.replace('"', "+ACI-"))),
        (&[("content-type", "application/json; charset=utf-16")], utf16(TOOLS, u16::to_be_bytes)),
        (&[("content-type", "text/event-stream; charset=utf-16")], utf16(&event, u16::to_le_bytes)),
        // Some parsers detect the encoding.
        (json, utf16(TOOLS, u16::to_be_bytes)),
        (json, utf16(TOOLS, u16::to_le_bytes)),
        (json, utf16(&format!("\u{feff}{TOOLS}"), u16::to_le_bytes)),
        (events, utf16(&event, u16::to_le_bytes)),
        (events, utf16(&event, u16::to_be_bytes)),
        // Several values in sequence, or nested batches.
        (json, of(&format!("{{}}\n{TOOLS}"))),
        (json, of(&format!("1 {TOOLS}"))),
        (json, of(&format!("\u{1e}{TOOLS}\n"))),
        (json, of(&format!("[[{TOOLS}]]"))),
        // Some parsers ignore case, or take the first or the last of duplicate keys.
        (json, of(&TOOLS.replace("result", "Result"))),
        (json, of(&TOOLS.replace("tools", "Tools"))),
        (json, of(&TOOLS.replace("tools", "TOOL\u{17f}"))),
        (json, of(&TOOLS.replace("result\":", "result\":{},\"result\":"))),
        (json, of(&TOOLS.replace("result\":", "result\":1,\"result\":"))),
        (json, of(&TOOLS.replace("tools\":", "tools\":1,\"tools\":"))),
        (json, of(&TOOLS.replace("tools", "t\\u006fols"))),
        (json, of(&format!("[{TOOLS},{TOOLS}]"))),
        (events, of(&format!("data: [{TOOLS}]\n\n"))),
        (events, of(&event.replace("result", "RESULT"))),
        // Some parsers accept more line ends than HTML does, or other spellings of the field.
        (events, of(&event.replacen('\n', "\u{b}", 1))),
        (events, of(&event.replacen('\n', "\u{85}", 1))),
        (events, of(&event.replacen('\n', "\u{2028}", 1))),
        (events, of(&format!(": x\u{1c}data: {TOOLS}\n\n"))),
        (events, of(&format!("id: 1\u{2029}data: {TOOLS}\n\n"))),
        (events, of(&format!(" data: {TOOLS}\n\n"))),
        (events, of(&format!("Data: {TOOLS}\n\n"))),
        (events, of(&format!("data : {TOOLS}\n\n"))),
        (events, of(&format!("data: {TOOLS}"))),
    ];
    for (headers, bytes) in answers {
        for status in [200, 202, 404] {
            let address = answering(status, headers, bytes.clone()).await;
            for (method, body) in REQUESTS {
                let seen = ask(address, "agent", method, body).await;
                let at =
                    format!("{method} {body} answered {status}, {headers:?}, {:?}", String::from_utf8_lossy(&bytes));
                // Without NULs, to find the name in UTF-16 as well.
                assert!(!seen.body.replace('\0', "").contains("wipe"), "{at}: {seen:?}");
                assert!([200, 202, 404, 502].contains(&seen.status), "{at}: {seen:?}");
            }
        }
    }
}

/// The same lists in readable form. This proves that the requests above do get lists.
#[tokio::test]
async fn a_list_that_can_be_read_is_filtered() {
    for (content_type, body) in [
        ("application/json", TOOLS.to_owned()),
        ("application/json; charset=utf-8", TOOLS.to_owned()),
        ("text/event-stream", format!("data: {TOOLS}\n\n")),
    ] {
        let address = served(move |_| {
            Response::builder().header("content-type", content_type).body(Body::from(body.clone())).unwrap()
        })
        .await;
        for (method, body) in REQUESTS {
            let seen = ask(address, "agent", method, body).await;
            assert!(seen.body.contains("pay") && !seen.body.contains("wipe"), "{method} {body}: {seen:?}");
            let seen = ask(address, "admin", method, body).await;
            assert!(seen.body.contains("pay") && seen.body.contains("wipe"), "{method} {body}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_list_is_passed_on() {
    // Servers of the older transport accept or refuse a message in these ways.
    for (status, headers, body) in [
        (202, &[][..], ""),
        (202, &[][..], "Accepted"),
        (200, &[][..], ""),
        (204, &[][..], ""),
        (401, &[("www-authenticate", "Bearer"), ("content-type", "text/plain")][..], "no"),
        (307, &[("location", "/other")][..], "there"),
    ] {
        let address = answering(status, headers, body).await;
        for (method, body) in REQUESTS {
            let seen = ask(address, "agent", method, body).await;
            assert_eq!((seen.status, &*seen.body), (status, ""), "{method} {body}: {seen:?}");
            assert!(headers.iter().all(|(name, _)| *name == "content-type" || seen.head.contains(name)), "{seen:?}");
        }
    }
    // An empty body of unknown length.
    let address = served(|_| Response::new(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))).await;
    for (method, body) in REQUESTS {
        let seen = ask(address, "agent", method, body).await;
        assert_eq!((seen.status, &*seen.body), (200, ""), "{method} {body}: {seen:?}");
    }
    let call = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\u00e9 tools"}],"x":"tools"}}"#;
    let address = answering(200, &[("content-type", "application/json")], call).await;
    assert_eq!(ask(address, "agent", "POST", REQUESTS[1].1).await.body, call);
}

#[tokio::test]
async fn an_answer_has_a_bound() {
    let large = format!(r#"{{"id":1,"result":{{"x":"{}"}}}}"#, "x".repeat(1000));
    let layer = PersoLayer::new(policy()).answer_limit(1000);
    let sent = large.clone();
    let app = any(move || async move { ([("content-type", "application/json")], sent) });
    let address = tcp::serve(Router::new().fallback(app).layer(layer)).await;
    let seen = ask(address, "agent", "POST", LIST).await;
    assert_eq!((seen.status, seen.body.contains("too large")), (502, true), "{seen:?}");
}

/// A server that records the requests that reach it, and switches to another protocol whenever a request asks for it.
async fn upgrading() -> (SocketAddr, Ran) {
    let ran = Ran::default();
    let noted = ran.clone();
    let address = served(move |request| {
        noted.note("reached", format!("{:?}", request.headers()).into());
        let status = if request.headers().contains_key("upgrade") || request.headers().contains_key("http2-settings") {
            101
        } else {
            200
        };
        Response::builder()
            .status(status)
            .header("upgrade", "h2c")
            .header("connection", "upgrade")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    (address, ran)
}

#[tokio::test]
async fn no_connection_changes_to_another_protocol() {
    let (address, ran) = upgrading().await;
    for method in ["POST", "GET", "DELETE", "OPTIONS", "HEAD", "PUT", "CONNECT"] {
        for upgrade in ["websocket", "h2c", "", "mcp"] {
            let (line, upgrade) = (format!("{method} /mcp HTTP/1.1"), format!("Upgrade: {upgrade}"));
            let head = [
                &*line,
                "Authorization: admin",
                "Content-Type: application/json",
                &upgrade,
                "HTTP2-Settings: AAMAAABk",
            ];
            let seen = tcp::exchange(address, &head, LIST).await;
            assert!([400, 405, 501].contains(&seen.status), "{method}, {upgrade}: {seen:?}");
            ran.assert_nothing(&format!("{method}, {upgrade}"));
        }
    }
    // The other connection headers are not passed on either, nor is `Upgrade` in the answer.
    let head = [
        "POST /mcp HTTP/1.1",
        "Content-Type: application/json",
        "HTTP2-Settings: AAMAAABk",
        "TE: trailers",
        "Trailer: x",
    ];
    let seen = tcp::exchange(
        address,
        &[&head[..], &["Keep-Alive: 1", "Range: bytes=0-1", "Accept-Encoding: gzip"]].concat(),
        LIST,
    )
    .await;
    assert_eq!((seen.status, seen.head.contains("upgrade")), (200, false), "{seen:?}");
    let [(_, headers)] = &ran.take()[..] else { panic!("not reached") };
    let headers = headers.as_str().unwrap();
    for name in ["http2-settings", "te", "trailer", "keep-alive", "range", "accept-encoding", "connection"] {
        assert!(!headers.contains(&format!("\"{name}\"")), "{name}: {headers}");
    }
}

/// A server that switches to another protocol although no request asked for it.
#[tokio::test]
async fn nor_does_one_that_was_not_asked_to() {
    let address = answering(101, &[("upgrade", "h2c")], "").await;
    for (method, body) in REQUESTS {
        assert_eq!(ask(address, "admin", method, body).await.status, 502, "{method} {body}");
    }
}

/// Lengths and transfer codings that contradict the body: the server reads exactly what was judged.
#[tokio::test]
async fn the_body_that_is_judged_is_the_body_that_is_passed_on() {
    let ran = Ran::default();
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let app = crate::support::lax::lax(&ran).layer(guard).layer(middleware::from_fn(authenticate));
    let address = tcp::serve(app).await;
    let wipe = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}"#;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: agent\r\nContent-Type: application/json\r\n";
    let chunked = |text: &str| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    for (framing, body) in [
        (format!("Content-Length: {}\r\nConnection: close", ping.len()), format!("{ping}{wipe}")),
        (format!("Content-Length: {}\r\nConnection: close", ping.len() + wipe.len()), format!("{ping}{wipe}")),
        ("Transfer-Encoding: chunked\r\nConnection: close".to_owned(), chunked(wipe)),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\nConnection: close", ping.len()), chunked(wipe)),
        ("Transfer-Encoding: gzip, chunked\r\nConnection: close".to_owned(), chunked(wipe)),
        (format!("Expect: 100-continue\r\nContent-Length: {}\r\nConnection: close", wipe.len()), wipe.to_owned()),
        (
            "Transfer-Encoding: chunked\r\nTrailer: x\r\nConnection: close".to_owned(),
            format!("{:x}\r\n{ping}\r\n0\r\nx: {wipe}\r\n\r\n", ping.len()),
        ),
        // A second request on the connection, which is judged as well.
        (
            format!("Content-Length: {}", ping.len()),
            format!("{ping}{head}Content-Length: {}\r\nConnection: close\r\n\r\n{wipe}", wipe.len()),
        ),
    ] {
        let seen = tcp::send(address, &format!("{head}{framing}\r\n\r\n{body}")).await;
        ran.assert_nothing(&format!("{framing}: {seen:?}"));
    }
}
