//! `perso prove`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BAD, BOLD, Format, GOOD, count};
use super::progress::Progress;
use crate::analyze::{Promise, Proof, Proved};
use crate::visible;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

/// The exit code if a guarantee does not hold, or is not decided.
const BROKEN: u8 = 2;

/// Prove the guarantees of a policy
///
/// For each guarantee, shows that it holds for every call, or a call that breaks it. `perso compile` proves them, too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso prove support-desk.json
  perso prove support.wasm --guarantees org.json

With --format json, standard output has one JSON object per guarantee:
  {\"id\", \"promise\": \"never_allow\" or \"always_allow\",
  \"outcome\": \"holds\", \"broken\" or \"undecided\", \"call\", \"decision\", \"places\"}.

Exit codes: 0 every guarantee holds; 2 one is broken or undecided; 1 an error.")]
pub(crate) struct Prove {
    /// The policy (JSON) or its module
    policy: PathBuf,
    /// Prove the guarantees of this policy (JSON) instead
    #[arg(long, value_name = "FILE")]
    guarantees: Option<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    extended: Extended,
}

impl Prove {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let rules = input::rules(&self.policy, &self.extended)?;
        let other = self.guarantees.as_ref().map(|path| input::rules(path, &self.extended)).transpose()?;
        let name = self.policy.display();
        let progress = Progress::of(format!("proving {name}"));
        let at = |at, of| progress.now(|| format!("proving {name}: guarantee {at} of {of}"));
        let proofs = rules.prove_with(other.as_ref().unwrap_or(&rules), &at);
        drop(progress);
        if proofs.is_empty() {
            let path = self.guarantees.as_ref().unwrap_or(&self.policy);
            return Err(Failure::file(path, "has no guarantees"));
        }
        proofs.iter().try_for_each(|proof| self.show(proof))?;
        let held = proofs.iter().filter(|proof| proof.proved == Proved::Holds).count();
        if self.format == Format::Human {
            writeln!(io::stdout().lock(), "{held} of {}", count(proofs.len(), "guarantee"))?;
        }
        Ok(if held == proofs.len() { DONE } else { BROKEN })
    }

    fn show(&self, proof: &Proof) -> io::Result<()> {
        if self.format == Format::Json {
            return output::json(&mut io::stdout().lock(), proof);
        }
        let mut out = anstream::stdout().lock();
        let (style, outcome) = match &proof.proved {
            Proved::Holds => (GOOD, "holds"),
            Proved::Broken { .. } => (BAD, "broken"),
            Proved::Undecided { .. } => (BOLD, "undecided"),
        };
        writeln!(out, "{style}{outcome:<9}{style:#} {}", visible(&proof.id))?;
        match &proof.proved {
            Proved::Holds => Ok(()),
            Proved::Broken { call, decision } => {
                let promised = if proof.promise == Promise::NeverAllow { "never" } else { "always" };
                writeln!(out, "          must {promised} be allowed, but: {}", visible(decision))?;
                writeln!(out, "          {}", visible(call))
            }
            Proved::Undecided { places } => {
                writeln!(out, "          in the way: {}", visible(&places.join(", ")))
            }
        }
    }
}
