//! HTTP with SSE of revision 2024-11-05, over real connections: a GET opens a stream that names an address, the client
//! POSTs requests there, and the answers arrive on the stream. A denial arrives on the stream of the caller, and on no
//! other.

use crate::support::peer::http_client;
use crate::support::wire::call;
use crate::support::{Claims, REASON, Ran, authenticate, policy, tcp};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post as on_post};
use axum::{Router, middleware};
use futures::channel::mpsc;
use perso_tower::{FromExtension, PersoLayer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

type Sender = mpsc::UnboundedSender<Result<Bytes, Infallible>>;

#[derive(Clone, Default)]
struct Sessions {
    ran: Ran,
    streams: Arc<Mutex<HashMap<String, Sender>>>,
    /// Whether the address for POSTs has no session. The session is then the caller's.
    is_bare: bool,
    /// The response to a POST, if not an empty 202.
    accepts: Option<(StatusCode, &'static str, &'static str)>,
}

fn token(headers: &HeaderMap) -> String {
    headers["authorization"].to_str().unwrap().to_owned()
}

async fn open(State(sessions): State<Sessions>, headers: HeaderMap) -> Response {
    let (sender, receiver) = mpsc::unbounded();
    let mut streams = sessions.streams.lock().unwrap();
    let id = if sessions.is_bare { token(&headers) } else { format!("s{}", streams.len()) };
    let query = if sessions.is_bare { String::new() } else { format!("?sessionId={id}") };
    sender.unbounded_send(Ok(format!("event: endpoint\ndata: /api/messages{query}\n\n").into())).unwrap();
    streams.insert(id, sender);
    ([("content-type", "text/event-stream")], Body::from_stream(receiver)).into_response()
}

async fn message(
    State(sessions): State<Sessions>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let id = if sessions.is_bare { token(&headers) } else { query["sessionId"].clone() };
    let streams = sessions.streams.lock().unwrap();
    let Some(stream) = streams.get(&id) else { return StatusCode::NOT_FOUND.into_response() };
    let result = match message["method"].as_str().unwrap() {
        "tools/list" => json!({ "tools": [{ "name": "pay" }, { "name": "wipe" }] }),
        "ping" => json!({}),
        _ => {
            sessions.ran.note(message["params"]["name"].as_str().unwrap(), message["params"]["arguments"].clone());
            json!({ "content": [{ "type": "text", "text": "ran" }] })
        }
    };
    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    if let Some((status, content_type, body)) = sessions.accepts {
        return (status, [("content-type", content_type)], body).into_response();
    }
    let _ = stream.unbounded_send(Ok(format!("event: message\ndata: {answer}\n\n").into()));
    (StatusCode::ACCEPTED, "Accepted").into_response()
}

async fn served(sessions: &Sessions) -> SocketAddr {
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new()).deny_prompts();
    let routes =
        Router::new().route("/sse", get(open)).route("/messages", on_post(message)).with_state(sessions.clone());
    // Under a prefix, which is part of the address.
    tcp::serve(Router::new().nest("/api", routes.layer(guard)).layer(middleware::from_fn(authenticate))).await
}

/// A client that reads its stream.
struct Client {
    address: SocketAddr,
    token: &'static str,
    /// The address for its POSTs.
    messages: String,
    stream: reqwest::Response,
    pending: String,
}

impl Client {
    async fn connect(address: SocketAddr, token: &'static str) -> Self {
        let stream =
            http_client().build().unwrap().get(format!("http://{address}/api/sse")).header("authorization", token);
        let stream = stream.send().await.unwrap();
        let mut client = Self { address, token, messages: String::new(), stream, pending: String::new() };
        client.messages = client.event().await;
        client
    }

    /// Returns the data of the next event.
    async fn event(&mut self) -> String {
        while !self.pending.contains("\n\n") {
            self.pending += std::str::from_utf8(&self.stream.chunk().await.unwrap().unwrap()).unwrap();
        }
        let (event, rest) = self.pending.split_once("\n\n").unwrap();
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
        self.pending = rest.to_owned();
        data
    }

    async fn post(&self, token: &str, body: &str) -> tcp::Raw {
        let (line, token) = (format!("POST {} HTTP/1.1", self.messages), format!("Authorization: {token}"));
        tcp::exchange(self.address, &[&line, &token, "Content-Type: application/json"], body).await
    }

