//! `perso prove`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::output::{self, BAD, BOLD, Format, GOOD, count};
use crate::analyze::{self, Answer};
use crate::policy::{Effect, Policy};
use crate::visible;
use clap::Args;
use serde::Serialize;
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
  {\"id\", \"outcome\": \"holds\", \"broken\" or \"undecided\", \"call\", \"decision\", \"places\"}.

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

/// A guarantee for programs.
#[derive(Serialize)]
struct Proved<'a> {
    id: &'a str,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<&'a str>,
}

impl Prove {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let checked = input::checked(&self.policy, &self.extended)?;
        let other = self.guarantees.as_ref().map(|path| input::checked(path, &self.extended)).transpose()?;
        let guarantees = match &other {
            Some(other) => other.guarantees.as_ref(),
            None => checked.guarantees.as_ref(),
        };
        let (Some(policy), Some(guarantees)) = (&checked.policy, guarantees) else {
            let path = self.guarantees.as_ref().unwrap_or(&self.policy);
            return Err(Failure::file(path, "has no guarantees"));
        };
        let answers = analyze::prove(policy, guarantees);
        let mut held = 0;
        for (guarantee, answer) in guarantees.rules.iter().zip(&answers) {
            self.show(policy, &guarantee.id, guarantee.effect, answer)?;
            held += usize::from(*answer == Answer::Never);
        }
        if self.format == Format::Human {
            writeln!(io::stdout().lock(), "{held} of {}", count(answers.len(), "guarantee"))?;
        }
        Ok(if held == answers.len() { DONE } else { BROKEN })
    }

    fn show(&self, policy: &Policy, id: &str, effect: Effect, answer: &Answer) -> io::Result<()> {
        let decision = |call: &str| analyze::conclusion(policy, call).map(|conclusion| conclusion.to_string());
        let mut proved = Proved { id, outcome: "holds", call: None, decision: None, places: Vec::new() };
        match answer {
            Answer::Never => {}
            Answer::Call(witness) => {
                proved.outcome = "broken";
                proved.call = Some(&witness.call);
                proved.decision = decision(&witness.call);
            }
            Answer::Undecided(places) => {
                proved.outcome = "undecided";
                proved.places = places.iter().map(String::as_str).collect();
            }
        }
        if self.format == Format::Json {
            return output::json(&mut io::stdout().lock(), &proved);
        }
        let mut out = anstream::stdout().lock();
        let style = match answer {
            Answer::Never => GOOD,
            Answer::Call(_) => BAD,
            Answer::Undecided(_) => BOLD,
        };
        writeln!(out, "{style}{:<9}{style:#} {}", proved.outcome, visible(id))?;
        if let Some(call) = proved.call {
            let promised = if effect == Effect::Deny { "never" } else { "always" };
            let decision = proved.decision.unwrap_or_default();
            writeln!(out, "          must {promised} be allowed, but: {}", visible(&decision))?;
            writeln!(out, "          {}", visible(call))?;
        }
        if !proved.places.is_empty() {
            writeln!(out, "          in the way: the tests of {}", visible(&proved.places.join(", ")))?;
        }
        Ok(())
    }
}
