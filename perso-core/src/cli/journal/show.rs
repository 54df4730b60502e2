//! `perso log show`

use super::line::{Decided, Wanted};
use super::ocsf::Event;
use crate::cli::DONE;
use crate::cli::failure::Failure;
use crate::cli::output::{self, BAD, GOOD};
use crate::visible;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::thread;
use std::time::Duration;

/// How often a journal is looked at for new lines.
const PAUSE: Duration = Duration::from_millis(200);

/// Show the decisions in a journal, the oldest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso log show /var/lib/perso/journal --decision deny
  perso log show /var/lib/perso/journal --tool process_refund --since 2026-11-30 --format json
  perso log show /var/lib/perso/journal --follow
  perso log show /var/lib/perso/journal --follow --format ocsf | your-siem-forwarder")]
pub(crate) struct Show {
    #[command(flatten)]
    wanted: Wanted,
    /// Go on with decisions as they are written, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// How decisions are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for people
    Human,
    /// The lines of the journal
    Json,
    /// An event of OCSF 1.8 on each line: the class API Activity
    Ocsf,
}

impl Show {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut out = anstream::stdout().lock();
        let mut entries = self.wanted.entries()?;
        loop {
            for entry in entries.by_ref() {
                let entry = entry?;
                let Some(decided) = Decided::read(&entry).filter(|decided| self.wanted.is_wanted(decided)) else {
                    continue;
                };
                match self.format {
                    Format::Human => writeln!(out, "{}", human(&decided))?,
                    Format::Json => writeln!(out, "{}", visible(&String::from_utf8_lossy(&entry.text)))?,
                    Format::Ocsf => output::json(&mut out, &Event::new(&decided))?,
                }
            }
            if !self.follow {
                return Ok(DONE);
            }
            out.flush()?;
            thread::sleep(PAUSE);
        }
    }
}

fn human(decided: &Decided<'_>) -> String {
    let style = if decided.decision == "allow" { GOOD } else { BAD };
    let mut line = format!(
        "{} {style}{:5}{style:#} {}  {}",
        visible(&decided.time),
        visible(&decided.decision),
        visible(&decided.tool),
        decided.why()
    );
    for (name, value) in &decided.agent {
        line = format!("{line}  {}={}", visible(name), visible(&value.to_string()));
    }
    if let Some(args) = decided.args.as_ref().filter(|args| args.get("sha256").is_none()) {
        line = format!("{line}  {}", visible(&args.to_string()));
    }
    if let Some(by) = &decided.approved_by {
        line = format!("{line}  approved by {}", visible(by));
    }
    if !decided.enforced {
        line = format!("{line}  not enforced");
    }
    format!("{line}  {}", visible(&decided.id))
}
