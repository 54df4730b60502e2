//! The `perso` command: compiles policies, judges calls with them, and says why.

mod approvals;
mod change;
mod check;
mod compile;
mod diff;
mod eval;
mod explain;
mod failure;
mod hook;
mod input;
mod inspect;
mod journal;
mod learn;
mod ledger;
mod log;
mod migrate;
mod now;
mod output;
mod progress;
mod prove;
mod replay;
mod schema;
mod sign;
mod test;
mod tools;
mod verify;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::ffi::OsString;

/// The exit code of a command that did what it was asked.
const DONE: u8 = 0;
/// The exit code of one that did not.
const FAILED: u8 = 1;

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

POLICY is a policy (JSON) or a compiled module (WebAssembly); the first bytes decide which.
Exit codes: 0 success, 1 error; `eval --call`: 0 allow, 2 deny, 3 ask, 1 error.";

#[derive(Debug, Subcommand)]
enum Command {
    Approvals(approvals::Approvals),
    Check(check::Check),
    Compile(compile::Compile),
    Diff(diff::Diff),
    Eval(eval::Eval),
    Explain(explain::Explain),
    #[command(subcommand)]
    Hook(hook::Hook),
    Inspect(inspect::Inspect),
    Learn(learn::Learn),
    #[command(subcommand)]
    Log(journal::Log),
    Migrate(migrate::Migrate),
    Prove(prove::Prove),
    Replay(replay::Replay),
    Schema(schema::Schema),
    Sign(sign::Sign),
    Test(test::Test),
    Verify(verify::Verify),
}

/// Does what the command's arguments say, the first of which is the program's name, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_hook = hook::is_judging(&arguments);
    let perso = match Perso::try_parse_from(arguments) {
        Ok(perso) => perso,
        Err(usage) if is_hook && usage.use_stderr() => return hook::misused(&usage.to_string()),
        // 2 is clap's code for wrong usage, but here it means that a call is denied.
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() { FAILED } else { DONE };
        }
    };
    let outcome = match perso.command {
        Command::Approvals(approvals) => approvals.run(),
        Command::Check(check) => check.run(),
        Command::Compile(compile) => compile.run(),
        Command::Diff(diff) => diff.run(),
        Command::Eval(eval) => eval.run(),
        Command::Explain(explain) => explain.run(),
        Command::Hook(hook) => hook.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Learn(learn) => learn.run(),
        Command::Log(log) => log.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Prove(prove) => prove.run(),
        Command::Replay(replay) => replay.run(),
        Command::Schema(schema) => schema.run(),
        Command::Sign(sign) => sign.run(),
        Command::Test(test) => test.run(),
        Command::Verify(verify) => verify.run(),
    };
    outcome.unwrap_or_else(|failure| {
        if let Failure::Because(why) = failure {
            output::error(&why);
        }
        FAILED
    })
}
