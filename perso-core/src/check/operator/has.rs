//! `has`: one of the elements of the list equals the operand. For strings there is `contains`.

use super::super::policy::{self, Facet, Operand, Type};
use super::{Operator, refuse_on_text};
use crate::diagnostic::Code;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "has",
    total: false,
    meaning: |scope, used| {
        if refuse_on_text(scope, used, "contains") {
            return None;
        }
        let takes = [Type::Boolean, Type::Number, Type::String];
        let operand = scope.operand(used.subject, used.name, used.operand, &takes)?;
        let is_arguments = used.subject.attribute.facet() == Some(Facet::Words);
        if let Operand::Literal(policy::Value::Bool(_) | policy::Value::Number(_)) = operand
            && is_arguments
        {
            let message = format!("an argument of a command is a string, never {}", used.operand.describe());
            scope.error(Code::Operand, used.operand.span, message, None);
            return None;
        }
        Some(scope.test(used.subject, policy::Operator::Has(operand), used.span))
    },
}];
