//! What each operator takes and means, a file for each family. To add one: a file with its `OPERATORS`, and a line in
//! [`FAMILIES`].

mod address;
mod anywhere;
mod at;
mod cidr;
mod clock;
mod command;
mod contains;
mod count;
mod element;
mod email_domain;
mod ends_with;
mod equality;
mod every;
mod exists;
mod glob;
mod has;
mod ignore_case;
mod length;
mod matches;
mod membership;
mod name;
mod only;
mod order;
mod shell;
mod some;
mod sql;
mod starts_with;
mod sum;
mod time;
mod types;
mod url;
mod within;
mod words;

use super::scope::{Scope, Subject, all_of};
use crate::diagnostic::{Code, quoted};
use crate::policy::{Condition, Root, Type};
use crate::span::Span;
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Member, Node};

/// An operator as it is written.
struct Operator {
    /// Its key.
    name: &'static str,
    /// Whether it may look at `agent.roles`.
    takes_roles: bool,
    /// Reads its operand and says what it means; `None` where the operand is broken and that has been reported.
    meaning: fn(&mut Scope<'_>, &Use<'_>) -> Option<Condition>,
}

/// One use of an operator in a document.
struct Use<'u> {
    name: &'static str,
    subject: &'u Subject,
    operand: &'u Node<'u>,
    /// Where the operator, or the scalar that means `eq`, stands.
    span: Span,
    /// The operators in the same object, this one too.
    beside: &'u [Member<'u>],
}

/// Every operator, in the order in which they are listed to users.
const FAMILIES: [&[Operator]; 29] = [
    equality::OPERATORS,
    membership::OPERATORS,
    order::OPERATORS,
    starts_with::OPERATORS,
    ends_with::OPERATORS,
    contains::OPERATORS,
    glob::OPERATORS,
    matches::OPERATORS,
    length::OPERATORS,
    has::OPERATORS,
    count::OPERATORS,
    sum::OPERATORS,
    exists::OPERATORS,
    types::OPERATORS,
    only::OPERATORS,
    anywhere::OPERATORS,
    every::OPERATORS,
    some::OPERATORS,
    at::OPERATORS,
    within::OPERATORS,
    url::OPERATORS,
    email_domain::OPERATORS,
    cidr::OPERATORS,
    time::OPERATORS,
    clock::OPERATORS,
    command::OPERATORS,
    shell::OPERATORS,
    sql::OPERATORS,
    words::OPERATORS,
];

/// What other languages call an operator.
const OTHER_NAMES: [(&str, &str); 62] = [
    ("=", "eq"),
    ("==", "eq"),
    ("===", "eq"),
    ("is", "eq"),
    ("equals", "eq"),
    ("ref", "eq"),
    ("!=", "ne"),
    ("<>", "ne"),
    ("not", "ne"),
    ("neq", "ne"),
    ("nin", "not_in"),
    ("one_of", "in"),
    ("<", "lt"),
    ("<=", "lte"),
    ("le", "lte"),
    ("max", "lte"),
    (">", "gt"),
    (">=", "gte"),
    ("ge", "gte"),
    ("min", "gte"),
    ("present", "exists"),
    ("prefix", "starts_with"),
    ("size", "count"),
    ("len", "length"),
    ("like", "glob"),
    ("wildcard", "glob"),
    ("regex", "matches"),
    ("regexp", "matches"),
    ("match", "matches"),
    ("pattern", "matches"),
    ("all_of", "every"),
    ("all", "every"),
    ("for_all", "every"),
    ("any", "some"),
    ("any_of", "some"),
    ("includes", "has"),
    ("include", "has"),
    ("has_any", "some"),
    ("elements", "count"),
    ("substring", "contains"),
    ("path", "within"),
    ("dir", "within"),
    ("directory", "within"),
    ("email", "email_domain"),
    ("domain", "email_domain"),
    ("ip", "cidr"),
    ("keys", "only"),
    ("bash", "shell"),
    ("sh", "shell"),
    ("scope", "words"),
    ("scopes", "words"),
    ("only_keys", "only"),
    ("additional_properties", "only"),
    ("begins_with", "starts_with"),
    ("nth", "at"),
    ("index", "at"),
    ("total", "sum"),
    ("older_than", "age"),
    ("newer_than", "age"),
    ("time", "clock"),
    ("hours", "clock"),
    ("case_insensitive", ignore_case::KEY),
];

