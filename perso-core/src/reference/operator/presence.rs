//! `exists` and `type`: never unknown, but for what is withheld.

use super::{Outcome, Side};
use crate::decision::Problem;
use crate::policy::Type;
use crate::reference::attribute::State;

/// `exists`: present and not null.
pub(super) fn exists(left: Side<'_>) -> Outcome {
    match left.state {
        State::Withheld => left.unreadable(),
        State::Open => Outcome::Open,
        State::Missing => Outcome::False(Problem::Missing),
        State::Null => Outcome::False(Problem::Null),
        _ => Outcome::True,
    }
}

/// `type`: present and of one of the types, whatever the value.
pub(super) fn is_of_type(left: Side<'_>, types: &[Type]) -> Outcome {
    match left.state {
        State::Withheld => return left.unreadable(),
        State::Open => return Outcome::Open,
        _ => {}
    }
    match left.state.kind() {
        Some(kind) if types.contains(&kind) => Outcome::True,
        _ => Outcome::False(left.state.unreadable()),
    }
}
