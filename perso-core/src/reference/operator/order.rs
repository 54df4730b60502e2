//! `lt`, `lte`, `gt`, `gte`: the order of numbers.

use std::cmp::Ordering;

use super::{Outcome, Side, with_operand};
use crate::decision::Expected;
use crate::policy::{AttributeId, Decimal, Operand};
use crate::reference::attribute::State;

pub(super) fn compare<'c>(
    left: Side<'c>,
    operand: &'c Operand,
    see: impl Fn(AttributeId) -> Side<'c>,
    truth: impl Fn(Ordering) -> bool,
) -> Outcome {
    with_operand(left, operand, see, Expected::NUMBER, number, |a, b| Some(truth(a.cmp(&b))))
}

fn number(state: &State<'_>) -> Option<Decimal> {
    match state {
        State::Number(number) => Some(number.clone()),
        _ => None,
    }
}
