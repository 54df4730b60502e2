//! The `perso` command: compiles policies, judges calls with them, and says why.

mod compile;
mod eval;
mod explain;
mod failure;
mod input;
mod inspect;
mod migrate;
mod output;
mod schema;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Policies for AI agents' tool calls, compiled to WebAssembly
#[derive(Debug, Parser)]
#[command(name = "perso", version, max_term_width = 100, after_help = EXAMPLES)]
struct Perso {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  perso compile support-desk.json -o support.wasm
  perso eval support.wasm --call call.json
  perso explain support.wasm --call call.json

A POLICY is a policy (JSON) or a module (WebAssembly); which one, its first bytes tell.
Exit codes: 0 done, 1 failed; `eval` with one call: 0 allow, 2 deny, 1 failed.";

#[derive(Debug, Subcommand)]
enum Command {
    Compile(compile::Compile),
    Eval(eval::Eval),
    Explain(explain::Explain),
    Inspect(inspect::Inspect),
    Migrate(migrate::Migrate),
    Schema(schema::Schema),
}

fn main() -> ExitCode {
    let perso = match Perso::try_parse() {
        Ok(perso) => perso,
        // 2 is clap's code for wrong usage, but here it means that a call is denied.
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match perso.command {
        Command::Compile(compile) => compile.run(),
        Command::Eval(eval) => eval.run(),
        Command::Explain(explain) => explain.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Schema(schema) => schema.run(),
    };
    outcome.unwrap_or_else(|failure| {
        if let Failure::Because(why) = failure {
            output::error(&why);
        }
        ExitCode::FAILURE
    })
}
