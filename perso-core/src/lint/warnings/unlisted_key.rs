//! A test of an argument that `only` does not list: no call that has the argument gets that far.

use super::super::facts::{Conjunction, Fact, States};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{AttributeId, Effect, Operator, Policy, Rule, RuleIndex, Step, Test};

/// More than so many pairs of rules are not looked at.
const MAX_TRIES: usize = 1_000_000;

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let closed: Vec<Vec<Fact<'_>>> = policy.rules.iter().map(only).collect();
    if closed.iter().all(Vec::is_empty) {
        return;
    }
    let mut left = MAX_TRIES;
    let rules = RuleIndex::new(policy);
    for (index, (rule, own)) in policy.rules.iter().zip(&closed).enumerate() {
        for (test, must_hold) in needed(rule) {
            let by_itself = own.iter().find(|only| forbids(policy, only.test, test.attribute)).filter(|_| must_hold);
            if let Some(only) = by_itself {
                report(policy, test, only.test, "this can never be true: the same rule", diagnostics);
            } else if rule.effect != Effect::Allow
                && policy.default == Effect::Deny
                && let Some((tool, only)) = everywhere(policy, index, test, &rules, &closed, &mut left)
            {
                let what = format!("for {}, this is always unknown: every rule that allows it", quoted(tool));
                report(policy, test, only, &what, diagnostics);
            }
        }
    }
}

/// The tests of keys that must hold for a rule's condition to be true.
fn only(rule: &Rule) -> Vec<Fact<'_>> {
    let facts = Conjunction::of(&rule.condition, true).facts;
    facts.into_iter().filter(|fact| fact.wanted && matches!(fact.test.operator, Operator::Only(_))).collect()
}

/// The tests of a rule that are unknown where their attribute is missing, and whether they must hold for its condition to
/// be true.
fn needed(rule: &Rule) -> Vec<(&Test, bool)> {
    let must: Vec<&Test> = Conjunction::of(&rule.condition, true).facts.iter().map(|fact| fact.test).collect();
    let mut tests = Vec::new();
    rule.condition.each_test(&mut |test, wanted| {
        if (Fact { test, wanted }).states().and(States::MISSING).is_empty() {
            tests.push((test, must.iter().any(|other| std::ptr::eq(*other, test))));
        }
    });
    tests
}

/// Whether a test of keys rules out that there is an attribute.
fn forbids(policy: &Policy, only: &Test, attribute: AttributeId) -> bool {
    let Operator::Only(keys) = &only.operator else { return false };
    let (Some(object), Some(attribute)) = (policy.attributes.get(only.attribute), policy.attributes.get(attribute))
    else {
        return false;
    };
    let below = attribute.steps.strip_prefix(object.steps.as_slice()).filter(|_| attribute.root == object.root);
    let Some(Step::Key(key)) = below.and_then(<[Step]>::first) else { return false };
    let mut listed = keys.iter().filter_map(|id| policy.attributes.get(*id)?.last_key());
    !listed.any(|listed| listed == key)
}

/// A tool of a rule, and a test of keys that rules the attribute out, where every other rule that lets calls of the tool
/// through has one.
fn everywhere<'p>(
    policy: &'p Policy,
    index: usize,
    test: &Test,
    rules: &RuleIndex<'_>,
    closed: &[Vec<Fact<'p>>],
    left: &mut usize,
) -> Option<(&'p str, &'p Test)> {
    let rule = policy.rules.get(index)?;
    rule.tools.iter().filter(|tool| !tool.is_wildcard()).find_map(|tool| {
        let about = rules.about(&tool.text);
        *left = left.saturating_sub(about.len());
        let mut found = None;
        for other in about.into_iter().filter(|other| *other != index && *left > 0) {
            if policy.rules.get(other)?.effect != Effect::Deny {
                found = Some(closed.get(other)?.iter().find(|only| forbids(policy, only.test, test.attribute))?.test);
            }
        }
        Some((tool.text.as_str(), found?))
    })
}

fn report(policy: &Policy, test: &Test, only: &Test, what: &str, diagnostics: &mut Diagnostics) {
    let name =
        policy.attributes.get(test.attribute).map(|attribute| quoted(&attribute.to_string())).unwrap_or_default();
    let message = format!("{what} has an `only` that does not list the key of {name}");
    let warning = Diagnostic::new(Code::UnlistedKey, test.span, message)
        .label(only.span, "the keys that a call may have")
        .help("list the key, or remove the test");
    diagnostics.push(warning);
}
