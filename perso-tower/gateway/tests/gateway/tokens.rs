//! Access tokens: who calls, and what does not count as a token.

use crate::support::*;
use axum::{Json, Router, routing::get};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::SecretKey;
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey;
use rmcp::model::{CallToolRequestParams, CallToolResponse};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

const AUDIENCE: &str = "https://gateway.example/mcp";

/// The issuer's keys, made anew for each run.
fn key(name: &'static str) -> EncodingKey {
    static KEYS: LazyLock<Mutex<HashMap<&str, Vec<u8>>>> = LazyLock::new(Mutex::default);
    let mut keys = KEYS.lock().unwrap();
    let new = || SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap().as_bytes().to_vec();
    EncodingKey::from_ec_der(keys.entry(name).or_insert_with(new))
}

fn jwk(name: &'static str) -> Value {
    let mut jwk = Jwk::from_encoding_key(&key(name), Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(name.to_owned());
    serde_json::to_value(jwk).unwrap()
}

/// An issuer of tokens.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Issuer {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(vec![jwk("one")]));
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let served = keys.clone();
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(async move || Json(metadata)))
            .route("/keys", get(async move || Json(json!({ "keys": served.lock().unwrap().clone() }))));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, keys }
    }

    fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        json!({ "iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": now + 600, "realm": { "roles": ["adder"] } })
    }

    fn arguments(&self) -> Vec<String> {
        ["--issuer", &self.url, "--audience", AUDIENCE, "--claim", "roles=/realm/roles"].map(str::to_owned).to_vec()
    }
}

