//! `every`: every element of the list passes a test. Unknown for an empty list, unless the length is tested beside it.

use super::{Operator, element};
use crate::policy;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "every",
    takes_roles: false,
    meaning: |scope, used| element::quantified(scope, used, policy::Operator::Every),
}];
