//! The decision procedure.

use super::attribute::{self, Env};
use super::call::{Call, Unreadable};
use super::operator::{self, Blame, Elements, Outcome};
use super::{roles, tool};
use crate::decision::{self, CauseKind, Expected, Hint, Problem};
use crate::policy::{Condition, Effect, Operator, Policy, Quantified, Rule, Test};

/// What a policy decides about a call. Rules are indices into [`Policy::rules`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the host does with the call.
    pub outcome: decision::Outcome,
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
    /// The types that the test takes, where the problem is the type.
    pub expected: Expected,
}

impl Verdict {
    pub(super) fn new(outcome: decision::Outcome, cause: CauseKind) -> Self {
        let expected = Expected::default();
        Self { outcome, rule: None, cause, nearest: None, attribute: None, problem: None, expected }
    }

    /// Whether the call may run now.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == decision::Outcome::Allow
    }

    /// What the caller can correct.
    #[must_use]
    pub fn hint(&self) -> Option<Hint<'_>> {
        Hint::new(self.attribute.as_deref()?, self.problem?, self.expected).filter(|_| !self.is_allowed())
    }

    fn rule(mut self, rule: usize) -> Self {
        self.rule = Some(rule);
        self
    }

    fn nearest(mut self, rule: usize) -> Self {
        self.nearest = Some(rule);
        self
    }

    pub(super) fn blame(mut self, blame: Option<Blame>) -> Self {
        if let Some(Blame { attribute, problem, expected }) = blame {
            (self.attribute, self.problem, self.expected) = (Some(attribute), Some(problem), expected);
        }
        self
    }

    pub(super) fn unreadable(problem: &Unreadable) -> Self {
        match problem {
            Unreadable::Malformed(_) => Self::new(decision::Outcome::Deny, CauseKind::Malformed),
            Unreadable::Limit(_) => Self::new(decision::Outcome::Deny, CauseKind::Limit),
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
        return Verdict::new(decision::Outcome::Deny, CauseKind::UnknownTool);
    }
    if let Some(denied) = unless_false(policy, call, Effect::Deny) {
        return denied;
    }
    let granted = if_true(policy, call, Effect::Allow)
        .or_else(|| allowed_by_default(policy))
        .or_else(|| if_true(policy, call, Effect::Ask));
    match granted {
        Some(granted) => unless_false(policy, call, Effect::Ask).unwrap_or(granted),
        None => no_rule(policy, call),
    }
}

/// What the first rule of this effect says that applies unless its condition is false: how a deny rule denies, and how an
/// ask rule turns an allow into an ask.
fn unless_false(policy: &Policy, call: &Call, effect: Effect) -> Option<Verdict> {
    rules_for(policy, call, effect).find_map(|(index, rule)| {
        let mut look = Look::at(policy, call);
        let is_false = look.at_roles(rule, false) || look.holds(&rule.condition, false);
        (!is_false).then(|| Verdict::new(outcome(effect), CauseKind::Rule).rule(index).blame(look.last))
    })
}

/// What the first rule of this effect says that applies only if its condition is true: how an allow rule allows, and how
/// an ask rule lets a call through that no allow rule allows.
fn if_true(policy: &Policy, call: &Call, effect: Effect) -> Option<Verdict> {
    rules_for(policy, call, effect).find_map(|(index, rule)| {
        let mut look = Look::at(policy, call);
        let is_true = look.at_roles(rule, true) && look.holds(&rule.condition, true);
        is_true.then(|| Verdict::new(outcome(effect), CauseKind::Rule).rule(index))
    })
}

/// The decision of a rule that applies.
#[must_use]
pub fn outcome(effect: Effect) -> decision::Outcome {
    match effect {
        Effect::Allow => decision::Outcome::Allow,
        Effect::Ask => decision::Outcome::Ask,
        Effect::Deny => decision::Outcome::Deny,
    }
}

/// The effect of a rule by which a call gets this outcome.
#[must_use]
pub fn effect(outcome: decision::Outcome) -> Effect {
    match outcome {
        decision::Outcome::Allow => Effect::Allow,
        decision::Outcome::Ask => Effect::Ask,
        decision::Outcome::Deny => Effect::Deny,
    }
}

/// With no rule that applies, the default decides.
fn allowed_by_default(policy: &Policy) -> Option<Verdict> {
    (policy.default == Effect::Allow).then(|| Verdict::new(decision::Outcome::Allow, CauseKind::Default))
}

/// The nearest rule is the first whose roles the caller has, or else the first. Ask rules come after allow rules.
fn no_rule(policy: &Policy, call: &Call) -> Verdict {
    let verdict = Verdict::new(decision::Outcome::Deny, CauseKind::NoRule);
    let rules = || rules_for(policy, call, Effect::Allow).chain(rules_for(policy, call, Effect::Ask));
    for (index, rule) in rules() {
        if Look::at(policy, call).at_roles(rule, true) {
            let mut look = Look::at(policy, call);
            look.holds(&rule.condition, true);
            return verdict.nearest(index).blame(look.last);
        }
    }
    match rules().next() {
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
    rules.filter(move |(_, rule)| rule.effect == effect && tool::rule_matches(policy, rule, &call.tool))
}

/// Evaluates with short circuit, and remembers what a rule that does not come out as wanted can blame.
pub(super) struct Look<'a> {
    env: Env<'a>,
    last: Option<Blame>,
}

impl<'a> Look<'a> {
    pub(super) fn at(policy: &'a Policy, call: &'a Call) -> Self {
        Self::inside(Env::new(policy, call))
    }

    /// Looks at what is asked of an element.
    pub(super) fn inside(env: Env<'a>) -> Self {
        Self { env, last: None }
    }

    /// The rule's role test. A rule without one is for everyone: true, and no test.
    pub(super) fn at_roles(&mut self, rule: &Rule, want: bool) -> bool {
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
        if let Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) = &test.operator {
            return self.elements(test, asked, want);
        }
        let outcome = operator::test(&self.env, test);
        self.remember(&outcome, want, attribute::name(&self.env.policy.attributes, test.attribute))
    }

    /// `every` is all of what is asked of the elements, `some` is any of it, `at` is one. The list itself is looked at first.
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
        self.last = Some(Blame::value(name));
        let mut look = |index: usize| {
            let mut look = Look::inside(self.env.inside_list(list, &elements, index));
            let holds = look.holds(&asked.condition, want);
            self.last = look.last.or(self.last.take());
            holds
        };
        if let Operator::At(place, _) = test.operator {
            let place = place as usize;
            return place < elements.len() && look(place);
        }
        if elements.is_empty() {
            return if is_every { asked.bounded && want } else { !want };
        }
        let mut each = (0..elements.len()).map(look);
        if is_every == want { each.all(|holds| holds) } else { each.any(|holds| holds) }
    }

    fn remember(&mut self, outcome: &Outcome, want: bool, attribute: String) -> bool {
        self.last = Some(outcome.blame(want, attribute));
        outcome.holds(want)
    }
}
