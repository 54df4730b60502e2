//! `first`, `at` and `begins`: tests of elements of a list by their places. Unknown where the list has no such element.

use super::super::scope::{Scope, all_of};
use super::{Operator, Use, element, members};
use crate::diagnostic::{Code, quoted};
use crate::limits::LIST_LENGTH;
use crate::policy::{self, Condition};
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Node};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        name: "first",
        takes_roles: false,
        meaning: |scope, used| element::quantified(scope, used, |asked| policy::Operator::At(0, asked)),
    },
    Operator { name: "at", takes_roles: false, meaning: at },
    Operator { name: "begins", takes_roles: false, meaning: begins },
];

/// The most places that one `begins` tests.
const MAX_PLACES: usize = 64;

/// `{"at": {"0": …, "2": …}}`
fn at(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let example = r#"{"at": {"0": "git", "1": {"in": ["log", "diff"]}}}"#;
    let members = members(scope, used, "tests by place", example)?;
    let mut parts = Vec::with_capacity(members.len());
    for member in members {
        let Some(place) = place(&member.key.value) else {
            let message = format!("{} is not a place in a list", quoted(&member.key.value));
            let help = match member.key.value.as_ref() {
                "first" => "write `0`: places are counted from 0".to_owned(),
                name => did_you_mean(name, ["first"])
                    .unwrap_or_else(|| format!("a place is a number from 0 to {}", LIST_LENGTH - 1)),
            };
            scope.error(Code::Operand, member.key.span, message, Some(help));
            continue;
        };
        let used = Use { operand: &member.value, span: member.key.span, ..*used };
        parts.push(element::quantified(scope, &used, move |asked| policy::Operator::At(place, asked)));
    }
    (parts.len() == members.len()).then_some(())?;
    parts.into_iter().collect::<Option<_>>().map(all_of)
}

/// A place in a list that is looked into, without zeros in front.
fn place(text: &str) -> Option<u32> {
    let place: u32 = text.parse().ok()?;
    (place.to_string() == text && u64::from(place) < LIST_LENGTH).then_some(place)
}

/// `{"begins": ["git", ["log", "diff"]]}`
fn begins(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let Kind::List(places) = &used.operand.kind else {
        let message = format!("`begins` expects a list, found {}", used.operand.describe());
        let help = r#"for example, `{"begins": ["git", ["log", "diff"]]}`"#.to_owned();
        scope.error(Code::Operand, first_of(used.operand), message, Some(help));
        return None;
    };
    if places.is_empty() {
        scope.error(Code::Empty, used.operand.span, "`begins` is an empty list", None);
        return None;
    }
    if places.len() > MAX_PLACES {
        let message = format!("`begins` has {} places; at most {MAX_PLACES} are allowed", places.len());
        scope.error(Code::Limit, first_of(used.operand), message, None);
        return None;
    }
    let mut parts = Vec::with_capacity(places.len());
    for (place, operand) in places.iter().enumerate() {
        let used = Use { operand, span: operand.span, ..*used };
        let operator = move |asked| policy::Operator::At(place as u32, asked);
        parts.push(element::quantified_by(scope, &used, operator, alternatives));
    }
    parts.into_iter().collect::<Option<_>>().map(all_of)
}

/// A literal, or a list of alternatives.
fn alternatives(scope: &mut Scope<'_>, element: &super::Subject, used: &Use<'_>, node: &Node<'_>) -> Option<Condition> {
    let operator = match &node.kind {
        Kind::List(alternatives) if alternatives.is_empty() => {
            scope.error(Code::Empty, node.span, "a place of `begins` is an empty list of alternatives", None);
            return None;
        }
        Kind::List(_) => {
            let values = scope.literals(element, "begins", node)?;
            return Some(scope.test(element, policy::Operator::In(values), used.span));
        }
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => "eq",
        Kind::Object(_) | Kind::Null => {
            let message =
                format!("a place of `begins` must be a value or a list of alternatives, found {}", node.describe());
            let help = "use `at` for other tests of an element by its place".to_owned();
            scope.error(Code::Operand, first_of(node), message, Some(help));
            return None;
        }
    };
    let used = Use { name: operator, subject: element, operand: node, span: used.span, beside: &[] };
    super::apply(scope, super::find(operator)?, &used)
}
