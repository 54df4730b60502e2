//! Cursor: `beforeShellExecution`, `beforeMCPExecution` and `beforeReadFile` (cursor.com/docs/agent/hooks). It always gets an
//! answer.

use super::answer::{Answer, Verdict};
use super::event::{Event, Kind, arguments, raw};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) static DIALECT: Dialect = Dialect { name: "cursor", read, answer, asks: |_| true };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "hook_event_name": "beforeMCPExecution", "tool_name": tool, "tool_input": {} }),
    variable: None,
    home: ".cursor/hooks.json",
    project: ".cursor/hooks.json",
    events: &["beforeShellExecution", "beforeMCPExecution", "beforeReadFile"],
    form: Form::Flat("command", || vec![("failClosed".to_owned(), true.into())]),
    then: "Cursor reads its hooks when it starts: start it again.",
};

#[derive(Debug, Deserialize)]
struct Before<'e> {
    #[serde(borrow)]
    hook_event_name: Cow<'e, str>,
    #[serde(borrow)]
    command: Option<Cow<'e, str>>,
    #[serde(borrow)]
    tool_name: Option<Cow<'e, str>>,
    #[serde(borrow)]
    tool_input: Option<&'e RawValue>,
    #[serde(borrow)]
    file_path: Option<Cow<'e, str>>,
    #[serde(borrow)]
    cwd: Option<Cow<'e, str>>,
    #[serde(borrow)]
    conversation_id: Option<Cow<'e, str>>,
    #[serde(borrow, default)]
    workspace_roots: Vec<Cow<'e, str>>,
}

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    let event: Before<'_> =
        serde_json::from_slice(bytes).map_err(|error| format!("the event is not of a tool call: {error}"))?;
    let missing = |what: &str| format!("the event `{}` has no `{what}`", event.hook_event_name);
    let (tool, kind, input) = match event.hook_event_name.as_ref() {
        "beforeShellExecution" => {
            let command = event.command.ok_or_else(|| missing("command"))?;
            (Cow::Borrowed("shell"), Kind::Shell, raw(&json!({ "command": command }))?)
        }
        "beforeReadFile" => {
            let path = event.file_path.ok_or_else(|| missing("file_path"))?;
            (Cow::Borrowed("read"), Kind::Read("file_path"), raw(&json!({ "file_path": path }))?)
        }
        "beforeMCPExecution" => {
            let tool = event.tool_name.ok_or_else(|| missing("tool_name"))?;
            let input = event.tool_input.ok_or_else(|| missing("tool_input"))?;
            let kind = Kind::Mcp { server: None, tool: tool.clone() };
            (tool, kind, arguments(input)?)
        }
        name => return Err(format!("the hook is not for `{name}`")),
    };
    let cwd = event.cwd.or_else(|| event.workspace_roots.into_iter().next());
    Ok(Event { name: event.hook_event_name, tool, kind, input, cwd, mode: None, session: event.conversation_id })
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    let said = |permission: &str, reason: &str| json!({ "permission": permission, "user_message": reason, "agent_message": reason });
    match verdict {
        Verdict::Pass | Verdict::Grant(_) => Answer::json(json!({ "permission": "allow" })),
        Verdict::Ask(reason) => Answer::json(said("ask", reason)),
        Verdict::Deny(reason) => Answer::block(Some(said("deny", reason)), reason),
    }
}
