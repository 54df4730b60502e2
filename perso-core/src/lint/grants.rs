//! The tests that give permission, and those that hold it back.

use crate::policy::{Condition, Effect, Rule, Test};

/// The tests of a rule that give permission where they are true: those of an allow rule, those behind `unless` of a deny
/// rule or an ask rule. Each `not` turns it around.
pub(super) fn granting(rule: &Rule) -> Vec<&Test> {
    tests(&rule.condition, rule.effect == Effect::Allow)
}

/// The tests of a rule that hold permission back where they are true: those of a deny rule or an ask rule, those behind
/// `not` of an allow rule.
pub(super) fn withholding(rule: &Rule) -> Vec<&Test> {
    tests(&rule.condition, rule.effect != Effect::Allow)
}

/// The tests of which `wanted` is said, with what is asked of elements.
fn tests(condition: &Condition, wanted: bool) -> Vec<&Test> {
    let mut tests = Vec::new();
    condition.each_test(&mut |test, as_it_stands| {
        if as_it_stands == wanted {
            tests.push(test);
        }
    });
    tests
}
