//! The operators: one file for each family.

mod anywhere;
mod equality;
mod every;
mod glob;
mod has;
mod inside;
mod matches;
mod membership;
mod only;
mod order;
mod presence;
mod text;

pub(in crate::reference) use self::every::{Elements, elements};
use std::borrow::Cow;

use super::attribute::{self, Env, State};
use super::roles;
use crate::decision::{Expected, Problem};
use crate::policy::{Attribute, AttributeId, Facet, Operand, Operator, Pattern, Test, Type, Value};

/// What came of a test.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::reference) enum Outcome {
    True,
    /// And what a rule that needs the test to be true can say of the attribute.
    False(Problem, Expected),
    /// The attribute may be anything, so the test can be true and can be false.
    Open,
    /// Neither true nor false, because of this.
    Unknown(Blame),
    /// Not true; and not false either, because of this.
    NotTrue(Blame),
}

/// What an operator can be asked about an attribute, and why not.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::reference) struct Blame {
    /// As an author writes it.
    pub(in crate::reference) attribute: String,
    pub(in crate::reference) problem: Problem,
    /// The types that the test takes.
    pub(in crate::reference) expected: Expected,
}

impl Blame {
    /// Readable, but not what is needed.
    pub(in crate::reference) fn value(attribute: String) -> Self {
        Self { attribute, problem: Problem::Value, expected: Expected::default() }
    }
}

impl Outcome {
    /// `T` (can be true) where `want` is true, `F` (can be false) where it is false.
    pub(in crate::reference) fn holds(&self, want: bool) -> bool {
        match self {
            Self::True => want,
            Self::False(..) => !want,
            Self::Open => true,
            Self::Unknown(_) | Self::NotTrue(_) => false,
        }
    }

    /// Why the test of `attribute` is not as wanted.
    pub(in crate::reference) fn blame(&self, want: bool, attribute: String) -> Blame {
        match self {
            Self::Unknown(blame) => blame.clone(),
            Self::NotTrue(blame) if !want => blame.clone(),
            Self::False(problem, expected) if want => Blame { attribute, problem: *problem, expected: *expected },
            _ => Blame::value(attribute),
        }
    }

    fn known(truth: bool) -> Self {
        if truth { Self::True } else { Self::False(Problem::Value, Expected::default()) }
    }
}

/// Runs one test, but for what `every` and `some` ask of elements.
pub(in crate::reference) fn test(env: &Env<'_>, test: &Test) -> Outcome {
    let see = |id: AttributeId| side(env, id);
    let left = see(test.attribute);
    if let Some(attribute) = env.policy.attributes.get(test.attribute)
        && attribute.is_every_string()
    {
        return anywhere::some(env, attribute, &test.operator);
    }
    // Without a present, no instant has an age.
    if env.policy.attributes.get(test.attribute).and_then(Attribute::facet) == Some(Facet::Age) {
        let present = env.policy.attributes.iter().position(|attribute| *attribute == Attribute::present());
        if let Some(now) = present.map(see)
            && !matches!(now.state, State::Number(_) | State::Open)
        {
            return now.unreadable(Expected::NUMBER);
        }
    }
    match &test.operator {
        Operator::Eq(operand) => equality::eq(left, operand, see),
        Operator::In(values) => equality::one_of(left, values),
        Operator::Presumed(values) => equality::presumed(left, values),
        Operator::InList(list) => membership::in_list(left, see(*list)),
        Operator::Lt(operand) => order::compare(left, operand, see, |order| order.is_lt()),
        Operator::Lte(operand) => order::compare(left, operand, see, |order| order.is_le()),
        Operator::Gt(operand) => order::compare(left, operand, see, |order| order.is_gt()),
        Operator::Gte(operand) => order::compare(left, operand, see, |order| order.is_ge()),
        Operator::StartsWith(operand) => text::compare(left, operand, see, |text, part| text.starts_with(part)),
        Operator::EndsWith(operand) => text::compare(left, operand, see, |text, part| text.ends_with(part)),
        Operator::Contains(operand) => text::compare(left, operand, see, |text, part| text.contains(part)),
        Operator::Inside { base, directory } => {
            let directory = directory.iter().map(|part| right(part, see)).collect();
            inside::inside(left, base.map(see), directory)
        }
        Operator::Has(operand) => has::has(left, operand, see),
        Operator::HasRole(role) => roles::test(env.policy, env.call, &[*role]),
        Operator::Matches(Pattern::Glob { text, separator }) => {
            text::matches(left, |string| glob::matches(text, *separator, string))
        }
        Operator::Matches(Pattern::Regex(text)) => text::matches(left, |string| matches::matches(text, string)),
        Operator::Every(_) | Operator::Some(_) | Operator::At(..) => match elements(left) {
            Elements::These(_) => Outcome::True,
            Elements::Open => Outcome::Open,
            Elements::Unreadable(outcome) => outcome,
        },
        Operator::Exists => presence::exists(left),
        Operator::Type(types) => presence::is_of_type(left, types),
        Operator::Only(keys) => match env.policy.attributes.get(test.attribute) {
            Some(attribute) => only::only(env, left, attribute, keys),
            None => left.unreadable(Expected::default()),
        },
    }
}