fn signed(name: &'static str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(name.to_owned());
    jsonwebtoken::encode(&header, claims, &key(name)).unwrap()
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

async fn gateway(world: &World, issuer: &Issuer) -> Listening {
    let arguments = issuer.arguments();
    world.listening(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// The answer to a call with a header.
async fn answer(gateway: &Listening, authorization: Option<&str>) -> (u16, String) {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "add", "arguments": { "a": 1, "b": 2 }, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} } } });
    let mut request = http()
        .post(&gateway.url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "add")
        .json(&call);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_calls() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    let gateway = gateway(&world, &issuer).await;
    let token = signed("one", &issuer.claims());
    for era in [LEGACY, modern()] {
        let client = gateway.client(era, Some(&token)).await.unwrap();
        assert_eq!(call(&client, "add", json!({ "a": 1, "b": 2 })).await, (true, "3".to_owned()));
        assert!(!call(&client, "add", json!({ "a": 101, "b": 2 })).await.0);
    }
    let nobody = signed("one", &with(&issuer.claims(), "realm", json!({})));
    let client = gateway.client(modern(), Some(&nobody)).await.unwrap();
    assert!(!call(&client, "add", json!({ "a": 1, "b": 2 })).await.0, "without the role");
    assert_eq!(answer(&gateway, Some(&format!("bearer {token}"))).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_caller_is_asked_another_one_cannot_answer() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    world.write(
        "policy.json",
        r#"{ "perso": 1, "rules": [{ "id": "add", "ask": "add", "reason": "Sums need approval." }] }"#,
    );
    let arguments = [issuer.arguments(), vec!["--elicit".to_owned()]].concat();
    let gateway = world.listening(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let as_user = async |user: &str| {
        let token = signed("one", &with(&issuer.claims(), "sub", json!(user)));
        gateway.client(modern(), Some(&token)).await.unwrap()
    };
    let (ann, bob) = (as_user("ann").await, as_user("bob").await);
    let add = CallToolRequestParams::new("add").with_arguments(json!({ "a": 1, "b": 2 }).as_object().cloned().unwrap());
    for (client, runs) in [(&bob, false), (&ann, true)] {
        let first = ann.call_tool_once(add.clone()).await.unwrap();
        let CallToolResponse::InputRequired(required) = first else { panic!("{first:?}") };
        let key = required.input_requests.unwrap().into_keys().next().unwrap();
        let mut answer = add.clone();
        answer.input_responses = Some([(key, json!({ "action": "accept", "content": { "approve": true } }))].into());
        answer.request_state = required.request_state;
        let answered = client.call_tool_once(answer).await.unwrap();
        assert_eq!(matches!(answered, CallToolResponse::Complete(_)), runs, "{answered:?}");
        assert_eq!(world.ran("one").len(), usize::from(runs));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_of_the_issuer_for_this_gateway_now_is_refused() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    let gateway = gateway(&world, &issuer).await;
    let claims = issuer.claims();
    let now = claims["exp"].as_u64().unwrap() - 600;
    let good = signed("one", &claims);
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    // `{"alg":"none"}`, and `{"alg":"HS256","kid":"one"}` signed with what everybody knows of the key.
    let none = format!("eyJhbGciOiJub25lIn0.{body}.");
    let public = serde_json::to_vec(&jwk("one")).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    let confused = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let unnamed = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key("two")).unwrap();
    let stranger = signed("two", &claims);
    let mut header = Header::new(Algorithm::ES256);
    (header.kid, header.crit) = (Some("one".to_owned()), Some(vec!["exp".to_owned()]));
    let critical = jsonwebtoken::encode(&header, &claims, &key("one")).unwrap();
    let bodies = [
        with(&claims, "aud", json!("https://other.example/mcp")),
        with(&claims, "aud", json!([])),
        with(&claims, "aud", Value::Null),
        with(&claims, "iss", json!("https://other.example")),
        with(&claims, "exp", json!(now - 120)),
        with(&claims, "exp", Value::Null),
        with(&claims, "exp", json!("tomorrow")),
        with(&claims, "nbf", json!(now + 600)),
        with(&claims, "sub", Value::Null),
        with(&claims, "sub", json!("")),
        with(&claims, "cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
    ];
    let mut tokens: Vec<String> = bodies.iter().map(|claims| signed("one", claims)).collect();
    tokens.extend([
        none,
        confused,
        unnamed,
        stranger,
        critical,
        format!("{head}.{body}."),
        format!("{head}.{body}.{}", signature.to_ascii_uppercase()),
        format!("{head}.{}.{signature}", "e30"),
        "x".to_owned(),
        String::new(),
        "a".repeat(20_000),
    ]);
    for token in &tokens {
        let (status, text) = answer(&gateway, Some(&format!("Bearer {token}"))).await;
        assert_eq!(status, 401, "{token}: {text}");
        assert!(token.len() < 8 || !text.contains(token.as_str()));
    }
    for authorization in [None, Some("Basic YTpi"), Some("Bearer"), Some(good.as_str())] {
        assert_eq!(answer(&gateway, authorization).await.0, 401, "{authorization:?}");
    }
    assert!(world.ran("one").is_empty());
    // Clocks are never quite the same.
    assert_eq!(
        answer(&gateway, Some(&format!("Bearer {}", signed("one", &with(&claims, "exp", json!(now - 20)))))).await.0,
        200
    );
    assert_eq!(answer(&gateway, Some(&format!("Bearer {good}"))).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_out_where_tokens_come_from() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    let gateway = gateway(&world, &issuer).await;
    let response = http().post(&gateway.url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    let url = challenge.strip_prefix("Bearer resource_metadata=\"").unwrap().strip_suffix('"').unwrap().to_owned();
    assert_eq!(url, gateway.at("/.well-known/oauth-protected-resource/mcp"));
    let metadata: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(AUDIENCE), &json!([issuer.url])));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    let gateway = gateway(&world, &issuer).await;
    let (one, two) = (signed("one", &issuer.claims()), signed("two", &issuer.claims()));
    let status = async |token: &str| answer(&gateway, Some(&format!("Bearer {token}"))).await.0;
    assert_eq!((status(&one).await, status(&two).await), (200, 401));
    *issuer.keys.lock().unwrap() = vec![jwk("two")];
    // A key that is not known makes the gateway ask again, but not at once for each token.
    let begin = Instant::now();
    while status(&two).await != 200 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(status(&one).await, 401, "the old key is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_gets_in() {
    let world = World::new(&["one"]);
    let issuer = Issuer { url: "http://127.0.0.1:9".to_owned(), keys: Arc::default() };
    let gateway = gateway(&world, &issuer).await;
    assert_eq!(answer(&gateway, Some(&format!("Bearer {}", signed("one", &issuer.claims())))).await.0, 503);
    assert!(world.ran("one").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_the_one_who_began_it() {
    let (world, issuer) = (World::new(&["one"]), Issuer::new().await);
    let gateway = gateway(&world, &issuer).await;
    let post = |token: &str, session: Option<&str>, body: Value| {
        let mut request = http()
            .post(&gateway.url)
            .header("accept", "application/json, text/event-stream")
            .bearer_auth(token)
            .json(&body);
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        request.send()
    };
    let ann = signed("one", &issuer.claims());
    let bob = signed("one", &with(&issuer.claims(), "sub", json!("bob")));
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let response = post(&ann, None, initialize).await.unwrap();
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    assert!(response.text().await.unwrap().contains("protocolVersion"));
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    // To anybody else it is not there, whatever they do, nor is it under another id.
    assert_eq!(post(&bob, Some(&session), list.clone()).await.unwrap().status(), 404);
    let stream = http().get(&gateway.url).header("accept", "text/event-stream");
    let stream = stream.header("mcp-session-id", &session).bearer_auth(&bob).send().await.unwrap();
    assert_eq!(stream.status(), 404);
    let end = http().delete(&gateway.url).header("mcp-session-id", &session).bearer_auth(&bob).send().await.unwrap();
    assert_eq!(end.status(), 404);
    let (inner, tag) = session.split_once('.').unwrap();
    for other in
        [inner.to_owned(), format!("{inner}."), format!("{inner}.{}", tag.replace('a', "b")), format!("a{session}")]
    {
        if other != session {
            assert_eq!(post(&ann, Some(&other), list.clone()).await.unwrap().status(), 404, "{other}");
        }
    }
    let text = post(&ann, Some(&session), list).await.unwrap().text().await.unwrap();
    assert!(text.contains("echo"), "{text}");
}
