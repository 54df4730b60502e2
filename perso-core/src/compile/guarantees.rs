//! Proves what a policy guarantees.

use crate::analyze::{self, Answer};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Policy, Rule};
use crate::reference::Conclusion;

/// What is done with the guarantees.
pub(crate) enum Guarantees<'p> {
    /// They are proved. The function hears of each which it is, counted from 1, of how many.
    Prove(&'p dyn Fn(usize, usize)),
    /// They are not, and a warning says so.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command leaves them out"))]
    Skip,
}

impl Guarantees<'_> {
    /// What there is to say about the guarantees of a policy.
    pub(super) fn findings(&self, policy: &Policy, guarantees: &Policy) -> Vec<Diagnostic> {
        match self {
            Self::Prove(progress) => prove(policy, guarantees, progress),
            Self::Skip => skipped(guarantees).into_iter().collect(),
        }
    }
}

/// That the guarantees are not proved, at the first of them.
fn skipped(guarantees: &Policy) -> Option<Diagnostic> {
    let first = guarantees.rules.first()?;
    let message = match guarantees.rules.len() {
        1 => "1 guarantee was not proved".to_owned(),
        count => format!("{count} guarantees were not proved"),
    };
    let help = "the policy may allow what they forbid; compile without `--no-guarantees` before you use it";
    Some(Diagnostic::new(Code::Unproved, first.span, message).help(help))
}

/// What is wrong with the guarantees: an error for each that a call breaks, and a warning for each that is not decided.
fn prove(policy: &Policy, guarantees: &Policy, progress: &dyn Fn(usize, usize)) -> Vec<Diagnostic> {
    let mut found = Diagnostics::default();
    for (guarantee, answer) in guarantees.rules.iter().zip(analyze::prove_with(policy, guarantees, progress)) {
        match answer {
            Answer::Never => {}
            Answer::Call(witness) => found.push(broken(policy, guarantee, &witness.call)),
            Answer::Undecided(places) => {
                let id = quoted(&guarantee.id);
                let message = format!("it is not decided whether a call breaks the guarantee {id}");
                let help = format!("in the way: {}", places.join(", "));
                found.push(Diagnostic::new(Code::Undecided, guarantee.span, message).help(help));
            }
        }
    }
    found.finish()
}

fn broken(policy: &Policy, guarantee: &Rule, call: &str) -> Diagnostic {
    let broken = match guarantee.effect {
        Effect::Deny => "a call is let through that must never be allowed",
        _ => "a call is not allowed that must always be",
    };
    let conclusion = analyze::conclusion(policy, call);
    let decided = conclusion.as_ref().map(ToString::to_string).unwrap_or_default();
    let message = format!("the guarantee {} does not hold: {broken}", quoted(&guarantee.id));
    let error = Diagnostic::new(Code::Guarantee, guarantee.span, message);
    let error = match decider(policy, conclusion.as_ref()) {
        Some(rule) => error.label(rule.span, "this rule decides"),
        None => error,
    };
    error.help(format!("{decided}: {call}"))
}

fn decider<'p>(policy: &'p Policy, conclusion: Option<&Conclusion>) -> Option<&'p Rule> {
    let id = conclusion?.rule.as_ref()?;
    policy.rules.iter().find(|rule| rule.id == *id)
}
