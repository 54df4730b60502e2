//! `starts_with`, `ends_with`, `contains`: strings in strings.

use super::{Outcome, Side, with_operand};
use crate::check::{AttributeId, Operand};
use crate::reference::attribute::State;

pub(super) fn compare<'c>(
    left: Side<'c>,
    operand: &'c Operand,
    see: impl Fn(AttributeId) -> Side<'c>,
    truth: impl Fn(&str, &str) -> bool,
) -> Outcome {
    with_operand(left, operand, see, string, |a, b| Some(truth(a, b)))
}

fn string<'c>(state: &State<'c>) -> Option<&'c str> {
    match state {
        State::String(text) => Some(text),
        _ => None,
    }
}
