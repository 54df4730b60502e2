//! `in` with a reference: the same as one of the elements of a list.

use super::{Blame, Outcome, SCALAR, Side, scalar};
use crate::decision::{Expected, Problem};
use crate::reference::attribute::State;
use crate::reference::value::Value;

/// `in`, where the list is another attribute.
pub(super) fn in_list(left: Side<'_>, list: Side<'_>) -> Outcome {
    let value = scalar(&left.state);
    if value.is_none() && left.state != State::Open {
        return left.unreadable(SCALAR);
    }
    match (value, &list.state) {
        (Some(value), State::List(elements)) => among(&value, elements, list.attribute),
        (None, State::List(_)) | (_, State::Open) => Outcome::Open,
        (_, State::LongList) => list.unknown(Problem::OutOfRange, Expected::LIST),
        _ => list.unreadable(Expected::LIST),
    }
}

/// Whether a value is the same as one of the elements of the attribute `list`: an element of another type cannot be
/// compared, so it may not be said that none is the same.
pub(super) fn among(value: &State<'_>, elements: &[Value], list: String) -> Outcome {
    let elements: Vec<State<'_>> = elements.iter().map(State::from).collect();
    if elements.contains(value) {
        return Outcome::True;
    }
    if elements.iter().all(|element| scalar(element).is_some() && element.kind() == value.kind()) {
        return Outcome::False(Problem::Value, Expected::default());
    }
    Outcome::NotTrue(Blame { attribute: list, problem: Problem::Type, expected: Expected::default() })
}
