//! `ends_with`: the string ends with the operand, code point for code point.

use super::Operator;
use crate::policy::{self, Type};

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "ends_with",
    takes_roles: false,
    meaning: |scope, used| {
        let operand = scope.operand(used.subject, used.name, used.operand, &[Type::String])?;
        Some(scope.test(used.subject, policy::Operator::EndsWith(operand), used.span))
    },
}];
