//! Measures how much time a guard adds to a call, through the whole adapter, compared with the decision alone.
//!
//! `make bench` runs this and writes the results to `target/perso-bench.json`:
//!
//! | result | meaning |
//! | --- | --- |
//! | `guarded_vs_decide` | the time that `Guarded` adds to a tool call of an rmcp server, divided by that of `Policy::decide` |
//! | `layer_added_us` | the time that `PersoLayer` adds to a POST of 300 bytes, in microseconds |

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark on known data may panic"
)]

#[path = "../../perso-core/benches/measure/mod.rs"]
mod measure;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use measure::{Report, candidate};
use perso_core::{Call, Policy};
use perso_tower::{Agent, Guard, PersoLayer};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, RequestId};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::hint::black_box;
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt as _, service_fn};

/// The number of calls per measurement, large enough to make the cost of entering the runtime negligible.
const CALLS: usize = 100;

const ALLOW_ALL: &str = r#"{ "perso": 1, "rules": [{ "id": "all", "allow": "*" }] }"#;

fn main() {
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let policy = Policy::compile(ALLOW_ALL).unwrap();
    rmcp(&mut report, &runtime, &policy);
    layer(&mut report, &runtime, &policy);
    report.write();
}

fn agent() -> Agent {
    Agent::new("agt-099").roles(["agent"]).attribute("mfa_verified", true)
}

fn args() -> Value {
    json!({ "order_id": "ORD-8821", "amount": 120, "currency": "USD", "note": "damaged on arrival, customer sent photos" })
}

#[derive(Clone)]
struct Desk;

impl ServerHandler for Desk {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        black_box(request);
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

/// Returns a peer for the handler's context. Its client has disconnected.
fn peer(runtime: &Runtime) -> Peer<RoleServer> {
    let (ours, theirs) = tokio::io::duplex(1 << 12);
    runtime.block_on(async {
        let (server, client) = tokio::join!(Desk.serve(theirs), ().serve(ours));
        let _ = client.unwrap().cancel().await;
        server.unwrap().peer().clone()
    })
}

async fn calls(handler: &impl ServerHandler, peer: &Peer<RoleServer>, args: &Value) {
    for _ in 0..CALLS {
        let call = CallToolRequestParams::new("process_refund").with_arguments(args.as_object().cloned().unwrap());
        let context = RequestContext::new(RequestId::Number(1), peer.clone());
        black_box(handler.call_tool(call, context).await).unwrap();
    }
}

fn rmcp(report: &mut Report, runtime: &Runtime, policy: &Policy) {
    let (peer, agent, args) = (peer(runtime), agent(), args());
    let caller = agent.clone();
    let guarded = Desk.guarded(policy.clone()).agent(move |_| caller.clone());
    let medians = report.compare(
        "a call of a tool of an rmcp server",
        CALLS,
        vec![
            candidate("bare", || runtime.block_on(calls(&Desk, &peer, &args))),
            candidate("guarded", || runtime.block_on(calls(&guarded, &peer, &args))),
            candidate("deciding alone", || {
                for _ in 0..CALLS {
                    let call = Call::new("process_refund").args(&args).agent(agent.attributes());
                    assert!(policy.decide(black_box(&call)).is_allowed());
                }
            }),
        ],
    );
    report.ratio("guarded_vs_decide", (medians[1] - medians[0]) / medians[2]);
}

/// An endpoint that parses each message, as every MCP server must.
async fn endpoint<B: http_body::Body<Data: Send, Error: std::fmt::Debug>>(
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    black_box(serde_json::from_slice::<Value>(&body).unwrap());
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::from(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#)).unwrap())
}

async fn posts<S>(service: &S, body: &Bytes)
where
    S: Service<Request<Full<Bytes>>, Error = Infallible> + Clone,
    S::Response: Sized,
{
    for _ in 0..CALLS {
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("accept-encoding", "gzip")
            .header("mcp-protocol-version", "2025-11-25")
            .extension(agent());
        black_box(service.clone().oneshot(request.body(Full::new(body.clone())).unwrap()).await).unwrap();
    }
}

fn layer(report: &mut Report, runtime: &Runtime, policy: &Policy) {
    let params = json!({ "name": "process_refund", "arguments": args(), "_meta": { "progressToken": "9f3c" } });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string();
    let body = Bytes::from(format!("{call:<300}"));
    assert_eq!(body.len(), 300);
    let guarded = PersoLayer::new(policy.clone())
        .agent(|parts: &Parts| parts.extensions.get::<Agent>().cloned())
        .layer(service_fn(endpoint));
    let bare = service_fn(endpoint::<Full<Bytes>>);
    let medians = report.compare(
        "a POST of 300 bytes",
        CALLS,
        vec![
            candidate("bare", || runtime.block_on(posts(&bare, &body))),
            candidate("behind the layer", || runtime.block_on(posts(&guarded, &body))),
        ],
    );
    report.ratio("layer_added_us", (medians[1] - medians[0]) / 1e3);
}
