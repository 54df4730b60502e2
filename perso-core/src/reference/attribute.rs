//! What a call says of an attribute.

use std::borrow::Cow;

use super::arithmetic;
use super::call::{Call, Part};
use super::facet;
use super::tool;
use super::value::{Number, Value};
use crate::decision::Problem;
use crate::limits::LIST_LENGTH;
use crate::policy::{Attribute, AttributeId, Decimal, Facet, Policy, Root, Step, SumId, Type};

/// Where a test is evaluated: in a call, and in the elements of the lists around it.
#[derive(Clone)]
pub(super) struct Env<'c> {
    pub(super) policy: &'c Policy,
    pub(super) call: &'c Call,
    /// The innermost last.
    elements: Vec<Element<'c>>,
}

/// The element of a list that is being looked at.
#[derive(Clone)]
struct Element<'c> {
    /// The list's attribute, and the step to its elements.
    attribute: Attribute,
    index: usize,
    value: Cow<'c, Value>,
}

/// What is at an attribute's place.
#[derive(Clone)]
pub(super) enum Found<'c> {
    Missing,
    Value(Cow<'c, Value>),
    /// What is there does not have the facet, because of this.
    NoFacet(facet::Why),
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
    String(Cow<'c, str>),
    List(Cow<'c, [Value]>),
    /// A list of which there are more elements than are looked at.
    LongList,
    Object,
    /// The facet of something that does not have it.
    NoFacet,
    Open,
    Withheld,
}

impl<'c> Env<'c> {
    pub(super) fn new(policy: &'c Policy, call: &'c Call) -> Self {
        Self { policy, call, elements: Vec::new() }
    }

    /// The same, in one of the elements of a list.
    pub(super) fn inside_list(&self, list: &Attribute, elements: &Cow<'c, [Value]>, index: usize) -> Self {
        let value = match elements {
            Cow::Borrowed(elements) => elements.get(index).map(Cow::Borrowed),
            Cow::Owned(elements) => elements.get(index).cloned().map(Cow::Owned),
        };
        let mut attribute = list.clone();
        attribute.steps.push(Step::Element);
        let mut inner = self.clone();
        inner.elements.extend(value.map(|value| Element { attribute, index, value }));
        inner
    }

    /// Looks the attribute's place up.
    pub(super) fn find(&self, attribute: &Attribute) -> Found<'c> {
        let of = |steps: &[Step]| Attribute { root: attribute.root, steps: steps.to_vec() };
        match attribute.steps.split_last() {
            Some((Step::Facet(Facet::Age), steps)) => self.age(&of(steps)),
            Some((Step::Facet(Facet::Sum(sum)), steps)) => self.sum(&of(steps), *sum),
            _ => self.find_value(attribute),
        }
    }

    /// How long ago an instant was.
    fn age(&self, of: &Attribute) -> Found<'c> {
        let mut instant = of.clone();
        instant.steps.push(Step::Facet(Facet::Instant));
        let found = self.find_value(&instant);
        let State::Number(instant) = found.clone().state() else { return found };
        match self.find_value(&Attribute::present()).state() {
            State::Open => Found::Open,
            State::Number(now) => match arithmetic::minus(&now, &instant) {
                Some(age) if age.parts().0 => Found::no_facet("a time in the future"),
                age => Found::number(age),
            },
            _ => Found::no_facet("unknown, because context.now is no time"),
        }
    }

    /// The sum of a list.
    fn sum(&self, of: &Attribute, sum: SumId) -> Found<'c> {
        let Some(sum) = self.policy.sums.get(sum) else { return Found::Missing };
        let list = match self.state(of) {
            State::List(list) => list,
            State::LongList => return Found::number(None),
            State::Missing | State::Null | State::Open | State::Withheld => return self.find_value(of),
            _ => return Found::no_facet("not a list"),
        };
        let mut total = Decimal::parse("0");
        for element in list.iter() {
            let mut term = Decimal::parse("1");
            for keys in std::iter::once(&sum.of).chain(&sum.times) {
                let value = keys.iter().try_fold(element, |value, key| value.member(key));
                let Some(Value::Number(number)) = value else {
                    return Found::no_facet("a list with an element that is no number");
                };
                let Some(number) = &number.value else { return Found::number(None) };
                term = term.and_then(|term| arithmetic::times(&term, number));
            }
            total = total.zip(term).and_then(|(total, term)| arithmetic::plus(&total, &term));
        }
        Found::number(total)
    }

    fn find_value(&self, attribute: &Attribute) -> Found<'c> {
        let around = self.elements.iter().rev().find_map(|element| {
            let below = attribute.steps.strip_prefix(element.attribute.steps.as_slice())?;
            (element.attribute.root == attribute.root).then(|| (Found::Value(element.value.clone()), below))
        });
        let (start, steps) = around.unwrap_or_else(|| (self.part(self.root(attribute)), attribute.steps.as_slice()));
        steps.iter().fold(start, Found::step)
    }

    /// The part of the call that an attribute is in.
    pub(super) fn root(&self, attribute: &Attribute) -> Root {
        tool::root(self.policy, attribute, &self.call.tool)
    }

    fn part(&self, root: Root) -> Found<'c> {
        match self.call.part(root) {
            None => Found::Value(Cow::Owned(Value::String(self.call.tool.clone()))),
            Some(Part::Absent) => Found::Missing,
            Some(Part::Open) => Found::Open,
            Some(Part::Withheld) => Found::Withheld,
            Some(Part::Known(value)) => Found::Value(Cow::Borrowed(value)),
        }
    }

    /// Looks the attribute up.
    pub(super) fn state(&self, attribute: &Attribute) -> State<'c> {
        match self.find(attribute).state() {
            State::List(elements) if (self.before(attribute) + elements.len()) as u64 > LIST_LENGTH => State::LongList,
            state => state,
        }
    }

    /// How many elements there are in the lists of the same attribute that are in earlier elements of the lists around:
    /// the limit is one on all of them.
    fn before(&self, attribute: &Attribute) -> usize {
        let indices: Vec<usize> = self
            .elements
            .iter()
            .filter(|element| {
                element.attribute.root == attribute.root && attribute.steps.starts_with(&element.attribute.steps)
            })
            .map(|element| element.index)
            .collect();
        elements(self.part(attribute.root), &attribute.steps, Some(&indices))
    }
}

