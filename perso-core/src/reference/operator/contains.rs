//! `contains`: a string in a string, or a value among the elements of a list.

use super::membership::among;
use super::{Outcome, Side, right, scalar};
use crate::check::{AttributeId, Operand};
use crate::decision::Problem;
use crate::reference::attribute::State;

/// What the attribute is says which of the two is meant.
pub(super) fn contains<'c>(left: Side<'c>, operand: &'c Operand, see: impl Fn(AttributeId) -> Side<'c>) -> Outcome {
    let right = right(operand, see);
    let part = scalar(&right.state);
    let is_literal = matches!(operand, Operand::Literal(_));
    match (&left.state, &right.state, part) {
        (State::LongList, ..) => left.unknown(Problem::OutOfRange),
        (State::List(_) | State::Open | State::String(_), State::Open, _) | (State::Open, _, Some(_)) => Outcome::Open,
        (State::List(elements), _, Some(value)) => among(&value, elements, left.attribute),
        (State::String(text), _, Some(State::String(part))) => Outcome::known(text.contains(part.as_ref())),
        (State::String(_), ..) if is_literal => left.unreadable(),
        (State::String(_) | State::List(_) | State::Open, ..) => right.unreadable(),
        _ => left.unreadable(),
    }
}
