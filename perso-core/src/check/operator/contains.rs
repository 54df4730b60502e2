//! `contains`: the string has the operand in it, code point for code point.

use super::super::policy::{self, Type};
use super::Operator;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "contains",
    total: false,
    meaning: |scope, used| {
        let operand = scope.operand(used.subject, used.name, used.operand, &[Type::String])?;
        Some(scope.test(used.subject, policy::Operator::Contains(operand), used.span))
    },
}];
