//! What an agent says about a tool call that it is about to make.

use super::Unread;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A tool call.
#[derive(Debug)]
pub(super) struct Event<'e> {
    /// What the agent is about to do, in its own words.
    pub(super) name: Cow<'e, str>,
    /// The tool, as the agent calls it.
    pub(super) tool: Cow<'e, str>,
    /// What kind of tool that is.
    pub(super) kind: Kind<'e>,
    /// The arguments, as the agent wrote them.
    pub(super) input: Cow<'e, RawValue>,
    /// Where the agent works.
    pub(super) cwd: Option<Cow<'e, str>>,
    /// How much the agent may do by itself.
    pub(super) mode: Option<Cow<'e, str>>,
    /// The id of the agent's session.
    pub(super) session: Option<Cow<'e, str>>,
}

/// The arguments of a call. Some agents write their JSON into a string.
pub(super) fn arguments(written: &RawValue) -> Result<Cow<'_, RawValue>, Unread> {
    match serde_json::from_str::<Cow<'_, str>>(written.get()) {
        Ok(text) => RawValue::from_string(text.into_owned())
            .map(Cow::Owned)
            .map_err(|error| format!("the arguments are not JSON: {error}")),
        Err(_) => Ok(Cow::Borrowed(written)),
    }
}

/// Arguments that are put together here.
pub(super) fn raw<'e>(arguments: &serde_json::Value) -> Result<Cow<'e, RawValue>, Unread> {
    serde_json::value::to_raw_value(arguments)
        .map(Cow::Owned)
        .map_err(|error| format!("the event cannot be read: {error}"))
}

/// What a tool does, by a name that all agents share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'e> {
    /// Runs a shell line: `command`.
    Shell,
    /// Reads a file, whose path is in this argument.
    Read(&'static str),
    /// Writes a file, whose path is in this argument.
    Write(&'static str),
    /// Applies a patch, which is in this argument, and writes the files in it.
    Patch(&'static str),
    /// Looks in files, at the places in these arguments.
    Search(&'static [&'static str]),
    /// Looks for files, at the places in these arguments, by the pattern in the other.
    Glob(&'static [&'static str], &'static str),
    /// Fetches a page.
    Fetch,
    /// A tool of an MCP server.
    Mcp {
        /// The server's name, as the agent has it, if it gives it.
        server: Option<Cow<'e, str>>,
        /// The tool's name there.
        tool: Cow<'e, str>,
    },
    /// Another tool of the agent.
    Other,
}
