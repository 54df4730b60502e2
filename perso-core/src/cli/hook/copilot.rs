//! GitHub Copilot CLI: `preToolUse` (docs.github.com/copilot, hooks configuration).

use super::answer::{Answer, Verdict};
use super::event::{Event, Kind, arguments, raw};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) static DIALECT: Dialect = Dialect { name: "copilot", read, answer, asks: |_| true };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "toolName": tool, "toolArgs": {} }),
    variable: Some(("COPILOT_HOME", "hooks/perso.json")),
    home: ".copilot/hooks/perso.json",
    project: ".github/hooks/perso.json",
    events: &["preToolUse"],
    form: Form::Flat("bash", || vec![("type".to_owned(), "command".into())]),
    then: "Copilot reads its hooks when it starts, those of a project only in a folder that it trusts: start it again.",
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreToolUse<'e> {
    /// Only other events say their name.
    #[serde(borrow)]
    hook_name: Option<Cow<'e, str>>,
    #[serde(borrow)]
    tool_name: Cow<'e, str>,
    #[serde(borrow)]
    tool_args: &'e RawValue,
    /// What only an event after the call has.
    #[serde(borrow)]
    tool_result: Option<&'e RawValue>,
    #[serde(borrow)]
    cwd: Option<Cow<'e, str>>,
    #[serde(borrow)]
    session_id: Option<Cow<'e, str>>,
}

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    let event: PreToolUse<'_> =
        serde_json::from_slice(bytes).map_err(|error| format!("the event is not of a tool call: {error}"))?;
    if let Some(name) = event.hook_name.filter(|name| name != "preToolUse") {
        return Err(format!("the hook is for `preToolUse`, not for `{name}`"));
    }
    if event.tool_result.is_some() {
        return Err("the hook is for `preToolUse`, and this call has been made".to_owned());
    }
    let kind = match event.tool_name.as_ref() {
        "bash" => Kind::Shell,
        "view" => Kind::Read("path"),
        "create" | "edit" => Kind::Write("path"),
        "apply_patch" => Kind::Patch(PATCH),
        "glob" => Kind::Glob(PLACES, "pattern"),
        "grep" | "rg" => Kind::Search(PLACES),
        "web_fetch" => Kind::Fetch,
        // `SERVER-TOOL`.
        name => match name.split_once('-') {
            Some((server, tool)) => Kind::Mcp { server: Some(server.to_owned().into()), tool: tool.to_owned().into() },
            None => Kind::Other,
        },
    };
    let input = if kind == Kind::Patch(PATCH) { patch(event.tool_args)? } else { arguments(event.tool_args)? };
    let name = Cow::Borrowed("preToolUse");
    Ok(Event { name, tool: event.tool_name, kind, input, cwd: event.cwd, mode: None, session: event.session_id })
}

/// The arguments of a search for its places: a text, or a list of them.
const PLACES: &[&str] = &["path", "paths"];

/// The argument of `apply_patch`.
const PATCH: &str = "input";

/// A patch is a string, and not JSON in one.
fn patch(written: &RawValue) -> Result<Cow<'_, RawValue>, Unread> {
    match serde_json::from_str::<Cow<'_, str>>(written.get()) {
        Ok(text) => raw(&json!({ PATCH: text })),
        Err(_) => Ok(Cow::Borrowed(written)),
    }
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    let said =
        |decision: &str, reason: &str| json!({ "permissionDecision": decision, "permissionDecisionReason": reason });
    match verdict {
        Verdict::Pass => Answer::SILENCE,
        Verdict::Grant(reason) => Answer::json(said("allow", reason)),
        Verdict::Ask(reason) => Answer::json(said("ask", reason)),
        Verdict::Deny(reason) => Answer::block(Some(said("deny", reason)), reason),
    }
}
