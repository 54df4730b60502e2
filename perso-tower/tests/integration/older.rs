//! The transport of the revision 2024-11-05: a GET opens a stream that names an address, POSTs go there, and what they ask
//! is answered on the stream.

use crate::support::wire::{call, post, send};
use crate::support::{Claims, REASON, Ran, authenticate, policy};
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Query, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post as on_post};
use axum::{Router, middleware};
use futures::StreamExt;
use futures::channel::mpsc;
use perso_tower::{FromExtension, PersoLayer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

type Sender = mpsc::UnboundedSender<Result<Bytes, Infallible>>;

#[derive(Clone, Default)]
struct Sessions {
    ran: Ran,
    streams: Arc<Mutex<HashMap<String, Sender>>>,
}

async fn open(State(sessions): State<Sessions>) -> Response {
    let (sender, receiver) = mpsc::unbounded();
    let mut streams = sessions.streams.lock().unwrap();
    let id = format!("s{}", streams.len());
    sender.unbounded_send(Ok(format!("event: endpoint\ndata: /api/messages?sessionId={id}\n\n").into())).unwrap();
    streams.insert(id, sender);
    ([("content-type", "text/event-stream")], Body::from_stream(receiver)).into_response()
}

async fn message(
    State(sessions): State<Sessions>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> StatusCode {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let result = if message["method"] == "tools/list" {
        json!({ "tools": [{ "name": "pay" }, { "name": "wipe" }] })
    } else {
        sessions.ran.note(message["params"]["name"].as_str().unwrap(), message["params"]["arguments"].clone());
        json!({ "content": [{ "type": "text", "text": "ran" }] })
    };
    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    let event = format!("event: message\ndata: {answer}\n\n");
    let _ = sessions.streams.lock().unwrap()[&query["sessionId"]].unbounded_send(Ok(event.into()));
    StatusCode::ACCEPTED
}

fn app() -> (Router, Ran) {
    let sessions = Sessions::default();
    let ran = sessions.ran.clone();
    let guard = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let routes = Router::new().route("/sse", get(open)).route("/messages", on_post(message)).with_state(sessions);
    // Below a prefix, as the address shows.
    let app = Router::new().nest("/api", routes.layer(guard)).layer(middleware::from_fn(authenticate));
    (app, ran)
}

struct Client {
    app: Router,
    token: &'static str,
    address: String,
    events: BodyDataStream,
}

impl Client {
    async fn connect(app: &Router, token: &'static str) -> Self {
        let open = Request::get("/api/sse").header("authorization", token).body(Body::empty()).unwrap();
        let mut events = app.clone().oneshot(open).await.unwrap().into_body().into_data_stream();
        let first = String::from_utf8(events.next().await.unwrap().unwrap().into()).unwrap();
        let address = first.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
        Self { app: app.clone(), token, address, events }
    }

    async fn ask(&mut self, body: String) -> Value {
        let mut request = post(self.token, &[], body);
        *request.uri_mut() = self.address.parse().unwrap();
        assert_eq!(send(&self.app, request).await.status, StatusCode::ACCEPTED);
        let event = String::from_utf8(self.events.next().await.unwrap().unwrap().into()).unwrap();
        serde_json::from_str(event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn denials_come_on_the_stream() {
    let (app, ran) = app();
    let (mut first, mut second) = (Client::connect(&app, "agent").await, Client::connect(&app, "admin").await);

    let denied = first.ask(call(1, "pay", &json!({ "amount": 501 }))).await;
    assert_eq!((&denied["id"], &denied["result"]["content"][0]["text"]), (&json!(1), &json!(REASON)));
    assert_eq!(denied["result"]["isError"], true);
    ran.assert_nothing("denied");

    let allowed = first.ask(call(2, "pay", &json!({ "amount": 5 }))).await;
    assert_eq!((&allowed["id"], &allowed["result"]["content"][0]["text"]), (&json!(2), &json!("ran")));
    let allowed = second.ask(call(3, "wipe", &json!({}))).await;
    assert_eq!((&allowed["id"], &allowed["result"]["content"][0]["text"]), (&json!(3), &json!("ran")));
    assert_eq!(ran.take().len(), 2);

    let list = r#"{"jsonrpc":"2.0","id":4,"method":"tools/list"}"#;
    assert_eq!(first.ask(list.to_owned()).await["result"]["tools"], json!([{ "name": "pay" }]));
    assert_eq!(second.ask(list.to_owned()).await["result"]["tools"], json!([{ "name": "pay" }, { "name": "wipe" }]));
}

#[tokio::test]
async fn without_a_stream_the_denial_is_the_answer() {
    let (app, ran) = app();
    let client = Client::connect(&app, "agent").await;
    let address = client.address.clone();
    drop(client);
    let mut request = post("agent", &[], call(1, "wipe", &json!({})));
    *request.uri_mut() = address.parse().unwrap();
    let reply = send(&app, request).await;
    assert_eq!((reply.status, &reply.answer(1)["result"]["isError"]), (StatusCode::OK, &json!(true)));
    ran.assert_nothing("denied");
}

#[tokio::test]
async fn an_admins_stream_used_by_an_agent_is_judged_as_the_agent() {
    let (app, ran) = app();
    let mut client = Client::connect(&app, "admin").await;
    client.token = "agent";
    let denied = client.ask(call(1, "wipe", &json!({}))).await;
    assert_eq!(denied["result"]["isError"], true);
    ran.assert_nothing("denied");
}
