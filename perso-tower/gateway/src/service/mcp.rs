//! Requests of MCP, as calls of a policy: by the method and what it is about.

use perso_core::{Covers, request};

/// What a policy has to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It calls a tool.
    Tool,
    /// The policy covers it, as a call of this name.
    Covered(&'static str),
    /// Policies do not judge it: guards pass it on.
    Free,
    /// It is unknown.
    Unknown,
}

/// What a request with this method asks for. A completion is for a prompt if `is_prompt` is true, and otherwise for a resource.
pub(super) fn asked(covers: Covers, method: &str, is_prompt: bool) -> Asked {
    let covered = |is_covered, name| if is_covered { Asked::Covered(name) } else { Asked::Free };
    match method {
        "tools/call" => Asked::Tool,
        "resources/read" => covered(covers.resources, request::READ),
        "resources/subscribe" => covered(covers.resources, request::SUBSCRIBE),
        "prompts/get" => covered(covers.prompts, request::GET),
        "completion/complete" => covered(if is_prompt { covers.prompts } else { covers.resources }, request::COMPLETE),
        "initialize"
        | "ping"
        | "server/discover"
        | "logging/setLevel"
        | "tools/list"
        | "resources/list"
        | "resources/templates/list"
        | "resources/unsubscribe"
        | "prompts/list"
        | "tasks/get"
        | "tasks/result"
        | "tasks/list"
        | "tasks/cancel" => Asked::Free,
        _ if method.starts_with("notifications/") => Asked::Free,
        _ => Asked::Unknown,
    }
}
