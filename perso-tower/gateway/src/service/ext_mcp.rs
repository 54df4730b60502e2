//! The external authorization of [agentgateway](https://agentgateway.dev): `agentgateway.dev.ext_mcp.ExtMcp`.
//!
//! agentgateway sends numbers as doubles, so the server may get other digits than the client has sent. What is judged is what the
//! server gets: if a number may have been rounded, the answer has the params as they were judged.

use super::decider::{Described, Sessions};
use super::grpc::{Any, Kind, List, Struct, unary};
use super::mcp::{Asked, asked};
use super::router::Service;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use perso_core::{Call, Part, request};
use prost::{Message, Oneof};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Clone, PartialEq, Message)]
struct McpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(message, optional, tag = "3")]
    metadata_context: Option<Struct>,
    #[prost(message, optional, tag = "4")]
    mcp_request: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct McpResponse {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(message, optional, tag = "3")]
    metadata_context: Option<Struct>,
    #[prost(message, optional, tag = "4")]
    mcp_response: Option<Struct>,
}

/// The answer to either.
#[derive(Clone, PartialEq, Message)]
struct Checked {
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

const PERMISSION_DENIED: i32 = 1;
const INVALID: i32 = 3;

impl Checked {
    const fn pass() -> Self {
        Self { result: Some(Outcome::Pass(Pass {})) }
    }

    const fn mutated(params: Struct) -> Self {
        Self { result: Some(Outcome::Mutated(params)) }
    }

    fn refused(code: i32, reason: impl Into<String>) -> Self {
        Self { result: Some(Outcome::Error(Refusal { code, reason: reason.into() })) }
    }
}

pub(super) fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/agentgateway.dev.ext_mcp.ExtMcp/CheckRequest", post(check_request))
        .route("/agentgateway.dev.ext_mcp.ExtMcp/CheckResponse", post(check_response))
}

async fn check_request(State(service): State<Arc<Service>>, request: Request) -> Response {
    let most = service.settings.body;
    unary(request, most, |request: McpRequest| async move { Ok(service.request(request).await) }).await
}

async fn check_response(State(service): State<Arc<Service>>, request: Request) -> Response {
    // Lists of tools are larger than calls.
    let most = service.settings.body.saturating_mul(4);
    unary(request, most, |response: McpResponse| async move { Ok(service.response(response).await) }).await
}

/// Who calls: the attributes under `agent` in the metadata that agentgateway is configured to send.
fn agent(metadata: Option<&Struct>) -> Option<Map<String, Value>> {
    match metadata?.fields.get("agent")?.kind.as_ref()? {
        Kind::Object(agent) => agent.json(),
        _ => None,
    }
}

impl Service {
    async fn request(&self, McpRequest { method, metadata_context, mcp_request }: McpRequest) -> Checked {
        let policy = self.decider.policy();
        let params = mcp_request.unwrap_or_default();
        let Some(read) = params.json() else { return Checked::refused(INVALID, "the params cannot be read") };
        let is_prompt = read.get("ref").and_then(|it| it.get("type")).and_then(Value::as_str) == Some("ref/prompt");
        let (tool, args) = match asked(policy.covers(), &method, is_prompt) {
            Asked::Free => return Checked::pass(),
            Asked::Unknown => return Checked::refused(PERMISSION_DENIED, "the method is unknown"),
            Asked::Tool => match (read.get("name"), read.get("arguments")) {
                (Some(Value::String(name)), arguments) => (name.clone(), arguments.cloned()),
                _ => return Checked::refused(INVALID, "the tool's name must be a string"),
            },
            Asked::Covered(request) => {
                let mut args = read;
                args.remove("_meta");
                (request.to_owned(), Some(Value::Object(args)))
            }
        };
        let Some(agent) = agent(metadata_context.as_ref()) else {
            let why = "agentgateway has not sent who calls: add `agent`, an object, to the metadata of this policy";
            return Checked::refused(PERMISSION_DENIED, why);
        };
        let session = self.settings.session.as_ref().and_then(|name| agent.get(name)?.as_str().map(str::to_owned));
        let call = Described {
            is_request: tool.starts_with(request::PREFIX) && method != "tools/call",
            tool: &tool,
            args: args.map_or(Part::Absent, Part::from),
            agent: Part::from(agent),
            resource: Part::Absent,
            context: Part::Absent,
            session: session.as_deref().map_or(Sessions::Whole(Part::Absent), Sessions::Id),
        };
        let decided = self.decider.decide(&policy, &call).await;
        match decided.decision.is_allowed() {
            true if params.is_rounded() => Checked::mutated(params),
            true => Checked::pass(),
            false => Checked::refused(PERMISSION_DENIED, decided.message),
        }
    }

    /// Removes tools that the caller could never call from lists.
    async fn response(&self, McpResponse { method, metadata_context, mcp_response }: McpResponse) -> Checked {
        if method != "tools/list" {
            return Checked::pass();
        }
        let (policy, mut result) = (self.decider.policy(), mcp_response.unwrap_or_default());
        let agent = agent(metadata_context.as_ref()).unwrap_or_default();
        let Some(Any { kind: Some(Kind::List(List { values: tools })) }) = result.fields.get_mut("tools") else {
            return Checked::refused(INVALID, "the list of tools cannot be read");
        };
        tools.retain(|tool| {
            let Some(Kind::Object(tool)) = &tool.kind else { return false };
            let Some(Kind::String(name)) = tool.fields.get("name").and_then(|name| name.kind.as_ref()) else {
                return false;
            };
            let call = Call::new(name.as_str()).agent(agent.clone()).context(Part::Open).session(Part::Open);
            policy.could_allow(&call)
        });
        Checked::mutated(result)
    }
}
