//! `has`: one of the elements of the list equals the operand. For strings there is `contains`. On `agent.roles`: the
//! caller has the role, inherited or not.

use super::super::scope::Scope;
use super::{Operator, Use, refuse_on_text};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Attribute, Condition, Facet, Operand, Root, Step, Type, Value};
use crate::syntax::Spanned;
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "has", takes_roles: true, meaning }];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if is_roles(&used.subject.attribute) {
        return role(scope, used);
    }
    if scope.refuse_agent_roles(used.subject) || refuse_on_text(scope, used, "contains") {
        return None;
    }
    let takes = [Type::Boolean, Type::Number, Type::String];
    let operand = scope.operand(used.subject, used.name, used.operand, &takes)?;
    let of_strings = match used.subject.attribute.facet() {
        Some(Facet::Words) => Some("an argument of a command"),
        Some(Facet::Scope) => Some("a word"),
        Some(Facet::Command(_)) => Some("what a list of a command holds"),
        Some(Facet::Statement(_)) => Some("a name in a statement"),
        _ => None,
    };
    if let Some(element) = of_strings
        && matches!(operand, Operand::Literal(Value::Bool(_) | Value::Number(_)))
    {
        let message = format!("{element} is a string, never {}", used.operand.describe());
        scope.error(Code::Operand, used.operand.span, message, None);
        return None;
    }
    if let (Some(Facet::Scope), Operand::Literal(Value::String(word))) = (used.subject.attribute.facet(), &operand)
        && !is_word(word)
    {
        let message =
            format!("{} is not a word: words hold printable ASCII without spaces, `\"` and `\\`", quoted(word));
        scope.error(Code::Operand, used.operand.span, message, None);
        return None;
    }
    Some(scope.test(used.subject, policy::Operator::Has(operand), used.span))
}

/// Whether `words` can read a word: a scope token of RFC 6749, 3.3.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Whether an attribute is the list of the caller's roles.
fn is_roles(attribute: &Attribute) -> bool {
    attribute.root == Root::Agent && matches!(attribute.steps.as_slice(), [Step::Key(key)] if key == "roles")
}

fn role(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let Kind::String(name) = &used.operand.kind else {
        let message = format!("`has` on `agent.roles` expects the name of a role, found {}", used.operand.describe());
        let help =
            "to match one of several roles, write `{\"any\": [{\"agent.roles\": {\"has\": \"a\"}}, …]}`".to_owned();
        scope.error(Code::Operand, first_of(used.operand), message, Some(help));
        return None;
    };
    let role = scope.roles.find(Spanned { value: name.as_ref(), span: used.operand.span }, scope.diagnostics)?;
    Some(scope.test(used.subject, policy::Operator::HasRole(role), used.span))
}
