//! Gemini CLI: `BeforeTool` (geminicli.com/docs/hooks). It runs the call on anything but its own JSON, and waits for ever
//! for an answer to `ask` where there is no person.

use super::answer::{Answer, Verdict};
use super::claude::PreToolUse;
use super::event::{Event, Kind};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde_json::json;

pub(super) static DIALECT: Dialect = Dialect { name: "gemini", read, answer, asks: |_| false };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "hook_event_name": "BeforeTool", "tool_name": tool, "tool_input": {} }),
    variable: None,
    home: ".gemini/settings.json",
    project: ".gemini/settings.json",
    events: &["BeforeTool"],
    form: Form::Group(&[]),
    then: "Gemini CLI reads its settings when it starts: start it again, in a folder that it trusts.",
};

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    let mut event = PreToolUse::read(bytes, &["BeforeTool"], |tool| match tool {
        "run_shell_command" => Kind::Shell,
        "read_file" => Kind::Read("file_path"),
        "write_file" | "replace" => Kind::Write("file_path"),
        "glob" => Kind::Glob(&["dir_path"], "pattern"),
        "list_directory" | "search_file_content" | "grep_search" => Kind::Search(&["dir_path"]),
        "web_fetch" => Kind::Fetch,
        _ => Kind::Other,
    })?;
    // `mcp_SERVER_TOOL`: which part is the server's is known where its name has no underscore.
    let parts = event.tool.strip_prefix("mcp_").and_then(|rest| rest.split_once('_'));
    if let (Kind::Other, Some((server, tool))) = (&event.kind, parts) {
        event.kind = Kind::Mcp { server: Some(server.to_owned().into()), tool: tool.to_owned().into() };
    }
    Ok(event)
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    let denied = |reason: &str| Answer::block(Some(json!({ "decision": "deny", "reason": reason })), reason);
    match verdict {
        Verdict::Pass => Answer::SILENCE,
        Verdict::Grant(reason) => Answer::json(json!({ "decision": "allow", "reason": reason })),
        Verdict::Ask(reason) => denied(&super::answer::unasked(reason)),
        Verdict::Deny(reason) => denied(reason),
    }
}
