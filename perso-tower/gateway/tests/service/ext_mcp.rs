//! The external authorization of agentgateway.

use crate::support::{POLICY, Running, World};
use prost::{Message, Oneof};
use serde_json::{Value, json};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub fields: HashMap<String, Any>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Any {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Object(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

#[derive(Clone, PartialEq, Message)]
pub struct List {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Any>,
}

/// JSON in protobuf.
pub fn object(value: &Value) -> Struct {
    let fields = value.as_object().unwrap().iter();
    Struct { fields: fields.map(|(key, value)| (key.clone(), any(value))).collect() }
}

fn any(value: &Value) -> Any {
    let kind = match value {
        Value::Null => Kind::Null(0),
        Value::Bool(is) => Kind::Bool(*is),
        Value::Number(number) => Kind::Number(number.as_f64().unwrap()),
        Value::String(text) => Kind::String(text.clone()),
        Value::Array(values) => Kind::List(List { values: values.iter().map(any).collect() }),
        Value::Object(_) => Kind::Object(object(value)),
    };
    Any { kind: Some(kind) }
}

#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Struct>,
    #[prost(message, optional, tag = "4")]
    content: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(oneof = "Outcome", tags = "1, 2, 3")]
    result: Option<Outcome>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Outcome {
    #[prost(message, tag = "1")]
    Pass(Pass),
    #[prost(message, tag = "2")]
    Mutated(Struct),
    #[prost(message, tag = "3")]
    Error(Refusal),
}

#[derive(Clone, PartialEq, Message)]
struct Pass {}

#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    reason: String,
}

async fn asks(service: &Running, path: &'static str, method: &str, agent: Option<Value>, content: &Value) -> Outcome {
    let metadata = agent.map(|agent| object(&json!({ "agent": agent })));
    let asked = Asked { method: method.to_owned(), metadata, content: Some(object(content)) };
    service.grpc::<Asked, Answer>(path, asked).await.unwrap().result.unwrap()
}

const REQUEST: &str = "/agentgateway.dev.ext_mcp.ExtMcp/CheckRequest";
const RESPONSE: &str = "/agentgateway.dev.ext_mcp.ExtMcp/CheckResponse";

fn refused(outcome: Outcome) -> (i32, String) {
    match outcome {
        Outcome::Error(Refusal { code, reason }) => (code, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn requests_are_judged() {
    let world = World::new(POLICY);
    let service = world.serve(&[]).await;
    let agent = || Some(json!({ "id": "ann", "roles": ["agent"] }));
    let call = |amount: Value| json!({ "name": "process_refund", "arguments": { "amount": amount } });
    assert_eq!(asks(&service, REQUEST, "tools/call", agent(), &call(json!(20))).await, Outcome::Pass(Pass {}));
    // The server gets the number that was judged.
    let cents = call(json!(19.99));
    assert_eq!(asks(&service, REQUEST, "tools/call", agent(), &cents).await, Outcome::Mutated(object(&cents)));
    let denied = refused(asks(&service, REQUEST, "tools/call", agent(), &call(json!(1_000))).await);
    assert_eq!(denied, (1, "Agents may refund up to $500.".to_owned()));
    assert!(refused(asks(&service, REQUEST, "tools/call", None, &call(json!(20))).await).1.contains("who calls"));
    assert_eq!(refused(asks(&service, REQUEST, "tools/call", agent(), &json!({ "name": 1 })).await).0, 3);
    assert_eq!(refused(asks(&service, REQUEST, "tools/callx", agent(), &json!({})).await).0, 1);
    assert_eq!(asks(&service, REQUEST, "tools/list", None, &json!({})).await, Outcome::Pass(Pass {}));
}

#[tokio::test]
async fn lists_show_what_the_caller_could_call() {
    let world = World::new(POLICY);
    let service = world.serve(&[]).await;
    let tools = |names: &[&str]| {
        let tools: Vec<Value> =
            names.iter().map(|name| json!({ "name": name, "inputSchema": { "type": "object" } })).collect();
        json!({ "tools": tools, "nextCursor": "a" })
    };
    let all = tools(&["process_refund", "delete_record", "view_customer"]);
    let listed = asks(&service, RESPONSE, "tools/list", Some(json!({ "roles": ["agent"] })), &all).await;
    assert_eq!(listed, Outcome::Mutated(object(&tools(&["process_refund", "view_customer"]))));
    let listed = asks(&service, RESPONSE, "tools/list", None, &all).await;
    assert_eq!(listed, Outcome::Mutated(object(&tools(&["view_customer"]))));
    assert_eq!(asks(&service, RESPONSE, "tools/call", None, &json!({})).await, Outcome::Pass(Pass {}));
    assert_eq!(refused(asks(&service, RESPONSE, "tools/list", None, &json!({ "tools": 1 })).await).0, 3);
}
