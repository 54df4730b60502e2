//! The decision procedure.

use super::attribute::{self, Env};
use super::call::{Call, Unreadable};
use super::operator::{self, Blame, Elements, Outcome};
use super::{roles, tool};
use crate::decision::{CauseKind, Problem};
use crate::policy::{Condition, Effect, Operator, Policy, Quantified, Rule, Test};

/// What a policy decides about a call. Rules are indices into [`Policy::rules`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call may run.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Option<usize>,
    /// What kind of thing decided.
    pub cause: CauseKind,
    /// With [`CauseKind::NoRule`]: the nearest allow rule.
    pub nearest: Option<usize>,
    /// The attribute that was looked at last, as an author writes it.
    pub attribute: Option<String>,
    /// What was wrong with it.
    pub problem: Option<Problem>,
}

impl Verdict {
    fn new(allowed: bool, cause: CauseKind) -> Self {
        Self { allowed, rule: None, cause, nearest: None, attribute: None, problem: None }
    }

    fn rule(mut self, rule: usize) -> Self {
        self.rule = Some(rule);
        self
    }

    fn nearest(mut self, rule: usize) -> Self {
        self.nearest = Some(rule);
        self
    }

    fn blame(mut self, blame: Option<Blame>) -> Self {
        (self.attribute, self.problem) = blame.map(|blame| (blame.attribute, blame.problem)).unzip();
        self
    }

    pub(super) fn unreadable(problem: &Unreadable) -> Self {
        match problem {
            Unreadable::Malformed(_) => Self::new(false, CauseKind::Malformed),
            Unreadable::Limit(_) => Self::new(false, CauseKind::Limit),
        }
    }
}

/// Judges a call given as JSON text.
#[must_use]
pub fn judge(policy: &Policy, json: &[u8]) -> Verdict {
    match Call::read(json) {
        Ok(call) => decide(policy, &call),
        Err(problem) => Verdict::unreadable(&problem),
    }
}

/// Judges a call.
#[must_use]
pub fn decide(policy: &Policy, call: &Call) -> Verdict {
    if let Some(problem) = call.problem(policy) {
        return Verdict::unreadable(&problem);
    }
    if tool::is_unknown(policy, &call.tool) {
        return Verdict::new(false, CauseKind::UnknownTool);
    }
    denied(policy, call)
        .or_else(|| allowed(policy, call))
        .or_else(|| allowed_by_default(policy))
        .unwrap_or_else(|| no_rule(policy, call))
}

/// A deny rule applies unless its condition is false.
fn denied(policy: &Policy, call: &Call) -> Option<Verdict> {
    rules_for(policy, call, Effect::Deny).find_map(|(index, rule)| {
        let mut look = Look::at(policy, call);
        let is_false = look.at_roles(rule, false) || look.holds(&rule.condition, false);
        (!is_false).then(|| Verdict::new(false, CauseKind::Rule).rule(index).blame(look.last))
    })
}

/// An allow rule applies only if its condition is true.
fn allowed(policy: &Policy, call: &Call) -> Option<Verdict> {
    rules_for(policy, call, Effect::Allow).find_map(|(index, rule)| {
        let mut look = Look::at(policy, call);
        let is_true = look.at_roles(rule, true) && look.holds(&rule.condition, true);
        is_true.then(|| Verdict::new(true, CauseKind::Rule).rule(index))
    })
}

/// With no rule that applies, the default decides.
fn allowed_by_default(policy: &Policy) -> Option<Verdict> {
    (policy.default == Effect::Allow).then(|| Verdict::new(true, CauseKind::Default))
}

/// The nearest rule is the first whose roles the caller has, or else the first.
fn no_rule(policy: &Policy, call: &Call) -> Verdict {
    let verdict = Verdict::new(false, CauseKind::NoRule);
    for (index, rule) in rules_for(policy, call, Effect::Allow) {
        if Look::at(policy, call).at_roles(rule, true) {
            let mut look = Look::at(policy, call);
            look.holds(&rule.condition, true);
            return verdict.nearest(index).blame(look.last);
        }
    }
    match rules_for(policy, call, Effect::Allow).next() {
        Some((index, rule)) => {
            let mut look = Look::at(policy, call);
            look.at_roles(rule, true);
            verdict.nearest(index).blame(look.last)
        }
        None => verdict,
    }
}

