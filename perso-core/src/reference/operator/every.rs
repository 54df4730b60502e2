//! `every` and `some`: the list whose elements they ask about.

use std::borrow::Cow;

use super::{Outcome, Side};
use crate::decision::{Expected, Problem};
use crate::reference::attribute::State;
use crate::reference::value::Value;

/// What `every` and `some` can ask.
pub(in crate::reference) enum Elements<'c> {
    /// These.
    These(Cow<'c, [Value]>),
    /// The list may be anything.
    Open,
    /// Nothing: the test is unknown.
    Unreadable(Outcome),
}

/// The elements of a list.
pub(in crate::reference) fn elements(left: Side<'_>) -> Elements<'_> {
    match left.state {
        State::List(elements) => Elements::These(elements),
        State::Open => Elements::Open,
        State::LongList => Elements::Unreadable(left.unknown(Problem::OutOfRange, Expected::LIST)),
        _ => Elements::Unreadable(left.unreadable(Expected::LIST)),
    }
}
