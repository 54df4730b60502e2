//! Everything that was looked at, for `explain`.

mod display;
mod truths;
mod written;

pub(crate) use truths::each_truth;

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::attribute::{self, Env, Found, State};
use super::call::{Call, Unreadable};
use super::evaluate::{Look, Verdict, decide};
use super::operator::{self, Elements, Outcome};
use super::roles::{self, Caller};
use super::{facet, show, tool};
use crate::decision::{self, Cause, CauseKind, Problem};
use crate::limits::LIST_LENGTH;
use crate::policy::{self, AttributeId, Condition, Effect, Facet, Operator, Policy, RoleId, Rule, Test};

/// Each rule for a call's tool, each test, the values seen, and the decision.
///
/// Its `Display` is text for a terminal: what comes from the call is shortened, and its control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The tool; `None` where the call could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The rules that are about the tool, in document order. None where the call could not be judged.
    pub rules: Vec<RuleTrace>,
    /// How many rules are about other tools.
    pub other_rules: usize,
    /// What was decided.
    #[serde(flatten)]
    pub conclusion: Conclusion,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// The rule's id.
    pub id: String,
    /// What the rule does.
    #[serde(serialize_with = "effect")]
    pub effect: Effect,
    /// Whether it does. An allow rule applies if it is true (or open), a deny rule unless it is false (or open). An ask rule
    /// applies to what another rule allows as a deny rule does, and by itself as an allow rule does.
    pub applies: bool,
    /// Of an ask rule: whether it lets the call through, after an approval, where no other rule allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<bool>,
    /// Of the role test and the condition together.
    pub truth: Truth,
    /// The role test, where the rule has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<RoleTrace>,
    /// The condition, where the rule has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Step>,
}

/// The test of a rule's `roles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleTrace {
    /// The roles of which the caller needs one.
    pub needs: Vec<String>,
    /// The roles that the call names.
    pub seen: Seen,
    /// What came of it.
    pub truth: Truth,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A part of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Every part.
    All {
        /// What came of it.
        truth: Truth,
        /// The parts.
        parts: Vec<Step>,
    },
    /// At least one part.
    Any {
        /// What came of it.
        truth: Truth,
        /// The parts.
        parts: Vec<Step>,
    },
    /// The opposite.
    Not {
        /// What came of it.
        truth: Truth,
        /// The part.
        part: Box<Step>,
    },
    /// A test.
    Test(TestTrace),
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestTrace {
    /// What is tested, as an author writes it.
    pub attribute: String,
    /// The operator's key.
    pub operator: &'static str,
    /// The operand, as JSON; a reference as the attribute's name.
    pub operand: String,
    /// The attribute's value.
    pub seen: Seen,
    /// The value of the attribute that the operand refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operand_seen: Option<Seen>,
    /// What came of it.
    pub truth: Truth,
    /// The attribute that makes it unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What is wrong with that attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// With `every` and `some`: the first elements of the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<ElementTrace>,
    /// How many more elements there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_elements: usize,
}

/// What is asked of one element of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ElementTrace {
    /// The element.
    pub seen: Seen,
    /// What is asked of it, and what came of that.
    pub asked: Step,
}

/// What the call says of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing.
    Missing,
    /// Not known yet.
    Open,
    /// Not to be known.
    Withheld,
    /// This value, as JSON, shortened and with control characters escaped.
    Value(String),
    /// A value off which what is asked for cannot be read, because of this.
    None(Cow<'static, str>),
}

/// The truth of a test, condition or rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// Neither: an attribute is missing, of another type, out of range or withheld.
    Unknown,
    /// Can be true and can be false: an attribute is open.
    Open,
}

/// The decision, by the names of things. As JSON it is shaped as a [`crate::decision::Decision`], without the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// What the host does with the call.
    pub outcome: decision::Outcome,
    /// The id of the rule that decided.
    pub rule: Option<String>,
    /// What kind of thing decided.
    pub kind: CauseKind,
    /// With [`CauseKind::NoRule`]: the id of the nearest allow rule.
    pub nearest: Option<String>,
    /// The attribute that was looked at last.
    pub attribute: Option<String>,
    /// What was wrong with it.
    pub problem: Option<Problem>,
    /// What the caller can correct.
    pub hint: Option<String>,
    /// What makes the call malformed, or which limit it is over.
    pub detail: Option<String>,
}

/// How many elements of a list are shown.
const ELEMENTS: usize = 16;

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Traces a call given as JSON text.
#[must_use]
pub fn explain(policy: &Policy, json: &[u8]) -> Trace {
    match Call::read(json) {
        Ok(call) => trace(policy, &call),
        Err(problem) => not_judged(policy, None, &problem),
    }
}

/// Traces a call.
#[must_use]
pub fn trace(policy: &Policy, call: &Call) -> Trace {
    if let Some(problem) = call.problem(policy) {
        return not_judged(policy, Some(&call.tool), &problem);
    }
    let is_known = !tool::is_unknown(policy, &call.tool);
    let matching = policy.rules.iter().filter(|rule| is_known && tool::rule_matches(policy, rule, &call.tool));
    let rules: Vec<RuleTrace> = matching.map(|rule| rule_trace(policy, call, rule)).collect();
    Trace {
        tool: Some(call.tool.clone()),
        other_rules: policy.rules.len() - rules.len(),
        rules,
        conclusion: conclude(policy, decide(policy, call), None),
    }
}

