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

/// Convert a legacy policy to the current form
///
/// A legacy policy ("version": "perso-1.0.0") also compiles unchanged, to the same decisions. Warnings name likely
/// mistakes, and the places where the current form is stricter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso migrate old.json                    # prints the result
  perso migrate old.json -o support.json

Exit codes: 0 the policy was written; 1 an error, and an existing file is left unchanged.")]
pub(crate) struct Migrate {
    /// The legacy policy, a JSON file
    policy: PathBuf,
    /// Where to write the migrated policy [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Migrate {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let Document::Text(text) = Document::read(&self.policy)? else {
            return Err(Failure::file(
                &self.policy,
                "is a compiled module; migrate the policy that it was compiled from",
            ));
        };
        if self.output.as_ref().is_some_and(|path| output::is_same_file(path, &self.policy)) {
            return Err(Failure::because(
                "the output would overwrite the legacy policy; choose another file with `-o`",
            ));
        }
        let name = self.policy.display().to_string();
        let source = Source::new(&name, &text);
        let migrated = match crate::migrate(&text) {
            Ok(Some(migrated)) => migrated,
            Ok(None) => {
                let why = "is not a legacy policy, which has `\"version\": \"perso-1.0.0\"`";
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
