//! How a kind of calls that are decided differently is shown, for `perso diff` and `perso replay`.

use super::DONE;
use super::output::{BAD, GOOD};
use crate::analyze::{Decided, Kind};
use crate::visible;
use clap::ValueEnum;

/// The exit code if something is decided differently.
const DIFFERENT: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Text for people
    Human,
    /// JSON for programs
    Json,
    /// A table for a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Any difference
    Any,
    /// The new policy lets more through, or may
    Wider,
}

impl FailOn {
    /// The exit code.
    pub(crate) fn code(self, is_different: bool, is_wider: bool) -> u8 {
        let fails = match self {
            Self::Any => is_different,
            Self::Wider => is_wider,
        };
        if fails { DIFFERENT } else { DONE }
    }
}

/// The first line about a kind of calls, for people.
pub(crate) fn heading(kind: &Kind) -> String {
    let (style, word) = if kind.is_wider() { (BAD, "wider") } else { (GOOD, "narrower") };
    let (before, after) = (kind.old.outcome.name(), kind.new.outcome.name());
    format!("{style}{word:<9}{style:#} {}: {before} → {after}", visible(&kind.tool))
}

/// The first cells of a row about a kind of calls, in a table in Markdown.
pub(crate) fn cells(kind: &Kind) -> String {
    let word = if kind.is_wider() { "**wider**" } else { "narrower" };
    // The policy's author chooses the name, so it is code, in which nothing is Markdown.
    let decided = |decided: &Decided| match &decided.rule {
        Some(rule) => format!("{} by {}", decided.outcome.name(), code(rule)),
        None => decided.outcome.name().to_owned(),
    };
    format!("{word} | {} | {} | {}", code(&kind.tool), decided(&kind.old), decided(&kind.new))
}

/// A text as code in a cell of a table. It ends neither.
pub(crate) fn code(text: &str) -> String {
    let fence = "`".repeat(1 + text.split(|c| c != '`').map(str::len).max().unwrap_or(0));
    format!("{fence} {} {fence}", visible(text).replace('|', "\\|"))
}