/// Operators of strings, and those that do for lists what these do for strings.
const FOR_LISTS: [(&str, &str); 2] = [("contains", "has"), ("length", "count")];

fn find(name: &str) -> Option<&'static Operator> {
    FAMILIES.into_iter().flatten().find(|operator| operator.name == name)
}

/// The operators that look at a part of the call as a whole.
const OF_PARTS: [&str; 2] = ["only", "anywhere"];

/// The value of a part of the call as a whole: only its keys and all of its strings can be tested. `path` is what to say of it otherwise.
pub(super) fn test_part(
    scope: &mut Scope<'_>,
    subject: &Subject,
    node: &Node<'_>,
    refuse: impl FnOnce(&mut Scope<'_>),
) -> Option<Condition> {
    match &node.kind {
        Kind::Object(members)
            if !members.is_empty() && members.iter().all(|member| OF_PARTS.contains(&member.key.value.as_ref())) =>
        {
            operators(scope, subject, node, members, None)
        }
        _ => {
            refuse(scope);
            None
        }
    }
}

/// The value of an attribute path: a scalar, which means `eq`, or operators that must all hold.
pub(super) fn test(scope: &mut Scope<'_>, subject: &Subject, node: &Node<'_>) -> Option<Condition> {
    let message = match &node.kind {
        Kind::Object(members) => return operators(scope, subject, node, members, None),
        Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => return scalar(scope, subject, node),
        Kind::List(_) => "an attribute cannot be compared with a list",
        Kind::Null => "an attribute cannot be compared with null",
    };
    let help = match &node.kind {
        Kind::List(_) => "use `{\"in\": […]}` to match any value of a list",
        _ => "use `{\"exists\": false}` to match a missing or null value",
    };
    scope.error(Code::Operand, first_of(node), message, Some(help.to_owned()));
    None
}

/// A scalar that means `eq`.
fn scalar(scope: &mut Scope<'_>, subject: &Subject, node: &Node<'_>) -> Option<Condition> {
    apply(scope, find("eq")?, &Use { name: "eq", subject, operand: node, span: node.span, beside: &[] })
}

/// An object of operators; `only` are those that may stand here, where not all may.
fn operators(
    scope: &mut Scope<'_>,
    subject: &Subject,
    node: &Node<'_>,
    members: &[Member<'_>],
    only: Option<&[&str]>,
) -> Option<Condition> {
    if members.is_empty() {
        let help = "compare it with a value, or use an operator such as `{\"lte\": 500}`";
        scope.error(Code::Empty, node.span, "empty test", Some(help.to_owned()));
        return None;
    }
    // Where only some operators may stand, what goes with others may not.
    let ignores = if only.is_none() { ignore_case::read(scope, members)? } else { false };
    let mut parts = Vec::with_capacity(members.len());
    for Member { key, value } in members {
        let name = key.value.as_ref();
        if only.is_none() && goes_with(name, members) {
            continue;
        }
        match find(name).filter(|operator| only.is_none_or(|only| only.contains(&operator.name))) {
            Some(operator) => {
                let used = Use { name: operator.name, subject, operand: value, span: key.span, beside: members };
                parts.extend(ignore_case::applied(scope, operator, &used, ignores));
            }
            None => unknown(scope, name, key.span, only),
        }
    }
    Some(all_of(parts))
}

/// Whether a key is no operator but says more about one that stands beside it.
fn goes_with(name: &str, members: &[Member<'_>]) -> bool {
    name == ignore_case::KEY || name == within::BASE && members.iter().any(|member| member.key.value == "within")
}

fn apply(scope: &mut Scope<'_>, operator: &Operator, used: &Use<'_>) -> Option<Condition> {
    if !operator.takes_roles && scope.refuse_agent_roles(used.subject) {
        return None;
    }
    let meaning = (operator.meaning)(scope, used);
    // Without a test that is left out, the rest of its rule would allow more.
    if meaning.is_none() && !scope.diagnostics.has_errors() {
        scope.error(Code::Operand, used.span, format!("`{}` cannot be used like this", used.name), None);
    }
    meaning
}

fn unknown(scope: &mut Scope<'_>, name: &str, span: Span, only: Option<&[&str]>) {
    // What goes with an operator is no operator, but may be what is meant.
    let all = || FAMILIES.into_iter().flatten().map(|operator| operator.name).chain([ignore_case::KEY]);
    let known = || all().filter(|name| only.is_none_or(|only| only.contains(name)));
    let lower = name.to_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, name)| *name);
    let help = match other.filter(|other| known().any(|name| name == *other)) {
        Some("eq") if lower == "ref" => {
            Some("use a reference as an operand: `{\"eq\": {\"ref\": \"agent.id\"}}`".to_owned())
        }
        Some(other) => Some(format!("did you mean `{other}`?")),
        None if name == within::BASE => {
            Some("`base` says where the `within` beside it reads relative paths from".to_owned())
        }
        None if name.starts_with('.') => Some("test fields of elements inside `every` or `some`".to_owned()),
        None => match FOR_LISTS.iter().find(|(of_strings, _)| *of_strings == name) {
            Some((_, of_lists)) if known().any(|known| known == *of_lists) => {
                Some(format!("use `{of_lists}` for lists"))
            }
            _ => did_you_mean(name, known()),
        },
    };
    let listed =
        || format!("expected one of {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    let message = match find(name) {
        Some(_) => format!("`{name}` is not allowed here"),
        None => format!("unknown operator {}", quoted(name)),
    };
    scope.error(Code::UnknownOperator, span, message, Some(help.unwrap_or_else(listed)));
}

/// The members of an operand that must be an object. Where it is none, reports what the operator expects.
fn members<'u>(scope: &mut Scope<'_>, used: &Use<'u>, expects: &str, example: &str) -> Option<&'u [Member<'u>]> {
    let Kind::Object(members) = &used.operand.kind else {
        let message = format!("`{}` expects {expects}, found {}", used.name, used.operand.describe());
        scope.error(Code::Operand, first_of(used.operand), message, Some(format!("for example, `{example}`")));
        return None;
    };
    if members.is_empty() {
        let message = format!("`{}` is empty", used.name);
        scope.error(Code::Empty, used.operand.span, message, Some(format!("for example, `{example}`")));
        return None;
    }
    Some(members)
}

/// Reports an operator on an attribute that never has what it takes; whether it did.
fn refuse_on_tool(scope: &mut Scope<'_>, used: &Use<'_>) -> bool {
    let refused = used.subject.attribute.root == Root::Tool
        && used.subject.fixed_type().is_some_and(|(kind, _)| kind != Type::Number);
    if refused {
        let message = format!("`{}` cannot be used on `tool`, which is a string", used.name);
        scope.error(Code::Operand, used.span, message, None);
    }
    refused
}

/// Reports an operator of lists on what is always a string, and names the one for strings; whether it did.
fn refuse_on_text(scope: &mut Scope<'_>, used: &Use<'_>, for_strings: &str) -> bool {
    let Some((Type::String, why)) = used.subject.fixed_type() else { return false };
    let message = format!("`{}` is for lists, but {why}", used.name);
    scope.error(Code::Operand, used.span, message, Some(format!("use `{for_strings}` for strings")));
    true
}

/// Reports an operator of what tools take on `tool`; whether it did.
fn refuse_on_name(scope: &mut Scope<'_>, used: &Use<'_>) -> bool {
    let refused = used.subject.attribute.root == Root::Tool;
    if refused {
        let message = format!("`{}` cannot be used on `tool`, which is the name of a tool", used.name);
        scope.error(Code::Operand, used.span, message, None);
    }
    refused
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

#[cfg(test)]
mod tests;
