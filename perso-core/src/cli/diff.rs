//! `perso diff`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BAD, BOLD, GOOD, count};
use crate::analyze::{self, Change, Differences};
use crate::policy::{Effect, Policy};
use crate::visible;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// The exit code if the policies differ.
const DIFFERENT: u8 = 3;

/// Show what a new version of a policy decides differently
///
/// Compares the decisions on every call that there can be, not the texts. Each kind of call that is decided differently
/// comes with an example, and those that the new version gives more leave come first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso diff support.wasm support-desk.json
  perso diff old.json new.json --format markdown --fail-on wider    # for a pull request

With --format json, standard output has one JSON object per line: one for each kind of call
  {\"tool\", \"wider\", \"old\": {\"effect\", \"rule\"}, \"new\": {\"effect\", \"rule\"}, \"call\"}
and one for each tool about which more may differ
  {\"tool\", \"undecided\": [places]}.

Exit codes: 0 the policies decide every call alike; 3 they differ; 1 an error.")]
pub(crate) struct Diff {
    /// The old policy (JSON) or its module
    old: PathBuf,
    /// The new policy (JSON) or its module
    new: PathBuf,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Shape,
    /// For which differences the exit code is 3
    #[arg(long, value_enum, default_value = "any")]
    fail_on: FailOn,
    #[command(flatten)]
    extended: Extended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Text for people
    Human,
    /// JSON for programs
    Json,
    /// A table for a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Any difference
    Any,
    /// The new policy lets more through, or may
    Wider,
}

/// A difference for programs.
#[derive(Serialize)]
struct Different<'a> {
    tool: &'a str,
    wider: bool,
    old: Decided<'a>,
    new: Decided<'a>,
    call: &'a str,
}

#[derive(Serialize)]
struct Decided<'a> {
    effect: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

#[derive(Serialize)]
struct Undecided<'a> {
    tool: &'a str,
    undecided: &'a [String],
}

impl Diff {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let (old, new) = (input::checked(&self.old, &self.extended)?, input::checked(&self.new, &self.extended)?);
        let (Some(old), Some(new)) = (old.policy, new.policy) else { return Ok(DONE) };
        let differences = analyze::diff(&old, &new);
        match self.format {
            Shape::Human => human(&old, &new, &differences)?,
            Shape::Json => json(&differences)?,
            Shape::Markdown => markdown(&differences)?,
        }
        let is_wider = differences.changes.iter().any(Change::is_wider) || !differences.undecided.is_empty();
        let is_different = !differences.changes.is_empty() || !differences.undecided.is_empty();
        let fails = match self.fail_on {
            FailOn::Any => is_different,
            FailOn::Wider => is_wider,
        };
        Ok(if fails { DIFFERENT } else { DONE })
    }
}

fn decided((effect, rule): &(Effect, Option<String>)) -> Decided<'_> {
    Decided { effect: effect.name(), rule: rule.as_deref() }
}

/// `allow`, or `allow by refund`.
fn words((effect, rule): &(Effect, Option<String>)) -> String {
    match rule {
        Some(rule) => format!("{} by `{rule}`", effect.name()),
        None => effect.name().to_owned(),
    }
}

fn human(old: &Policy, new: &Policy, differences: &Differences) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let reason = |policy: &Policy, call: &str| {
        analyze::conclusion(policy, call).map(|conclusion| conclusion.to_string()).unwrap_or_default()
    };
    for change in &differences.changes {
        let (style, word) = if change.is_wider() { (BAD, "wider") } else { (GOOD, "narrower") };
        let (before, after) = (change.old.0.name(), change.new.0.name());
        writeln!(out, "{style}{word:<9}{style:#} {}: {before} → {after}", visible(&change.tool))?;
        writeln!(out, "          before: {}", visible(&reason(old, &change.call)))?;
        writeln!(out, "          after:  {}", visible(&reason(new, &change.call)))?;
        writeln!(out, "          {}", visible(&change.call))?;
    }
    for (tool, places) in &differences.undecided {
        writeln!(out, "{BOLD}undecided{BOLD:#} {}: more calls may be decided differently", visible(tool))?;
        writeln!(out, "          in the way: the tests of {}", visible(&places.join(", ")))?;
    }
    let wider = differences.changes.iter().filter(|change| change.is_wider()).count();
    match differences.changes.len() {
        0 if differences.undecided.is_empty() => writeln!(out, "no differences: every call is decided alike"),
        changes => writeln!(out, "{}, {wider} wider", count(changes, "difference")),
    }
}

fn json(differences: &Differences) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for change in &differences.changes {
        let Change { tool, old, new, call } = change;
        let different = Different { tool, wider: change.is_wider(), old: decided(old), new: decided(new), call };
        output::json(&mut out, &different)?;
    }
    differences
        .undecided
        .iter()
        .try_for_each(|(tool, undecided)| output::json(&mut out, &Undecided { tool, undecided }))
}

fn markdown(differences: &Differences) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if differences.changes.is_empty() && differences.undecided.is_empty() {
        return writeln!(out, "The policy decides every call as before.");
    }
    writeln!(out, "| | tool | before | after | example |\n| --- | --- | --- | --- | --- |")?;
    // What ends a cell or a piece of code.
    let cell = |text: &str| visible(text).replace('|', "\\|");
    let code = |text: &str| {
        let fence = "`".repeat(1 + text.split(|c| c != '`').map(str::len).max().unwrap_or(0));
        format!("{fence} {} {fence}", cell(text))
    };
    for change in &differences.changes {
        let word = if change.is_wider() { "**wider**" } else { "narrower" };
        let (before, after) = (cell(&words(&change.old)), cell(&words(&change.new)));
        writeln!(out, "| {word} | {} | {before} | {after} | {} |", code(&change.tool), code(&change.call))?;
    }
    for (tool, places) in &differences.undecided {
        writeln!(out, "| **undecided** | {} | | | {} |", code(tool), cell(&places.join(", ")))?;
    }
    Ok(())
}