fn not_judged(policy: &Policy, tool: Option<&str>, problem: &Unreadable) -> Trace {
    Trace {
        tool: tool.map(str::to_owned),
        rules: Vec::new(),
        other_rules: policy.rules.len(),
        conclusion: conclude(
            policy,
            Verdict::unreadable(problem),
            Some(show::visible(&problem.to_string()).into_owned()),
        ),
    }
}

fn conclude(policy: &Policy, verdict: Verdict, detail: Option<String>) -> Conclusion {
    let id = |rule: Option<usize>| rule.and_then(|rule| policy.rules.get(rule)).map(|rule| rule.id.clone());
    let hint = verdict.hint().map(|hint| hint.to_string());
    Conclusion {
        outcome: verdict.outcome,
        rule: id(verdict.rule),
        kind: verdict.cause,
        nearest: id(verdict.nearest),
        attribute: verdict.attribute,
        problem: verdict.problem,
        hint,
        detail,
    }
}

fn rule_trace(policy: &Policy, call: &Call, rule: &Rule) -> RuleTrace {
    let roles = rule.roles.as_ref().map(|needed| role_trace(policy, call, needed));
    let bare = matches!(&rule.condition, Condition::All(parts) if parts.is_empty());
    let condition = (!bare).then(|| step(&Env::new(policy, call), &rule.condition));
    let both = [roles.as_ref().map(|roles| roles.truth), condition.as_ref().map(Step::truth)];
    let truth = Truth::all(both.into_iter().flatten());
    let applies = match rule.effect {
        Effect::Allow => truth.can_be(true),
        Effect::Ask => truth.can_be(true) || !truth.can_be(false),
        Effect::Deny => !truth.can_be(false),
    };
    let grants = (rule.effect == Effect::Ask).then(|| truth.can_be(true));
    RuleTrace { id: rule.id.clone(), effect: rule.effect, applies, grants, truth, roles, condition }
}

fn role_trace(policy: &Policy, call: &Call, needed: &[RoleId]) -> RoleTrace {
    let outcome = roles::test(policy, call, needed);
    let names = needed.iter().filter_map(|id| policy.roles.get(*id));
    RoleTrace {
        needs: names.map(|role| role.name.clone()).collect(),
        seen: see_roles(&Env::new(policy, call)),
        truth: Truth::of(&outcome),
        problem: match outcome {
            Outcome::Unknown(blame) => Some(blame.problem),
            _ => None,
        },
    }
}

/// The roles that the call names.
fn see_roles(env: &Env<'_>) -> Seen {
    match roles::caller(env.call) {
        Caller::Has(names) => Seen::Value(show::strings(&names)),
        Caller::Open => Seen::Open,
        Caller::Withheld => Seen::Withheld,
        Caller::Unknown(_) => see_place(env, &attribute::roles()),
    }
}

fn step(env: &Env<'_>, condition: &Condition) -> Step {
    let steps = |parts: &[Condition]| parts.iter().map(|part| step(env, part)).collect::<Vec<_>>();
    match condition {
        Condition::All(parts) => {
            let parts = steps(parts);
            Step::All { truth: Truth::all(parts.iter().map(Step::truth)), parts }
        }
        Condition::Any(parts) => {
            let parts = steps(parts);
            Step::Any { truth: Truth::all(parts.iter().map(|part| part.truth().not())).not(), parts }
        }
        Condition::Not(part) => match &**part {
            Condition::Test(test) if written::negated(env.policy, test).is_some() => {
                Step::Test(test_trace(env, test, true))
            }
            part => {
                let part = Box::new(step(env, part));
                Step::Not { truth: part.truth().not(), part }
            }
        },
        Condition::Test(test) => Step::Test(test_trace(env, test, false)),
    }
}

fn test_trace(env: &Env<'_>, test: &Test, is_negated: bool) -> TestTrace {
    let outcome = operator::test(env, test);
    let truth = truth(env, test);
    let (operator, operand) = match written::negated(env.policy, test).filter(|_| is_negated) {
        Some(words) => words,
        None => written::written(env.policy, test),
    };
    let attributes = &env.policy.attributes;
    let see = |id: AttributeId| attributes.get(id).map_or(Seen::Missing, |attribute| see_place(env, attribute));
    let referenced = test.referenced();
    let (unknown, problem) = match outcome {
        Outcome::Unknown(blame) | Outcome::NotTrue(blame) => (Some(blame.attribute), Some(blame.problem)),
        _ => (None, None),
    };
    let (elements, more_elements) = element_traces(env, test);
    TestTrace {
        attribute: attribute::name(attributes, test.attribute),
        operator,
        operand: operand.unwrap_or_else(|| referenced.map(|id| attribute::name(attributes, id)).unwrap_or_default()),
        seen: if matches!(test.operator, Operator::HasRole(_)) { see_roles(env) } else { see(test.attribute) },
        operand_seen: referenced.map(see),
        truth: if is_negated { truth.not() } else { truth },
        unknown,
        problem,
        elements,
        more_elements,
    }
}

