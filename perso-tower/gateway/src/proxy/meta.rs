//! Calls of tools that call and find other tools.

use super::{Outcome, Proxy, Request};
use crate::config::{SEPARATOR, Server};
use crate::meta::{self, MetaTool};
use rmcp::ServerHandler;
use rmcp::model::*;
use std::collections::HashSet;

/// What runs calls inside of calls. Their server does, so there is nothing here.
pub(super) struct Inner;

impl ServerHandler for Inner {}

impl Proxy {
    /// Judges the call in the arguments of another one. Returns the answer to a call that may not run.
    pub(super) async fn judge_inner(
        &self,
        meta: &MetaTool,
        call: &CallToolRequestParams,
        (server, own): (&Server, &str),
        context: &Request,
    ) -> Option<Outcome<CallToolResponse>> {
        let MetaTool::Calls { tool, arguments } = meta else { return None };
        let refused = |why: String| Some(Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into()));
        let mut inner = match meta::inner(call, tool, arguments) {
            Ok(inner) => inner,
            Err(why) => return refused(why),
        };
        if server.meta_tools.contains_key(&*inner.name) {
            return refused(format!("`{own}` cannot call a tool that calls or finds tools: call it directly"));
        }
        if call.name != own {
            inner.name = format!("{}{SEPARATOR}{}", server.name, inner.name).into();
        }
        self.guard.judge(&mut inner, context).await.err()
    }

    /// What a client may see of a response. `outer` gives a server's name for a tool as clients have it.
    pub(super) async fn seen(
        &self,
        meta: &MetaTool,
        mut response: CallToolResponse,
        outer: impl Fn(&str) -> String,
        context: &Request,
    ) -> CallToolResponse {
        match (meta, &mut response) {
            (MetaTool::Finds { tools }, CallToolResponse::Complete(result)) => {
                let mut seen = HashSet::new();
                for name in meta::found(result, tools) {
                    if self.guard.could_call(&outer(&name), context).await {
                        seen.insert(name);
                    }
                }
                meta::filter(result, tools, |name| seen.contains(name));
                response
            }
            // Its updates would not be judged, and its result not be filtered.
            (_, CallToolResponse::Task(_)) => {
                let why =
                    "the call became a task, which the gateway does not support for tools that call or find others";
                CallToolResult::error(vec![ContentBlock::text(why)]).into()
            }
            _ => response,
        }
    }
}