/// How many elements there are in the lists at a place. With `until`: only in those before the list that these
/// elements lead to.
fn elements(found: Found<'_>, steps: &[Step], until: Option<&[usize]>) -> usize {
    let Some((step, below)) = steps.split_first() else {
        return match (found.state(), until) {
            (State::List(elements), None) => elements.len(),
            _ => 0,
        };
    };
    if *step != Step::Element {
        return elements(found.step(step), below, until);
    }
    let State::List(list) = found.state() else { return 0 };
    let at = |index: usize| list.get(index).map_or(Found::Missing, |value| Found::Value(Cow::Borrowed(value)));
    let (end, rest) = match until.and_then(<[usize]>::split_first) {
        Some((index, rest)) => (*index, Some(rest)),
        None => (list.len(), None),
    };
    let earlier: usize = (0..end).map(|index| elements(at(index), below, None)).sum();
    earlier + rest.map_or(0, |rest| elements(at(end), below, Some(rest)))
}

impl<'c> Found<'c> {
    /// A number; out of range without a value.
    fn number(value: Option<Decimal>) -> Self {
        let text = value.as_ref().map_or_else(|| "a number".to_owned(), ToString::to_string);
        Self::Value(Cow::Owned(Value::Number(Number { text, value })))
    }

    fn no_facet(why: &'static str) -> Self {
        Self::NoFacet(Cow::Borrowed(why))
    }

    /// One step further. Elements are only reached through what `Env::inside` says.
    fn step(self, step: &Step) -> Self {
        match (self, step) {
            (Self::Value(value), Step::Key(key)) => match value {
                Cow::Borrowed(value) => {
                    value.member(key).map_or(Self::Missing, |value| Self::Value(Cow::Borrowed(value)))
                }
                Cow::Owned(value) => {
                    value.member(key).map_or(Self::Missing, |value| Self::Value(Cow::Owned(value.clone())))
                }
            },
            (Self::Value(value), Step::Facet(_)) if *value == Value::Null => Self::Value(value),
            // A statement may have no limit.
            (Self::Value(value), Step::Facet(Facet::Statement(field))) => {
                value.member(field.name()).map_or(Self::Missing, |value| Self::Value(Cow::Owned(value.clone())))
            }
            (Self::Value(value), Step::Facet(facet)) => match facet::of(*facet, &value) {
                Ok(value) => Self::Value(Cow::Owned(value)),
                Err(why) => Self::NoFacet(why),
            },
            (Self::Value(_), Step::Element) => Self::Missing,
            (other, _) => other,
        }
    }

    pub(super) fn state(self) -> State<'c> {
        match self {
            Self::Missing => State::Missing,
            Self::NoFacet(_) => State::NoFacet,
            Self::Open => State::Open,
            Self::Withheld => State::Withheld,
            Self::Value(Cow::Borrowed(Value::String(text))) => State::String(Cow::Borrowed(text)),
            Self::Value(Cow::Borrowed(Value::List(elements))) => State::List(Cow::Borrowed(elements)),
            Self::Value(value) => match value.into_owned() {
                Value::Null => State::Null,
                Value::Bool(value) => State::Bool(value),
                Value::Number(number) => number.value.map_or(State::OutOfRange, State::Number),
                Value::String(text) => State::String(Cow::Owned(text)),
                Value::List(elements) => State::List(Cow::Owned(elements)),
                Value::Object(_) => State::Object,
                Value::Unknown { .. } => State::Withheld,
            },
        }
    }
}

impl<'c> From<&'c Value> for State<'c> {
    fn from(value: &'c Value) -> Self {
        Found::Value(Cow::Borrowed(value)).state()
    }
}

impl State<'_> {
    /// The type that the `type` operator sees.
    pub(super) fn kind(&self) -> Option<Type> {
        match self {
            State::Missing | State::NoFacet | State::Open | State::Withheld => None,
            State::Null => Some(Type::Null),
            State::Bool(_) => Some(Type::Boolean),
            State::Number(_) | State::OutOfRange => Some(Type::Number),
            State::String(_) => Some(Type::String),
            State::List(_) | State::LongList => Some(Type::List),
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

/// An attribute's name, as an author writes it.
pub(super) fn name(attributes: &[Attribute], id: AttributeId) -> String {
    attributes.get(id).map(Attribute::to_string).unwrap_or_default()
}

/// `agent.roles`, the place that role tests are blamed on.
pub(super) fn roles() -> Attribute {
    Attribute { root: Root::Agent, steps: vec![Step::Key("roles".to_owned())] }
}
