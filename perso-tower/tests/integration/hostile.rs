//! Attacks on a guard in front of a server that accepts anything. Each request runs a tool on the bare server and must
//! not run one behind the layer.

use crate::support::lax::lax;
use crate::support::wire::{assert_denied, call, post, send};
use crate::support::{Claims, REASON, Ran, authenticate, policy};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::{Router, middleware};
use perso_tower::{FromExtension, PersoLayer};
use serde_json::json;

struct Pair {
    bare: Router,
    guarded: Router,
    ran: Ran,
}

fn pair() -> Pair {
    let ran = Ran::default();
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let guarded = lax(&ran).layer(guard).layer(middleware::from_fn(authenticate));
    Pair { bare: lax(&ran), guarded, ran }
}

impl Pair {
    /// Asserts that the request runs a tool without the guard and none with it.
    async fn assert_stopped(&self, attack: &str, request: impl Fn() -> Request<Body>) -> crate::support::wire::Reply {
        send(&self.bare, request()).await;
        assert!(self.ran.count() > 0, "{attack}: no attack at all");
        self.ran.take();
        let reply = send(&self.guarded, request()).await;
        self.ran.assert_nothing(attack);
        reply
    }
}

#[tokio::test]
async fn batches() {
    let pair = pair();
    let wipe = call(1, "wipe", &json!({}));
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    for batch in [format!("[{wipe}]"), format!(" \n[{list},{wipe}]"), format!("[{wipe},{wipe}]")] {
        let reply = pair.assert_stopped(&batch, || post("agent", &[], &*batch)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.messages[0]["error"]["message"], "batches are not accepted");
    }
}