    /// Sends a message and returns the next event on the stream.
    async fn ask(&mut self, body: String) -> Value {
        let accepted = self.post(self.token, &body).await;
        assert_eq!((accepted.status, &*accepted.body), (202, ""), "{accepted:?}");
        serde_json::from_str(&self.event().await).unwrap()
    }

    /// Sends a ping and asserts that nothing but its answer has arrived.
    async fn assert_nothing(&mut self) {
        let ping = r#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#.to_owned();
        assert_eq!(self.ask(ping).await, json!({ "jsonrpc": "2.0", "id": "last", "result": {} }));
    }
}

fn wipe(id: u64) -> String {
    call(id, "wipe", &json!({}))
}

#[tokio::test]
async fn answers_about_what_is_turned_off_come_on_the_stream() {
    let sessions = Sessions::default();
    let mut client = Client::connect(served(&sessions).await, "agent").await;
    let ask =
        |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": "p" } }).to_string();
    let answer = client.ask(ask("prompts/get")).await;
    let message = "prompts/get is not allowed: this server's guard denies prompts";
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32601, "message": message } }));
    let answer = client.ask(ask("prompts/list")).await;
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 1, "result": { "prompts": [] } }));
    client.assert_nothing().await;
    sessions.ran.assert_nothing("turned off");
    // Resources are still on.
    client.ask(ask("resources/read")).await;
    assert_eq!(sessions.ran.count(), 1);
}

