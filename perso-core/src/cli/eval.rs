//! `perso eval`

use super::DONE;
use super::failure::Failure;
use super::input::Extended;
use super::ledger::Opened;
use super::now::Now;
use super::{input, output};
use crate::Outcome;
use clap::Args;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Judge calls and print each decision as JSON
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso eval support.wasm --call call.json
  echo '{\"tool\": \"view_customer\", \"agent\": {\"role\": \"agent\"}}' | perso eval support.wasm --call -
  perso eval support-desk.json --calls calls.jsonl > decisions.jsonl
  perso eval hours.json --call call.json --now 2026-12-01T10:00:00Z
  perso eval refunds.json --calls calls.jsonl --ledger memory:    # with limits and labels

A decision is {\"decision\": \"allow\"|\"ask\"|\"deny\", \"rule\": id|null, \"reason\": …, \"hint\": …, \"cause\": {…}}.
A call that cannot be read or exceeds a limit is denied; `cause` gives the details.

Exit codes with --call: 0 allow, 2 deny, 3 ask, 1 error (an unreadable file, an invalid policy).
Exit codes with --calls: 0 every call was judged, 1 error.")]
pub(crate) struct Eval {
    /// The policy (JSON) or its module
    policy: PathBuf,
    #[command(flatten)]
    extended: Extended,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    now: Now,
    /// Remember in this ledger what limits and labels need: `memory:`, `file:PATH`, `valkey://HOST` or `rediss://HOST`.
    /// Without it, calls that a limit or a label is about are denied
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Input {
    /// One call, a JSON object; `-` is standard input
    #[arg(long, value_name = "FILE")]
    call: Option<PathBuf>,
    /// Calls, one per line, judged as they arrive; blank lines are skipped; `-` is standard input
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
}

/// A call is denied.
const DENY: u8 = 2;
/// A call needs the approval of a person.
const ASK: u8 = 3;

impl Eval {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let policy = input::policy(&self.policy, &self.extended)?;
        let ledger = self.ledger.as_deref().map(Opened::open).transpose()?;
        let decide = |call: &[u8]| {
            let call = self.now.told(&policy, call);
            match &ledger {
                Some(ledger) => ledger.decide(&policy, &call),
                None => Ok(policy.decide_json(&call)),
            }
        };
        let mut out = BufWriter::new(io::stdout().lock());
        if let Some(path) = &self.input.call {
            let call = input::call(path)?;
            let decision = decide(&call)?;
            output::json(&mut out, &decision)?;
            out.flush()?;
            return Ok(match decision.outcome {
                Outcome::Allow => DONE,
                Outcome::Ask => ASK,
                Outcome::Deny => DENY,
            });
        }
        if let Some(path) = &self.input.calls {
            let mut calls = input::Calls::open(path)?;
            while let Some(call) = calls.next()? {
                output::json(&mut out, &decide(call)?)?;
                if !calls.is_ahead() {
                    // Whoever sends calls may wait for the answer before sending more.
                    out.flush()?;
                }
            }
            out.flush()?;
        }
        Ok(DONE)
    }
}
