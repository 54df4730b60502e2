//! The tests that give permission, and those that hold it back.

use super::super::policy::{Condition, Effect, Operator, Rule, Test};

/// The tests of a rule that give permission where they are true: those of an allow rule, those behind `unless` of a deny
/// rule. Each `not` turns it around.
pub(super) fn granting(rule: &Rule) -> Vec<&Test> {
    let mut tests = Vec::new();
    collect(&rule.condition, rule.effect == Effect::Allow, &mut tests);
    tests
}

/// The tests of a rule that hold permission back where they are true: those of a deny rule, those behind `not` of an
/// allow rule.
pub(super) fn withholding(rule: &Rule) -> Vec<&Test> {
    let mut tests = Vec::new();
    collect(&rule.condition, rule.effect == Effect::Deny, &mut tests);
    tests
}

/// The tests of which `wanted` is said, with what is asked of elements.
fn collect<'p>(condition: &'p Condition, wanted: bool, tests: &mut Vec<&'p Test>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| collect(part, wanted, tests)),
        Condition::Not(inner) => collect(inner, !wanted, tests),
        Condition::Test(test) => {
            if wanted {
                tests.push(test);
            }
            if let Operator::Every(asked) | Operator::Some(asked) = &test.operator {
                collect(&asked.condition, wanted, tests);
            }
        }
    }
}
