//! `"ignore_case": true` beside operators of strings: characters that differ only by case are the same.

use super::super::scope::{Scope, Subject};
use super::{Operator, Use, apply};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Facet, Operand, Pattern, Test, Value, fold};
use crate::syntax::json::{Kind, Member};

/// The key.
pub(super) const KEY: &str = "ignore_case";

/// The operators that it says something about.
const OPERATORS: [&str; 8] = ["eq", "ne", "in", "not_in", "starts_with", "ends_with", "contains", "glob"];

/// Whether the operators of an object ignore case; `None` where that is broken and has been reported.
pub(super) fn read(scope: &mut Scope<'_>, members: &[Member<'_>]) -> Option<bool> {
    let Some(Member { key, value }) = members.iter().find(|member| member.key.value == KEY) else { return Some(false) };
    let Kind::Bool(ignores) = value.kind else {
        let message = format!("`{KEY}` must be true or false, found {}", value.describe());
        scope.error(Code::WrongType, value.span, message, None);
        return None;
    };
    if !members.iter().any(|member| OPERATORS.contains(&member.key.value.as_ref())) {
        let help = format!("write it beside one of {}", OPERATORS.map(|name| format!("`{name}`")).join(", "));
        scope.error(Code::UnknownOperator, key.span, format!("`{KEY}` has nothing to apply to"), Some(help));
        return None;
    }
    Some(ignores)
}

/// What an operator means, which ignores case if it is one that can.
pub(super) fn applied(scope: &mut Scope<'_>, operator: &Operator, used: &Use<'_>, ignores: bool) -> Option<Condition> {
    if !ignores || !OPERATORS.contains(&operator.name) {
        return apply(scope, operator, used);
    }
    let subject = used.subject.facet(Facet::Folded);
    let condition = apply(scope, operator, &Use { subject: &subject, ..*used })?;
    folded(scope, used, condition)
}

/// The condition with all that it compares with folded.
fn folded(scope: &mut Scope<'_>, used: &Use<'_>, condition: Condition) -> Option<Condition> {
    let mut parts =
        |parts: Vec<Condition>| parts.into_iter().map(|part| folded(scope, used, part)).collect::<Option<Vec<_>>>();
    Some(match condition {
        Condition::All(all) => Condition::All(parts(all)?),
        Condition::Any(any) => Condition::Any(parts(any)?),
        Condition::Not(inner) => Condition::Not(Box::new(folded(scope, used, *inner)?)),
        Condition::Test(Test { attribute, operator, span }) => {
            let operator = match operator {
                policy::Operator::Eq(with) => policy::Operator::Eq(operand(scope, with)?),
                policy::Operator::StartsWith(with) => policy::Operator::StartsWith(operand(scope, with)?),
                policy::Operator::EndsWith(with) => policy::Operator::EndsWith(operand(scope, with)?),
                policy::Operator::Contains(with) => policy::Operator::Contains(operand(scope, with)?),
                policy::Operator::In(values) => policy::Operator::In(values.into_iter().map(value).collect()),
                policy::Operator::Matches(Pattern::Glob { text, separator }) => {
                    policy::Operator::Matches(Pattern::Glob { text: fold(&text), separator })
                }
                policy::Operator::InList(_) => {
                    let message = format!("{} with a reference cannot ignore case", quoted(used.name));
                    let help = "compare with each element: `{\"some\": …}` on the other list".to_owned();
                    scope.error(Code::Operand, used.span, message, Some(help));
                    return None;
                }
                other => other,
            };
            Condition::Test(Test { attribute, operator, span })
        }
    })
}

fn operand(scope: &mut Scope<'_>, operand: Operand) -> Option<Operand> {
    Some(match operand {
        Operand::Literal(literal) => Operand::Literal(value(literal)),
        Operand::Ref(id) => {
            let of = Subject { attribute: scope.attributes.get(id)?.clone(), span: *scope.places.get(id)? };
            Operand::Ref(scope.intern(&of.facet(Facet::Folded).attribute, of.span))
        }
    })
}

fn value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(fold(&text)),
        other => other,
    }
}
