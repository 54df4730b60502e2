//! Envoy's `ext_authz`, as Envoy asks: over gRPC, and over HTTP.

use crate::corpus::messages;
use crate::support::{POLICY, Running, World, client};
use prost::{Message, Oneof};
use serde_json::{Value, json};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(message, optional, tag = "4")]
    pub request: Option<Http>,
    #[prost(message, optional, tag = "11")]
    pub metadata_context: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Http {
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpRequest {
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub path: String,
    #[prost(string, tag = "11")]
    pub body: String,
    #[prost(bytes = "vec", tag = "12")]
    pub raw_body: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    #[prost(map = "string, message", tag = "1")]
    pub filter_metadata: HashMap<String, crate::ext_mcp::Struct>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Code>,
    #[prost(oneof = "Outcome", tags = "2, 3")]
    pub outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Code {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Outcome {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Allowed(Allowed),
}

#[derive(Clone, PartialEq, Message)]
pub struct Denied {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Code>,
    #[prost(string, tag = "3")]
    pub body: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Allowed {}

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

fn check(method: &str, headers: &[(&str, &str)], body: &[u8]) -> CheckRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = HttpRequest {
        method: method.to_owned(),
        headers,
        path: "/mcp".to_owned(),
        raw_body: body.to_owned(),
        ..HttpRequest::default()
    };
    let attributes = Attributes { request: Some(Http { http: Some(http) }), metadata_context: None };
    CheckRequest { attributes: Some(attributes) }
}

const JSON: &[(&str, &str)] = &[(":method", "POST"), ("content-type", "application/json")];

fn message(tool: &str, args: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": args } })
        .to_string()
}

/// `None` if the request may pass, and otherwise the status and the body.
async fn asks(service: &Running, request: CheckRequest) -> Option<(i32, String)> {
    let response: CheckResponse = service.grpc(CHECK, request).await.unwrap();
    match response.outcome.unwrap() {
        Outcome::Allowed(_) => {
            assert_eq!(response.status.unwrap().code, 0);
            None
        }
        Outcome::Denied(denied) => {
            assert_eq!(response.status.unwrap().code, 7);
            Some((denied.status.unwrap().code, denied.body))
        }
    }
}

#[tokio::test]
async fn a_message_passes_or_gets_the_answer_of_a_guard() {
    let world = World::new(POLICY);
    let service = world.serve(&["--role", "agent"]).await;
    let allowed = message("process_refund", &json!({ "amount": 20 }));
    assert_eq!(asks(&service, check("POST", JSON, allowed.as_bytes())).await, None);
    let denied = message("process_refund", &json!({ "amount": 1_000 }));
    let (status, body) = asks(&service, check("POST", JSON, denied.as_bytes())).await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["id"], &body["result"]["isError"]), (200, &json!(1), &json!(true)));
    assert_eq!(body["result"]["content"][0]["text"], "Agents may refund up to $500.");
    // Requests without a message pass, as they pass guards.
    assert_eq!(asks(&service, check("GET", &[], b"")).await, None);
    assert_eq!(asks(&service, check("DELETE", &[], b"")).await, None);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    assert_eq!(asks(&service, check("POST", JSON, list.as_bytes())).await, None);
    assert!(service.get("/metrics").await.1.contains(r#"perso_decisions_total{outcome="allow"} 1"#));
}

#[tokio::test]
async fn what_cannot_be_judged_does_not_pass() {
    let world = World::new(r#"{ "perso": 1, "default": "allow", "rules": [] }"#);
    let service = world.serve(&[]).await;
    let call = message("add", &json!({}));
    assert_eq!(asks(&service, check("POST", JSON, call.as_bytes())).await, None);
    let refused = async |request: CheckRequest| asks(&service, request).await.unwrap();
    let (status, why) = refused(CheckRequest::default()).await;
    assert_eq!((status, &*why), (403, "the check has no attributes\n"));
    // Envoy sends no body unless it is told to.
    assert_eq!(refused(check("POST", JSON, b"")).await.0, 400);
    let partial = [JSON, &[("x-envoy-auth-partial-body", "true")]].concat();
    assert!(refused(check("POST", &partial, call.as_bytes())).await.1.contains("max_request_bytes"));
    assert_eq!(refused(check("POST", &[("content-type", "text/plain")], call.as_bytes())).await.0, 415);
    let encoded = [JSON, &[("content-encoding", "gzip")]].concat();
    assert_eq!(refused(check("POST", &encoded, call.as_bytes())).await.0, 415);
    assert_eq!(refused(check("PUT", JSON, call.as_bytes())).await.0, 405);
    let batch = format!("[{call}]");
    assert_eq!(refused(check("POST", JSON, batch.as_bytes())).await.0, 400);
    assert!(asks(&service, check("GET", &[], b"x")).await.is_some());
    let mut two = check("POST", JSON, call.as_bytes());
    two.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap().body = call.clone();
    assert!(refused(two).await.1.contains("two bodies"));
    let not_utf8 = [call.as_bytes(), b"\xff"].concat();
    assert_eq!(refused(check("POST", JSON, &not_utf8)).await.0, 400);
}

/// Messages that readers could understand differently: what passes is what a guard over HTTP would let run.
#[tokio::test]
async fn messages_that_deceive_do_not_pass() {
    let mut cases = messages("http");
    cases.retain(|case| case.settings.is_null());
    let (mut passed, mut stopped) = (0, 0);
    while let Some(policy) = cases.first().map(|case| case.policy()) {
        let world = World::new(&policy);
        let service = world.serve(&["--role", "agent"]).await;
        for case in cases.extract_if(.., |case| case.policy() == policy) {
            let passes = asks(&service, check("POST", JSON, &case.bytes)).await.is_none();
            let should = match case.does() {
                "judges" => case.is_allowed(),
                does => does == "passes" || does == "lists",
            };
            // A guard writes a message again, and so drops what Envoy would pass on.
            let is_written_again = serde_json::from_slice::<Value>(&case.bytes).is_ok() && case.does() == "judges";
            assert!(passes == should || (should && is_written_again), "{}: {passes}", case.name);
            passed += usize::from(passes);
            stopped += usize::from(!passes);
        }
    }
    assert!(passed > 50 && stopped > 100, "{passed} {stopped}");
}

#[tokio::test]
async fn the_caller_is_who_envoy_has_found() {
    use crate::ext_mcp::object;
    let world = World::new(POLICY);
    let service = world.serve(&["--envoy-jwt", "claims", "--claim", "roles=/realm/roles"]).await;
    let call = message("process_refund", &json!({ "amount": 20 }));
    let with = |metadata: Option<Value>| {
        let mut request = check("POST", JSON, call.as_bytes());
        let all = metadata.map(|metadata| Metadata {
            filter_metadata: HashMap::from([("envoy.filters.http.jwt_authn".to_owned(), object(&metadata))]),
        });
        request.attributes.as_mut().unwrap().metadata_context = all;
        request
    };
    let agent = json!({ "claims": { "sub": "ann", "realm": { "roles": ["agent"] } } });
    assert_eq!(asks(&service, with(Some(agent))).await, None);
    let other = json!({ "claims": { "sub": "bob", "roles": ["agent"] } });
    assert_eq!(asks(&service, with(Some(other))).await.unwrap().0, 200);
    for nobody in
        [None, Some(json!({})), Some(json!({ "claims": "agent" })), Some(json!({ "other": { "sub": "ann" } }))]
    {
        let (status, why) = asks(&service, with(nobody)).await.unwrap();
        assert!(status == 401 && why.contains("jwt_authn"), "{status} {why}");
    }
}

#[tokio::test]
async fn the_form_over_http() {
    let world = World::new(POLICY);
    let service = world.serve(&["--role", "agent", "--max-body", "100000"]).await;
    let call = message("process_refund", &json!({ "amount": 20 }));
    assert_eq!(service.post("/ext-authz/mcp", "application/json", call.clone()).await, (200, String::new()));
    assert_eq!(service.post("/ext-authz", "application/json", call).await.0, 200);
    let denied = message("process_refund", &json!({ "amount": 1_000 }));
    let (status, body) = service.post("/ext-authz/mcp?a=b", "application/json", denied).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["result"]["isError"]), (403, &json!(true)));
    assert_eq!(service.get("/ext-authz/mcp").await.0, 200);
    assert_eq!(service.post("/ext-authz/mcp", "application/json", "").await.0, 400);
    assert_eq!(service.post("/ext-authz/mcp", "application/json", " ".repeat(100_001)).await.0, 413);
    let put = client().put(format!("{}/ext-authz/mcp", service.url)).send().await.unwrap();
    assert_eq!(put.status(), 405);
}
