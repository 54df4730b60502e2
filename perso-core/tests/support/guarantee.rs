//! Guarantees, one call at a time.

use perso_core::policy::{Effect, Policy};
use perso_core::reference::{self, Call};

/// Whether a call breaks a guarantee, as the reference evaluator decides.
pub fn breaks(policy: &Policy, guarantees: &Policy, rule: usize, call: &Call) -> bool {
    let rule = guarantees.rules[rule].clone();
    let (applies, default) = match rule.effect {
        Effect::Deny => (Effect::Deny, Effect::Allow),
        _ => (Effect::Allow, Effect::Deny),
    };
    let kept = rule.effect;
    let alone = Policy { rules: vec![rule], default, tools: None, ..guarantees.clone() };
    let is_about = reference::decide(&alone, call).outcome == reference::outcome(applies);
    let decided = reference::decide(policy, call).outcome;
    let is_broken = match kept {
        Effect::Deny => decided != reference::outcome(Effect::Deny),
        _ => decided != reference::outcome(Effect::Allow),
    };
    is_about && is_broken
}
