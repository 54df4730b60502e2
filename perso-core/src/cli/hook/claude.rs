//! Claude Code: `PreToolUse`, and `PreSkillShellCommand` for the shell lines in skills and slash commands, for which the first
//! is not sent (code.claude.com/docs/en/hooks).

use super::answer::{Answer, Verdict};
use super::event::{Event, Kind};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) static DIALECT: Dialect = Dialect { name: "claude", read, answer, asks: |event| event.name != SKILL };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "hook_event_name": TOOL, "tool_name": tool, "tool_input": {} }),
    variable: Some(("CLAUDE_CONFIG_DIR", "settings.json")),
    home: ".claude/settings.json",
    project: ".claude/settings.json",
    events: &[TOOL, SKILL],
    form: Form::Group(&[("onFailure", "block")]),
    then: "Claude Code reads its settings when it starts: start it again.",
};

const TOOL: &str = "PreToolUse";
const SKILL: &str = "PreSkillShellCommand";

/// The form of Claude Code and of those that have taken it over.
#[derive(Debug, Deserialize)]
pub(super) struct PreToolUse<'e> {
    #[serde(borrow)]
    pub(super) hook_event_name: Cow<'e, str>,
    #[serde(borrow)]
    pub(super) tool_name: Cow<'e, str>,
    #[serde(borrow)]
    pub(super) tool_input: &'e RawValue,
    #[serde(borrow)]
    pub(super) cwd: Option<Cow<'e, str>>,
    #[serde(borrow)]
    pub(super) permission_mode: Option<Cow<'e, str>>,
    #[serde(borrow)]
    pub(super) session_id: Option<Cow<'e, str>>,
}

impl<'e> PreToolUse<'e> {
    /// Reads an event of one of these names.
    pub(super) fn read(bytes: &'e [u8], names: &[&str], kind: fn(&str) -> Kind<'e>) -> Result<Event<'e>, Unread> {
        let event: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("the event is not of a tool call: {error}"))?;
        if !names.contains(&event.hook_event_name.as_ref()) {
            return Err(format!("the hook is for `{}`, not for `{}`", names.join("` and `"), event.hook_event_name));
        }
        let kind = match mcp(&event.tool_name) {
            Some((server, tool)) => Kind::Mcp { server: Some(server.to_owned().into()), tool: tool.to_owned().into() },
            None => kind(&event.tool_name),
        };
        Ok(Event {
            name: event.hook_event_name,
            tool: event.tool_name,
            kind,
            input: Cow::Borrowed(event.tool_input),
            cwd: event.cwd,
            mode: event.permission_mode,
            session: event.session_id,
        })
    }
}

/// The server and the tool of `mcp__SERVER__TOOL`.
pub(super) fn mcp(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("mcp__")?.split_once("__")
}

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    PreToolUse::read(bytes, &[TOOL, SKILL], |tool| match tool {
        "Bash" => Kind::Shell,
        "Read" => Kind::Read("file_path"),
        "NotebookRead" => Kind::Read("notebook_path"),
        "Write" | "Edit" | "MultiEdit" => Kind::Write("file_path"),
        "NotebookEdit" => Kind::Write("notebook_path"),
        "Glob" => Kind::Glob(&["path"], "pattern"),
        "Grep" => Kind::Search(&["path"]),
        "WebFetch" => Kind::Fetch,
        _ => Kind::Other,
    })
}

fn answer(verdict: &Verdict, event: Option<&Event<'_>>) -> Answer {
    let is_skill = event.is_some_and(|event| event.name == SKILL);
    let said = |decision: &str, reason: &str| {
        json!({ "hookSpecificOutput": {
            "hookEventName": if is_skill { SKILL } else { TOOL },
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        } })
    };
    let denied = |reason: &str| Answer::block(Some(said("deny", reason)), reason);
    match verdict {
        Verdict::Pass => Answer::SILENCE,
        // It asks nobody about a line of a skill, and takes no leave for it.
        Verdict::Grant(_) if is_skill => Answer::SILENCE,
        Verdict::Ask(reason) if is_skill => denied(&super::answer::unasked(reason)),
        Verdict::Grant(reason) => Answer::json(said("allow", reason)),
        Verdict::Ask(reason) => Answer::json(said("ask", reason)),
        Verdict::Deny(reason) => denied(reason),
    }
}
