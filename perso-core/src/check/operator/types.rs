//! `type`: the value is there and of one of these types. Never unknown.

use super::super::scope::Scope;
use super::{Operator, Use};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Type};
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "type", takes_roles: true, meaning }];

/// The types by name.
pub(in super::super) const TYPES: [(&str, Type); 6] = [
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("number", Type::Number),
    ("string", Type::String),
    ("list", Type::List),
    ("object", Type::Object),
];

/// What other languages call them.
const OTHER_NAMES: [(&str, &str); 13] = [
    ("array", "list"),
    ("bool", "boolean"),
    ("int", "number"),
    ("integer", "number"),
    ("float", "number"),
    ("double", "number"),
    ("decimal", "number"),
    ("str", "string"),
    ("text", "string"),
    ("dict", "object"),
    ("map", "object"),
    ("none", "null"),
    ("nil", "null"),
];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let mut types: Vec<Type> = Vec::new();
    let mut broken = false;
    match &used.operand.kind {
        Kind::List(names) if names.is_empty() => {
            scope.error(Code::Empty, used.operand.span, "`type` is an empty list", None);
            return None;
        }
        Kind::List(names) => {
            for node in names {
                match named(scope, node) {
                    Some(kind) if types.contains(&kind) => {
                        let name = TYPES.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
                        scope.error(Code::Duplicate, node.span, format!("duplicate type `{name}`"), None);
                        broken = true;
                    }
                    Some(kind) => types.push(kind),
                    None => broken = true,
                }
            }
        }
        _ => types.push(named(scope, used.operand)?),
    }
    if broken {
        return None;
    }
    Some(scope.test(used.subject, policy::Operator::Type(types), used.span))
}

fn named(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Type> {
    let Kind::String(name) = &node.kind else {
        let message = format!("`type` expects the name of a type or a list of them, found {}", node.describe());
        scope.error(Code::Operand, first_of(node), message, None);
        return None;
    };
    if let Some((_, kind)) = TYPES.iter().find(|(known, _)| known == name) {
        return Some(*kind);
    }
    let lower = name.to_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower);
    let help = match other {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => did_you_mean(name, TYPES.map(|(known, _)| known))
            .unwrap_or_else(|| "the types are `null`, `boolean`, `number`, `string`, `list` and `object`".to_owned()),
    };
    scope.error(Code::UnknownType, node.span, format!("unknown type {}", quoted(name)), Some(help));
    None
}
