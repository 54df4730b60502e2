//! What is written, and where.

use crate::diagnostic::{Diagnostic, Source};
use crate::visible;
use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    Human,
    /// JSON for programs
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
    // Where this cannot be written, nothing can.
    let _ = writeln!(anstream::stderr(), "{BAD}error{BAD:#}: {}", visible(why));
}

/// Findings about a policy, for people.
pub(crate) fn findings(source: &Source<'_>, findings: &[Diagnostic]) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    findings.iter().try_for_each(|finding| writeln!(out, "{}\n", source.render(finding, true)))
}

/// Findings about a policy, in a format.
pub(crate) fn diagnostics(format: Format, source: &Source<'_>, found: &[Diagnostic]) -> io::Result<()> {
    match format {
        Format::Human => findings(source, found),
        Format::Json => {
            let mut out = io::stdout().lock();
            found.iter().try_for_each(|finding| json(&mut out, &source.record(finding)))
        }
    }
}

/// `no warnings`, `1 warning`, `2 warnings`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Whether two paths lead to the same file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Writes a file atomically: to a temporary file next to it first.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A symbolic link stays one; what it points to is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        // A pipe or a device cannot be replaced.
        return fs::write(path, bytes);
    }
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let mut file = File::create_new(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}