fn truth(env: &Env<'_>, test: &Test) -> Truth {
    let test = Condition::Test(test.clone());
    let half = |want| Look::inside(env.clone()).holds(&test, want);
    Truth::from_halves(half(true), half(false))
}

/// The elements that `every`, `some` and `at` ask about, and how many more there are than are shown.
fn element_traces(env: &Env<'_>, test: &Test) -> (Vec<ElementTrace>, usize) {
    let (asked, at) = match &test.operator {
        Operator::Every(asked) | Operator::Some(asked) => (asked, None),
        Operator::At(place, asked) => (asked, Some(*place as usize)),
        _ => return (Vec::new(), 0),
    };
    let Elements::These(elements) = operator::elements(operator::side(env, test.attribute)) else {
        return (Vec::new(), 0);
    };
    let Some(list) = env.policy.attributes.get(test.attribute) else { return (Vec::new(), 0) };
    let trace = |(index, element)| ElementTrace {
        seen: Seen::Value(show::value(element)),
        asked: step(&env.inside_list(list, &elements, index), &asked.condition),
    };
    match at {
        Some(index) => (elements.iter().enumerate().skip(index).take(1).map(trace).collect(), 0),
        None => {
            let traces = elements.iter().enumerate().take(ELEMENTS).map(trace).collect();
            (traces, elements.len().saturating_sub(ELEMENTS))
        }
    }
}

/// The attribute's value; of what a facet cannot be read off, or of too long a list, why not; and of a length or count
/// that is none, the value itself.
fn see_place(env: &Env<'_>, attribute: &policy::Attribute) -> Seen {
    // Its case is as the call says it.
    if let Some((policy::Step::Facet(Facet::Folded), steps)) = attribute.steps.split_last()
        && !steps.is_empty()
    {
        return see_place(env, &policy::Attribute { root: attribute.root, steps: steps.to_vec() });
    }
    if env.state(attribute) == State::LongList {
        return Seen::None(format!("more than {LIST_LENGTH} elements in all").into());
    }
    match env.find(attribute) {
        Found::Missing => Seen::Missing,
        Found::Open => Seen::Open,
        Found::Withheld => Seen::Withheld,
        Found::Value(value) => match (attribute.facet(), &*value) {
            (Some(Facet::Address), super::Value::String(bits)) => Seen::Value(show::string(&facet::network(bits))),
            (Some(facet), super::Value::Number(super::Number { value: Some(number), .. })) => {
                let written = policy::time::written(facet, number).map(|text| show::string(&text));
                Seen::Value(written.unwrap_or_else(|| show::value(&value)))
            }
            (_, value) => Seen::Value(show::value(value)),
        },
        Found::NoFacet(why) => match attribute.steps.split_last() {
            Some((policy::Step::Facet(Facet::Length | Facet::Count), steps)) => {
                see_place(env, &policy::Attribute { root: attribute.root, steps: steps.to_vec() })
            }
            _ => Seen::None(why),
        },
    }
}

impl Truth {
    fn of(outcome: &Outcome) -> Self {
        Self::from_halves(outcome.holds(true), outcome.holds(false))
    }

    fn from_halves(can_be_true: bool, can_be_false: bool) -> Self {
        match (can_be_true, can_be_false) {
            (true, true) => Self::Open,
            (true, false) => Self::True,
            (false, true) => Self::False,
            (false, false) => Self::Unknown,
        }
    }

    fn can_be(self, truth: bool) -> bool {
        match self {
            Self::True => truth,
            Self::False => !truth,
            Self::Unknown => false,
            Self::Open => true,
        }
    }

    fn not(self) -> Self {
        Self::from_halves(self.can_be(false), self.can_be(true))
    }

    fn all(parts: impl Iterator<Item = Self> + Clone) -> Self {
        Self::from_halves(parts.clone().all(|part| part.can_be(true)), parts.into_iter().any(|part| part.can_be(false)))
    }
}

impl Step {
    /// What came of it.
    #[must_use]
    pub fn truth(&self) -> Truth {
        match self {
            Self::All { truth, .. } | Self::Any { truth, .. } | Self::Not { truth, .. } => *truth,
            Self::Test(test) => test.truth,
        }
    }
}

fn effect<S: Serializer>(effect: &Effect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(effect.name())
}

impl Serialize for Conclusion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let cause = Cause {
            rule: self.nearest.as_deref(),
            attribute: self.attribute.as_deref(),
            problem: self.problem,
            detail: self.detail.as_deref(),
            ..Cause::of(self.kind)
        };
        let mut object = serializer.serialize_struct("Conclusion", 3)?;
        object.serialize_field("decision", &self.outcome)?;
        object.serialize_field("rule", &self.rule)?;
        object.serialize_field("cause", &cause)?;
        object.end()
    }
}
