//! OpenCode: what its plugin, `opencode.js`, sends before each tool call (opencode.ai/docs/plugins). The plugin lets the call run
//! only at the answer of an allow.

use super::answer::{Answer, Verdict};
use super::event::{Event, Kind};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) static DIALECT: Dialect = Dialect { name: "opencode", read, answer, asks: |_| false };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "event": EVENT, "tool": tool, "args": {} }),
    variable: Some(("XDG_CONFIG_HOME", "opencode/plugins/perso.js")),
    home: ".config/opencode/plugins/perso.js",
    project: ".opencode/plugins/perso.js",
    events: &[EVENT],
    form: Form::Plugin(include_str!("opencode.js")),
    then: "OpenCode loads its plugins when it starts: start it again.",
};

const EVENT: &str = "tool.execute.before";

/// The tools of its own whose names have the form of one of a server.
const OWN: [&str; 5] =
    ["list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource", "plan_enter", "plan_exit"];

#[derive(Debug, Deserialize)]
struct Before<'e> {
    #[serde(borrow)]
    event: Cow<'e, str>,
    #[serde(borrow)]
    directory: Option<Cow<'e, str>>,
    #[serde(borrow)]
    tool: Cow<'e, str>,
    #[serde(borrow)]
    args: &'e RawValue,
    #[serde(borrow)]
    session: Option<Cow<'e, str>>,
}

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    let event: Before<'_> =
        serde_json::from_slice(bytes).map_err(|error| format!("the event is not of a tool call: {error}"))?;
    if event.event != EVENT {
        return Err(format!("the hook is for `{EVENT}`, not for `{}`", event.event));
    }
    let kind = match event.tool.as_ref() {
        "bash" => Kind::Shell,
        "read" => Kind::Read("filePath"),
        "write" | "edit" => Kind::Write("filePath"),
        "apply_patch" => Kind::Patch("patchText"),
        "glob" => Kind::Glob(&["path"], "pattern"),
        "grep" | "list" => Kind::Search(&["path"]),
        "webfetch" => Kind::Fetch,
        name if OWN.contains(&name) => Kind::Other,
        // `SERVER_TOOL`: which part is the server's is known where its name has no underscore.
        name => match name.split_once('_') {
            Some((server, tool)) => Kind::Mcp { server: Some(server.to_owned().into()), tool: tool.to_owned().into() },
            None => Kind::Other,
        },
    };
    Ok(Event {
        name: event.event,
        tool: event.tool,
        kind,
        input: Cow::Borrowed(event.args),
        cwd: event.directory,
        mode: None,
        session: event.session,
    })
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    match verdict {
        Verdict::Pass | Verdict::Grant(_) => Answer::json(json!({ "decision": "allow" })),
        Verdict::Ask(reason) => Answer::block(None, &super::answer::unasked(reason)),
        Verdict::Deny(reason) => Answer::block(None, reason),
    }
}
