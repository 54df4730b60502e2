//! `starts_with`, `ends_with` and patterns: what strings are made of.

use super::{Outcome, Side, string, with_operand};
use crate::decision::Expected;
use crate::policy::{AttributeId, Operand};
use crate::reference::attribute::State;

/// A test of two strings.
pub(super) fn compare<'c>(
    left: Side<'c>,
    operand: &'c Operand,
    see: impl Fn(AttributeId) -> Side<'c>,
    truth: impl Fn(&str, &str) -> bool,
) -> Outcome {
    with_operand(left, operand, see, Expected::STRING, string, |a, b| Some(truth(&a, &b)))
}

/// A test of one string.
pub(super) fn matches(left: Side<'_>, truth: impl Fn(&str) -> bool) -> Outcome {
    match &left.state {
        State::Open => Outcome::Open,
        State::String(text) => Outcome::known(truth(text)),
        _ => left.unreadable(Expected::STRING),
    }
}
