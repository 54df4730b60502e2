//! The verdict on a call, and the answer that the agent gets.

use super::BLOCKED;
use std::io::{self, Write};

/// The verdict on a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A rule allows it, and the agent does not ask anybody else.
    Grant(String),
    /// Nothing is said against it: the agent's own permissions decide.
    Pass,
    /// A person decides, with this reason.
    Ask(String),
    /// It does not run, for this reason.
    Deny(String),
}

impl Verdict {
    /// How much leave it gives: of several verdicts, the one with the least counts.
    pub(super) const fn leave(&self) -> u8 {
        match self {
            Self::Deny(_) => 0,
            Self::Ask(_) => 1,
            Self::Pass => 2,
            Self::Grant(_) => 3,
        }
    }
}

/// The answer that an agent gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// On standard output, a line of JSON.
    pub(super) json: Option<String>,
    /// On standard error, and that the call is blocked.
    pub(super) blocked: Option<String>,
}

impl Answer {
    /// No answer.
    pub(super) const SILENCE: Self = Self { json: None, blocked: None };

    /// An answer that lets the agent go on.
    pub(super) fn json(json: serde_json::Value) -> Self {
        Self { json: Some(json.to_string()), blocked: None }
    }

    /// Blocks the call, in each way that an agent understands: by its own JSON, by words, and by the exit code.
    pub(super) fn block(json: Option<serde_json::Value>, reason: &str) -> Self {
        Self { json: json.map(|json| json.to_string()), blocked: Some(reason.to_owned()) }
    }

    /// Gives the answer, and returns the exit code.
    pub(super) fn give(&self, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
        let written = self.json.as_ref().map_or(Ok(()), |json| writeln!(out, "{json}").and_then(|()| out.flush()));
        match (&self.blocked, written) {
            (Some(reason), _) => block(err, reason),
            (None, Ok(())) => super::super::DONE,
            // An agent that has not got an answer goes on as if there were none.
            (None, Err(error)) => block(err, &format!("perso cannot answer: {error}")),
        }
    }
}

/// Says that a call is blocked. Agents take silence for leave even with the exit code of a denial.
fn block(err: &mut dyn Write, reason: &str) -> u8 {
    let words: String = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = if words.is_empty() { "denied by policy" } else { &words };
    let _: io::Result<()> = writeln!(err, "{}", crate::visible(words)).and_then(|()| err.flush());
    BLOCKED
}

/// The reason of a denial, where a person should be asked and the agent cannot do that.
pub(super) fn unasked(reason: &str) -> String {
    format!("{reason} This agent cannot ask for it here, so a person would have to approve it elsewhere.")
}