/// What a test sees of one of its attributes.
pub(in crate::reference) fn side<'c>(env: &Env<'c>, id: AttributeId) -> Side<'c> {
    Side {
        attribute: attribute::name(&env.policy.attributes, id),
        state: env.policy.attributes.get(id).map_or(State::Missing, |attribute| env.state(attribute)),
    }
}

/// One side of a test.
pub(in crate::reference) struct Side<'c> {
    attribute: String,
    state: State<'c>,
}

impl Side<'_> {
    /// A test that takes these types cannot read it.
    fn unreadable(self, expected: Expected) -> Outcome {
        let problem = self.state.unreadable();
        self.unknown(problem, expected)
    }

    fn unknown(self, problem: Problem, expected: Expected) -> Outcome {
        Outcome::Unknown(Blame { attribute: self.attribute, problem, expected })
    }
}

/// The operand of a test.
fn right<'c>(operand: &'c Operand, see: impl Fn(AttributeId) -> Side<'c>) -> Side<'c> {
    match operand {
        Operand::Literal(value) => Side { attribute: String::new(), state: literal(value) },
        Operand::Ref(id) => see(*id),
    }
}

/// A test with an operand, which is a value or another attribute. `readable` takes out of a state what the operator
/// compares, of the `expected` types. `compare` says `None` where the two are readable but cannot be compared with each other.
fn with_operand<'c, T>(
    left: Side<'c>,
    operand: &'c Operand,
    see: impl Fn(AttributeId) -> Side<'c>,
    expected: Expected,
    readable: impl Fn(&State<'c>) -> Option<T>,
    compare: impl Fn(T, T) -> Option<bool>,
) -> Outcome {
    let right = right(operand, see);
    let left_value = match (&left.state, readable(&left.state)) {
        (State::Open, _) => None,
        (_, Some(value)) => Some(value),
        (_, None) => return left.unreadable(expected),
    };
    let right_value = match (&right.state, readable(&right.state)) {
        (State::Open, _) => None,
        (_, Some(value)) => Some(value),
        (_, None) => return right.unreadable(expected),
    };
    let (Some(a), Some(b)) = (left_value, right_value) else { return Outcome::Open };
    match compare(a, b) {
        Some(truth) => Outcome::known(truth),
        None => {
            // A literal's type is what was expected; of two attributes neither is the one that is wrong.
            let expected = if let Operand::Literal(_) = operand { expected } else { Expected::default() };
            left.unknown(Problem::Type, expected)
        }
    }
}

/// What can be the same as another value.
const SCALAR: Expected = Expected::BOOLEAN.or(Expected::NUMBER).or(Expected::STRING);

/// The types of literals.
fn types_of(values: &[Value]) -> Expected {
    let types = values.iter().map(|value| match value {
        Value::Bool(_) => Expected::BOOLEAN,
        Value::Number(_) => Expected::NUMBER,
        Value::String(_) => Expected::STRING,
    });
    types.fold(Expected::default(), Expected::or)
}

/// Those of the types that a hint can name.
fn types(types: &[Type]) -> Expected {
    let types = types.iter().map(|ty| match ty {
        Type::Boolean => Expected::BOOLEAN,
        Type::Number => Expected::NUMBER,
        Type::String => Expected::STRING,
        Type::List => Expected::LIST,
        Type::Null | Type::Object => Expected::default(),
    });
    types.fold(Expected::default(), Expected::or)
}

/// A boolean, number or string: what can be the same as another one.
fn scalar<'c>(state: &State<'c>) -> Option<State<'c>> {
    matches!(state, State::Bool(_) | State::Number(_) | State::String(_)).then(|| state.clone())
}

fn string<'c>(state: &State<'c>) -> Option<Cow<'c, str>> {
    match state {
        State::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A literal, as if an attribute had its value.
fn literal(value: &Value) -> State<'_> {
    match value {
        Value::Bool(value) => State::Bool(*value),
        Value::Number(number) => State::Number(number.clone()),
        Value::String(text) => State::String(text.into()),
    }
}
