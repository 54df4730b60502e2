//! `perso diff`

use super::change::{self, FailOn, Shape};
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BOLD, count};
use crate::analyze::{Differences, Rules, UndecidedTool};
use crate::visible;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

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

impl Diff {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let (old, new) = (input::rules(&self.old, &self.extended)?, input::rules(&self.new, &self.extended)?);
        let differences = old.diff(&new);
        match self.format {
            Shape::Human => human(&old, &new, &differences)?,
            Shape::Json => json(&differences)?,
            Shape::Markdown => markdown(&differences)?,
        }
        let is_undecided = !differences.undecided.is_empty();
        let is_wider = is_undecided || differences.changes.iter().any(|change| change.kind.is_wider());
        let is_different = is_undecided || !differences.changes.is_empty();
        Ok(self.fail_on.code(is_different, is_wider))
    }
}

fn human(old: &Rules, new: &Rules, differences: &Differences) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for change in &differences.changes {
        writeln!(out, "{}", change::heading(&change.kind))?;
        writeln!(out, "          before: {}", visible(&old.decision(&change.call)))?;
        writeln!(out, "          after:  {}", visible(&new.decision(&change.call)))?;
        writeln!(out, "          {}", visible(&change.call))?;
    }
    for UndecidedTool { tool, places } in &differences.undecided {
        writeln!(out, "{BOLD}undecided{BOLD:#} {}: more calls may be decided differently", visible(tool))?;
        writeln!(out, "          in the way: the tests of {}", visible(&places.join(", ")))?;
    }
    let wider = differences.changes.iter().filter(|change| change.kind.is_wider()).count();
    match differences.changes.len() {
        0 if differences.undecided.is_empty() => writeln!(out, "no differences: every call is decided alike"),
        changes => writeln!(out, "{}, {wider} wider", count(changes, "difference")),
    }
}

fn json(differences: &Differences) -> io::Result<()> {
    let mut out = io::stdout().lock();
    differences.changes.iter().try_for_each(|change| output::json(&mut out, change))?;
    differences.undecided.iter().try_for_each(|tool| output::json(&mut out, tool))
}

fn markdown(differences: &Differences) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if differences.changes.is_empty() && differences.undecided.is_empty() {
        return writeln!(out, "The policy decides every call as before.");
    }
    writeln!(out, "| | tool | before | after | example |\n| --- | --- | --- | --- | --- |")?;
    for change in &differences.changes {
        writeln!(out, "| {} | {} |", change::cells(&change.kind), change::code(&change.call))?;
    }
    for UndecidedTool { tool, places } in &differences.undecided {
        let places = change::cell(&places.join(", "));
        writeln!(out, "| **undecided** | {} | | | {places} |", change::code(tool))?;
    }
    Ok(())
}
