//! `some`: at least one element of the list passes a test.

use super::super::policy;
use super::{Operator, element};

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "some",
    takes_roles: false,
    meaning: |scope, used| element::quantified(scope, used, policy::Operator::Some),
}];
