//! `contains`: the string has the operand in it, code point for code point. For lists there is `has`.

use super::Operator;
use crate::diagnostic::Code;
use crate::policy::{self, Type};
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "contains",
    takes_roles: false,
    meaning: |scope, used| {
        if matches!(used.operand.kind, Kind::Bool(_) | Kind::Number(_)) {
            let message = format!("`contains` expects a string, found {}", used.operand.describe());
            scope.error(Code::Operand, used.operand.span, message, Some("use `has` for lists".to_owned()));
            return None;
        }
        let operand = scope.operand(used.subject, used.name, used.operand, &[Type::String])?;
        Some(scope.test(used.subject, policy::Operator::Contains(operand), used.span))
    },
}];
