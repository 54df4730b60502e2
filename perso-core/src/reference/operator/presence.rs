//! `exists` and `type`: never unknown, but for what is withheld.

use super::{Outcome, Side, types};
use crate::decision::{Expected, Problem};
use crate::policy::Type;
use crate::reference::attribute::State;

/// `exists`: present and not null.
pub(super) fn exists(left: Side<'_>) -> Outcome {
    match left.state {
        State::Withheld => left.unreadable(Expected::default()),
        State::Open => Outcome::Open,
        State::Missing => Outcome::False(Problem::Missing, Expected::default()),
        State::Null => Outcome::False(Problem::Null, Expected::default()),
        _ => Outcome::True,
    }
}

/// `type`: present and of one of the types, whatever the value.
pub(super) fn is_of_type(left: Side<'_>, wanted: &[Type]) -> Outcome {
    match left.state {
        State::Withheld => return left.unreadable(types(wanted)),
        State::Open => return Outcome::Open,
        _ => {}
    }
    match left.state.kind() {
        Some(kind) if wanted.contains(&kind) => Outcome::True,
        _ => Outcome::False(left.state.unreadable(), types(wanted)),
    }
}
