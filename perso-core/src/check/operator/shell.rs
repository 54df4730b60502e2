//! `shell`: the string is a line of a shell, and the commands that it runs are tested as a list.

use super::super::scope::{Scope, Subject};
use super::{Operator, Use, members, operators, refuse_on_name, test};
use crate::diagnostic::{Code, quoted};
use crate::policy::{CommandField, Condition, Facet, Step};
use crate::span::Span;
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "shell", takes_roles: false, meaning }];

/// What the commands can be tested with.
const LIST_OPERATORS: [&str; 5] = ["every", "some", "count", "first", "at"];

/// What the lists of a command can be tested with.
const TEXT_LIST_OPERATORS: [&str; 7] = ["every", "some", "has", "count", "first", "at", "begins"];

const EXAMPLE: &str = r#"{"shell": {"every": {".program": {"in": ["git", "ls"]}}}}"#;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "tests of the commands", EXAMPLE)?;
    operators(scope, &used.subject.facet(Facet::Shell), used.operand, members, Some(&LIST_OPERATORS))
}

/// Whether a subject is a command of a line.
pub(super) fn is_command(subject: &Subject) -> bool {
    subject.attribute.steps.ends_with(&[Step::Facet(Facet::Shell), Step::Element])
}

/// A test of a field of a command: `".program": "git"`.
pub(super) fn field(
    scope: &mut Scope<'_>,
    command: &Subject,
    name: &str,
    span: Span,
    node: &Node<'_>,
) -> Option<Condition> {
    let Some(field) = CommandField::ALL.into_iter().find(|field| name.strip_prefix('.') == Some(field.name())) else {
        let known = fields();
        let help = did_you_mean(name, known.iter().map(String::as_str)).unwrap_or_else(expected);
        scope.error(Code::UnknownKey, span, format!("a command has no field {}", quoted(name)), Some(help));
        return None;
    };
    let subject = command.below([Step::Facet(Facet::Command(field))], span);
    match &node.kind {
        Kind::Object(members) if field != CommandField::Program && !members.is_empty() => {
            operators(scope, &subject, node, members, Some(&TEXT_LIST_OPERATORS))
        }
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::List(_) | Kind::Null
            if field != CommandField::Program =>
        {
            let message = format!("`{name}` is a list, which cannot be compared with {}", node.describe());
            let help = r#"test the elements: `{"every": "a"}`, `{"has": "a"}`, `{"begins": ["a", "b"]}`"#.to_owned();
            scope.error(Code::Operand, first_of(node), message, Some(help));
            None
        }
        _ => test(scope, &subject, node),
    }
}

/// An operator on a command itself, which has only fields.
pub(super) fn refuse(scope: &mut Scope<'_>, what: &str, span: Span) {
    let message = format!("{what} cannot test a command, only one of its fields");
    scope.error(Code::Operand, span, message, Some(expected()));
}

/// The fields of a command, as a policy writes them.
fn fields() -> [String; CommandField::ALL.len()] {
    CommandField::ALL.map(|field| format!(".{}", field.name()))
}

fn expected() -> String {
    format!("expected one of {}", fields().map(|field| quoted(&field)).join(", "))
}