/// The rules of one effect that are about the call's tool, in document order.
fn rules_for<'p>(policy: &'p Policy, call: &Call, effect: Effect) -> impl Iterator<Item = (usize, &'p Rule)> {
    let rules = policy.rules.iter().enumerate();
    rules.filter(move |(_, rule)| rule.effect == effect && tool::rule_matches(rule, &call.tool))
}

/// Evaluates with short circuit, and remembers what a rule that does not come out as wanted can blame.
pub(super) struct Look<'a> {
    env: Env<'a>,
    last: Option<Blame>,
}

impl<'a> Look<'a> {
    fn at(policy: &'a Policy, call: &'a Call) -> Self {
        Self::inside(Env::new(policy, call))
    }

    /// Looks at what is asked of an element.
    pub(super) fn inside(env: Env<'a>) -> Self {
        Self { env, last: None }
    }

    /// The rule's role test. A rule without one is for everyone: true, and no test.
    fn at_roles(&mut self, rule: &Rule, want: bool) -> bool {
        let Some(needed) = &rule.roles else { return want };
        let outcome = roles::test(self.env.policy, self.env.call, needed);
        self.remember(&outcome, want, attribute::roles().to_string())
    }

    /// Whether the condition is true (`want` is true), or is false (`want` is false). Unknown is neither, open both.
    pub(super) fn holds(&mut self, condition: &Condition, want: bool) -> bool {
        match (condition, want) {
            (Condition::Test(test), _) => self.test(test, want),
            (Condition::Not(part), _) => self.holds(part, !want),
            (Condition::All(parts), true) | (Condition::Any(parts), false) => {
                parts.iter().all(|part| self.holds(part, want))
            }
            (Condition::Any(parts), true) | (Condition::All(parts), false) => {
                parts.iter().any(|part| self.holds(part, want))
            }
        }
    }

    fn test(&mut self, test: &Test, want: bool) -> bool {
        if let Operator::Every(asked) | Operator::Some(asked) = &test.operator {
            return self.elements(test, asked, want);
        }
        let outcome = operator::test(&self.env, test);
        self.remember(&outcome, want, attribute::name(&self.env.policy.attributes, test.attribute))
    }

    /// `every` is all of what is asked of the elements, `some` is any of it. The list itself is looked at first.
    fn elements(&mut self, test: &Test, asked: &Quantified, want: bool) -> bool {
        let attributes = &self.env.policy.attributes;
        let (Some(list), name) = (attributes.get(test.attribute), attribute::name(attributes, test.attribute)) else {
            return false;
        };
        let is_every = matches!(test.operator, Operator::Every(_));
        let elements = match operator::elements(operator::side(&self.env, test.attribute)) {
            Elements::These(elements) => elements,
            Elements::Open => return self.remember(&Outcome::Open, want, name),
            Elements::Unreadable(outcome) => return self.remember(&outcome, want, name),
        };
        self.last = Some(Blame { attribute: name, problem: Problem::Value });
        if elements.is_empty() {
            return if is_every { asked.bounded && want } else { !want };
        }
        let mut each = (0..elements.len()).map(|index| {
            let mut look = Look::inside(self.env.inside_list(list, &elements, index));
            let holds = look.holds(&asked.condition, want);
            self.last = look.last.or(self.last.take());
            holds
        });
        if is_every == want { each.all(|holds| holds) } else { each.any(|holds| holds) }
    }

    fn remember(&mut self, outcome: &Outcome, want: bool, attribute: String) -> bool {
        self.last = Some(outcome.blame(want, attribute));
        outcome.holds(want)
    }
}
