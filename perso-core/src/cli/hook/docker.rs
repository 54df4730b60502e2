//! Docker's MCP gateway: `--interceptor before:exec:…` (github.com/docker/mcp-gateway, `examples/interceptors`). It runs the
//! call on silence with exit code 0, gives the client a result that it reads, and fails the call on anything else.

use super::answer::{Answer, Verdict, unasked};
use super::event::{Event, Kind};
use super::{Dialect, Unread};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) static DIALECT: Dialect = Dialect { name: "docker", read, answer, asks: |_| false };

#[derive(Deserialize)]
struct Request<'e> {
    #[serde(borrow)]
    method: Cow<'e, str>,
    #[serde(borrow)]
    params: Params<'e>,
}

#[derive(Deserialize)]
struct Params<'e> {
    #[serde(borrow)]
    name: Cow<'e, str>,
    #[serde(borrow)]
    arguments: Option<&'e RawValue>,
}

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    let request: Request<'_> =
        serde_json::from_slice(bytes).map_err(|error| format!("the request cannot be read: {error}"))?;
    if request.method != "tools/call" {
        return Err(format!("`{}` is not a call of a tool", request.method));
    }
    let input = match request.params.arguments {
        Some(arguments) => Cow::Borrowed(arguments),
        None => super::event::raw(&json!({}))?,
    };
    let name = request.params.name;
    Ok(Event { name: request.method, tool: name, kind: Kind::Other, input, cwd: None, mode: None, session: None })
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    let denied =
        |reason: &str| Answer::json(json!({ "content": [{ "type": "text", "text": reason }], "isError": true }));
    match verdict {
        Verdict::Pass | Verdict::Grant(_) => Answer::SILENCE,
        Verdict::Ask(reason) => denied(&unasked(reason)),
        Verdict::Deny(reason) => denied(reason),
    }
}
