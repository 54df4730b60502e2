//! Whether what a policy guarantees is so.

use super::claim::{self, Answer, Claim};
use super::joint::Joint;
use super::tools;
use crate::policy::{Effect, Policy};
use crate::reference::tool;

/// For each guarantee, a call that breaks it, if there is one. Guarantees are the rules of a policy: one that denies says that no
/// call of these is allowed, nor allowed if a person approves it; one that allows says that every call of these is allowed.
#[must_use]
pub fn prove(policy: &Policy, guarantees: &Policy) -> Vec<Answer> {
    prove_with(policy, guarantees, &|_, _| {})
}

/// As [`prove`]. `progress` hears of each guarantee which it is, counted from 1, of how many.
#[must_use]
pub fn prove_with(policy: &Policy, guarantees: &Policy, progress: &dyn Fn(usize, usize)) -> Vec<Answer> {
    let joint = Joint::new(vec![policy, guarantees]);
    let (tools, is_cut) = tools::tools(&joint.parts);
    let rules = joint.rules.get(1).map(Vec::as_slice).unwrap_or_default();
    let prove_one = |(rule, written): (&crate::policy::Rule, &crate::policy::Rule)| {
        // The guarantee as a policy: what it is about gets the other decision than everything else.
        let alone = Policy {
            rules: vec![written.clone()],
            default: if written.effect == Effect::Deny { Effect::Allow } else { Effect::Deny },
            tools: None,
            ..guarantees.clone()
        };
        let about = tools.iter().filter(|tool| tool::rule_matches(guarantees, written, &tool.name));
        let answers = about.map(|tool| {
            let decides = |effect| Claim::decides(&joint, 0, &tool.name, effect);
            let claim = if written.effect == Effect::Deny {
                let is_let_through = Claim::Any(vec![decides(Effect::Allow), decides(Effect::Ask)]);
                Claim::All(vec![Claim::is_not_false(rule), is_let_through])
            } else {
                let is_kept_back = Claim::Any(vec![decides(Effect::Deny), decides(Effect::Ask)]);
                Claim::All(vec![Claim::is_true(rule), is_kept_back])
            };
            claim.decide(&joint, tool, &|call| {
                let narrow = joint.narrow(0, &tool.name).map(|(narrow, _)| narrow);
                let is_about = claim::effect(&alone, call) == written.effect;
                let decided = claim::effect(narrow.as_ref().unwrap_or(policy), call);
                let is_broken =
                    if written.effect == Effect::Deny { decided != Effect::Deny } else { decided != Effect::Allow };
                is_about && is_broken
            })
        });
        match claim::any(answers) {
            Answer::Never if is_cut => Answer::Undecided(vec!["the names of tools".to_owned()]),
            answer => answer,
        }
    };
    let count = guarantees.rules.len();
    let pairs = rules.iter().zip(&guarantees.rules).enumerate();
    pairs.inspect(|(at, _)| progress(at + 1, count)).map(|(_, pair)| prove_one(pair)).collect()
}
