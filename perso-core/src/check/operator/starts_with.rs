//! `starts_with`: the string begins with the operand, code point for code point.

use super::Operator;
use crate::policy::{self, Type};

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "starts_with",
    takes_roles: false,
    meaning: |scope, used| {
        let operand = scope.operand(used.subject, used.name, used.operand, &[Type::String])?;
        Some(scope.test(used.subject, policy::Operator::StartsWith(operand), used.span))
    },
}];
