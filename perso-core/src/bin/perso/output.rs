//! What is written, and where.

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use perso_core::diagnostic::{Diagnostic, Source};
use perso_core::visible;
use serde::Serialize;
use std::io::{self, Write};

/// For whom output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// One line of JSON.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    writeln!(out, "{}", visible(&line))
}

/// A message about a failure.
pub(crate) fn error(why: &str) {
    // Where this can't be written, nothing can.
    let _ = writeln!(anstream::stderr(), "{BAD}error{BAD:#}: {}", visible(why));
}

/// Findings about a policy, for people.
pub(crate) fn findings(source: &Source<'_>, findings: &[Diagnostic]) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    findings.iter().try_for_each(|finding| writeln!(out, "{}\n", source.render(finding, true)))
}

/// `no warnings`, `1 warning`, `2 warnings`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