#[tokio::test]
async fn spellings() {
    let pair = pair();
    // `pay` with 5 may run, so only the spelling can stop these messages.
    let pay = r#""name":"pay","arguments":{"amount":5}"#;
    for body in [
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"name":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"Name":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"NAME ":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"name\u0000":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"n\u0061me":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"arguments":{{"amount":9999}}}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"Arguments":{{"amount":9999}}}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay},"argument\u017f":{{"amount":9999}}}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay}}},"params":{{"name":"wipe"}}}}"#),
        format!(r#"{{"id":1,"method":"tools/call","params":{{{pay}}},"Params":{{"name":"wipe"}}}}"#),
        r#"{"id":1,"method":"tools/list","method":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"id":1,"method":"tools/list","METHOD":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"id":1,"Method":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"id":1,"method":"tools/list","method\u0000":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
        r#"{"id":1,"method":"ping","result":{},"metho\u0064":"tools/call","params":{"name":"wipe"}}"#.to_owned(),
    ] {
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn further_ways_to_run_a_tool() {
    let pair = pair();
    for method in [
        "Tools/Call",
        "TOOLS/CALL",
        " tools/call",
        "tools/call\\u0000",
        "tool\\u017f/call",
        "tools/invoke",
        "tools/callMany",
    ] {
        let body = format!(r#"{{"id":1,"method":"{method}","params":{{"name":"pay","arguments":{{"amount":5}}}}}}"#);
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.messages[0]["error"]["message"], "the method is unknown", "{method}");
    }
    // Without params, or with invalid ones.
    for rest in
        [r#""name":"wipe""#, r#""params":null"#, r#""params":[{"name":"wipe"}]"#, r#""params":{"name":["wipe"]}"#]
    {
        let body = format!(r#"{{"id":1,"method":"tools/call",{rest}}}"#);
        pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
    }
    // With an invalid id, which a lenient server repeats.
    for id in ["null", "{}", "[1]", "true"] {
        let body =
            format!(r#"{{"id":{id},"method":"tools/call","params":{{"name":"pay","arguments":{{"amount":5}}}}}}"#);
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.messages[0]["id"], json!(null));
    }
}

#[tokio::test]
async fn text_around_a_message() {
    let pair = pair();
    let wipe = call(1, "wipe", &json!({}));
    let pay = call(1, "pay", &json!({ "amount": 5 }));
    for body in [format!("{pay}{wipe}"), format!("{pay}\n{wipe}"), format!("\u{feff}{wipe}"), format!("{{}} {wipe}")] {
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_notification() {
    let pair = pair();
    // Even the allowed call does not run as a notification: no answer could report the outcome.
    let pay = r#"{"name":"pay","arguments":{"amount":5}}"#;
    for params in [r#"{"name":"wipe"}"#, pay] {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"tools/call","params":{params}}}"#);
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.messages[0]["error"]["message"], "a request needs an id");
    }
}

#[tokio::test]
async fn types_of_content() {
    let pair = pair();
    // This call may run if its content type is JSON.
    let body = call(1, "pay", &json!({ "amount": 5 }));
    for kind in [
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "application/json, text/plain",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json;CHARSET=\"UTF-7\"",
        "",
    ] {
        let reply = pair.assert_stopped(kind, || post("agent", &[("content-type", kind)], &*body)).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let two = [("content-type", "application/json"), ("content-type", "text/plain")];
    pair.assert_stopped("two types", || post("agent", &two, &*body)).await;
    pair.assert_stopped("an encoding", || post("agent", &[("content-encoding", "gzip")], &*body)).await;
    // As UTF-8, the tool is `pay` and `wipe` is only part of an argument. As UTF-7, the tool is `wipe`.
    let seven = r#"{"id":1,"method":"tools/call","params":{"arguments":{"amount":5,"x":"+ACI-}, +ACI-name+ACI-: +ACI-wipe+ACI-, +ACI-z+ACI-:{+ACI-y+ACI-:+ACI-"},"name":"pay"}}"#;
    pair.assert_stopped("UTF-7", || post("agent", &[("content-type", "application/json; charset=utf-7")], seven)).await;
    for kind in ["application/json", "Application/JSON ; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        send(&pair.guarded, post("agent", &[("content-type", kind)], &*body)).await;
        assert_eq!(pair.ran.take().len(), 1, "{kind}");
    }
    let mut bytes = body.clone().into_bytes();
    bytes.extend(b"\xff");
    let mut request = post("agent", &[], "");
    *request.body_mut() = Body::from(bytes);
    assert_eq!(send(&pair.guarded, request).await.status, StatusCode::BAD_REQUEST);
    pair.ran.assert_nothing("not UTF-8");
}

#[tokio::test]
async fn other_methods_of_http() {
    let pair = pair();
    let wipe = call(1, "wipe", &json!({}));
    for method in
        [Method::GET, Method::DELETE, Method::OPTIONS, Method::PUT, Method::PATCH, Method::CONNECT, Method::TRACE]
    {
        let request = || {
            let mut request = post("agent", &[("x-http-method-override", "POST")], &*wipe);
            *request.method_mut() = method.clone();
            request
        };
        pair.assert_stopped(method.as_str(), request).await;
    }
    // After an upgrade, the guard could not read the connection.
    let mut upgrade = post("admin", &[("connection", "upgrade"), ("upgrade", "websocket")], "");
    *upgrade.method_mut() = Method::GET;
    assert_eq!(send(&pair.guarded, upgrade).await.status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn headers_are_not_what_is_judged() {
    let pair = pair();
    let headers =
        [("mcp-method", "ping"), ("mcp-name", "pay"), ("x-roles", "admin"), ("agent", "{\"roles\":[\"admin\"]}")];
    let wipe = call(1, "wipe", &json!({}));
    let reply = pair.assert_stopped("headers unlike the body", || post("agent", &headers, &*wipe)).await;
    assert_denied(reply.answer(1), "Managers may wipe what they own.", "2025-11-25");
    let headers = [("mcp-method", "tools/call"), ("mcp-name", "wipe")];
    send(&pair.guarded, post("agent", &headers, call(1, "pay", &json!({ "amount": 5 })))).await;
    assert_eq!(pair.ran.take(), [("pay".to_owned(), json!({ "amount": 5 }))]);
}

#[tokio::test]
async fn names_of_tools() {
    let pair = pair();
    for name in ["Pay", "PAY", "pay ", " pay", "pay\n", "pаy", "pay\u{200b}", "a/pay", "", "pay\0", &"p".repeat(300)] {
        let body = call(1, name, &json!({ "amount": 5 }));
        let reply = pair.assert_stopped(name, || post("agent", &[], &*body)).await;
        assert_eq!(reply.answer(1)["result"]["isError"], true, "{name}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_too_deep() {
    let pair = pair();
    let large = call(1, "pay", &json!({ "amount": 5, "note": "x".repeat(2 << 20) }));
    let reply = pair.assert_stopped("2 MiB of arguments", || post("agent", &[], &*large)).await;
    assert_eq!(reply.answer(1)["result"]["isError"], true);
    let huge = call(1, "pay", &json!({ "amount": 5, "note": "x".repeat(5 << 20) }));
    let reply = pair.assert_stopped("5 MiB", || post("agent", &[], &*huge)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Too deep even for the bare server, so only the guarded one is tested: the guard itself must stop the call.
    let deep = format!(
        r#"{{"id":1,"method":"tools/call","params":{{"name":"pay","arguments":{{"amount":5,"x":{}{}}}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let reply = send(&pair.guarded, post("agent", &[], deep)).await;
    assert_eq!(reply.answer(1)["result"]["isError"], true);
}

#[tokio::test]
async fn what_is_judged_is_what_runs() {
    let pair = pair();
    let body = r#"{"id":1,"method":"tools\/call","params":{"n\u0061me":"p\u0061y","arguments":{"\u0061mount":1e2,"note":"\u00e9","big":12345678901234567890123}}}"#;
    let reply = send(&pair.guarded, post("agent", &[], body)).await;
    assert_eq!(reply.answer(1)["result"]["content"][0]["text"], "ran");
    assert_eq!(pair.ran.take()[0].1["note"], "é");
    // A number that one parser reads as 500 and another as slightly more.
    let body =
        r#"{"id":1,"method":"tools/call","params":{"name":"pay","arguments":{"amount":500.00000000000000000001}}}"#;
    let reply = pair.assert_stopped(body, || post("agent", &[], body)).await;
    assert_denied(reply.answer(1), REASON, "2025-11-25");
    for amount in [r#""5""#, "[5]", "true", "null", r#"{"value":5}"#] {
        let body =
            format!(r#"{{"id":1,"method":"tools/call","params":{{"name":"pay","arguments":{{"amount":{amount}}}}}}}"#);
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        let hint = if amount == "null" { "args.amount must not be null" } else { "args.amount must be a number" };
        assert_denied(reply.answer(1), &format!("{REASON} Hint: {hint}."), "2025-11-25");
    }
    for args in [r#"{"amount":5,"amount":9999}"#, r#"{"amount":5,"Amount":9999}"#] {
        let body = format!(r#"{{"id":1,"method":"tools/call","params":{{"name":"pay","arguments":{args}}}}}"#);
        let reply = pair.assert_stopped(&body, || post("agent", &[], &*body)).await;
        assert_eq!(reply.answer(1)["result"]["isError"], true);
    }
}
