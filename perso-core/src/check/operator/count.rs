//! `count`: the number of elements of a list; a number, or tests on one. For strings there is `length`.

use super::{Operator, length, refuse_on_text};
use crate::policy::Facet;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "count",
    takes_roles: false,
    meaning: |scope, used| {
        if refuse_on_text(scope, used, "length") {
            return None;
        }
        length::of(scope, used, Facet::Count)
    },
}];
