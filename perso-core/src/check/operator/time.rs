//! `before`, `after`: an instant against a literal or another attribute. `age`: how long ago an instant was, by
//! `context.now`.

use super::super::scope::{Scope, all_of};
use super::{Operator, Use, members, refuse_on_name};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Attribute, Condition, Decimal, Facet, Operand, Type, Value, time};
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[
    Operator { name: "before", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Lt) },
    Operator { name: "after", takes_roles: false, meaning: |scope, used| compare(scope, used, policy::Operator::Gt) },
    Operator { name: "age", takes_roles: false, meaning: age },
];

type Comparison = fn(Operand) -> policy::Operator;

/// What an age can be tested with.
const COMPARISONS: [(&str, Comparison); 4] = [
    ("lt", policy::Operator::Lt),
    ("lte", policy::Operator::Lte),
    ("gt", policy::Operator::Gt),
    ("gte", policy::Operator::Gte),
];

const AGE_EXAMPLE: &str = r#"{"age": {"lte": "15m"}}"#;

fn compare(scope: &mut Scope<'_>, used: &Use<'_>, operator: Comparison) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let subject = used.subject.facet(Facet::Instant);
    let operand = match &used.operand.kind {
        Kind::Object(_) => {
            let takes = [Type::Number, Type::String];
            Operand::Ref(scope.facet_reference(used.name, used.operand, &takes, Facet::Instant)?)
        }
        Kind::String(text) => match time::instant(text) {
            Some(instant) => Operand::Literal(Value::Number(instant)),
            None => {
                let message = format!("{} is not a time", quoted(text));
                let help = "write a time as RFC 3339 with an offset, such as `2026-12-01T09:00:00Z`".to_owned();
                scope.error(Code::Operand, used.operand.span, message, Some(help));
                return None;
            }
        },
        Kind::Number(_) => scope.operand(&subject, used.name, used.operand, &[Type::Number])?,
        _ => {
            let message = format!("`{}` expects a time or a reference, found {}", used.name, used.operand.describe());
            let help = "write a time as `2026-12-01T09:00:00Z`, or in seconds since 1970".to_owned();
            scope.error(Code::Operand, first_of(used.operand), message, Some(help));
            return None;
        }
    };
    Some(scope.test(&subject, operator(operand), used.span))
}

fn age(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "comparisons with a duration", AGE_EXAMPLE)?;
    let subject = used.subject.facet(Facet::Age);
    scope.intern(&Attribute::present(), used.span);
    let mut tests = Vec::with_capacity(members.len());
    for member in members {
        let name = member.key.value.as_ref();
        let Some((_, operator)) = COMPARISONS.iter().find(|(known, _)| *known == name) else {
            let help = did_you_mean(name, COMPARISONS.map(|(name, _)| name));
            let help = help.unwrap_or_else(|| "expected one of `lt`, `lte`, `gt`, `gte`".to_owned());
            scope.error(
                Code::UnknownOperator,
                member.key.span,
                format!("unknown key {} in `age`", quoted(name)),
                Some(help),
            );
            continue;
        };
        if let Some(duration) = duration(scope, &member.value) {
            let operand = Operand::Literal(Value::Number(duration));
            tests.push(scope.test(&subject, operator(operand), member.key.span));
        }
    }
    (tests.len() == members.len()).then(|| all_of(tests))
}

fn duration(scope: &mut Scope<'_>, node: &crate::syntax::json::Node<'_>) -> Option<Decimal> {
    let help = "write a duration as a whole number of `s`, `m`, `h` or `d`, such as `15m`".to_owned();
    let message = match &node.kind {
        Kind::String(text) => match time::duration(text) {
            Some(duration) => return Some(duration),
            None => format!("{} is not a duration", quoted(text)),
        },
        _ => format!("a duration must be a string, found {}", node.describe()),
    };
    scope.error(Code::Operand, first_of(node), message, Some(help));
    None
}
