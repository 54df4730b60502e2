//! Guarantees, one call at a time.

use perso_core::CauseKind;
use perso_core::policy::{Effect, Policy};
use perso_core::reference::{self, Call, Verdict};

/// Whether the rules can read the call that they have judged: they cannot if a key is like a tested one but for case.
pub fn is_read(verdict: &Verdict) -> bool {
    !matches!(verdict.cause, CauseKind::Malformed | CauseKind::Limit)
}

/// Whether a call breaks a guarantee, as the reference evaluator decides. One that the policy or the guarantee cannot read does not.
pub fn breaks(policy: &Policy, guarantees: &Policy, rule: usize, call: &Call) -> bool {
    let rule = guarantees.rules[rule].clone();
    let (applies, default) = match rule.effect {
        Effect::Deny => (Effect::Deny, Effect::Allow),
        _ => (Effect::Allow, Effect::Deny),
    };
    let kept = rule.effect;
    let alone = Policy { rules: vec![rule], default, tools: None, ..guarantees.clone() };
    let (about, decided) = (reference::decide(&alone, call), reference::decide(policy, call));
    let is_about = about.outcome == reference::outcome(applies) && is_read(&about) && is_read(&decided);
    let decided = decided.outcome;
    let is_broken = match kept {
        Effect::Deny => decided != reference::outcome(Effect::Deny),
        _ => decided != reference::outcome(Effect::Allow),
    };
    is_about && is_broken
}
