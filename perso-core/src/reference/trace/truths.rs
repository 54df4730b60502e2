//! What comes of everything that a rule tests, whether the decision looks at it or not.

use super::super::call::Call;
use super::super::evaluate::Look;
use super::super::operator::{self, Elements};
use super::super::roles;
use super::{Env, Truth, truth};
use crate::policy::{Condition, Effect, Operator, Policy, Rule, Test};
use crate::span::Span;

/// Whether a rule applies to a call of a tool that it is about. Shows what comes of each test of its condition, at the place of the
/// test, and of the test of its roles, at that of the rule. Of a list, what is asked of each of its elements is shown.
pub(crate) fn each_truth(policy: &Policy, call: &Call, rule: &Rule, see: &mut dyn FnMut(Span, Truth)) -> bool {
    let env = Env::new(policy, call);
    let roles = rule.roles.as_ref().map(|needed| Truth::of(&roles::test(policy, call, needed)));
    if let Some(roles) = roles {
        see(rule.span, roles);
    }
    conditions(&env, &rule.condition, see);
    let half = |want| Look::inside(env.clone()).holds(&rule.condition, want);
    let condition = Truth::from_halves(half(true), half(false));
    let truth = Truth::all([roles, Some(condition)].into_iter().flatten());
    match rule.effect {
        Effect::Allow => truth.can_be(true),
        Effect::Ask => truth.can_be(true) || !truth.can_be(false),
        Effect::Deny => !truth.can_be(false),
    }
}

fn conditions(env: &Env<'_>, condition: &Condition, see: &mut dyn FnMut(Span, Truth)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| conditions(env, part, see)),
        Condition::Not(part) => conditions(env, part, see),
        Condition::Test(test) => {
            see(test.span, truth(env, test));
            elements(env, test, see);
        }
    }
}

fn elements(env: &Env<'_>, test: &Test, see: &mut dyn FnMut(Span, Truth)) {
    let (Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked)) = &test.operator else { return };
    let Some(list) = env.policy.attributes.get(test.attribute) else { return };
    if let Elements::These(elements) = operator::elements(operator::side(env, test.attribute)) {
        for at in 0..elements.len() {
            conditions(&env.inside_list(list, &elements, at), &asked.condition, see);
        }
    }
}
