//! `eq` and `in`: the same type and the same value; and what is presumed of it.

use super::{Blame, Outcome, SCALAR, Side, literal, scalar, types_of, with_operand};
use crate::policy::{AttributeId, Operand, Value};
use crate::reference::attribute::State;

/// `eq`.
pub(super) fn eq<'c>(left: Side<'c>, operand: &'c Operand, see: impl Fn(AttributeId) -> Side<'c>) -> Outcome {
    let expected = match operand {
        Operand::Literal(value) => types_of(std::slice::from_ref(value)),
        Operand::Ref(_) => SCALAR,
    };
    with_operand(left, operand, see, expected, scalar, |a, b| (a.kind() == b.kind()).then(|| a == b))
}

/// `in`, which takes the types that occur in its list.
pub(super) fn one_of(left: Side<'_>, values: &[Value]) -> Outcome {
    if left.state == State::Open {
        return Outcome::Open;
    }
    let taken = values.iter().any(|value| literal(value).kind() == left.state.kind());
    if scalar(&left.state).is_none() || !taken {
        return left.unreadable(types_of(values));
    }
    Outcome::known(values.iter().any(|value| literal(value) == left.state))
}

/// Like `in`, but where that is false it is unknown.
pub(super) fn presumed(left: Side<'_>, values: &[Value]) -> Outcome {
    let attribute = left.attribute.clone();
    match one_of(left, values) {
        Outcome::False(problem, expected) => Outcome::Unknown(Blame { attribute, problem, expected }),
        outcome => outcome,
    }
}
