//! `has`: a value among the elements of a list.

use super::membership::among;
use super::{Outcome, SCALAR, Side, right, scalar};
use crate::decision::{Expected, Problem};
use crate::policy::{AttributeId, Operand};
use crate::reference::attribute::State;

pub(super) fn has<'c>(left: Side<'c>, operand: &'c Operand, see: impl Fn(AttributeId) -> Side<'c>) -> Outcome {
    let right = right(operand, see);
    let wanted = scalar(&right.state);
    match (&left.state, &right.state, wanted) {
        (State::LongList, ..) => left.unknown(Problem::OutOfRange, Expected::LIST),
        (State::List(_) | State::Open, State::Open, _) | (State::Open, _, Some(_)) => Outcome::Open,
        (State::List(elements), _, Some(value)) => among(&value, elements, left.attribute),
        (State::List(_) | State::Open, ..) => right.unreadable(SCALAR),
        _ => left.unreadable(Expected::LIST),
    }
}
