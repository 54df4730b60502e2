//! `perso migrate`

use super::DONE;
use super::failure::Failure;
use super::input::Document;
use super::output::{self, BOLD, GOOD, count};
use crate::diagnostic::Source;
use crate::visible;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

/// Write a document of the first perso in today's form
///
/// Such a document ("version": "perso-1.0.0") also compiles as it is, to the same decisions. Warnings name the places
/// where today's meaning is stricter, and likely mistakes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso migrate old.json                    # prints it
  perso migrate old.json -o support.json

Exit codes: 0 the policy is written, 1 it is not, and what was there before is untouched.")]
pub(crate) struct Migrate {
    /// The document of the first perso, a JSON file
    policy: PathBuf,
    /// Where the policy in today's form goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Migrate {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let Document::Text(text) = Document::read(&self.policy)? else {
            return Err(Failure::file(&self.policy, "is a compiled module; migrate the policy that it was made from"));
        };
        if self.output.as_ref().is_some_and(|path| output::is_same_file(path, &self.policy)) {
            return Err(Failure::because("the policy would replace the document it is made from; name another file"));
        }
        let name = self.policy.display().to_string();
        let source = Source::new(&name, &text);
        let migrated = match crate::migrate(&text) {
            Ok(Some(migrated)) => migrated,
            Ok(None) => {
                let why = "is no document of the first perso, which has `\"version\": \"perso-1.0.0\"`";
                return Err(Failure::file(&self.policy, why));
            }
            Err(error) => {
                output::findings(&source, &error.diagnostics)?;
                return Err(Failure::refused(&self.policy, "migrated", &error.diagnostics));
            }
        };
        output::findings(&source, &migrated.warnings)?;
        let Some(path) = &self.output else {
            io::stdout().lock().write_all(migrated.text.as_bytes())?;
            return Ok(DONE);
        };
        output::file(path, migrated.text.as_bytes()).map_err(|error| Failure::unwritable(path, &error))?;
        let (written, warnings) = (path.display().to_string(), count(migrated.warnings.len(), "warning"));
        writeln!(anstream::stderr(), "{GOOD}written{GOOD:#} {BOLD}{}{BOLD:#}: {warnings}", visible(&written))?;
        Ok(DONE)
    }
}
