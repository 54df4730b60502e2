//! `some`: at least one element of the list passes a test.

use super::{Operator, element};
use crate::policy;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "some",
    takes_roles: false,
    meaning: |scope, used| element::quantified(scope, used, policy::Operator::Some),
}];
