//! What a call says of an attribute.

use super::call::{Call, Part};
use super::value::Value;
use crate::check::{Attribute, AttributeId, Condition, Decimal, Facet, Operand, Operator, Root, Step, Test, Type};
use crate::decision::Problem;
use crate::limits::LIST_LENGTH;

/// What is at an attribute's place, whatever its facet.
pub(super) enum Found<'c> {
    Missing,
    Value(&'c Value),
    /// The tool's name, which no value of the call holds.
    Tool(&'c str),
    Open,
    Withheld,
}

/// What a test sees of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State<'c> {
    Missing,
    Null,
    Bool(bool),
    Number(Decimal),
    OutOfRange,
    String(&'c str),
    List,
    Object,
    /// The length of something that has none.
    NoLength,
    Open,
    Withheld,
}

/// Looks the attribute's place up.
pub(super) fn find<'c>(call: &'c Call, attribute: &Attribute) -> Found<'c> {
    let part = match call.part(attribute.root) {
        None => return Found::Tool(&call.tool),
        Some(Part::Absent) => return Found::Missing,
        Some(Part::Open) => return Found::Open,
        Some(Part::Withheld) => return Found::Withheld,
        Some(Part::Known(value)) => value,
    };
    let place = attribute.keys().try_fold(part, |value, key| value.member(key));
    place.map_or(Found::Missing, Found::Value)
}

/// Looks the attribute up.
pub(super) fn state<'c>(call: &'c Call, attribute: &Attribute) -> State<'c> {
    let found = find(call, attribute);
    match attribute.facet() {
        None => found.state(),
        Some(Facet::Length) => found.length(),
        Some(_) => State::NoLength,
    }
}

impl<'c> Found<'c> {
    fn state(&self) -> State<'c> {
        match self {
            Self::Missing => State::Missing,
            Self::Open => State::Open,
            Self::Withheld => State::Withheld,
            Self::Tool(name) => State::String(name),
            Self::Value(value) => match value {
                Value::Null => State::Null,
                Value::Bool(value) => State::Bool(*value),
                Value::Number(number) => number.value.clone().map_or(State::OutOfRange, State::Number),
                Value::String(text) => State::String(text),
                Value::List(_) => State::List,
                Value::Object(_) => State::Object,
            },
        }
    }

    fn length(&self) -> State<'c> {
        match self {
            Self::Tool(text) => count(text.chars().count()),
            Self::Value(Value::String(text)) => count(text.chars().count()),
            Self::Value(Value::List(elements)) if elements.len() as u64 > LIST_LENGTH => State::OutOfRange,
            Self::Value(Value::List(elements)) => count(elements.len()),
            Self::Value(Value::Null) => State::Null,
            Self::Value(_) => State::NoLength,
            Self::Missing | Self::Open | Self::Withheld => self.state(),
        }
    }
}

fn count(length: usize) -> State<'static> {
    Decimal::parse(&length.to_string()).map_or(State::OutOfRange, State::Number)
}

impl State<'_> {
    /// The type that the `type` operator sees.
    pub(super) fn kind(&self) -> Option<Type> {
        match self {
            State::Missing | State::NoLength | State::Open | State::Withheld => None,
            State::Null => Some(Type::Null),
            State::Bool(_) => Some(Type::Boolean),
            State::Number(_) | State::OutOfRange => Some(Type::Number),
            State::String(_) => Some(Type::String),
            State::List => Some(Type::List),
            State::Object => Some(Type::Object),
        }
    }

    /// What to say of a state that an operator cannot read.
    pub(super) fn unreadable(&self) -> Problem {
        match self {
            State::Missing => Problem::Missing,
            State::Null => Problem::Null,
            State::OutOfRange => Problem::OutOfRange,
            State::Withheld => Problem::Withheld,
            _ => Problem::Type,
        }
    }
}

/// Every attribute that a condition reads, in document order.
pub(super) fn each_read(condition: &Condition, see: &mut dyn FnMut(AttributeId)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| each_read(part, see)),
        Condition::Not(part) => each_read(part, see),
        Condition::Test(test) => {
            see(test.attribute);
            if let Some(other) = referenced(test) {
                see(other);
            }
        }
    }
}

/// The attribute that a test compares with.
pub(super) fn referenced(test: &Test) -> Option<AttributeId> {
    match &test.operator {
        Operator::Eq(operand)
        | Operator::Lt(operand)
        | Operator::Lte(operand)
        | Operator::Gt(operand)
        | Operator::Gte(operand)
        | Operator::StartsWith(operand)
        | Operator::EndsWith(operand)
        | Operator::Contains(operand) => match operand {
            Operand::Ref(id) => Some(*id),
            Operand::Literal(_) => None,
        },
        _ => None,
    }
}

/// An attribute's name, as an author writes it.
pub(super) fn name(attributes: &[Attribute], id: AttributeId) -> String {
    attributes.get(id).map(Attribute::to_string).unwrap_or_default()
}

/// `agent.roles`, the place that role tests are blamed on.
pub(super) fn roles() -> Attribute {
    Attribute { root: Root::Agent, steps: vec![Step::Key("roles".to_owned())] }
}
