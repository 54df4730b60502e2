//! The lines of a journal that are about decisions, and which of them are wanted.

use crate::cli::failure::Failure;
use crate::journal::{Entries, Entry, entries};
use crate::visible;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::path::PathBuf;

/// A decision, as a journal has it.
#[derive(Debug, Deserialize)]
pub(super) struct Decided<'l> {
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) id: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) time: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) tool: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) decision: Cow<'l, str>,
    #[serde(borrow, default)]
    pub(super) rule: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(super) cause: Cause<'l>,
    #[serde(borrow, default)]
    pub(super) hint: Option<Cow<'l, str>>,
    #[serde(default)]
    pub(super) agent: Map<String, Value>,
    #[serde(default)]
    pub(super) args: Option<Value>,
    #[serde(borrow, default)]
    pub(super) approved_by: Option<Cow<'l, str>>,
    #[serde(default = "is")]
    pub(super) enforced: bool,
    #[serde(borrow, default)]
    pub(super) policy: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    pub(super) session: Option<Cow<'l, str>>,
    #[serde(default)]
    pub(super) duration_us: u64,
}

fn is() -> bool {
    true
}

#[derive(Debug, Deserialize)]
pub(super) struct Cause<'l> {
    #[serde(borrow)]
    pub(super) kind: Cow<'l, str>,
    #[serde(borrow, default)]
    pub(super) rule: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    pub(super) limit: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    pub(super) attribute: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    pub(super) problem: Option<Cow<'l, str>>,
}

impl<'l> Decided<'l> {
    /// The decision of a line; `None` if it is about something else.
    pub(super) fn read(entry: &'l Entry) -> Option<Self> {
        serde_json::from_slice(&entry.text).ok().filter(|_| entry.is_finished)
    }

    /// Why: `rule refund`, `no_rule, nearest refund: args.amount (value)`.
    pub(super) fn why(&self) -> String {
        let Cause { kind, rule: nearest, limit, attribute, problem } = &self.cause;
        let mut why = match &self.rule {
            Some(rule) if kind == "rule" => format!("rule {rule}"),
            _ => kind.to_string(),
        };
        for (name, value) in [("nearest", nearest), ("limit", limit)] {
            if let Some(value) = value {
                why = format!("{why}, {name} {value}");
            }
        }
        match (attribute, problem) {
            (Some(attribute), Some(problem)) => why = format!("{why}: {attribute} ({problem})"),
            (Some(attribute), None) => why = format!("{why}: {attribute}"),
            _ => {}
        }
        visible(&why).to_string()
    }
}

/// A decision that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decision {
    Allow,
    Ask,
    Deny,
}

/// Which decisions are wanted.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The directory of the journal
    folder: PathBuf,
    /// Only decisions about this tool
    #[arg(long, value_name = "TOOL")]
    tool: Option<String>,
    /// Only decisions by this rule, or to which it was the nearest
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only these decisions
    #[arg(long, value_enum)]
    decision: Option<Decision>,
    /// Only decisions at or after this time, such as 2026-11-30 or 2026-11-30T13:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
}

/// A time, or a day in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let whole = if text.len() == "2026-11-30".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().map_err(|_| "write a time such as 2026-11-30 or 2026-11-30T13:00:00Z".to_owned())
}

impl Wanted {
    pub(super) fn entries(&self) -> Result<Entries, Failure> {
        Ok(entries(&self.folder)?)
    }

    pub(super) fn is_wanted(&self, decided: &Decided<'_>) -> bool {
        let Self { tool, rule, decision, since, .. } = self;
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let rules = [&decided.rule, &decided.cause.rule];
        is(tool, &decided.tool)
            && rule.as_ref().is_none_or(|rule| rules.into_iter().flatten().any(|found| found == rule))
            && decision.is_none_or(|decision| {
                decision.to_possible_value().is_some_and(|name| name.get_name() == decided.decision)
            })
            && since.is_none_or(|since| decided.time.parse::<Timestamp>().is_ok_and(|time| time >= since))
    }
}
