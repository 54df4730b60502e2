//! `perso diff`

use super::change::{self, FailOn, Shape};
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BOLD, count};
use super::progress::Progress;
use crate::analyze::{Differences, Rules, UndecidedTool};
use crate::visible;
use clap::Args;
use serde_json::Value;
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
        let names = format!("{} with {}", self.old.display(), self.new.display());
        let progress = Progress::of(format!("comparing {names}"));
        let at = |at, of| progress.now(|| format!("comparing {names}: tool {at} of {of}"));
        let differences = old.diff_with(&new, &at);
        drop(progress);
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
        writeln!(out, "          in the way: {}", visible(&places.join(", ")))?;
    }
    writeln!(out, "{}", summary(differences))
}

/// How many kinds of calls get more leave, and how many less.
fn summary(differences: &Differences) -> String {
    let (wider, narrower): (Vec<_>, Vec<_>) = differences.changes.iter().partition(|change| change.kind.is_wider());
    let undecided = differences.undecided.len();
    let mut summary = match differences.changes.len() {
        0 if undecided == 0 => return "no differences: every call is decided alike".to_owned(),
        changes => format!("{}: {} wider, {} narrower", count(changes, "difference"), wider.len(), narrower.len()),
    };
    if undecided > 0 {
        summary = format!("{summary}; {} undecided", count(undecided, "tool"));
    }
    summary
}

/// The roles of the caller in an example, for a table in Markdown.
fn roles(call: &str) -> String {
    let call: Value = serde_json::from_str(call).unwrap_or_default();
    let roles = call.pointer("/agent/roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let role = call.pointer("/agent/role");
    let roles: Vec<String> = role.into_iter().chain(roles).filter_map(Value::as_str).map(change::code).collect();
    if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }
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
    writeln!(out, "**{}**\n", summary(differences))?;
    writeln!(out, "| | tool | before | after | roles | example |\n| --- | --- | --- | --- | --- | --- |")?;
    for change in &differences.changes {
        let (roles, call) = (roles(&change.call), change::code(&change.call));
        writeln!(out, "| {} | {roles} | {call} |", change::cells(&change.kind))?;
    }
    for UndecidedTool { tool, places } in &differences.undecided {
        let places = places.iter().map(|place| change::code(place)).collect::<Vec<_>>().join(", ");
        writeln!(out, "| **undecided** | {} | | | | {places} |", change::code(tool))?;
    }
    Ok(())
}
