//! A server that runs a tool with the exact text of its arguments, without parsing it.

use super::Ran;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    params: Params<'m>,
}

#[derive(Deserialize)]
struct Params<'m> {
    name: String,
    #[serde(borrow)]
    arguments: Option<&'m RawValue>,
}

pub fn verbatim(ran: &Ran) -> Router {
    Router::new().route("/mcp", post(serve)).with_state(ran.clone())
}

async fn serve(State(ran): State<Ran>, body: String) -> Response {
    let Message { params } = serde_json::from_str(&body).unwrap();
    ran.note(&params.name, params.arguments.map_or("", RawValue::get).into());
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ran"}]}}"#;
    ([("content-type", "application/json")], answer).into_response()
}