#[tokio::test]
async fn denials_come_on_the_stream() {
    for is_bare in [false, true] {
        let sessions = Sessions { is_bare, ..Sessions::default() };
        let address = served(&sessions).await;
        let mut first = Client::connect(address, "agent:a").await;
        let mut second = Client::connect(address, "admin").await;
        let mut third = Client::connect(address, "agent:c").await;

        let denied = first.ask(call(1, "pay", &json!({ "amount": 501 }))).await;
        assert_eq!((&denied["id"], &denied["result"]["content"][0]["text"]), (&json!(1), &json!(REASON)));
        assert_eq!(denied["result"]["isError"], true);
        // An id that looks like one of the guard's own, and an id that another client uses.
        let denied = first.ask(wipe(7).replace('7', r#""dev.perso/denial/é\"""#)).await;
        assert_eq!((&denied["id"], &denied["result"]["isError"]), (&json!("dev.perso/denial/é\""), &json!(true)));
        let denied = third.ask(wipe(1)).await;
        assert_eq!((&denied["id"], &denied["result"]["isError"]), (&json!(1), &json!(true)));
        sessions.ran.assert_nothing("denied");

        let allowed = first.ask(call(2, "pay", &json!({ "amount": 5 }))).await;
        assert_eq!((&allowed["id"], &allowed["result"]["content"][0]["text"]), (&json!(2), &json!("ran")));
        let allowed = second.ask(wipe(3)).await;
        assert_eq!((&allowed["id"], &allowed["result"]["content"][0]["text"]), (&json!(3), &json!("ran")));
        assert_eq!(sessions.ran.take().len(), 2);

        let list = r#"{"jsonrpc":"2.0","id":4,"method":"tools/list"}"#;
        assert_eq!(first.ask(list.to_owned()).await["result"]["tools"], json!([{ "name": "pay" }]));
        let all = json!([{ "name": "pay" }, { "name": "wipe" }]);
        assert_eq!(second.ask(list.to_owned()).await["result"]["tools"], all);
        for client in [&mut first, &mut second, &mut third] {
            client.assert_nothing().await;
        }
    }
}

#[tokio::test]
async fn many_denials_at_once_each_find_their_stream() {
    let sessions = Sessions { is_bare: true, ..Sessions::default() };
    let address = served(&sessions).await;
    let mut clients = Vec::new();
    for token in ["agent:0", "agent:1", "agent:2", "agent:3", "agent:4", "agent:5"] {
        clients.push(Client::connect(address, token).await);
    }
    let asked = clients.into_iter().map(|mut client| async move {
        let bodies: Vec<String> = (0..20).map(wipe).collect();
        let accepted = futures::future::join_all(bodies.iter().map(|body| client.post(client.token, body))).await;
        assert!(accepted.iter().all(|accepted| accepted.status == 202));
        let mut ids = Vec::new();
        for _ in 0..20 {
            let denied: Value = serde_json::from_str(&client.event().await).unwrap();
            assert_eq!(denied["result"]["isError"], true, "{denied}");
            ids.push(denied["id"].as_u64().unwrap());
        }
        ids.sort_unstable();
        assert_eq!(ids, (0..20).collect::<Vec<_>>());
        client.assert_nothing().await;
    });
    futures::future::join_all(asked).await;
    sessions.ran.assert_nothing("denied");
}

/// A caller who knows the address for another client's POSTs gets the denial as the response, and the client gets
/// nothing.
#[tokio::test]
async fn a_denial_never_comes_on_somebody_elses_stream() {
    let sessions = Sessions::default();
    let address = served(&sessions).await;
    let mut victim = Client::connect(address, "admin").await;
    let mut other = Client::connect(address, "agent:b").await;
    for token in ["agent:x", "agent:b", "manager"] {
        let denied = victim.post(token, &wipe(1)).await;
        assert!(denied.status == 200 && denied.body.contains("isError"), "{denied:?}");
    }
    // An anonymous caller.
    let line = format!("POST {} HTTP/1.1", victim.messages);
    let denied = tcp::exchange(address, &[&line, "Content-Type: application/json"], &wipe(1)).await;
    assert!(denied.body.contains("isError"), "{denied:?}");
    sessions.ran.assert_nothing("denied");
    victim.assert_nothing().await;
    other.assert_nothing().await;
}

/// The same if all addresses are equal and the server does not know the caller.
#[tokio::test]
async fn a_denial_does_not_come_on_the_newest_stream() {
    let sessions = Sessions { is_bare: true, ..Sessions::default() };
    let address = served(&sessions).await;
    let mut older = Client::connect(address, "agent:a").await;
    let newest = Client::connect(address, "agent:b").await;
    for token in ["agent:x", "manager"] {
        let denied = newest.post(token, &wipe(1)).await;
        assert!(denied.status == 200 && denied.body.contains("isError"), "{denied:?}");
    }
    // The same caller, but the server has closed the session.
    sessions.streams.lock().unwrap().retain(|token, _| token != "agent:b");
    let denied = newest.post("agent:b", &wipe(2)).await;
    assert!(denied.status == 200 && denied.body.contains("isError"), "{denied:?}");
    sessions.ran.assert_nothing("denied");
    older.assert_nothing().await;
}

#[tokio::test]
async fn without_a_stream_the_denial_is_the_answer() {
    let sessions = Sessions::default();
    let address = served(&sessions).await;
    let client = Client::connect(address, "agent").await;
    sessions.streams.lock().unwrap().clear();
    let denied = client.post("agent", &wipe(1)).await;
    assert!(denied.status == 200 && denied.body.contains("isError"), "{denied:?}");
    sessions.ran.assert_nothing("denied");
}

/// If the server answers the POST directly, the denial still arrives, as the response.
#[tokio::test]
async fn a_server_that_answers_a_post_at_once() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    for (accepts, is_on_stream) in [
        ((StatusCode::OK, "application/json", answer), false),
        ((StatusCode::OK, "text/event-stream", "data: {}\n\n"), false),
        ((StatusCode::UNAUTHORIZED, "text/plain", "no"), false),
        ((StatusCode::FOUND, "text/plain", "there"), false),
        ((StatusCode::OK, "text/plain", ""), true),
    ] {
        let sessions = Sessions { accepts: Some(accepts), ..Sessions::default() };
        let address = served(&sessions).await;
        let client = Client::connect(address, "agent").await;
        let denied = client.post("agent", &wipe(1)).await;
        assert_eq!((denied.status, denied.body.contains("isError")), (200, !is_on_stream), "{denied:?}");
        sessions.ran.assert_nothing("denied");
    }
}

#[tokio::test]
async fn an_agents_call_on_an_admins_stream_is_judged_as_the_agents() {
    let sessions = Sessions::default();
    let address = served(&sessions).await;
    let mut client = Client::connect(address, "admin").await;
    let denied = client.post("agent", &wipe(1)).await;
    assert!(denied.body.contains("isError"), "{denied:?}");
    sessions.ran.assert_nothing("denied");
    client.assert_nothing().await;
}
