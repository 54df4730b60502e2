//! `eq`, `ne`: the same type and the same value. Booleans, numbers and strings.

use super::super::scope::Scope;
use super::{Operator, Use, not};
use crate::diagnostic::Code;
use crate::policy::{self, Condition, Facet, Operand, Type, Value};

pub(super) const OPERATORS: &[Operator] = &[
    Operator { name: "eq", takes_roles: false, meaning: eq },
    Operator { name: "ne", takes_roles: false, meaning: |scope, used| eq(scope, used).map(not) },
];

fn eq(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let takes = [Type::Boolean, Type::Number, Type::String];
    let operand = scope.operand(used.subject, used.name, used.operand, &takes)?;
    if let Operand::Literal(value) = &operand
        && impossible_length(scope, used, value)
    {
        return None;
    }
    Some(scope.test(used.subject, policy::Operator::Eq(operand), used.span))
}

/// Reports a length or count that nothing has; whether it did.
pub(super) fn impossible_length(scope: &mut Scope<'_>, used: &Use<'_>, value: &Value) -> bool {
    let what = match used.subject.attribute.facet() {
        Some(Facet::Length) => "length",
        Some(Facet::Count) => "count",
        _ => return false,
    };
    let impossible = matches!(value, Value::Number(number) if number.to_string().contains(['-', '.']));
    if impossible {
        let message = format!("a {what} must be a whole number, 0 or more");
        scope.error(Code::Operand, used.operand.span, message, None);
    }
    impossible
}
