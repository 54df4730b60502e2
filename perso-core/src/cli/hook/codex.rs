//! Codex CLI: `PreToolUse` (developers.openai.com/codex/hooks). It runs the call where an answer has a key or a decision
//! that it does not know, `ask` and `allow` among them.

use super::answer::{Answer, Verdict};
use super::claude::PreToolUse;
use super::event::{Event, Kind};
use super::setup::{Form, Settings};
use super::{Dialect, Unread};
use serde_json::json;

pub(super) static DIALECT: Dialect = Dialect { name: "codex", read, answer, asks: |_| false };

pub(super) static SETTINGS: Settings = Settings {
    probe: |tool| json!({ "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": {} }),
    variable: Some(("CODEX_HOME", "hooks.json")),
    home: ".codex/hooks.json",
    project: ".codex/hooks.json",
    events: &["PreToolUse"],
    form: Form::Group(&[]),
    then: "Codex skips a hook until you trust it, without a word: start it, and trust the hook in `/hooks`.",
};

fn read(bytes: &[u8]) -> Result<Event<'_>, Unread> {
    PreToolUse::read(bytes, &["PreToolUse"], |tool| match tool {
        "Bash" => Kind::Shell,
        "apply_patch" => Kind::Patch("command"),
        _ => Kind::Other,
    })
}

fn answer(verdict: &Verdict, _: Option<&Event<'_>>) -> Answer {
    let denied = |reason: &str| {
        let said = json!({ "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        } });
        Answer::block(Some(said), reason)
    };
    match verdict {
        // It has no word for leave.
        Verdict::Pass | Verdict::Grant(_) => Answer::SILENCE,
        Verdict::Ask(reason) => denied(&super::answer::unasked(reason)),
        Verdict::Deny(reason) => denied(reason),
    }
}
