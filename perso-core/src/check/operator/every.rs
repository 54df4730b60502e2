//! `every`: every element of the list passes a test. Unknown for an empty list, unless the length is tested beside it.

use super::super::policy;
use super::{Operator, element};

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "every",
    takes_roles: false,
    meaning: |scope, used| element::quantified(scope, used, policy::Operator::Every),
}];
