//! `lt`, `lte`, `gt`, `gte`: exact comparison of numbers.

use super::super::scope::Scope;
use super::{Operator, Use, refuse_on_tool};
use crate::policy::{self, Condition, Operand, Type};

pub(super) const OPERATORS: &[Operator] = &[
    Operator { name: "lt", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Lt) },
    Operator { name: "lte", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Lte) },
    Operator { name: "gt", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Gt) },
    Operator { name: "gte", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Gte) },
];

fn compare(scope: &mut Scope<'_>, used: &Use<'_>, operator: fn(Operand) -> policy::Operator) -> Option<Condition> {
    if refuse_on_tool(scope, used) {
        return None;
    }
    let operand = scope.operand(used.subject, used.name, used.operand, &[Type::Number])?;
    Some(scope.test(used.subject, operator(operand), used.span))
}
