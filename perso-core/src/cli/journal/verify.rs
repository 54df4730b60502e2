//! `perso log verify`

use crate::cli::DONE;
use crate::cli::failure::Failure;
use crate::cli::output::{self, BAD, Format, GOOD, count};
use crate::journal::{self, Finding, JournalError, Verified, Verifier};
use crate::visible;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// The exit code for a journal that is not as it was written.
const TAMPERED: u8 = 2;

/// Check that a journal is as it was written
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso log verify /var/lib/perso/journal --keys journal-key.pub
  perso log verify /var/lib/perso/journal --keys journal-key.pub --checkpoints /mnt/other/checkpoints.jsonl

Each line has the hash of the one before. Someone who can write the files can compute all hashes anew, but cannot sign
checkpoints without the key. What is after the last checkpoint could have been changed or cut off; copies of the checkpoints
in another place show what was cut off.

Exit codes: 0 as it was written, 2 not as it was written, 1 error.")]
pub(crate) struct Verify {
    /// The directory of the journal
    folder: PathBuf,
    /// The public keys of those who sign checkpoints, as `ssh-keygen` writes them, one a line
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The copies of the checkpoints
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// The journal must begin with its first line; otherwise its oldest files may have been removed
    #[arg(long)]
    whole: bool,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

impl Verify {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut wanted = journal::Wanted::default();
        wanted.keys = self.keys.as_deref().map(Verifier::read).transpose().map_err(JournalError::from)?;
        wanted.checkpoints.clone_from(&self.checkpoints);
        wanted.is_whole = self.whole;
        let verified = journal::verify(&self.folder, &wanted)?;
        match self.format {
            Format::Human => self.human(&verified)?,
            Format::Json => json(&verified)?,
        }
        Ok(if verified.findings.is_empty() { DONE } else { TAMPERED })
    }

    fn human(&self, verified: &Verified) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        for finding in &verified.findings {
            writeln!(out, "{BAD}{}{BAD:#}", visible(&finding.to_string()))?;
        }
        let Verified { lines, first, last, checkpoints, signed, .. } = *verified;
        let lines = count(lines as usize, "line");
        match verified.findings.len() {
            0 => writeln!(out, "{GOOD}as it was written{GOOD:#}: {lines}, {first} to {last}")?,
            found => writeln!(out, "{BAD}not as it was written{BAD:#}: {} in {lines}", count(found, "finding"))?,
        }
        match signed {
            _ if self.keys.is_none() => {
                writeln!(out, "signatures were not looked at: give the public keys with `--keys`")?
            }
            None => writeln!(out, "no checkpoint is signed by one of the keys")?,
            Some(signed) if signed + 1 >= last => {
                writeln!(out, "{}, up to the last line", count(checkpoints as usize, "checkpoint"))?
            }
            Some(signed) => writeln!(
                out,
                "{}, the last about line {signed}: who can write the files could have changed the lines after it",
                count(checkpoints as usize, "checkpoint")
            )?,
        }
        if first > 1 {
            writeln!(out, "the files with the lines before {first} are not there")?;
        }
        if verified.is_unfinished {
            writeln!(out, "the last line is unfinished: it is being written, or a process was killed")?;
        }
        Ok(())
    }
}

/// What was found out, as it is written.
#[derive(Serialize)]
struct Written<'v> {
    is_as_written: bool,
    lines: u64,
    first: u64,
    last: u64,
    checkpoints: u64,
    signed: Option<u64>,
    is_unfinished: bool,
    findings: Vec<Found<'v>>,
}

#[derive(Serialize)]
struct Found<'v> {
    file: String,
    line: u64,
    problem: &'v str,
}

impl<'v> Found<'v> {
    fn of(finding: &'v Finding) -> Self {
        Self { file: finding.file.display().to_string(), line: finding.line, problem: &finding.problem }
    }
}

fn json(verified: &Verified) -> io::Result<()> {
    let Verified { lines, first, last, checkpoints, signed, is_unfinished, ref findings, .. } = *verified;
    let findings: Vec<Found<'_>> = findings.iter().map(Found::of).collect();
    let is_as_written = findings.is_empty();
    let written = Written { is_as_written, lines, first, last, checkpoints, signed, is_unfinished, findings };
    output::json(&mut io::stdout().lock(), &written)
}
