//! What `every`, `some` and `at` ask of an element: a scalar, which means `eq`, or an object of operators on the element, of
//! fields of it (keys that begin with a dot) and of `all`, `any` and `not` around more of the kind.

use super::super::scope::{Scope, Subject, all_of};
use super::{FAMILIES, OTHER_NAMES, Use, find, goes_with, ignore_case, not, refuse_on_tool, scalar, shell, test};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Facet, Quantified, Step};
use crate::span::Span;
use crate::syntax::document::{MAX_CONDITION_DEPTH, first_of};
use crate::syntax::json::{Kind, Member, Node};
use crate::syntax::{Spanned, did_you_mean};

/// How deep tests of elements may be nested in one another.
const MAX_NESTED: usize = 2;

/// An `every`, `some` or `at`.
pub(super) fn quantified(
    scope: &mut Scope<'_>,
    used: &Use<'_>,
    operator: impl FnOnce(Quantified) -> policy::Operator,
) -> Option<Condition> {
    quantified_by(scope, used, operator, |scope, element, used, node| asked(scope, element, used.name, node))
}

/// The same, where `asked` reads what is asked of an element.
pub(super) fn quantified_by(
    scope: &mut Scope<'_>,
    used: &Use<'_>,
    operator: impl FnOnce(Quantified) -> policy::Operator,
    asked: impl FnOnce(&mut Scope<'_>, &Subject, &Use<'_>, &Node<'_>) -> Option<Condition>,
) -> Option<Condition> {
    if refuse_on_tool(scope, used) {
        return None;
    }
    let steps = &used.subject.attribute.steps;
    if steps.iter().filter(|step| **step == Step::Element).count() >= MAX_NESTED {
        let message = format!("tests of elements are nested more than {MAX_NESTED} levels deep");
        scope.error(Code::Limit, used.span, message, None);
        return None;
    }
    // A command without arguments has no argument that could do harm.
    let bounded = may_be_empty(steps) || used.beside.iter().any(|member| member.key.value == "count");
    let element = used.subject.below([Step::Element], used.subject.span);
    scope.elements.push(element.attribute.clone());
    let condition = asked(scope, &element, used, used.operand);
    scope.elements.pop();
    let condition = Box::new(condition?);
    Some(scope.test(used.subject, operator(Quantified { condition, bounded }), used.span))
}

/// Whether a list is one that a command or a statement simply may not have any of.
fn may_be_empty(list: &[Step]) -> bool {
    matches!(list.last(), Some(Step::Facet(Facet::Words | Facet::Command(_) | Facet::Statement(_))))
}

fn asked(scope: &mut Scope<'_>, element: &Subject, what: &str, node: &Node<'_>) -> Option<Condition> {
    match &node.kind {
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::List(_) | Kind::Null
            if shell::is_command(element) =>
        {
            shell::refuse(scope, "a value", node.span);
            None
        }
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => scalar(scope, element, node),
        Kind::Object(members) => object(scope, element, node, members),
        Kind::List(_) | Kind::Null => {
            let help = match &node.kind {
                Kind::List(_) => "use `{\"in\": […]}` to match any value of a list",
                _ => "use `{\"type\": \"null\"}` to match null",
            };
            let message = format!("`{what}` expects a value or a test of an element, found {}", node.describe());
            scope.error(Code::Operand, first_of(node), message, Some(help.to_owned()));
            None
        }
    }
}

fn object(scope: &mut Scope<'_>, element: &Subject, node: &Node<'_>, members: &[Member<'_>]) -> Option<Condition> {
    if members.is_empty() {
        scope.error(Code::Empty, node.span, "empty test", None);
        return None;
    }
    let ignores = ignore_case::read(scope, members)?;
    let tests = members.iter().filter(|member| !goes_with(&member.key.value, members));
    let parts: Vec<Option<Condition>> = tests.map(|member| part(scope, element, members, ignores, member)).collect();
    parts.into_iter().collect::<Option<_>>().map(all_of)
}

/// One key of a test of an element.
fn part(
    scope: &mut Scope<'_>,
    element: &Subject,
    members: &[Member<'_>],
    ignores: bool,
    Member { key, value }: &Member<'_>,
) -> Option<Condition> {
    match key.value.as_ref() {
        "all" | "All" => combined(scope, element, "`all`", value).map(Condition::All),
        "any" | "Any" => combined(scope, element, "`any`", value).map(Condition::Any),
        "not" | "Not" => deeper(scope, element, "`not`", value).map(not),
        field if field.starts_with('.') && shell::is_command(element) => {
            shell::field(scope, element, field, key.span, value)
        }
        field if field.starts_with('.') => {
            if let Some((_, why)) = element.fixed_type() {
                scope.error(Code::Operand, key.span, format!("{why}, which has no fields"), None);
                return None;
            }
            let steps = scope.field(Spanned { value: field, span: key.span })?;
            test(scope, &element.below(steps, key.span), value)
        }
        name => match find(name) {
            Some(operator) if shell::is_command(element) => {
                shell::refuse(scope, &quoted(operator.name), key.span);
                None
            }
            Some(operator) => {
                let (name, span) = (operator.name, key.span);
                let used = Use { name, subject: element, operand: value, span, beside: members };
                ignore_case::applied(scope, operator, &used, ignores)
            }
            None if shell::is_command(element) => shell::field(scope, element, name, key.span, value),
            None => {
                unknown(scope, name, key.span);
                None
            }
        },
    }
}

fn combined(scope: &mut Scope<'_>, element: &Subject, what: &str, node: &Node<'_>) -> Option<Vec<Condition>> {
    let Kind::List(nodes) = &node.kind else {
        let message = format!("{what} must be a list of tests, found {}", node.describe());
        scope.error(Code::WrongType, first_of(node), message, None);
        return None;
    };
    if nodes.is_empty() {
        scope.error(Code::Empty, node.span, format!("{what} is empty"), None);
        return None;
    }
    let what = format!("an element of {what}");
    let parts: Vec<Option<Condition>> = nodes.iter().map(|node| deeper(scope, element, &what, node)).collect();
    parts.into_iter().collect()
}

/// A test inside of `all`, `any` or `not`.
fn deeper(scope: &mut Scope<'_>, element: &Subject, what: &str, node: &Node<'_>) -> Option<Condition> {
    if scope.depth >= MAX_CONDITION_DEPTH {
        let message = format!("`all`, `any` and `not` are nested more than {MAX_CONDITION_DEPTH} levels deep");
        scope.error(Code::Limit, first_of(node), message, None);
        return None;
    }
    let Kind::Object(members) = &node.kind else {
        let message = format!("{what} must be a test, found {}", node.describe());
        let help = "a test is an object: `{\"lte\": 500}`, or `{\".price\": {\"lte\": 500}}`".to_owned();
        scope.error(Code::WrongType, first_of(node), message, Some(help));
        return None;
    };
    scope.depth += 1;
    let condition = object(scope, element, node, members);
    scope.depth -= 1;
    condition
}

fn unknown(scope: &mut Scope<'_>, name: &str, span: Span) {
    let known = || FAMILIES.into_iter().flatten().map(|operator| operator.name).chain(["all", "any", "not"]);
    let lower = name.to_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower);
    let help = match other {
        Some((_, meant)) => format!("did you mean `{meant}`?"),
        None => did_you_mean(name, known())
            .unwrap_or_else(|| "a field of an element starts with a dot, such as `.price`".to_owned()),
    };
    scope.error(Code::UnknownOperator, span, format!("unknown operator {}", quoted(name)), Some(help));
}
