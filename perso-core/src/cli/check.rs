//! `perso check`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BAD, BOLD, Format, GOOD, count};
use super::progress::Progress;
use super::tools;
use crate::catalog::{Catalog, Pins};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::visible;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The exit code if the policy does not fit the tools.
const UNFIT: u8 = 2;

/// Check a policy against the tools of a server
///
/// Finds rules about tools and arguments that the server does not have, tools that no rule is about, and arguments that
/// rules should test. With --pin, finds tools that have changed since you approved them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso check files.json --tools tools.json                   # the answer to tools/list
  perso check all.json --tools files=files.json --tools crm=crm.json
  perso check files.json --tools tools.json --pin tools.lock  # writes tools.lock, or compares with it
  perso check files.json --tools tools.json --pin tools.lock --approve

With --format json, standard output has one JSON object per line: one for each finding
  {\"severity\", \"code\", \"message\", \"file\", \"line\", \"column\", \"end_line\", \"end_column\", \"help\"}
and a last one
  {\"policy\", \"tools\", \"errors\", \"warnings\", \"notes\", \"pinned\"}.

Exit codes: 0 the policy fits; 2 it does not: there is an error, or a warning with --deny-warnings;
1 it could not be checked.")]
pub(crate) struct Check {
    /// The policy (JSON) or its module
    policy: PathBuf,
    /// The server's tools: the answer to `tools/list`, its result, or the list (repeatable). `-` reads standard input.
    /// With SERVER=, the tools are named as perso-gateway names those of several servers: SERVER__TOOL
    #[arg(long, value_name = "[SERVER=]FILE", required = true)]
    tools: Vec<String>,
    /// A tool that no rule lets through, on purpose (repeatable)
    #[arg(long, value_name = "TOOL")]
    left_out: Vec<String>,
    /// Compare the tools with those that this file pins. Without such a file, write it
    #[arg(long, visible_alias = "pins", value_name = "FILE")]
    pin: Option<PathBuf>,
    /// Approve the tools as they are now: write the file anew
    #[arg(long, requires = "pin")]
    approve: bool,
    /// How to show findings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    extended: Extended,
}

/// What was checked, for programs.
#[derive(Serialize)]
struct Report<'a> {
    policy: &'a str,
    tools: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<String>,
}

impl Check {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        self.pin.as_deref().map(|pin| self.guard(pin)).transpose()?;
        let rules = input::rules(&self.policy, &self.extended)?;
        let mut catalog = tools::catalog(&self.tools)?;
        let pins = self.pin.as_deref().filter(|_| !self.approve).map(pins).transpose()?.flatten();
        let is_compared = pins.is_some();
        catalog = self.left_out.iter().fold(catalog, |catalog, tool| catalog.leave_out(tool));
        if let Some(pins) = pins {
            catalog = catalog.approved_as(pins);
        }
        let name = self.policy.display().to_string();
        let progress = Progress::of(format!("checking {name} against {}", count(catalog.len(), "tool")));
        let found = rules.check(&catalog);
        drop(progress);
        output::diagnostics(self.format, &Source::of(&name, rules.documents()), &found)?;
        let number = |severity| found.iter().filter(|finding: &&Diagnostic| finding.severity == severity).count();
        let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Note].map(number);
        let is_fit = errors == 0 && (warnings == 0 || !self.deny_warnings);
        let written = self.pin.as_deref().filter(|_| is_fit && !is_compared);
        if let Some(path) = written {
            let text = catalog.pins().text();
            output::file(path, text.as_bytes()).map_err(|error| Failure::unwritable(path, &error))?;
        }
        let pinned = written.map(|path| path.display().to_string());
        self.report(is_fit, &Report { policy: &name, tools: catalog.len(), errors, warnings, notes, pinned })?;
        Ok(if is_fit { DONE } else { UNFIT })
    }

    /// That the file of pins is neither the policy nor a list.
    fn guard(&self, pin: &Path) -> Result<(), Failure> {
        let lists = self.tools.iter().map(|list| Path::new(tools::server_of(list).1));
        if lists.chain([self.policy.as_path()]).any(|other| output::is_same_file(pin, other)) {
            return Err(Failure::because("`--pin` would overwrite the policy or a list of tools; choose another file"));
        }
        Ok(())
    }

    fn report(&self, is_fit: bool, report: &Report<'_>) -> io::Result<()> {
        if self.format == Format::Json {
            return output::json(&mut io::stdout().lock(), report);
        }
        let mut err = anstream::stderr();
        let counts = [(report.errors, "error"), (report.warnings, "warning"), (report.notes, "note")];
        let counts = counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number, what));
        let counts: Vec<String> = [count(report.tools, "tool")].into_iter().chain(counts).collect();
        let (style, word) = if is_fit { (GOOD, "fits") } else { (BAD, "does not fit") };
        writeln!(err, "{BOLD}{}{BOLD:#} {style}{word}{style:#}: {}", visible(report.policy), counts.join(", "))?;
        if let Some(path) = &report.pinned {
            writeln!(err, "{BOLD}{}{BOLD:#} {GOOD}written{GOOD:#}: these tools are approved", visible(path))?;
        }
        Ok(())
    }
}

/// What a file pins, if it is there.
fn pins(path: &Path) -> Result<Option<Pins>, Failure> {
    if !path.try_exists().map_err(|error| Failure::unreadable(path, &error))? {
        return Ok(None);
    }
    let text = input::text(path, Catalog::MAX_BYTES)?;
    match Pins::read(&text) {
        Ok(pins) => Ok(Some(pins)),
        Err(error) => Err(Failure::file(path, format_args!("{error}; restore it, or write it anew with `--approve`"))),
    }
}
