//! Tests and facets of values by themselves, outside of any policy.

use super::attribute::{Env, State};
use super::call::{Call, Part};
use super::operator;
use super::value::Value;
use crate::policy::{Attribute, Facet, Operator, Policy, Root, Step, Test};
use crate::span::Span;

/// What is read off a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    /// Nothing: there is none.
    Missing,
    /// The value does not have it.
    NoFacet,
    /// This.
    Value(Value),
}

/// The most values that a test compares.
const SIDES: usize = 16;

thread_local! {
    /// A policy that reads values by their place.
    static READER: Policy = Policy { attributes: (0..SIDES).map(|side| attribute(side, None)).collect(), ..Policy::empty() };
}

/// What comes of a test of the first of these values: true, false, or neither. The operator refers to the others by their
/// place; a value that is missing is `None`.
pub(crate) fn test(operator: &Operator, values: &[Option<&Value>]) -> Option<bool> {
    let call = call(values, None);
    let test = Test { attribute: 0, operator: operator.clone(), span: Span::default() };
    READER.with(|policy| match operator::test(&Env::new(policy, &call), &test) {
        operator::Outcome::True => Some(true),
        operator::Outcome::False(..) => Some(false),
        _ => None,
    })
}

/// A facet of a value, by the sums of a policy and the present.
pub(crate) fn facet(facet: Facet, value: &Value, policy: &Policy, now: Option<&Value>) -> Read {
    let asked = attribute(0, Some(facet));
    let policy = Policy { attributes: vec![asked.clone()], sums: policy.sums.clone(), ..Policy::empty() };
    let call = call(&[Some(value)], now);
    match Env::new(&policy, &call).find(&asked) {
        super::attribute::Found::Value(value) => Read::Value(value.into_owned()),
        found => match found.state() {
            State::Missing => Read::Missing,
            _ => Read::NoFacet,
        },
    }
}

fn attribute(side: usize, facet: Option<Facet>) -> Attribute {
    let steps = std::iter::once(Step::Key(side.to_string())).chain(facet.map(Step::Facet));
    Attribute { root: Root::Args, steps: steps.collect() }
}

fn call(values: &[Option<&Value>], now: Option<&Value>) -> Call {
    let args = values.iter().enumerate().filter_map(|(side, value)| Some((side.to_string(), (*value)?.clone())));
    let context = now.map(|now| ("now".to_owned(), now.clone()));
    Call::new("")
        .with(Root::Args, Part::Known(Value::Object(args.collect())))
        .with(Root::Context, Part::Known(Value::Object(context.into_iter().collect())))
}
