//! `perso compile`

use super::DONE;
use super::failure::Failure;
use super::input::{Document, Extended};
use super::output::{self, BOLD, Format, GOOD, count};
use crate::diagnostic::Source;
use crate::module::{Manifest, hex, sha256};
use crate::visible;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Compile a policy to a WebAssembly module
///
/// Shows every error at once, including failing examples. Warnings point out what is
/// valid but likely wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso compile support-desk.json                    # writes support-desk.wasm
  perso compile support-desk.json -o support.wasm
  perso compile support-desk.json --deny-warnings    # for CI
  perso compile support-desk.json --no-guarantees    # while you write the policy
  perso compile teams/mail.json --include .          # extends documents below this folder

With --format json, standard output has one JSON object per line: one for each error or warning
  {\"severity\", \"code\", \"message\", \"file\", \"line\", \"column\", \"end_line\", \"end_column\", \"help\"}
and, if the module was written, a last one
  {\"module\", \"bytes\", \"sha256\", \"rules\", \"tools\", \"warnings\"}.

Exit codes: 0 the module was written; 1 an error, and an existing file is left unchanged.")]
pub(crate) struct Compile {
    /// The policy, a JSON file
    policy: PathBuf,
    /// Where to write the module [default: POLICY with the extension .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to show errors and warnings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Do not prove the policy's guarantees, which can take long, and warn that they were not proved
    #[arg(long)]
    no_guarantees: bool,
    #[command(flatten)]
    extended: Extended,
}

/// What was written, for programs.
#[derive(Serialize)]
struct Written<'a> {
    module: &'a str,
    bytes: usize,
    sha256: String,
    rules: usize,
    tools: usize,
    warnings: usize,
}

impl Compile {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let Document::Text(text) = Document::read(&self.policy)? else {
            return Err(Failure::file(&self.policy, "is already a compiled module"));
        };
        let path = self.output.clone().unwrap_or_else(|| self.policy.with_extension("wasm"));
        if output::is_same_file(&path, &self.policy) {
            return Err(Failure::because("the module would overwrite the policy; choose another file with `-o`"));
        }
        let name = self.policy.display().to_string();
        let compile = if self.no_guarantees { Extended::compile_unproved } else { Extended::compile };
        let compiled = match compile(&self.extended, &self.policy, &text)? {
            Ok(compiled) => compiled,
            Err(error) => {
                output::diagnostics(self.format, &Source::of(&name, &error.documents), &error.diagnostics)?;
                return Err(Failure::refused(&self.policy, "compiled", &error.diagnostics));
            }
        };
        let folder = self.policy.parent().unwrap_or(Path::new(""));
        let mut extended = compiled.documents.iter().filter_map(|document| document.path);
        if extended.any(|extended| output::is_same_file(&path, &folder.join(extended))) {
            return Err(Failure::because(
                "the module would overwrite a document that the policy extends; choose another file with `-o`",
            ));
        }
        output::diagnostics(self.format, &Source::of(&name, &compiled.documents), &compiled.warnings)?;
        if self.deny_warnings && !compiled.warnings.is_empty() {
            let warnings = count(compiled.warnings.len(), "warning");
            return Err(Failure::file(
                &self.policy,
                format_args!("was not compiled: {warnings}, and `--deny-warnings` is set"),
            ));
        }
        output::file(&path, &compiled.module).map_err(|error| Failure::unwritable(&path, &error))?;
        self.report(&path, &compiled.module, compiled.warnings.len())?;
        Ok(DONE)
    }

    fn report(&self, path: &Path, module: &[u8], warnings: usize) -> Result<(), Failure> {
        let manifest = Manifest::read(module)?;
        let written = Written {
            module: &path.display().to_string(),
            bytes: module.len(),
            sha256: hex(&sha256(module)),
            rules: manifest.rules.len(),
            tools: manifest.tools.len(),
            warnings,
        };
        match self.format {
            Format::Json => output::json(&mut io::stdout().lock(), &written)?,
            Format::Human => writeln!(
                anstream::stderr(),
                "{GOOD}compiled{GOOD:#} {BOLD}{}{BOLD:#}: {} bytes, {}, {}, {}",
                visible(written.module),
                written.bytes,
                count(written.rules, "rule"),
                count(written.tools, "tool"),
                count(warnings, "warning"),
            )?,
        }
        Ok(())
    }
}
