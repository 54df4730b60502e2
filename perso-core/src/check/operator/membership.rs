//! `in`, `not_in`: equal to one of a list of literals, or to an element of another attribute, a list.

use super::super::scope::Scope;
use super::equality::impossible_length;
use super::{Operator, Use, not};
use crate::policy::{self, Condition, Facet, Type};
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[
    Operator { name: "in", takes_roles: false, meaning: one_of },
    Operator { name: "not_in", takes_roles: false, meaning: |scope, used| one_of(scope, used).map(not) },
];

fn one_of(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if matches!(used.operand.kind, Kind::Object(_))
        && !matches!(used.subject.attribute.facet(), Some(Facet::Length | Facet::Count))
    {
        let list = scope.reference(used.name, used.operand, &[Type::List])?;
        return Some(scope.test(used.subject, policy::Operator::InList(list), used.span));
    }
    let values = scope.literals(used.subject, used.name, used.operand)?;
    if values.iter().any(|value| impossible_length(scope, used, value)) {
        return None;
    }
    Some(scope.test(used.subject, policy::Operator::In(values), used.span))
}
